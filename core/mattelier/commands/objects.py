"""`mattelier objects`: the things in a picture told apart."""

from __future__ import annotations

from mattelier.commands.task_command import task_command

objects = task_command(
    "objects",
    about="""Tell the things in a picture apart: a numbered matte of each, or a Cryptomatte.""",
    notes="""\b
Examples:
  mattelier objects photo.jpg                      photo-objects.png shows the numbers;
                                                   photo-objects-1-person.png … are the mattes
  mattelier objects photo.jpg -o photo.exr         one Cryptomatte for a compositor
  mattelier objects photo.jpg -o photo.psd         a layer of each above the picture; also .ora
  mattelier objects photo.jpg --objects-model mask2former
  mattelier cutout photo.jpg --object 2            one of them, cut out""",
)
