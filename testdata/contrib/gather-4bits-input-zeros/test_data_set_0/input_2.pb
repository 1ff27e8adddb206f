
BzerosJaR»µ{ımuê››