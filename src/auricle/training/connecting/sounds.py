"""What is heard and what is said about it: composed scenes, or the items of a manifest heard once by the tower."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.data.items import Question
from auricle.errors import AudioError, DataError
from auricle.models.capabilities import with_options
from auricle.results import Failure
from auricle.training.speaking.examples import DESCRIBE, Text, self_evident

CLOSED = ("count", "duration", "digit", "reason")  # their options need not be offered


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """frames: float16 ``[n, d + e]``, as the tower and its envelopes give them. clip: the source that it was made of."""

    frames: npt.NDArray[np.float16]
    captions: tuple[str, ...]
    questions: tuple[Question, ...]
    clip: str


def of_scenes(folder: Path, kinds: Sequence[str] = (), most: int | None = None) -> list[Sound]:
    """Raises DataError ``Missing``."""
    from auricle.training.speaking.scenes import read_scenes

    return [
        Sound(s.frames, s.captions, _of(s.questions, kinds), (s.clips or ("",))[0]) for s in read_scenes(folder, most)
    ]  # fmt: skip


def of_manifest(
    path: Path, tower: Any, *, seconds: float, split: str | None, kinds: Sequence[str] = (), failed: Callable[[Failure], None] | None = None
) -> list[Sound]:
    """Items that have sound and text, heard. What cannot be opened goes to ``failed``, or is raised. Raises DataError, AudioError."""
    from auricle.data import open_audio, read
    from auricle.models.hearing import hear

    found = []
    for item in read(path):
        asked = _of(item.questions, kinds)
        if item.audio is None or (split is not None and item.split not in ("", split)) or not (asked or item.captions):
            continue
        try:
            heard = hear(tower, open_audio(item, path.parent).slice(0.0, seconds))
        except AudioError as error:
            if failed is None:
                raise
            failed(Failure(item.audio, error.message, error.kind))
            continue
        frames = np.concatenate([heard.vectors, heard.envelopes], 1).astype(np.float16)
        found.append(Sound(frames, item.captions, asked, item.cluster))
    if not found:
        raise DataError("Missing", f"{path} holds no sound that is spoken of.", path=str(path), hint="Items need questions or captions.")
    return found


def _of(questions: Sequence[Question], kinds: Sequence[str]) -> tuple[Question, ...]:
    return tuple(q for q in questions if not kinds or q.kind in kinds)


def prompt_of(question: Question, rng: np.random.Generator | None = None) -> str:
    """Yes, no, numbers and lengths are not offered; names are, in another order each time (``rng``)."""
    offered = list(question.options)
    closed = question.kind in CLOSED or set(offered) in ({"yes", "no"}, {"near", "far"})
    if not offered or (closed and self_evident(question)):
        return question.question
    if rng is not None:
        offered = [offered[i] for i in rng.permutation(len(offered))]
    return with_options(question.question, offered)


def texts_of(sound: Sound, rng: np.random.Generator, captions: int, questions: int) -> list[Text]:
    """So many of each, drawn: prompt and answer."""
    found: list[Text] = []
    if sound.captions:
        for i in rng.permutation(len(sound.captions))[:captions]:
            found.append((str(rng.choice(DESCRIBE)), sound.captions[i]))
    for i in rng.permutation(len(sound.questions))[:questions]:
        found.append((prompt_of(sound.questions[i], rng), sound.questions[i].answer))
    return found
