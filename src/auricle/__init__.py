"""auricle — hear with language.

    import auricle

    auricle.classify("clip.wav", ["dog bark", "rain"])
    library = auricle.Library("sounds.library")
    library.index(["~/Recordings"])
    library.search("rain on a tin roof, no voices")

Everything here is loaded when first used; ``import auricle`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from auricle.api import ask, caption, classify, detect, embed, load, teach
    from auricle.audio.types import Audio
    from auricle.errors import AudioError, AuricleError, LibraryError, ModelError, UsageError
    from auricle.library.library import Library
    from auricle.models.taught import Taught
    from auricle.results import Answer, Caption, Classification, Detection, DuplicateGroup, Embedding, Evidence, Failure, Hit, IndexSummary

_HOME = {
    "Answer": "auricle.results",
    "Audio": "auricle.audio.types",
    "AudioError": "auricle.errors",
    "AuricleError": "auricle.errors",
    "Caption": "auricle.results",
    "Classification": "auricle.results",
    "Detection": "auricle.results",
    "DuplicateGroup": "auricle.results",
    "Embedding": "auricle.results",
    "Evidence": "auricle.results",
    "Failure": "auricle.results",
    "Hit": "auricle.results",
    "IndexSummary": "auricle.results",
    "Library": "auricle.library.library",
    "LibraryError": "auricle.errors",
    "ModelError": "auricle.errors",
    "Taught": "auricle.models.taught",
    "UsageError": "auricle.errors",
    "ask": "auricle.api",
    "caption": "auricle.api",
    "classify": "auricle.api",
    "detect": "auricle.api",
    "embed": "auricle.api",
    "load": "auricle.api",
    "teach": "auricle.api",
}

__all__ = [
    "Answer",
    "Audio",
    "AudioError",
    "AuricleError",
    "Caption",
    "Classification",
    "Detection",
    "DuplicateGroup",
    "Embedding",
    "Evidence",
    "Failure",
    "Hit",
    "IndexSummary",
    "Library",
    "LibraryError",
    "ModelError",
    "Taught",
    "UsageError",
    "__version__",
    "ask",
    "caption",
    "classify",
    "detect",
    "embed",
    "load",
    "teach",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'auricle' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
