"""Subjects made by the computer, whose alpha and own colour are known exactly: hair, nets, smoke.

`drawn` paints them flat and fast; `scenes` renders them with Blender. Both are pure functions of a
seed and a number. `python -m mattelier.train.render` writes either as files.
"""
