
BsumsJ Ú9¿ùáV»ƒ–º»Eõ>s
¿S×k¼`Sº»r¼þ>