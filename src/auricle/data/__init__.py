"""Data to learn from and to measure on: manifests of items, shards, importers, known sets, and the check of all of them.

Nothing is imported until it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auricle.data.items import Event, Item, Question
    from auricle.data.manifest import open_audio, read, write
    from auricle.data.overlap import Overlaps

_HOME = {
    **dict.fromkeys(("Event", "Item", "Question"), "items"),
    **dict.fromkeys(("open_audio", "read", "write"), "manifest"),
    "Overlaps": "overlap",
}

__all__ = ["Event", "Item", "Overlaps", "Question", "open_audio", "read", "write"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
