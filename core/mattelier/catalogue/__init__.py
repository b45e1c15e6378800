"""What networks there are: their cards, and where their weights lie on this machine."""

from mattelier.catalogue.card import (
    Card,
    Failure,
    FileEntry,
    Input,
    Licence,
    Output,
    TrainingSet,
    read_card,
)
from mattelier.catalogue.store import DEFAULT, LIVE_DEFAULT, SHOT_DEFAULT, Store

__all__ = [
    "DEFAULT",
    "LIVE_DEFAULT",
    "SHOT_DEFAULT",
    "Card",
    "Failure",
    "FileEntry",
    "Input",
    "Licence",
    "Output",
    "Store",
    "TrainingSet",
    "read_card",
]
