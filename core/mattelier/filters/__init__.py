"""Tasks that give a picture for a picture, one module or folder each."""
