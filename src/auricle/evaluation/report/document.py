"""The results document: what `auricle evaluate` and `auricle audit` write and the report reads.

``read(paths)`` checks each file and joins them: runs, differences and audits of all, the newer one where two measured the same.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auricle.errors import DataError
from auricle.evaluation import documents

STATUSES = ("unparsed", "refused", "skipped", "truncated", "failed")
_HINT = "Give a file that `auricle evaluate … --write FILE` or `auricle audit … --write FILE` wrote."


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Scored(Part):
    """A score as ``Score.document()`` writes it; a number is None where it was not defined."""

    metric: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    sources: int = 0
    baselines: dict[str, float | None] = {}
    notes: tuple[str, ...] = ()
    model: str = ""
    pipeline_id: str = ""
    protocol: dict[str, Any] = {}
    protocol_hash: str = ""


class Change(Part):
    """A difference of two scores."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


class Gain(Change):
    """Full − best control."""

    best_control: str = ""


class Lint(Part):
    level: str = "warning"
    rule: str = ""
    message: str = ""


class Leakage(Part):
    all: Scored | None = None
    clean: Scored | None = None
    flagged: Scored | None = None
    inflation: Change | None = None  # all − clean
    difference: Change | None = None  # flagged − clean
    ids: dict[str, tuple[str, ...]] = {}
    levels: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    trained_on: str = ""
    declared: tuple[dict[str, Any], ...] = ()


class Seconds(Part):
    given: float | None = None
    heard: float | None = None


class Cost(Part):
    seconds_per_audio_hour: float | None = None
    peak_memory_bytes: float | None = None
    model_bytes: float | None = None
    cached_items: int | None = None


class PerClass(Part):
    name: str = Field(alias="class")
    n: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Bin(Part):
    """Of a reliability diagram: the items whose confidence lies between ``low`` and ``high``."""

    low: float
    high: float
    n: int = 0
    confidence: float | None = None
    accuracy: float | None = None


class Details(Part):
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[float, ...], ...] = ()  # a row a true class, a column an answer; one more column: no answer
    per_class: tuple[PerClass, ...] = ()
    reliability: tuple[Bin, ...] = ()
    precision_recall: dict[str, tuple[tuple[float, float], ...]] = {}  # class: (recall, precision) …


class Item(Part):
    id: str
    audio: str | None = None
    truth: Any = None
    answer: Any = None
    status: str = "ok"
    value: float | None = None
    confidence: float | None = None
    reason: str = ""


class Run(Part):
    benchmark: str
    title: str = ""
    kind: str = ""
    model: str
    pipeline_id: str = ""
    protocol: Any = None
    protocol_hash: str = ""
    synthetic: bool = False
    scores: tuple[Scored, ...] = ()
    columns: dict[str, int | None] = {}
    seconds: Seconds = Seconds()
    controls: dict[str, Scored | None] = {}
    audio_gain: Gain | None = None
    alarms: tuple[str, ...] = ()
    lint: tuple[Lint, ...] = ()
    leakage: Leakage | None = None
    cost: Cost = Cost()
    details: Details = Details()
    folder: str | None = None
    items: tuple[Item, ...] = ()

    @property
    def headline(self) -> Scored | None:
        return self.scores[0] if self.scores else None

    @property
    def n(self) -> int:
        return self.columns.get("n") or (self.scores[0].n if self.scores else len(self.items))


class Compared(Part):
    """As ``score.difference_document`` writes it: a − b."""

    metric: str
    a: str
    b: str
    a_pipeline: str = ""
    b_pipeline: str = ""
    a_value: float | None = None
    b_value: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n: int = 0
    sources: int = 0
    protocol_hash: str = ""
    benchmark: str = ""
    differ: tuple[str, ...] = ()  # in what the protocols of the two are not the same


class Curve(Part):
    name: str
    x_label: str = ""
    y_label: str = ""
    x: tuple[float | str, ...] = ()
    y: tuple[float | None, ...] = ()
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


class Audited(Part):
    probe: str
    title: str = ""
    model: str = ""
    pipeline_id: str = ""
    synthetic: bool = True
    scores: tuple[Scored, ...] = ()
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    protocol_hash: str = ""


class Document(Part):
    version: int = Field(default=1, ge=1)
    auricle: str = ""
    made: str = ""
    command: str = ""
    runs: tuple[Run, ...] = ()
    differences: tuple[Compared, ...] = ()
    audits: tuple[Audited, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """A file that results came from."""

    name: str
    sha256: str
    made: str
    command: str
    auricle: str


@dataclass(frozen=True, slots=True)
class Results:
    origins: tuple[Origin, ...]
    runs: tuple[Run, ...]
    differences: tuple[Compared, ...]
    audits: tuple[Audited, ...]
    replaced: int = 0  # runs, differences and audits that a newer file measured again

    @property
    def made(self) -> str:
        return max((one.made for one in self.origins), default="")


def read(paths: Sequence[str | os.PathLike[str]]) -> Results:
    """Raises DataError for what is no results document, or holds none."""
    found = [_read(path) for path in paths]
    found.sort(key=lambda pair: pair[1].made)
    all_ = [document for _, document in found]
    runs, old = _newest((run for one in all_ for run in one.runs), lambda r: (r.benchmark, r.protocol_hash, r.model, r.pipeline_id))
    differences, older = _newest(
        (compared for one in all_ for compared in one.differences),
        lambda d: (d.protocol_hash, d.metric, d.a, d.a_pipeline, d.b, d.b_pipeline),
    )
    audits, oldest = _newest((audit for one in all_ for audit in one.audits), lambda a: (a.probe, a.protocol_hash, a.model, a.pipeline_id))
    if not runs and not audits:
        where = ", ".join(os.fspath(path) for path in paths)
        raise DataError("Invalid", f"{where}: nothing was measured in it.", path=where, hint=_HINT)
    return Results(tuple(origin for origin, _ in found), runs, differences, audits, old + older + oldest)


Kept = TypeVar("Kept")


def _newest(parts: Iterable[Kept], key: Callable[[Kept], Hashable]) -> tuple[tuple[Kept, ...], int]:
    """The last of those that measured the same, in the order in which they are first met; and how many gave way to another."""
    kept: dict[Hashable, Kept] = {}
    replaced = 0
    for part in parts:
        before = kept.get(key(part))
        replaced += before is not None and before != part
        kept[key(part)] = part
    return tuple(kept.values()), replaced


def _read(path: str | os.PathLike[str]) -> tuple[Origin, Document]:
    name = os.fspath(path)
    content = documents.read(path)
    try:
        document = Document.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        words = first["msg"][:1].lower() + first["msg"][1:]
        raise DataError("Invalid", f"{name}: {place}: {words}.", path=name, hint=_HINT) from None
    sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    runs = tuple(_placed(run, Path(path).parent) for run in document.runs)
    return Origin(Path(path).name, sha256, document.made, document.command, document.auricle), document.model_copy(update={"runs": runs})


def _placed(run: Run, beside: Path) -> Run:
    """A folder that is told relatively is meant from here, or from where the results file lies."""
    if not run.folder or Path(run.folder).is_dir() or not (beside / run.folder).is_dir():
        return run
    return run.model_copy(update={"folder": str(beside / run.folder)})
