"""What a network of each kind is asked, and what it answers: arrays by role, in and out.

Whoever uses a network knows its contract alone, and no network knows a task. A family says which
of them its networks keep; where a kind has one entry, that is "forward".

=============  ==================================================================================
role           array, float32
=============  ==================================================================================
picture        (1, 3, h, w), as the network's `Input` says
hint           (1, 2, h, w) 0…1, evidence for and against the subject
mask           (1, 1, h, w) 0…1
alpha          (1, 1, h, w), as the network's `Output` says
depth          (1, 1, h, w), larger is nearer
scores         (N, C) 0…1: how sure each of N objects is of each of C classes
masks          (N, h', w') 0…1, of these objects; of a prompt, of its K readings
classes        (C, h', w') 0…1, shares of the classes at each pixel, which add up to 1
text           (n,) UTF-8 bytes
label          a number: which class
activation     (h', w') 0…1, how much each place speaks for a class, 1 where most
boxes          (N, 4) left, top, right, bottom 0…1 of the picture
points, signs  (N, 2) x, y in pixels of the network's picture, and (N,): 1 for, 0 against
box            (4,) in such pixels, or (0,) where there is none
known          (h, w) 0…1 a rough mask at the network's size, or (0, 0) where there is none
ratings        (K,) how good each reading of a prompt is taken to be
stream, place  numbers: which run over views one belongs to, and the how manieth of it, from 0 on
first          (N, h, w) 0…1 the subjects in the first view, which are followed together, or
               (0, h, w) in the others
=============  ==================================================================================
"""

from __future__ import annotations

from mattelier.networks.architecture import Entry

MATTE = {"forward": Entry(("picture",), ("alpha",))}
HINTED_MATTE = {"forward": Entry(("picture", "hint"), ("alpha",))}
DEPTH = {"forward": Entry(("picture",), ("depth",))}
INSTANCES = {"forward": Entry(("picture",), ("scores", "masks"))}
CLASSES = {"forward": Entry(("picture",), ("classes",))}
FIND = {"forward": Entry(("picture", "text"), ("scores", "boxes"))}
CLASSIFIER = {
    "forward": Entry(("picture",), ("scores",)),
    "activate": Entry(("picture", "label"), ("activation",)),
}
FILL = {"forward": Entry(("picture", "mask"), ("picture",))}
FOLLOW = {"follow": Entry(("stream", "place", "picture", "first"), ("masks",))}
"""Subjects followed from view to view, in their order."""


def prompt(features: int) -> dict[str, Entry]:
    """Entries of a network that looks once, keeps so many arrays, and is then asked in no time."""
    kept = tuple(f"features{number}" for number in range(features))
    asked = (*kept, "points", "signs", "box", "known")
    return {
        "look": Entry(("picture",), kept),
        "ask": Entry(asked, ("masks", "ratings")),
    }


def video(features: int) -> dict[str, Entry]:
    """A prompt's entries, and that of what follows a subject."""
    return {**prompt(features), **FOLLOW}
