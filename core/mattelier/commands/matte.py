"""`mattelier matte`: the alpha alone."""

from __future__ import annotations

import click

from mattelier.commands.options import confidence_option, request_options
from mattelier.commands.task_command import task_command
from mattelier.requests import MatteRequest

matte = task_command(
    "matte",
    about="""Write the alpha alone: white where the subject is.""",
    notes="""\b
Examples:
  mattelier matte photo.jpg -o matte.png --bits 16
  mattelier matte plate.exr -o matte.exr
  mattelier matte photo.jpg --trimap trimap.png --quality best
  mattelier matte photos -o mattes --confidence   (mattes/NAME-confidence.png: white is sure)
  mattelier matte photos -o mattes --json > results.jsonl   (each line has its confidence)""",
    options=[
        request_options(MatteRequest),
        confidence_option,
        click.option(
            "--bits", type=click.Choice(["8", "16"]), help="Default: as deep as the picture."
        ),
    ],
)
