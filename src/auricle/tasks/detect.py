"""Detection: which of the labels is heard from when to when. Events of several labels may overlap.

    blocks → frames (or windows) → averaged over some of them → log-odds a label → probability → events

An event opens where its label's probability reaches ``threshold`` and goes on, to both sides, for as long as it stays above
``low`` of it: a double threshold (Çakır et al. 2017; Dinkel et al. 2021), so that a dip breaks nothing and a faint hum opens nothing.
Everything is done as the sound goes by: memory does not grow with the recording.

The constants belong to the model (``models.detecting``); what a person says goes before them. How fine the times are is the model's,
too: ``tiny-towers@1`` hears a second every half second, and a model without frames 5 s every 2.5.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio, Limits
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models import heads
from auricle.models.capabilities import Vectors
from auricle.models.detecting import DEFAULT, detecting
from auricle.models.taught import Taught
from auricle.models.two_towers import unit
from auricle.results import Detection

Floats = npt.NDArray[np.float64]
_Held = tuple[Floats, Floats, Vectors]  # starts, ends, vectors


@dataclass(frozen=True, slots=True)
class Rules:
    """How probabilities become events. Seconds; ``threshold`` 0…1, ``low`` a share of it."""

    threshold: float = DEFAULT.threshold
    min_duration: float = DEFAULT.min_duration
    merge: float = DEFAULT.merge
    low: float = DEFAULT.low

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0:
            raise UsageError(f"a threshold lies between 0 and 1, and {self.threshold:g} does not.", hint="Leave it out, or give e.g. 0.3.")
        for name, value in (("shortest event", self.min_duration), ("gap to merge", self.merge)):
            if not 0.0 <= value < 1e9:
                raise UsageError(f"the {name} is {value:g} seconds.", hint="Give seconds, 0 or more.")

    @classmethod
    def of(cls, model: Any, threshold: float | None = None, min_duration: float | None = None, merge: float | None = None) -> Rules:
        """What is not said is as the model's bundle says."""
        own = detecting(model)
        return cls(
            own.threshold if threshold is None else threshold, own.min_duration if min_duration is None else min_duration,
            own.merge if merge is None else merge, own.low,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Labels in words, and those of a taught head, as one function of vectors: log-odds ``[n, k]``."""

    labels: tuple[str, ...]
    log_odds: Callable[[Vectors], Floats]
    scale: Floats  # [k], with shift: what log-odds of windows are worth on frames
    shift: Floats

    @classmethod
    def of(cls, labels: Sequence[str], model: Any, head: Taught | None, *, windows: bool = False) -> Reader:
        """Of frames where the model has them, else (or with ``windows``) of windows.

        Raises UsageError (no label, one twice), ModelError (no calibration, a head of another model).
        """
        if head is not None:
            head.check(model)
        words = [label for label in heads.check_labels(labels) if head is None or head.place(label) is None] if labels else []
        taught = list(head.labels) if head is not None else []
        names = heads.check_labels([*words, *taught])
        of_frames = getattr(model, "frame_calibration", None) if has_frames(model) and not windows else None
        calibration = getattr(model, "calibration", None) if of_frames is None else of_frames
        if words and calibration is None:
            raise ModelError(
                "Capability", f"{model.name} is not calibrated: it cannot say how probable {words[0]!r} is.",
                hint="Use tiny-towers, or teach it: auricle teach NAME=clips/ -o mine --model MODEL",
            )  # fmt: skip
        text = model.embed_text(words) if words else None

        def log_odds(vectors: Vectors) -> Floats:
            parts: list[Floats] = [] if calibration is None or text is None else [calibration.log_odds(vectors, text)]
            return np.concatenate([*parts, head.log_odds(vectors)] if head is not None else parts, axis=1)

        own = detecting(model)
        in_words = (own.scale, own.shift) if of_frames is None else (1.0, 0.0)
        scale, shift = np.array([in_words] * len(words) + [(own.taught_scale, own.taught_shift)] * len(taught)).T
        return cls(tuple(names), log_odds, scale, shift)


def detect(
    source: Any,
    labels: Sequence[str] = (),
    model: Any = None,
    *,
    head: Taught | None = None,
    rules: Rules | None = None,
    limits: Limits | None = None,
) -> list[Detection]:
    """Events of a recording of any length, in the order of time. Raises AudioError, UsageError, ModelError."""
    found = detect_stream(source, labels, model, head=head, rules=rules, limits=limits)
    return sorted(found, key=lambda event: (event.start, event.end, event.label))


def detect_stream(
    source: Any,
    labels: Sequence[str] = (),
    model: Any = None,
    *,
    head: Taught | None = None,
    rules: Rules | None = None,
    limits: Limits | None = None,
) -> Iterator[Detection]:
    """The same, each event as soon as it is over."""
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else getattr(source, "source", None) or ""
    yield from events(_blocks(source, model, limits), Reader.of(labels, model, head), model, rules or Rules.of(model), path)


def events(blocks: Iterable[Audio], reader: Reader, model: Any, rules: Rules, path: str = "") -> Iterator[Detection]:
    """Events of consecutive blocks of one recording."""
    for _, over in at_thresholds(blocks, reader, model, (rules,), path):
        yield from (event for _, event in over)


def at_thresholds(
    blocks: Iterable[Audio], reader: Reader, model: Any, rules: Sequence[Rules], path: str = ""
) -> Iterator[tuple[float, list[tuple[Rules, Detection]]]]:
    """One listening, read by several rules: piece by piece how far it was heard (seconds), and what is over by then."""
    decoders = [(rule, Decoder(len(reader.labels), rule)) for rule in rules]

    def told(rule: Rules, found: Iterable[tuple[int, float, float, float]]) -> Iterator[tuple[Rules, Detection]]:
        for place, start, end, score in found:
            yield rule, Detection(path, start, end, reader.labels[place], score, model.name, model.pipeline_id)

    heard: float | None = None
    for starts, ends, values in curves(blocks, reader, model):
        heard = float(ends[-1])
        yield heard, [one for rule, decoder in decoders for one in told(rule, decoder.add(starts, ends, values))]
    if heard is None:
        raise AudioError("Empty", path, f"{path}: no sound to hear.")
    yield heard, [one for rule, decoder in decoders for one in told(rule, decoder.finish())]


def curves(blocks: Iterable[Audio], reader: Reader, model: Any) -> Iterator[tuple[Floats, Floats, Floats]]:
    """What events are read from: consecutive stretches (starts, ends, seconds) and the probability of each label in each, in pieces."""
    for starts, ends, vectors in cells(blocks, model):
        log_odds = reader.log_odds(vectors)
        yield starts, ends, heads.probabilities(reader.scale * log_odds + reader.shift if has_frames(model) else log_odds)


def has_frames(model: Any) -> bool:
    return bool(getattr(model, "has_frames", False))


def _blocks(source: Any, model: Any, limits: Limits | None) -> Iterable[Audio]:
    if isinstance(source, Audio):
        return (source,)
    from auricle import audio

    blocks: Iterable[Audio] = audio.blocks(source, rate=model.rate, mono=True, limits=limits or Limits.stream())
    return blocks


def cells(blocks: Iterable[Audio], model: Any) -> Iterator[_Held]:
    """Stretches that follow each other without a gap (starts, ends, seconds) and a vector for each, in pieces.

    A stretch is what lies nearest to the middle of one frame or window; the first and last reach to the ends of the sound.
    """
    from auricle.models import listening

    if has_frames(model):
        parts = ((part.starts, part.ends, part.vectors) for part in model.frames(blocks))
        width = max(1, round(detecting(model).averaged / model.frame_hop)) if model.frame_hop else 1
    else:
        parts = ((part.starts, part.ends, part.vectors) for part in listening.listen(blocks, model))
        width = 1
    yield from _averaged(parts, width)


def _averaged(parts: Iterable[_Held], width: int) -> Iterator[_Held]:
    """Centred means over ``width`` vectors (fewer at the ends), unit norm; only what a later one needs is held."""
    before, after = (width - 1) // 2, width // 2
    held: _Held | None = None
    done = 0  # of held, those given
    border: float | None = None
    for part in parts:
        held = part if held is None else _joined(held, part)
        ready = len(held[0]) - after - 1  # one more must be known, to tell where the last one's stretch ends
        if ready > done:
            yield _cells(held, done, ready, before, after, border, last=False)
            border = _border(held, ready)
            drop = max(0, ready - before)
            held, done = (held[0][drop:], held[1][drop:], held[2][drop:]), ready - drop
    if held is not None and done < len(held[0]):
        yield _cells(held, done, len(held[0]), before, after, border, last=True)


def _joined(a: _Held, b: _Held) -> _Held:
    return np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]]), np.concatenate([a[2], b[2]])


def _border(held: _Held, at: int) -> float:
    """Where the stretch of ``at - 1`` ends and that of ``at`` begins."""
    middle = (held[0] + held[1]) / 2
    return float((middle[at - 1] + middle[at]) / 2)


def _cells(held: _Held, first: int, stop: int, before: int, after: int, border: float | None, *, last: bool) -> _Held:
    starts, ends, vectors = held
    middle = (starts + ends) / 2
    edges = (middle[1:] + middle[:-1]) / 2
    begin = np.concatenate([[starts[0] if border is None else border], edges[first : stop - 1]])
    finish = np.concatenate([edges[first : stop - 1], [ends.max() if last else edges[stop - 1]]])
    total = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    index = np.arange(first, stop)
    low, high = np.maximum(index - before, 0), np.minimum(index + after + 1, len(vectors))
    return begin, finish, unit((total[high] - total[low]) / (high - low)[:, None])


@dataclass(slots=True)
class _Open:
    """A run of one label above the low threshold, and the event before it that it may still join."""

    start: float = 0.0
    end: float = 0.0
    peak: float = -1.0  # below 0: no run
    held: tuple[float, float, float] | None = None  # start, end, score


class Decoder:
    """Probabilities of consecutive stretches, in pieces → events (label's place, start, end, highest probability)."""

    def __init__(self, labels: int, rules: Rules) -> None:
        self._rules = rules
        self._open = [_Open() for _ in range(labels)]

    def add(self, starts: Floats, ends: Floats, values: Floats) -> Iterator[tuple[int, float, float, float]]:
        low = self._rules.threshold * self._rules.low
        above = values >= low
        touched: list[bool] = np.any(above, axis=0).tolist()
        for place, state in enumerate(self._open):
            if touched[place] or state.peak >= 0:
                for first, stop in _runs(above[:, place]):
                    if state.peak >= 0 and first > 0:
                        yield from self._close(place)
                    if state.peak < 0:
                        state.start = float(starts[first])
                    state.end, state.peak = float(ends[stop - 1]), max(state.peak, float(values[first:stop, place].max()))
                if state.peak >= 0 and not above[-1, place]:
                    yield from self._close(place)
            begun = state.start if state.peak >= 0 else float(ends[-1])
            if state.held is not None and begun - state.held[1] > self._rules.merge:
                yield from self._give(place)

    def finish(self) -> Iterator[tuple[int, float, float, float]]:
        for place in range(len(self._open)):
            yield from self._close(place)
            yield from self._give(place)

    def _close(self, place: int) -> Iterator[tuple[int, float, float, float]]:
        state = self._open[place]
        if state.peak >= self._rules.threshold:
            if state.held is not None and state.start - state.held[1] <= self._rules.merge:
                state.held = (state.held[0], state.end, max(state.held[2], state.peak))
            else:
                yield from self._give(place)
                state.held = (state.start, state.end, state.peak)
        state.peak = -1.0

    def _give(self, place: int) -> Iterator[tuple[int, float, float, float]]:
        state = self._open[place]
        if state.held is not None and state.held[1] - state.held[0] >= self._rules.min_duration:
            yield (place, *state.held)
        state.held = None


def _runs(above: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], above.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
