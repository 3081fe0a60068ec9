"""What a kind of task is: it looks at the task, asks the model, and makes scores of what came back.

The harness calls ``answer`` once with the sound itself and once for each control (silence, noise, …) with a :class:`Hearing` that gives
other sound for the same items; ``score`` is then the same for all. So a kind says nothing about controls, caches or costs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import numpy as np

from auricle.data.items import Item
from auricle.errors import AudioError, DataError, ModelError
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.outcomes import WRONG, Outcome, Status
from auricle.evaluation.score import Score
from auricle.evaluation.statistics import bootstrap
from auricle.models.capabilities import Vectors

T = TypeVar("T")
WINDOWS = "each model's own rate and windows; mean of a clip's windows, unit norm"


@dataclass(frozen=True)
class Answers:
    """``outcomes``: one for everything asked, in the task's order, whatever became of it. ``kept``: what ``score`` needs besides."""

    outcomes: tuple[Outcome, ...]
    kept: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """``scores``: the headline first. ``details``: JSON for the report (classes, confusion, per_class, reliability, …)."""

    scores: tuple[Score, ...]
    details: Mapping[str, Any] = field(default_factory=dict)


class Kind(Protocol):
    """``controls``: those that say something for this kind, of ``hearing.CONTROLS``."""

    name: str
    controls: tuple[Control, ...]

    def check(self, model: Any) -> None: ...  # raises ModelError (Capability) for a model that cannot be asked this

    def lint(self, task: Task) -> list[Finding]: ...  # before anything is heard; raises DataError for wrong settings

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers: ...

    def score(self, model: Any, task: Task, answers: Answers) -> Measured: ...


def need(model: Any, *capabilities: type, why: str) -> None:
    """Raises ModelError (Capability) where the model lacks one. ``why``: what is measured, for the message."""
    lacking = [c.__name__ for c in capabilities if not isinstance(model, c)]
    if lacking:
        words = {"EmbedsAudio": "gives no vectors of sound", "EmbedsText": "gives no vectors of text", "EmbedsFrames": "gives no frames"}
        told = " and ".join(words.get(name, f"lacks {name}") for name in lacking)
        raise ModelError("Capability", f"{model.name} {told}: it cannot be measured on {why}.", hint="Leave it out, or choose another.")


def settings(task: Task, known: Mapping[str, Any]) -> dict[str, Any]:
    """The benchmark's settings over ``known`` defaults. Raises DataError for one that the kind does not know."""
    own = task.benchmark.settings
    unknown = sorted(set(own) - set(known))
    if unknown:
        hint = f"It knows {', '.join(known) or 'none'}."
        raise DataError("Invalid", f"benchmark {task.benchmark.name}: {task.benchmark.kind} has no setting {unknown[0]!r}.", hint=hint)
    return {**known, **own}


@dataclass(frozen=True)
class Heard:
    """Unit vectors of items, zeros where one could not be heard; ``failed``: status and reason of those, else None."""

    vectors: Vectors
    failed: tuple[tuple[Status, str] | None, ...]


def heard_vectors(hearing: Hearing, items: Sequence[Item]) -> Heard:
    """Every item once. One that is not there is skipped, one that cannot be heard has failed: both stay in n."""
    rows = np.zeros((len(items), hearing.model.dim), np.float32)
    failed: list[tuple[Status, str] | None] = []
    for row, item in enumerate(items):
        why, vector = attempt(hearing, item, partial(hearing.vector, item))
        if vector is not None:
            rows[row] = vector
        failed.append(why)
    return Heard(rows, tuple(failed))


def attempt(hearing: Hearing, item: Item, work: Callable[[], T]) -> tuple[tuple[Status, str] | None, T | None]:
    """What ``work`` gives, or the status and reason of an item whose sound is not there, cannot be heard, or breaks the model."""
    try:
        return None, work()
    except (AudioError, ModelError) as error:
        if isinstance(error, ModelError) and error.kind != "Damaged":
            raise
        return ("skipped" if item.id in hearing.task.absent else "failed", error.message), None


def outcome_of(
    hearing: Hearing, item: Item, truth: Any, failed: tuple[Status, str] | None, answer: Any, value: float, confidence: float | None = None,
    *, id: str = "",
) -> Outcome:  # fmt: skip
    """The outcome of an item, or of one of the things asked about it (``id``)."""
    given, heard = hearing.times.get(item.id, (item.duration or 0.0, 0.0))
    status, reason = failed or ("ok", "")
    if failed:
        answer, value, confidence = None, WRONG, None
    return Outcome(id or item.id, truth, answer, status, value, given, heard, confidence, item.audio or "", reason)


def confusion(classes: Sequence[str], outcomes: Sequence[Outcome]) -> list[list[int]]:
    """Row: what it is; column: what was said. What was not answered is in no column."""
    place = {label: n for n, label in enumerate(classes)}
    table = [[0] * len(classes) for _ in classes]
    for outcome in outcomes:
        if outcome.answer in place:
            table[place[outcome.truth]][place[outcome.answer]] += 1
    return table


def reliable(outcomes: Sequence[Outcome], bins: int = 10) -> list[dict[str, float]]:
    """Ten bins of equal width over what was said with a confidence: how sure, and how often right."""
    said = [(o.confidence, o.value) for o in outcomes if o.confidence is not None]
    rows = []
    for n in range(bins):
        own = [(p, v) for p, v in said if min(int(p * bins), bins - 1) == n]
        if own:
            mean_p, mean_v = (sum(x[i] for x in own) / len(own) for i in (0, 1))
            edges = {"low": n / bins, "high": (n + 1) / bins, "n": len(own)}
            rows.append({**edges, "confidence": round(mean_p, 4), "accuracy": round(mean_v, 4)})
    return rows


def per_class(classes: Sequence[str], truth: Sequence[str], right: Sequence[float], sources: Sequence[str]) -> list[dict[str, Any]]:
    """A row a class: how many of it are right, with the interval over sources."""
    rows = []
    for label in classes:
        own = [i for i, said in enumerate(truth) if said == label]
        if own:
            found = bootstrap([right[i] for i in own], clusters=[sources[i] for i in own], rounds=500)
            rows.append({"class": label, "n": len(own), **{k: round(getattr(found, k), 4) for k in ("value", "low", "high")}})
    return rows
