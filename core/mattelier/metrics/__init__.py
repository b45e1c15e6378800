"""Published measures of masks, mattes and pictures, as pure functions."""
