"""What captioning and answering share: who speaks, who listens for evidence, how a recording is cut, and what silence is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from auricle.audio.types import Audio, Limits
from auricle.errors import ModelError
from auricle.models.capabilities import GeneratesText

SPEAKER = "tiny-heads"
NOTHING = "nothing is heard"
SILENCE = 1e-3  # full scale: −60 dB, below the noise floor of a quiet 16-bit recording
REST = 0.5  # seconds: a shorter rest behind the last whole window is less than one frame, and is not heard by itself
WINDOW = 30.0  # seconds of a timeline's pieces for models that take in all of a sound


def speaker(model: Any = None) -> Any:
    """A model that says what it hears: the one given, or of that name. Raises ModelError that names those that can."""
    from auricle.models import hub

    others = "a large model (hf:Qwen/Qwen2-Audio-7B-Instruct, pulled before), or a server: openai:http://HOST/v1#MODEL"
    loaded = model
    if model is None or isinstance(model, str | os.PathLike):
        name = SPEAKER if model is None else os.fspath(model)
        try:
            loaded = hub.load(name)
        except ModelError as error:
            if name != SPEAKER or error.kind != "Missing":
                raise  # otherwise those of a like name hear, but do not speak
            raise ModelError("Missing", f"{SPEAKER}, which speaks, is not installed.", hint=f"Use {others}") from None
    if not isinstance(loaded, GeneratesText):
        raise ModelError("Capability", f"{loaded.name} hears, but does not speak.", hint=f"Use {SPEAKER}, {others}")
    return loaded


def tower_of(model: Any, tower: Any = None) -> Any:
    """Who looks for evidence: the tower given, the speaker's own, or tiny-towers."""
    from auricle.models import hub

    return tower or getattr(model, "tower", None) or hub.load()


def several(model: Any, wanted: int) -> None:
    """Raises ModelError where a model does not take so many sounds in one question."""
    most = getattr(model, "sounds", 1)
    if most is not None and wanted > most:
        raise ModelError(
            "Unsupported", f"{model.name} hears {'one sound' if most == 1 else f'{most} sounds'} at a time, not {wanted}.",
            hint="Ask about each by itself, or use a model that takes several: hf:Qwen/Qwen2-Audio-7B-Instruct, openai:http://HOST/v1#MODEL",
        )  # fmt: skip


def path_of(source: Any) -> str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else str(getattr(source, "source", None) or "")


def windows(source: Any, model: Any, *, start: float = 0.0, end: float | None = None, limits: Limits | None = None) -> Iterator[Audio]:
    """Consecutive pieces as long as the model takes in, each with its ``offset``; never all of a recording. Raises AudioError."""
    from auricle import audio

    pieces = audio.blocks(source, seconds=model.longest or WINDOW, start=start, end=end, limits=limits or Limits.stream())
    yield from (piece for number, piece in enumerate(pieces) if not number or piece.duration >= REST)


def silent(audio: Audio) -> bool:
    return not audio.samples.size or float(np.abs(audio.samples).max()) < SILENCE
