"""Lens blur by depth."""
