"""Many files: which result goes where, and running them all to a truthful end."""
