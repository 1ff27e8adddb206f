
ByJniwcg_xKkb^\`jyeaY