"""Sound in and out: a path, bytes, a file or an array becomes :class:`Audio`, whole or in blocks. Knows no model.

Nothing is imported until it is asked for, so that ``import auricle.audio`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auricle.audio.fingerprint import content_hash
    from auricle.audio.reading import SUFFIXES, Source, blocks, metadata, open, probe
    from auricle.audio.types import Audio, AudioInfo, Limits, Marker, Metadata, Samples
    from auricle.audio.workers import Worker, prestart
    from auricle.audio.writing import write

_HOME = {
    "content_hash": "fingerprint",
    **dict.fromkeys(("SUFFIXES", "Source", "blocks", "metadata", "open", "probe"), "reading"),
    **dict.fromkeys(("Audio", "AudioInfo", "Limits", "Marker", "Metadata", "Samples"), "types"),
    **dict.fromkeys(("Worker", "prestart"), "workers"),
    "write": "writing",
}

__all__ = [
    "SUFFIXES",
    "Audio",
    "AudioInfo",
    "Limits",
    "Marker",
    "Metadata",
    "Samples",
    "Source",
    "Worker",
    "blocks",
    "content_hash",
    "metadata",
    "open",
    "prestart",
    "probe",
    "write",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
