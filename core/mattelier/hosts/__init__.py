"""Installing into the programs that Mattelier works in: where they are, what goes there."""
