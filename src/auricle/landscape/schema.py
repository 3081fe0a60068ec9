"""What a record of the field may say. Everything that is said carries its source, a mark that tells how it was learnt, and a date.

``checked``      the text of the source was read for this statement on that date
``abstract``     from an abstract, a model card or a page as quoted elsewhere
``unverified``   general knowledge or hearsay: nobody has looked it up for us

Plain dataclasses, so that reading the compiled file imports nothing heavy; ``compile`` validates the YAML into them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal, get_args

Kind = Literal["model", "set", "benchmark", "objective", "task", "encoder", "aspect"]
Mark = Literal["checked", "abstract", "unverified"]
Domain = Literal["speech", "music", "sound"]
By = Literal["authors", "third-party", "user"]
RelationType = Literal[
    "trained-on",  # model → set; ``part`` is what of the set was used, ``without`` what was declared removed
    "evaluated-on",  # model → benchmark or set; figures add theirs
    "derived-from",  # set or benchmark → what it was made of (its audio or its items lie inside the parent)
    "overlaps-with",  # set or benchmark ↔ set or benchmark, with a count
    "builds-on",  # model → what it starts from or calls; ``part`` is "design" where ideas or code were taken, not weights
    "uses-objective",  # model → objective
    "solves-task",  # model → task; benchmark → task that it measures; set → task that it feeds
    "promotes",  # anything → anything: more of the one helps the other
    "constrains",  # anything → anything: the one limits the other
    "critiques",  # aspect, benchmark or model → what it shows a fault of
]
Value = str | int | float | list[str]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MARKS: Final[tuple[Mark, ...]] = get_args(Mark)
DOMAINS: Final[tuple[Domain, ...]] = get_args(Domain)
RELATIONS: Final[tuple[RelationType, ...]] = get_args(RelationType)
# The folder of ``records/`` that holds a kind; figures have one of their own.
FOLDERS: Final[dict[Kind, str]] = {
    "model": "models",
    "set": "sets",
    "benchmark": "benchmarks",
    "objective": "objectives",
    "task": "tasks",
    "encoder": "encoders",
    "aspect": "aspects",
}
FIGURES: Final = "figures"
# What ``family`` may be, by kind. Of the models, the first four are the survey's; agents and benchmarks use the rest.
FAMILIES: Final[dict[Kind, tuple[str, ...]]] = {
    "model": (
        "two-towers",
        "two-heads",
        "one-head",
        "cooperated",
        "encoder-decoder",
        "generation",
        "separation",
        "grounding",
        "undisclosed",
    ),
    "set": ("labels", "captions", "spans", "questions", "transcripts", "dialogue", "audio"),
    "benchmark": ("choice", "open", "retrieval", "probe", "pairs", "transcripts", "separation", "trust", "mixed"),
    "objective": ("contrastive", "generative", "discriminative", "none"),
    "task": ("discriminative", "generative", "retrieval", "interactive"),
    "encoder": ("audio", "text", "codec"),
    "aspect": ("data", "method", "evaluation", "concern", "outcome"),
}
DESIGN: Final = "design"  # the ``part`` of a builds-on that took no weights
# Figures where less is better; the rest is better when it is more.
LOWER: Final = frozenset({"WER", "CER", "FAD", "FD", "KL"})


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about a record. A key may be said more than once: sources that disagree stand side by side."""

    key: str
    value: Value
    source: str
    mark: Mark
    date: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """What ``cite`` prints, marked like any statement. Authors as "Family, Given" or as their paper has them; unknown fields stay empty."""

    title: str = ""
    authors: list[str] = field(default_factory=list)
    year: int = 0
    arxiv: str = ""
    venue: str = ""
    doi: str = ""
    url: str = ""
    mark: Mark = "unverified"


@dataclass(frozen=True, slots=True)
class Record:
    """A node of the field. ``year`` is that of its first publication, 0 where no one year fits."""

    id: str
    kind: Kind
    name: str
    year: int = 0
    family: str = ""
    domains: list[Domain] = field(default_factory=list)
    about: str = ""
    aliases: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    paper: Paper | None = None
    facts: list[Fact] = field(default_factory=list)
    file: str = ""  # below records/
    line: int = 0

    def said(self, key: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.key == key]


@dataclass(frozen=True, slots=True)
class Edge:
    """A typed relation from ``subject`` to ``object`` (ids of records)."""

    type: RelationType
    subject: str
    object: str
    source: str
    mark: Mark
    date: str
    part: str = ""  # which split of the subject (overlaps, derivations) or of the set (trained-on, evaluated-on)
    object_part: str = ""  # which split of the object
    count: int | None = None  # items of the subject's part that are in the object's part
    out_of: int | None = None  # items of the subject's part
    share: float | None = None  # 0–1, where the source gives a share instead of a count
    basis: str = ""  # what was compared: "Freesound id", "YouTube id", "caption text", "construction", "declared"
    without: list[str] = field(default_factory=list)  # ids that the trainers declare removed
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A published number: who measured what on which version. Numbers of different protocols are not to be ranked."""

    id: str
    model: str
    benchmark: str
    metric: str
    value: float
    source: str
    mark: Mark
    date: str
    by: By = "authors"
    variant: str = ""  # which checkpoint of the model
    split: str = ""
    version: str = ""  # of the benchmark
    protocol: str = ""
    year: int = 0  # of the publication that states it
    note: str = ""

    @property
    def lower_is_better(self) -> bool:
        return self.metric in LOWER


@dataclass(frozen=True)  # no slots: the indices below are kept in it
class Landscape:
    records: dict[str, Record]
    edges: tuple[Edge, ...]
    figures: tuple[Figure, ...]

    @cached_property
    def checked(self) -> Landscape:
        """The same field with no relation but those that somebody read in their source."""
        return Landscape(self.records, tuple(edge for edge in self.edges if edge.mark == "checked"), self.figures)

    def of(self, kind: Kind) -> list[Record]:
        return [record for record in self.records.values() if record.kind == kind]

    def out(self, id: str, *types: RelationType) -> list[Edge]:
        return [edge for edge in self._from.get(id, ()) if not types or edge.type in types]

    def into(self, id: str, *types: RelationType) -> list[Edge]:
        return [edge for edge in self._to.get(id, ()) if not types or edge.type in types]

    @cached_property
    def _from(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.subject, []).append(edge)
        return found

    @cached_property
    def _to(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.object, []).append(edge)
        return found
