"""Pictures painted as another one is."""
