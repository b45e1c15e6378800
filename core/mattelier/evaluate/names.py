"""Names that the command line offers, apart from what makes them (which imports OpenCV)."""

HINTS = ("none", "exact", "blocks", "fat", "thin", "shifted", "click", "box")
