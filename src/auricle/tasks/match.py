"""Matching: how well a recording fits a text, its order in time too: “a dog barks, then a bell rings”.

    text → steps (tasks.order) → a vector a sound
    frames → spans of 2.5 to 5 s, each the mean of its frames → standard deviations above ordinary sounds, a curve a sound
    → the best spans, one a step, disjoint and in order (dynamic programming); "while": one span for both → the mean over sounds

The vector of a window is the mean of its frames: it cannot know what came first. Here what is told to come at another time speaks
against a span, so that the order counts and not only that all is heard. A text without order is matched as classify does: the mean of
its three strongest windows. What is not wanted ("no rain") counts as in search.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio, Limits
from auricle.errors import AudioError, UsageError
from auricle.models import heads, listening
from auricle.models.capabilities import Vectors
from auricle.models.two_towers import unit
from auricle.results import Match, Span
from auricle.tasks import retrieve
from auricle.tasks.order import in_order

Floats = npt.NDArray[np.float64]
Part = tuple[Floats, Floats, Vectors]  # starts, ends, vectors of consecutive frames or windows

# Chosen for tiny-towers@1 on composed scenes of the development side (docs/tiny-towers.md).
SHORTEST = 2.5  # seconds of a span
LONGEST = 5.0
AGAINST = 1.0  # how hard what belongs to another time speaks against a span
TOP = 3  # windows that speak for a text without order


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is matched. ``steps`` is empty where it tells of no order."""

    text: str
    wanted: str
    steps: tuple[tuple[str, ...], ...] = ()
    throughout: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Reading:
        order = in_order(text)
        if not order:
            asked = retrieve.understand(text)
            return cls(text, asked.wanted, unwanted=asked.unwanted)
        unwanted: list[str] = []

        def wanted(sounds: Sequence[str]) -> tuple[str, ...]:
            asked = [retrieve.understand(sound) for sound in sounds]
            unwanted.extend(u for one in asked for u in one.unwanted)
            return tuple(one.wanted for one in asked if one.wanted)

        steps = tuple(step for sounds in order.steps if (step := wanted(sounds)))
        throughout = wanted(order.throughout)
        if sum(map(len, steps)) < 2:
            return cls(text, retrieve.understand(text).wanted, unwanted=tuple(unwanted))
        return cls(text, text, steps, throughout, tuple(unwanted))

    @property
    def sounds(self) -> tuple[str, ...]:
        """All that needs a vector."""
        of_steps = [sound for step in self.steps for sound in step] or [self.wanted]
        return tuple(s for s in dict.fromkeys([*of_steps, *self.throughout, *self.unwanted]) if s)


class Matcher:
    """Texts read and embedded once, for any number of recordings heard by one model. Raises UsageError for a text without words."""

    def __init__(self, texts: Sequence[str], model: Any) -> None:
        for text in texts:
            if not text.strip():
                raise UsageError("there is an empty text.", hint="Describe a sound, e.g. “a dog barks, then a bell rings”.")
        self.model = model
        self.readings = {text: Reading.of(text) for text in texts}
        sounds = list(dict.fromkeys(s for reading in self.readings.values() for s in reading.sounds))
        self._vectors: Vectors = model.embed_text(sounds) if sounds else np.zeros((0, model.dim), np.float32)
        self._at = {sound: n for n, sound in enumerate(sounds)}

    def __call__(self, parts: Iterable[Part], texts: Sequence[str] | None = None, path: str = "") -> list[Match]:
        """Of the frames (windows, where the model gives no frames) of one recording; ``texts``: of those it was made with, or all."""
        readings = [self.readings[text] for text in (self.readings if texts is None else texts)]
        sounds = list(dict.fromkeys(s for reading in readings for s in reading.sounds))
        curves = Curves.of(parts, self._vectors[[self._at[s] for s in sounds]], self.model)
        if curves is None:
            raise AudioError("Empty", path, f"{path}: no sound to hear.")
        at = {sound: n for n, sound in enumerate(sounds)}
        found = []
        for reading in readings:
            score, spans = _matched(reading, curves, at)
            found.append(Match(path, reading.text, score, spans, self.model.name, self.model.pipeline_id))
        return found


def match(source: Any, texts: Sequence[str], model: Any, *, limits: Limits | None = None) -> list[Match]:
    """How well a recording of any length fits each text, in the order given. Raises AudioError, UsageError, ModelError."""
    if not texts:
        raise UsageError("no texts were given.", hint="Describe a sound, e.g. “a dog barks, then a bell rings”.")
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else getattr(source, "source", None) or ""
    if isinstance(source, Audio):
        blocks: Iterable[Audio] = (source,)
    else:
        from auricle import audio

        blocks = audio.blocks(source, rate=model.rate, mono=True, limits=limits or Limits.stream())
    return Matcher(texts, model)(heard(blocks, model), texts, path)


def heard(blocks: Iterable[Audio], model: Any) -> Iterator[Part]:
    """Frames of consecutive blocks of one recording, or windows where the model gives no frames."""
    parts = model.frames(blocks) if getattr(model, "has_frames", False) else listening.listen(blocks, model)
    yield from ((part.starts, part.ends, part.vectors) for part in parts)


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What speaks for each sound: in spans that end with each frame, and in windows. In standard deviations.

    edges:   seconds ``[n + 1]``: frame i stands for edges[i] to edges[i + 1]
    lengths: frames of a span, ascending; spans: ``[lengths, n, k]``, −inf where it would begin before the sound
    windows: ``[w, k]``; least, most: frames of a span in an alignment; gap: frames to be left out between two, where frames overlap
    """

    edges: Floats
    lengths: tuple[int, ...]
    spans: Floats
    windows: Floats
    least: int = 1
    most: int = 1
    gap: int = 0

    @classmethod
    def of(cls, parts: Iterable[Part], text: Vectors, model: Any) -> Curves | None:
        """Heard as it goes by: what is kept is a few numbers a frame and text. None for no sound."""
        framed = getattr(model, "has_frames", False) and model.frame_hop > 0
        least, most, window = (
            max(1, round(seconds / model.frame_hop)) if framed else 1 for seconds in (SHORTEST, LONGEST, model.windowing.seconds)
        )
        lengths = tuple(sorted({*range(1, most + 1), window}))
        calibration = (getattr(model, "frame_calibration", None) if framed else None) or getattr(model, "calibration", None)
        starts, ends, rows = list[Floats](), list[Floats](), list[Floats]()
        tail = np.zeros((0, text.shape[1]), np.float32)
        for start, end, vectors in parts:
            starts.append(start)
            ends.append(end)
            joined = np.concatenate([tail, vectors])
            rows.append(_spans(joined, len(tail), lengths, text, calibration))
            tail = joined[max(0, len(joined) - lengths[-1] + 1) :]
        if not rows:
            return None
        values = np.concatenate(rows, axis=1)
        if calibration is None:  # by the recording's own frames, for want of ordinary sounds
            values = (values - values[0].mean(axis=0)) / np.maximum(values[0].std(axis=0), 0.01)
        n = values.shape[1]
        if n >= window:
            windows = values[lengths.index(window), np.unique([*range(window - 1, n, max(1, window // 2)), n - 1])]
        else:
            windows = values[max(row for row, length in enumerate(lengths) if length <= n), [n - 1]]
        gap = 0 if framed else math.ceil(model.windowing.seconds / model.windowing.hop) - 1
        return cls(_edges(np.concatenate(starts), np.concatenate(ends)), lengths, values, windows, least, most, gap)


def _spans(vectors: Vectors, skip: int, lengths: Sequence[int], text: Vectors, calibration: Any) -> Floats:
    """``[lengths, n − skip, k]``: of the mean of the vectors that end with each but the first ``skip``."""
    n = len(vectors)
    total = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    firsts = [min(n, max(skip, length - 1)) for length in lengths]  # the first that has so many before it
    means = [total[first + 1 :] - total[first + 1 - length : n + 1 - length] for first, length in zip(firsts, lengths, strict=True)]
    values = _surprise(unit(np.concatenate(means)), text, calibration)  # all at once: the ordinary sounds are compared once
    out = np.full((len(lengths), n - skip, len(text)), -np.inf)
    done = 0
    for row, (first, mean) in enumerate(zip(firsts, means, strict=True)):
        out[row, first - skip :] = values[done : done + len(mean)]
        done += len(mean)
    return out


def _surprise(vectors: Vectors, text: Vectors, calibration: Any) -> Floats:
    """Similarity; in standard deviations above the calibration's ordinary sounds where there is one."""
    if calibration is None:
        return np.asarray(vectors.astype(np.float64) @ text.T.astype(np.float64))
    features: Floats = calibration.features(vectors, text)
    return features[..., 0]


def _edges(starts: Floats, ends: Floats) -> Floats:
    middle = (starts + ends) / 2
    return np.concatenate([starts[:1], (middle[1:] + middle[:-1]) / 2, [ends.max()]])


def _matched(reading: Reading, curves: Curves, at: dict[str, int]) -> tuple[float, tuple[Span, ...]]:
    """The score of a text, and where each of its sounds is heard."""
    spans = _aligned(reading, curves, at) if reading.steps else ()
    if spans:
        belongs = [value for value, _ in spans]
        behind = [float(curves.windows[:, at[sound]].mean()) for sound in reading.throughout]
        score = float(np.mean([*belongs, *behind]))
    else:
        words = [sound for step in reading.steps for sound in step] or [reading.wanted]
        columns = [at[word] for word in words if word]
        score = float(heads.pool_windows(curves.windows[:, columns], TOP).mean()) if columns else 0.0
    if reading.unwanted:
        unwanted = heads.pool_windows(curves.windows[:, [at[u] for u in reading.unwanted]], TOP)
        one = np.array([score], np.float32)
        score = float(retrieve.against(one, unwanted[:, None].astype(np.float32), retrieve.Weights())[0])
    return score, tuple(span for _, span in spans)


def _aligned(reading: Reading, curves: Curves, at: dict[str, int]) -> tuple[tuple[float, Span], ...]:
    """Each sound with its span, and what it is worth there: its evidence less that for sounds of other steps. () where there is no room."""
    room = curves.spans.shape[1] // len(reading.steps)
    least = min(curves.least, max(1, room))
    rows = [row for row, length in enumerate(curves.lengths) if least <= length <= curves.most]
    own, worth = [], []
    for step in reading.steps:
        values = curves.spans[rows][:, :, [at[s] for s in step]]
        others = [at[s] for other in reading.steps if other is not step for s in other if s not in step]
        against = np.maximum(curves.spans[rows][:, :, others].max(axis=2), 0.0) if others else np.zeros(values.shape[:2])
        own.append(values)
        worth.append(values - AGAINST * against[:, :, None])
    lengths = [curves.lengths[row] for row in rows]
    found = align(np.stack([w.sum(axis=2) for w in worth]), lengths, gap=curves.gap)
    if found is None:
        return ()
    spans = []
    for step, (first, stop), value, less in zip(reading.steps, found[1], own, worth, strict=True):
        row = lengths.index(stop - first)
        for n, sound in enumerate(step):
            start, end = float(curves.edges[first]), float(curves.edges[stop])
            spans.append((float(less[row, stop - 1, n]), Span(sound, start, end, float(value[row, stop - 1, n]))))
    return tuple(spans)


def align(steps: Floats, lengths: Sequence[int], *, gap: int = 0) -> tuple[float, list[tuple[int, int]]] | None:
    """The best disjoint spans in order, one a step: (sum of their scores, [first, stop) frames of each). None where they do not fit.

    steps: ``[m, lengths, n]``, the score of step k for the span of that many frames that ends with frame e. gap: frames left out
    between two spans; where there is no room for it, it is given up.
    """
    m, _, n = steps.shape
    best = np.zeros(n + 1)  # of the steps so far, within the first e frames
    chosen: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]] = []  # per step and e: where its span ends, and how long it is
    for k in range(m):
        new, long = np.full(n + 1, -np.inf), np.zeros(n + 1, np.intp)
        for row, length in enumerate(lengths):
            reach = length + (gap if k else 0)
            if reach <= n:
                value = best[: n + 1 - reach] + steps[k, row, reach - 1 :]
                better = value > new[reach:]
                new[reach:][better], long[reach:][better] = value[better], length
        best = np.maximum.accumulate(new)
        first = np.concatenate([[True], new[1:] > best[:-1]])  # where the best so far is beaten
        ends = np.maximum.accumulate(np.where(first, np.arange(n + 1), 0))
        chosen.append((ends, long[ends]))
    if not np.isfinite(best[n]):
        return align(steps, lengths) if gap else None
    spans, e = [], n
    for k in range(m - 1, -1, -1):
        stop = int(chosen[k][0][e])
        spans.append((stop - int(chosen[k][1][e]), stop))
        e = spans[-1][0] - (gap if k else 0)
    return float(best[n]), spans[::-1]
