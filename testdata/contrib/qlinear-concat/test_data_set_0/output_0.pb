
ByJP0 D½ÞÃŒ©–@[­^hÍoæ8zæ…ÝT†¦E ¢`J‰Bh_KqXc¡ãÊØD‚agpÇªs‹ä;‘„ÕÝâNÇ„¤šW`^ˆzl“wJ{žCˆ‰