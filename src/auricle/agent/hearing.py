"""Recordings of a library as vectors, and labels held against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.agent.desk import Desk
from auricle.agent.problems import from_error
from auricle.agent.results import LabelScore
from auricle.audio.types import Limits
from auricle.errors import AudioError, LibraryError
from auricle.library.rows import Recording
from auricle.models import heads
from auricle.models.capabilities import Vectors
from auricle.results import Classification

WINDOWS = 20_000  # of one recording that are looked at; about 14 hours
_AT_ONCE = 2048  # windows held against all labels at once


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Window vectors ``[n, d]`` and their times (seconds)."""

    vectors: Vectors
    spans: list[tuple[float, float]]


def heard(desk: Desk, recording: Recording, start: float, end: float) -> Sound:
    """A recording, or a part: its stored windows; a part shorter than a window is listened to anew, so that nothing around it counts.

    Raises LibraryError where nothing is stored, AudioError.
    """
    store = desk.store
    windows = [w for w in store.windows_of(recording.content_id) if w[2] > start and w[1] < end]
    whole = start <= 0.0 and end >= recording.duration - 0.01
    if not whole and end - start < store.windowing.seconds:
        try:
            return _anew(desk, recording.path, start, end)
        except AudioError as error:
            if not windows:
                raise
            desk.errors.append(from_error(error, desk))
            desk.warnings.append(f"Judged by what was heard from {windows[0][1]:g} to {windows[-1][2]:g} seconds when it was indexed.")
    inside = [w for w in windows if min(w[2], end) - max(w[1], start) >= 0.5 * min(w[2] - w[1], end - start)] or windows
    if not inside:
        raise LibraryError("NotFound", "Nothing was heard of this recording yet.", hint="Ask the user to run `auricle index` again.")
    if len(inside) > WINDOWS:
        inside = [inside[i] for i in np.linspace(0, len(inside) - 1, WINDOWS).astype(int)]
        desk.warnings.append(f"Judged by {WINDOWS} windows spread over the recording; name start and end for a closer look.")
    return Sound(store.vectors([w[0] for w in inside]), [(round(w[1], 3), round(w[2], 3)) for w in inside])


def _anew(desk: Desk, path: str, start: float, end: float) -> Sound:
    from auricle import audio

    model = desk.model
    part = audio.open(path, rate=model.rate, mono=True, start=start, end=end, limits=Limits.stream())
    desk.checkpoint()
    return Sound(model.embed_audio([part]), [(round(start, 3), round(end, 3))])


def scored(model: Any, sound: Sound, labels: Sequence[str]) -> tuple[list[LabelScore], float | None]:
    """Labels best first, each with the window where it is strongest; and how probable it is that none applies."""
    text = model.embed_text(list(labels))
    if model.calibration is None:
        values = sound.vectors.astype(np.float64) @ text.T.astype(np.float64)
        pooled, none = heads.pool_windows(values), None
    else:
        parts = range(0, len(sound.vectors), _AT_ONCE)
        values = np.concatenate([model.calibration.log_odds(sound.vectors[i : i + _AT_ONCE], text) for i in parts])
        log_odds = heads.pool_windows(values)[None, :]
        pooled = heads.probabilities(log_odds)[0]
        none = round(float(heads.exclusive(log_odds)[1][0]), 4)
    strongest = values.argmax(axis=0)
    order = np.argsort(-pooled, kind="stable")
    return [LabelScore(label=labels[i], score=round(float(pooled[i]), 4), strongest=sound.spans[strongest[i]]) for i in order], none


def classified(model: Any, sound: Sound, labels: Sequence[str], *, exclusive: bool) -> Classification:
    from auricle.tasks.classify import classify_vectors

    return classify_vectors(sound.vectors, labels, model, path="", exclusive=exclusive)
