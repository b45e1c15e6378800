"""The values that everything is made of: pictures, colour, sizes, ranges, errors, progress."""
