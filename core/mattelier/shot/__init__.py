"""A shot: plate and key frames in, files of every frame out; resumable."""
