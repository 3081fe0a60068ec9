"""Where the field has no open data, no open weights, nothing that a company may use, or nothing to measure by.

What nobody read in its source is not counted. Where it would fill a gap, that gap is not known to be one, and is told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from auricle.landscape.licences import DATA, WEIGHTS, Use, use_of_claims
from auricle.landscape.loading import load
from auricle.landscape.schema import Edge, Landscape, Mark, Record

Lack = Literal["data", "free data", "weights", "free weights", "benchmark"]
LACKS: Final[dict[Lack, str]] = {
    "data": "no set that can be had",
    "free data": "no set whose licence lets a company use it",
    "weights": "no weights that can be had",
    "free weights": "no weights whose licence lets a company use them",
    "benchmark": "nothing recorded to measure by",
}

NOT_KNOWN: Final[dict[Lack, str]] = {
    "data": "a set that can be had",
    "free data": "a set whose licence lets a company use it",
    "weights": "a model with weights that can be had",
    "free weights": "a model whose licence lets a company use its weights",
    "benchmark": "something to measure by",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """A task and what it lacks. The lists name what there is; ``unknown`` counts those of which nobody recorded, or read, a licence.

    ``not_known``: what would be there if what nobody read in its source held; ``left_out`` counts these statements.
    """

    task: Record
    lacks: list[Lack]
    sets: list[str]
    free_sets: list[str]
    models: list[str]  # with weights that can be had
    free_models: list[str]
    benchmarks: list[str]
    unknown_sets: int
    unknown_models: int
    mark: Mark  # of the best support of the statement that something is there; "unverified" where nothing is
    not_known: list[Lack]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Held:
    """What serves a task, by what is counted."""

    sets: list[Record]
    models: list[Record]
    benchmarks: list[str]
    set_uses: dict[str, Use]
    model_uses: dict[str, Use]
    serving: list[tuple[Edge, Record]]

    def free(self, uses: dict[str, Use]) -> list[str]:
        return [id for id, use in uses.items() if use == "free"]

    @property
    def there(self) -> dict[Lack, bool]:
        return {
            "data": bool(self.sets), "free data": bool(self.free(self.set_uses)), "weights": bool(self.models),
            "free weights": bool(self.free(self.model_uses)), "benchmark": bool(self.benchmarks),
        }  # fmt: skip


def gaps(*, all_tasks: bool = False, unverified: bool = False, field: Landscape | None = None) -> list[Gap]:
    """Tasks that lack something, or of which nobody knows it (or all tasks), those that lack most first.

    unverified: also count what nobody read in its source.
    """
    field = field or load()
    found = [_gap(field, task, unverified) for task in field.of("task")]
    wanted = [gap for gap in found if gap.lacks or gap.not_known or all_tasks]
    return sorted(wanted, key=lambda gap: (-len(gap.lacks), -len(gap.not_known), gap.task.id))


def _gap(field: Landscape, task: Record, unverified: bool) -> Gap:
    whole = _held(field, task, unverified=True)
    held = whole if unverified else _held(field.checked, task, unverified=False)
    missing = [lack for lack, there in held.there.items() if not there]
    free_sets, free_models = held.free(held.set_uses), held.free(held.model_uses)
    marks = [edge.mark for edge, record in held.serving if record.id in free_models or record.id in free_sets]
    mark: Mark = "checked" if "checked" in marks else "abstract" if "abstract" in marks else "unverified"
    return Gap(
        task, [lack for lack in missing if not whole.there[lack]], [record.id for record in held.sets], free_sets,
        [record.id for record in held.models], free_models, held.benchmarks,
        sum(use == "unknown" for use in held.set_uses.values()), sum(use == "unknown" for use in held.model_uses.values()), mark,
        [lack for lack in missing if whole.there[lack]], 0 if unverified else _unread(whole),
    )  # fmt: skip


def _held(field: Landscape, task: Record, *, unverified: bool) -> _Held:
    serving = [(edge, field.records[edge.subject]) for edge in field.into(task.id, "solves-task")]
    sets = [record for _, record in serving if record.kind == "set" and open_data(record) != "no"]
    # Who was measured on a test of this task, and of no other, is a model for it, however well it did.
    data = [record for _, record in serving if record.kind != "model"]
    tests = {record.id for record in data if {edge.object for edge in field.out(record.id, "solves-task")} == {task.id}}
    serving += [(edge, field.records[edge.subject]) for id in tests for edge in field.into(id, "evaluated-on")]
    able = (record for _, record in serving if record.kind == "model" and open_weights(record, unverified=unverified))
    models = list({record.id: record for record in able}.values())
    # A set with a test part is a benchmark, too: one on which a figure was published.
    measured = {figure.benchmark for figure in field.figures}
    benchmarks = [record.id for _, record in serving if record.kind == "benchmark" or (record.kind == "set" and record.id in measured)]
    return _Held(
        sets, models, list(dict.fromkeys(benchmarks)),
        {record.id: use_of_claims(record, DATA, unverified=unverified) for record in sets},
        {record.id: use_of_claims(record, WEIGHTS, unverified=unverified) for record in models}, serving,
    )  # fmt: skip


def _unread(whole: _Held) -> int:
    """How many statements about what serves the task nobody read in their source: relations, licences, whether weights can be had."""
    edges = {id(edge) for edge, _ in whole.serving if edge.mark != "checked"}
    records = {record.id: record for _, record in whole.serving}
    keys = {"model": ("open-weights", *WEIGHTS), "set": DATA}
    facts = [fact for record in records.values() for key in keys.get(record.kind, ()) for fact in record.said(key)]
    return len(edges) + sum(fact.mark != "checked" for fact in facts)


def open_weights(record: Record, *, unverified: bool = False) -> bool:
    """Whether anyone can fetch the weights: "yes"; "gated" and "by form" are not."""
    return any(fact.value == "yes" and (unverified or fact.mark == "checked") for fact in record.said("open-weights"))


def open_data(record: Record) -> str:
    """``yes``, ``partly``, ``no``, or ``""`` where nothing is recorded."""
    return next((str(fact.value).split(" ")[0] for fact in record.said("open-data")), "")
