
ByJ00MDฝ~DL–\[ญอๆzๆTกnสุQงap”ชswo;SiีÝuว—