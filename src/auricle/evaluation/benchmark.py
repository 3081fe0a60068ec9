"""A benchmark: a set, the part of it that is measured on, what is asked and how it is scored. A few lines of YAML each.

    task = load(get("esc50"), "ESC-50-master")           # items, sources, what is missing
    task.items, task.source(item), task.findings

``benchmarks/*.yaml`` holds those that ship. A set is a descriptor of :mod:`auricle.data.sets`; ``search_benchmark`` is the corpus that
``recipes/search_benchmark`` builds.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from auricle.data.items import Item
from auricle.data.sets.descriptor import described
from auricle.errors import DataError, UsageError
from auricle.evaluation.corpus import Corpus
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.score import How, digest

FOLDER = Path(__file__).parent / "benchmarks"
CORPUS = "search_benchmark"


class Benchmark(BaseModel):
    """``settings``: what the kind of task knows besides; the kind checks them. ``n``: how many are asked in the whole release."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    set: str
    split: tuple[str, ...] = ()  # of the set's items; none: all of them
    kind: str
    metric: str
    prompts: tuple[str, ...] = ("{}",)  # {} stands for the label
    classes: dict[str, str] = Field(default_factory=dict)  # label → words for it; the label itself where it has none here
    groups: str = "clip"  # what one source is: an item's ``clip``, or "extra.speaker"
    chance: float | None = None  # where it is not 1 / classes
    n: int | None = None
    synthetic: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)
    protocol_from: str  # where the protocol was read, or "ours"


@dataclass(frozen=True)
class Finding:
    """What the linter says. An ``error`` would make the number wrong: nothing is measured unless that is asked for."""

    level: Literal["error", "warning"]
    rule: str
    message: str

    def document(self) -> dict[str, str]:
        return {"level": self.level, "rule": self.rule, "message": self.message}


@dataclass(frozen=True)
class Task:
    """A benchmark with its data. ``items`` are asked; ``others`` are the set's other splits, which a probe may learn from.

    ``absent``: ids of items whose sound is not there. They stay in ``items``: n is the task's.
    """

    benchmark: Benchmark
    held: HeldOut
    others: tuple[Item, ...] = ()
    absent: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    corpus: Corpus | None = field(default=None, compare=False)

    @property
    def items(self) -> tuple[Item, ...]:
        return self.held.items

    def source(self, item: Item) -> str:
        """What its interval is resampled over."""
        group = self.benchmark.groups
        if group.startswith("extra."):
            return str(item.extra.get(group.removeprefix("extra."), item.id))
        return item.cluster

    def how(self, what: str, metric: str, truth: Any, details: Mapping[str, Any]) -> How:
        """The protocol of a score. ``truth``: JSON, of everything asked, in order. The harness adds the hash of the sound."""
        b = self.benchmark
        sources = len({self.source(item) for item in self.items})
        data = f"{b.set}, {' and '.join(b.split) or 'all'}: {len(self.items)} clips of {sources} sources"
        ids = [[item.id, self.source(item)] for item in self.items]
        own = {"kind": b.kind, "prompts": list(b.prompts), "interval": f"95 %, bootstrap over {b.groups}", **details}
        return How(what, data, digest([ids, truth]), metric, own)


@lru_cache(maxsize=1)
def benchmarks() -> dict[str, Benchmark]:
    """Name → benchmark, by name."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.yaml"))}


def get(name: str) -> Benchmark:
    """A benchmark that ships, or one in a YAML file. Raises UsageError that names what comes near."""
    if name.endswith((".yaml", ".yml")):
        return read(Path(name))
    known = benchmarks()
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
        raise UsageError(f"there is no benchmark {name!r}.", hint=hint)
    return known[name]


def read(path: Path) -> Benchmark:
    """Raises DataError that names the file and the key."""
    found = described(path, Benchmark)
    if found.name != path.stem:
        raise DataError("Invalid", f"{path}: its name {found.name!r} is not that of the file.", path=str(path), hint="Correct it there.")
    return found
