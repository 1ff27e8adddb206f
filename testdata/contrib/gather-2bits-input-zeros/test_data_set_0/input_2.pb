
BzerosJbGY\YŽ