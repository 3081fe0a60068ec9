"""The search benchmark's corpus as the build wrote it: recordings, what is heard in them and when, and the queries.

CORPUS/manifest.jsonl   one recording a line: its path, its events with times, concepts and transcripts
CORPUS/concepts.yaml    the tree of concepts
CORPUS/queries.yaml     what people type, and what would be right
CORPUS/dev, CORPUS/test the recordings of the two halves; no source clip, nor its takes, is in both
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from auricle.errors import UsageError

Half = Literal["dev", "test"]
HALVES: tuple[Half, ...] = ("dev", "test")
BUILD = "python recipes/search_benchmark/build.py --out DIR"


class Concepts:
    """A tree of concepts. ``names``: concept -> its plain name, as a person would write the label."""

    def __init__(self, nested: Mapping[str, Any]) -> None:
        self.parents: dict[str, str | None] = {}
        self.names: dict[str, str] = {}
        self.leaves: list[str] = []
        self._readings: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[frozenset[str], frozenset[str]]] = {}
        self._read(nested, None)

    def _read(self, nested: Mapping[str, Any], parent: str | None) -> None:
        for concept, below in nested.items():
            if concept in self.parents:
                raise ValueError(f"the concept {concept!r} stands twice in the tree")
            self.parents[concept] = parent
            self.names[concept] = below if isinstance(below, str) else concept.replace("-", " ")
            if isinstance(below, Mapping):
                self._read(below, concept)
            else:
                self.leaves.append(concept)

    def __contains__(self, concept: object) -> bool:
        return concept in self.parents

    def closure(self, concepts: Iterable[str]) -> set[str]:
        """The concepts and all above them."""
        return {above for concept in concepts for above in self.line(concept)}

    def line(self, concept: str) -> Iterator[str]:
        """The concept, its parent, its parent's parent, …"""
        at: str | None = concept
        while at is not None:
            yield at
            at = self.parents[at]

    def reading(self, present: tuple[str, ...], maybe: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
        """What labels say: (what is certainly heard, what may be besides). A label leaves open which of its children it is."""
        key = (present, maybe)
        if key not in self._readings:
            sure = self.closure(present)
            stated = {*present, *maybe}
            below = {c for c in self.parents if not stated.isdisjoint(self.line(c))}
            self._readings[key] = frozenset(sure), frozenset((below | self.closure(maybe)) - sure)
        return self._readings[key]

    def top(self, concept: str) -> str:
        return list(self.line(concept))[-1]


@dataclass(frozen=True)
class Event:
    """One source clip in a recording, ``start`` to ``end`` seconds. ``maybe``: concepts that may be heard in it or not."""

    start: float
    end: float
    clip: str
    family: str
    concepts: tuple[str, ...]
    maybe: tuple[str, ...]
    transcript: str
    bed: bool


@dataclass(frozen=True)
class Recording:
    """``path`` is relative to the corpus, POSIX. ``style``: how much the name tells (neutral, descriptive, partial)."""

    id: str
    half: Half
    kind: Literal["clip", "scene", "long"]
    path: str
    style: str
    duration: float
    rate: int
    channels: int
    tags: Mapping[str, str]
    events: tuple[Event, ...]
    licences: tuple[str, ...]
    sha256: str

    @property
    def families(self) -> frozenset[str]:
        return frozenset(event.family for event in self.events)

    @property
    def visible(self) -> str:
        """What can be read without listening: name and tags, lower case. The half's own folder says nothing."""
        return " ".join([self.path.partition("/")[2], *self.tags.values()]).lower()


@dataclass(frozen=True)
class Query:
    """``judgement``: the conditions, as ``queries.yaml`` writes them (see :mod:`auricle.evaluation.judging`)."""

    text: str
    kind: str
    half: Half
    judgement: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """What it is about: queries of one subject lean on the same source clips and vary together."""
        for key in ("all", "then", "near", "any"):
            if self.judgement.get(key):
                return str(self.judgement[key][0])
        return str(self.judgement.get("says") or self.judgement.get("name"))


@dataclass(frozen=True)
class Corpus:
    folder: Path
    concepts: Concepts
    recordings: tuple[Recording, ...]
    queries: tuple[Query, ...]

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Raises UsageError where there is no corpus."""
        import yaml

        manifest = folder / "manifest.jsonl"
        if not manifest.is_file():
            raise UsageError(f"{folder} holds no search benchmark.", hint=f"Build it: {BUILD}")
        recordings = tuple(_recording(json.loads(line)) for line in manifest.read_text("utf-8").splitlines())
        if len({r.id for r in recordings}) < len(recordings):
            raise UsageError(f"{manifest} names a recording twice.", hint=f"Build it again: {BUILD}")
        concepts = Concepts(yaml.safe_load((folder / "concepts.yaml").read_text("utf-8")))
        queries = read_queries(yaml.safe_load((folder / "queries.yaml").read_text("utf-8")))
        return cls(folder, concepts, recordings, queries)

    def half(self, half: Half) -> tuple[Recording, ...]:
        return tuple(r for r in self.recordings if r.half == half)

    def asked(self, half: Half) -> tuple[Query, ...]:
        return tuple(q for q in self.queries if q.half == half)

    @cached_property
    def truth_hash(self) -> str:
        """Of names, times, concepts and transcripts: scores on corpora of different truth do not compare."""
        text = json.dumps([[r.path, r.duration, [_facts(e) for e in r.events]] for r in self.recordings])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def audio_hash(self) -> str:
        """Of the files as they were written; decoders and resamplers of other versions may differ in the last bit."""
        return hashlib.sha256("".join(r.sha256 for r in self.recordings).encode()).hexdigest()[:16]

    @cached_property
    def queries_hash(self) -> str:
        return hashlib.sha256((self.folder / "queries.yaml").read_bytes()).hexdigest()[:16]


def read_queries(document: Mapping[str, Any]) -> tuple[Query, ...]:
    return tuple(
        Query(line["text"], line["kind"], half, {k: v for k, v in line.items() if k not in ("text", "kind")})
        for half in HALVES
        for line in document[half]
    )


def _recording(line: Mapping[str, Any]) -> Recording:
    return Recording(
        id=line["id"], half=line["half"], kind=line["kind"], path=line["path"], style=line["style"], duration=line["duration"],
        rate=line["rate"], channels=line["channels"], tags=line["tags"], events=tuple(_event(e) for e in line["events"]),
        licences=tuple(line["licences"]), sha256=line["sha256"],
    )  # fmt: skip


def _event(line: Mapping[str, Any]) -> Event:
    return Event(
        start=line["start"], end=line["end"], clip=line["clip"], family=line["family"], concepts=tuple(line["concepts"]),
        maybe=tuple(line["maybe"]), transcript=line["transcript"], bed=line["bed"],
    )  # fmt: skip


def _facts(event: Event) -> list[Any]:
    return [event.start, event.end, event.clip, event.concepts, event.maybe, event.transcript]
