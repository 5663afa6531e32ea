"""The data sets that LeWM's models are trained on, read as its training reads them."""
