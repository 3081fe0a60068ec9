"""Vectors of sounds and texts, as results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from auricle.errors import ModelError
from auricle.models.capabilities import check_vectors
from auricle.results import Embedding


def embed_texts(texts: Sequence[str], model: Any) -> Iterator[Embedding]:
    """One unit vector a text. Raises ModelError ``Capability``."""
    check_vectors(model)
    if not texts:
        return
    for text, vector in zip(texts, model.embed_text(list(texts)), strict=True):
        yield Embedding(None, text, None, None, tuple(map(float, vector)), model.name, model.pipeline_id)


def embed_sound(source: Any, model: Any, *, frames: bool = False) -> Iterator[Embedding]:
    """One unit vector a window, or a frame, with its seconds.

    Raises ModelError when ``frames`` is asked of a model that hears windows only.
    """
    from auricle.models import listening

    if frames and not getattr(model, "has_frames", False):
        raise ModelError("Capability", f"{model.name} gives no frame vectors.", hint="Leave --frames out, or use tiny-towers.")
    heard = listening.frames(source, model) if frames else listening.hear(source, model)
    path = str(source)
    for start, end, vector in zip(heard.starts, heard.ends, heard.vectors, strict=True):
        yield Embedding(path, None, float(start), float(end), tuple(map(float, vector)), model.name, model.pipeline_id)
