"""Pictures with truth on disk: which there are, how they pair, which are held back."""
