"""Training: networks by their recipes, and on a user's own pictures."""

from pathlib import Path

RECIPES = Path(__file__).with_name("recipes")
"""Folder of the recipes of the shipped networks."""
