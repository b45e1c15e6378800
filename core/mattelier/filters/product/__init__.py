"""Product pictures: a subject on a shop's canvas, with its shadow."""
