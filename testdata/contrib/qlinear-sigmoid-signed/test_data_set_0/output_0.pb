
ByJ0ZZPQ"U	BXU3Y)G,&DQW;#MVFY
O
M