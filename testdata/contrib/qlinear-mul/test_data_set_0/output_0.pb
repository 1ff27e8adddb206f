
ByJ0ªO–­‡kE‰^Hki taTx'„Š‰„c^/m©ƒaqq­Sywa¡attp'p`