"""The sets of the field: a descriptor each (``descriptors/*.yaml``: facts and layout) and one loader a *kind* of layout.

    for found in load("esc50", "ESC-50-master"): ...

A descriptor says where its facts are from: V read in the repository or file, A page or card, U unverified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auricle.data.sets.descriptor import Descriptor, descriptors, get
    from auricle.data.sets.loading import load

_HOME = {**dict.fromkeys(("Descriptor", "descriptors", "get"), "descriptor"), "load": "loading"}

__all__ = ["Descriptor", "descriptors", "get", "load"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
