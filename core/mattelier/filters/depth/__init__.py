"""How near everything in a picture is."""
