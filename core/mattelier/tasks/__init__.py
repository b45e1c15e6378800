"""What the engine can do, as rows of data."""
