"""The verbs of the public API, thin over the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from auricle.models.capabilities import Vectors
from auricle.models.two_towers import TwoTowers
from auricle.results import Classification


def load(name: str = "tiny-towers", *, threads: int | None = None, device: str = "auto") -> TwoTowers:
    """A model by name: ``tiny-towers``, ``hf:org/name`` (pulled before), or the path of a bundle. Never uses the network.

    Raises ModelError when it is missing or damaged.
    """
    from auricle.models import hub

    return hub.load(name, threads=threads, device=device)


def classify(audio: Any, labels: Sequence[str], *, model: str | Any = "tiny-towers", exclusive: bool = False) -> Classification:
    """How well each label describes a sound, with "none of these". See :func:`auricle.tasks.classify.classify`.

    audio: a path, bytes, a binary file, ``(samples, rate)``, ``{"array", "sampling_rate"}`` or an Audio.
    """
    from auricle.tasks.classify import classify as run

    return run(audio, labels, load(model) if isinstance(model, str) else model, exclusive=exclusive)


def embed(what: Any, *, model: str | Any = "tiny-towers") -> Vectors:
    """Unit vectors, float32 ``[n, d]``: of texts (a list of str), or of the windows of one sound (anything else that classify takes).

    A single str is the path of a sound; wrap a text in a list.
    """
    from auricle.models.listening import hear

    loaded = load(model) if isinstance(model, str) else model
    if isinstance(what, list) and all(isinstance(text, str) for text in what):
        vectors: Vectors = loaded.embed_text(what)
        return vectors
    heard: Vectors = hear(what, loaded).vectors
    return heard
