"""What can go wrong in a run, each with the way out."""

from __future__ import annotations

from typing import Literal

from auricle.errors import AuricleError

TrainingErrorKind = Literal[
    "NaN",  # the loss is no number
    "NoTorch",  # the extra is not installed
    "OtherRecipe",  # the checkpoint belongs to another recipe
    "Damaged",  # the checkpoint cannot be read
    "Pickle",  # weights that could run code
    "DiskFull",  # a checkpoint could not be written
    "Overlap",  # training data overlaps evaluation data
]


class TrainingError(AuricleError):
    """The run cannot go on; the last good checkpoint is untouched."""

    def __init__(self, kind: TrainingErrorKind, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
