"""Where the field has no open data, no open weights, nothing that a company may use, or nothing to measure by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from auricle.landscape.licences import strictest, use_of
from auricle.landscape.loading import load
from auricle.landscape.schema import Landscape, Mark, Record

Lack = Literal["data", "free data", "weights", "free weights", "benchmark"]
LACKS: Final[dict[Lack, str]] = {
    "data": "no set that can be had",
    "free data": "no set whose recorded licence lets a company use it",
    "weights": "no weights that can be had",
    "free weights": "no weights whose recorded licence lets a company use them",
    "benchmark": "nothing recorded to measure by",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """A task and what it lacks. The lists name what there is; ``unknown`` counts those of which nobody recorded a licence."""

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


def gaps(*, all_tasks: bool = False, field: Landscape | None = None) -> list[Gap]:
    """Tasks that lack something (or all tasks), those that lack most first."""
    field = field or load()
    found = [_gap(field, task) for task in field.of("task")]
    return sorted((gap for gap in found if gap.lacks or all_tasks), key=lambda gap: (-len(gap.lacks), gap.task.id))


def _gap(field: Landscape, task: Record) -> Gap:
    serving = [(edge, field.records[edge.subject]) for edge in field.into(task.id, "solves-task")]
    sets = [record for _, record in serving if record.kind == "set" and open_data(record) != "no"]
    # Who was measured on a test of this task, and of no other, is a model for it, however well it did.
    data = [record for _, record in serving if record.kind != "model"]
    tests = {record.id for record in data if {edge.object for edge in field.out(record.id, "solves-task")} == {task.id}}
    serving += [(edge, field.records[edge.subject]) for id in tests for edge in field.into(id, "evaluated-on")]
    models = list({record.id: record for _, record in serving if record.kind == "model" and open_weights(record)}.values())
    set_uses = {record.id: data_use(record) for record in sets}
    model_uses = {record.id: weights_use(record) for record in models}
    free_sets = [id for id, use in set_uses.items() if use == "free"]
    free_models = [id for id, use in model_uses.items() if use == "free"]
    # A set with a test part is a benchmark, too: one on which a figure was published.
    measured = {figure.benchmark for figure in field.figures}
    benchmarks = [record.id for _, record in serving if record.kind == "benchmark" or (record.kind == "set" and record.id in measured)]
    there: dict[Lack, bool] = {
        "data": bool(sets), "free data": bool(free_sets), "weights": bool(models), "free weights": bool(free_models),
        "benchmark": bool(benchmarks),
    }  # fmt: skip
    marks = [edge.mark for edge, record in serving if record.id in free_models or record.id in free_sets]
    mark: Mark = "checked" if "checked" in marks else "abstract" if "abstract" in marks else "unverified"
    return Gap(
        task, [lack for lack, held in there.items() if not held], [record.id for record in sets], free_sets,
        [record.id for record in models], free_models, benchmarks,
        sum(use == "unknown" for use in set_uses.values()), sum(use == "unknown" for use in model_uses.values()), mark,
    )  # fmt: skip


def open_weights(record: Record) -> bool:
    """Whether anyone can fetch the weights: "yes"; "gated" and "by form" are not."""
    return any(fact.value == "yes" for fact in record.said("open-weights"))


def open_data(record: Record) -> str:
    """``yes``, ``partly``, ``no``, or ``""`` where nothing is recorded."""
    return next((str(fact.value).split(" ")[0] for fact in record.said("open-data")), "")


def weights_use(record: Record) -> str:
    return strictest([use_of(str(fact.value)) for fact in record.said("licence-weights")])


def data_use(record: Record) -> str:
    """The strictest of what is said of texts and audio: a set needs both."""
    return strictest([use_of(str(fact.value)) for key in ("licence-text", "licence-audio") for fact in record.said(key)])
