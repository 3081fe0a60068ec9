"""Which moments of a recording answer a query, and how well. Complete and exact, because the recordings were composed.

A query's conditions (``queries.yaml``):

    all    concepts heard at the same time            any   one of these, beside ``all``
    then   heard one after the other, within 10 s     near  heard within 10 s of each other, in any order
    none   must not be heard                          says  words of a transcript       name  letters of the visible name
    part   concepts that are half right; where it is not given, each single concept of all/then/near is

Grades: 2 answers the query, 1 half of it. "rain but no thunder": a recording where thunder is never heard is 2; where it is heard
elsewhere, the moments free of it are 1. A recording whose labels leave open whether it answers is *open*: it is neither right nor
wrong, and is passed over in a ranking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from auricle.evaluation.corpus import Concepts, Event, Recording

NEAR = 10.0  # seconds between things that belong together
SHORTEST = 0.05  # seconds; a shorter overlap is no moment
Span = tuple[float, float]
KEYS = {"all", "any", "then", "near", "none", "says", "name", "part"}


@dataclass(frozen=True)
class Moment:
    start: float
    end: float
    grade: int


@dataclass(frozen=True)
class Judged:
    """``moments``: those with grade 1 or 2. ``open``: the labels do not tell. ``forbidden``: holds what the query excludes."""

    moments: tuple[Moment, ...] = ()
    open: bool = False
    forbidden: bool = False

    @property
    def grade(self) -> int:
        return max((m.grade for m in self.moments), default=0)


class Judge:
    """Judges recordings for one query.

    Raises ValueError for conditions that make no sense: an unknown key or concept, nothing asked for.
    """

    def __init__(self, judgement: Mapping[str, Any], concepts: Concepts) -> None:
        named = [c for key in ("all", "any", "then", "near", "none", "part") for c in judgement.get(key, ())]
        wrong = [*(set(judgement) - KEYS), *(c for c in named if c not in concepts)]
        if wrong:
            raise ValueError(f"unknown in a judgement: {', '.join(wrong)}")
        if not any(judgement.get(key) for key in ("all", "any", "then", "near", "says", "name")):
            raise ValueError("a judgement that asks for nothing")
        self._ask = judgement
        self._concepts = concepts

    def __call__(self, recording: Recording) -> Judged:
        sure = self._complete(recording, self._has)
        excluded, doubtful = self._excluded(recording)
        if excluded:
            return Judged(self._clear_of(sure, excluded), forbidden=True)
        if not sure and self._complete(recording, self._may_have):
            return Judged(open=True)
        half = tuple(Moment(a, b, 1) for a, b in self._partial(recording))
        if doubtful and (sure or half):
            return Judged(open=True)
        return Judged((*(Moment(a, b, 2) for a, b in sure), *half))

    def _has(self, event: Event, concept: str) -> bool:
        return concept in self._concepts.reading(event.concepts, event.maybe)[0]

    def _may_have(self, event: Event, concept: str) -> bool:
        present, possible = self._concepts.reading(event.concepts, event.maybe)
        return concept in present or concept in possible

    def _excluded(self, recording: Recording) -> tuple[list[Span], bool]:
        """Where an excluded concept is heard, and whether one may be."""
        none = self._ask.get("none", ())
        spans = [(e.start, e.end) for e in recording.events if any(self._has(e, c) for c in none)]
        return spans, any(self._may_have(e, c) for e in recording.events for c in none)

    def _clear_of(self, spans: Sequence[Span], excluded: Sequence[Span]) -> tuple[Moment, ...]:
        """The parts of at least a second in which nothing excluded is heard."""
        left = list(spans)
        for start, end in excluded:
            left = [piece for a, b in left for piece in ((a, min(b, start)), (max(a, end), b)) if piece[1] - piece[0] >= 1.0]
        return tuple(Moment(a, b, 1) for a, b in left)

    def _complete(self, recording: Recording, has: Callable[[Event, str], bool]) -> list[Span]:
        """Where everything that is asked for is heard."""
        ask, events = self._ask, recording.events
        if name := ask.get("name"):
            return [(0.0, recording.duration)] if name.lower() in recording.visible else []
        parts = [_union(e for e in events if has(e, concept)) for concept in ask.get("all", ())]
        if ask.get("any"):
            parts.append(_union(e for e in events if any(has(e, c) for c in ask["any"])))
        if says := ask.get("says"):
            parts.append(_union(e for e in events if _spoken(says, e.transcript)))
        if ask.get("then"):
            parts.append(_chains(events, ask["then"], has))
        if ask.get("near"):
            parts.append([span for order in permutations(ask["near"]) for span in _chains(events, order, has)])
        spans = parts[0]
        for other in parts[1:]:
            spans = [(max(a, c), min(b, d)) for a, b in spans for c, d in other if min(b, d) - max(a, c) >= SHORTEST]
        return sorted(set(spans))

    def _partial(self, recording: Recording) -> list[Span]:
        ask = self._ask
        several = [*ask.get("all", ()), *ask.get("then", ()), *ask.get("near", ())]
        part = ask.get("part", several if len(several) > 1 else ())
        return _union(e for e in recording.events if any(self._has(e, c) for c in part))


def _union(events: Iterable[Event]) -> list[Span]:
    """The spans of the events, overlapping ones joined."""
    spans: list[Span] = []
    for start, end in sorted((e.start, e.end) for e in events):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _chains(events: Sequence[Event], order: Sequence[str], has: Callable[[Event, str], bool]) -> list[Span]:
    """From the first event to the last of every run of events that show ``order``, each starting within ``NEAR`` of the one before.

    A single event may show several of them.
    """
    chains = [(e, e.start, e.end) for e in events if has(e, order[0])]
    for concept in order[1:]:
        chains = [
            (e, start, max(end, e.end))
            for last, start, end in chains
            for e in events
            if has(e, concept) and (e is last or last.start < e.start <= last.end + NEAR)
        ]
    return [(start, end) for _, start, end in chains]


def _spoken(says: str, transcript: str) -> bool:
    """Whole words in order, punctuation and case apart."""
    return f" {_words(says)} " in f" {_words(transcript)} "


def _words(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))
