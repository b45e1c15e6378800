"""From key frames to a small matte of every frame."""
