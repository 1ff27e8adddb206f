
BzerosJъђєШвµ,BГђ