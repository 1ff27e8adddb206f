
ByJ0 §[)SHÎ
“¶V_ãH!§aH,DŠç>‰cVShzÙK†–i