"""`mattelier bokeh`: lens blur."""

from __future__ import annotations

from mattelier.commands.depth import check_depth_files
from mattelier.commands.options import request_options
from mattelier.commands.task_command import task_command
from mattelier.requests import BokehRequest, FramesRequest

# The flags of the subject's matte come last; its device is that of the depth network as well.
_SUBJECT = ("depth.device", "depth.matte")

bokeh = task_command(
    "bokeh",
    about="""Blur by depth as a lens with a wide aperture does; the subject stays sharp.""",
    notes="""\b
Examples:
  mattelier bokeh portrait.jpg -o portrait.png
  mattelier bokeh street.jpg --aperture 1.4 --blades 7 --highlights
  mattelier bokeh render.exr --depth render.exr --focus 2.5 --aperture 0.8 --foreground-blur
  mattelier bokeh photo.jpg --depth depth.png --focus 640,380 --radius 30
  mattelier bokeh left.png --right right.png --focus 300,200
  mattelier bokeh "plate.####.exr" --depth "z.####.exr" --mattes "matte.####.exr" -o out

Without --depth and --right a depth network is used if there is one, or the subject's matte: the
subject in focus, the ground falling off from where it stands, the rest far. The blur of a shot
follows depth maps and mattes that are numbered as its frames; the focus is pulled smoothly.""",
    options=[
        request_options(BokehRequest, omit=_SUBJECT),
        request_options(FramesRequest, only=("mattes",)),
        request_options(BokehRequest, only=("depth.matte",)),
    ],
    check=check_depth_files,
)
