"""The kinds of task, a file each. ``get("zero_shot")`` imports the one that is asked for."""

from __future__ import annotations

from importlib import import_module

from auricle.errors import UsageError
from auricle.evaluation.kinds.base import Answers, Kind, Measured

_HOME = {
    "answering": "Answering",
    "captioning": "Captioning",
    "contrasting": "Contrasting",
    "detecting": "Detecting",
    "few_shot": "FewShot",
    "multilabel": "MultiLabel",
    "retrieval": "Retrieval",
    "searching": "Searching",
    "zero_shot": "ZeroShot",
}

__all__ = ["Answers", "Kind", "Measured", "get"]


def get(name: str) -> Kind:
    """Raises UsageError for a kind that there is not."""
    if name not in _HOME:
        raise UsageError(f"there is no kind of task {name!r}.", hint=f"There are {', '.join(_HOME)}.")
    kind: Kind = getattr(import_module(f"{__name__}.{name}"), _HOME[name])()
    return kind
