"""Many pictures: which result goes where, and running them all to a truthful end."""
