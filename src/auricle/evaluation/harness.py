"""Measure models on benchmarks: look at the task first, ask with the sound and with controls, say what it cost.

runs = [measure(model, loading.load(get("esc10"), folder), cache=folder) for model in models]
documents.write("results.json", documents.document(runs=[run.document() for run in runs], differences=compared(runs)))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auricle.errors import AuricleError, DataError, ModelError
from auricle.evaluation import kinds, linter
from auricle.evaluation.benchmark import Benchmark, Finding, Task
from auricle.evaluation.cache import Cache, key_of
from auricle.evaluation.controls import ROUNDS, Gain, alarms, audio_gain
from auricle.evaluation.hearing import Hearing, Told
from auricle.evaluation.outcomes import Outcome, columns, seconds
from auricle.evaluation.peak import Peak
from auricle.evaluation.score import Score, difference, difference_document, digest


@dataclass(frozen=True)
class Cost:
    """None: not known. ``computed`` and ``cached``: answers that were worked out now, and those that were kept from before."""

    seconds_per_audio_hour: float | None = None
    peak_memory_bytes: int | None = None
    model_bytes: int | None = None
    cached_items: int = 0
    computed_items: int = 0

    def document(self) -> dict[str, Any]:
        rate = self.seconds_per_audio_hour
        return {
            "seconds_per_audio_hour": None if rate is None else round(rate, 2), "peak_memory_bytes": self.peak_memory_bytes,
            "model_bytes": self.model_bytes, "cached_items": self.cached_items, "computed_items": self.computed_items,
        }  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One model on one benchmark. ``scores``: the headline first. ``folder``: where the items' audio lies."""

    benchmark: Benchmark
    model: str
    pipeline_id: str
    scores: tuple[Score, ...]
    outcomes: tuple[Outcome, ...]
    controls: Mapping[str, Score] = field(default_factory=dict)
    gain: Gain | None = None
    alarms: tuple[str, ...] = ()
    lint: tuple[Finding, ...] = ()
    cost: Cost = Cost()
    details: Mapping[str, Any] = field(default_factory=dict)
    leakage: Mapping[str, Any] | None = None
    folder: str = ""

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        b, how = self.benchmark, self.scores[0].how
        return {
            "benchmark": b.name, "title": b.title, "kind": b.kind, "model": self.model, "pipeline_id": self.pipeline_id,
            "protocol": how.document(), "protocol_hash": how.hash, "synthetic": b.synthetic,
            "scores": [score.document() for score in self.scores], "columns": columns(self.outcomes), "seconds": seconds(self.outcomes),
            "controls": {name: score.document() for name, score in self.controls.items()},
            "audio_gain": self.gain.document() if self.gain else None, "alarms": list(self.alarms),
            "lint": [finding.document() for finding in self.lint], "leakage": self.leakage, "cost": self.cost.document(),
            "details": dict(self.details), "folder": self.folder, "items": [outcome.document() for outcome in self.outcomes],
        }  # fmt: skip


def measure(
    model: Any, task: Task, *, cache: Path | None = None, controls: bool = True, anyway: bool = False, told: Told | None = None
) -> Run:  # fmt: skip
    """One model on one task.

    cache:    folder of what was answered before; None keeps nothing.
    anyway:   measure in spite of what the linter calls an error.
    told:     called with (control or None, items done, items).
    Raises ModelError for a model that cannot be asked this or answers nothing, DataError for a task that would give a wrong number.
    """
    kind = kinds.get(task.benchmark.kind)
    kind.check(model)
    lint = checked(task, kind, anyway=anyway)
    kept = Cache(cache, model.pipeline_id)
    hearing = Hearing(model, task, kept, told=told)
    with Peak() as peak:
        answers = kind.answer(model, task, hearing)
    hits, computed = kept.hits, kept.computed
    _answered(model, task, answers.outcomes)
    found = kind.score(model, task, answers)
    sound = digest(sorted(hearing.sounds.items()))
    scores = tuple(_stamped(score, sound) for score in found.scores)
    controlled: dict[str, Score] = {}
    other: dict[str, Sequence[Outcome]] = {}
    for control in kind.controls if controls else ():
        said = kind.answer(model, task, hearing.under(control))
        other[control] = said.outcomes
        controlled[control] = _stamped(kind.score(model, task, said).scores[0], sound)
    gain = audio_gain(scores[0], controlled)
    cost = Cost(
        _rate(hearing, answers.outcomes), _peak(kept, model, task, peak.bytes if computed else None), bytes_of(model), hits, computed
    )
    return Run(
        task.benchmark, model.name, model.pipeline_id, scores, answers.outcomes, controlled, gain,
        tuple(alarms(scores[0], gain, answers.outcomes, other)), lint, cost, found.details, None, str(task.held.folder),
    )  # fmt: skip


def fits(models: Sequence[Any], task: Task, *, anyway: bool = False) -> None:
    """Raises what :func:`measure` would raise before anything is heard: for a list of models and tasks nothing is begun in vain."""
    kind = kinds.get(task.benchmark.kind)
    for model in models:
        kind.check(model)
    checked(task, kind, anyway=anyway)


def checked(task: Task, kind: kinds.Kind, *, anyway: bool = False) -> tuple[Finding, ...]:
    """What the loader and the linter found. Raises DataError that names the errors, unless they are to be passed over."""
    lint = (*task.findings, *linter.look(task), *kind.lint(task))
    errors = [finding for finding in lint if finding.level == "error"]
    if errors and not anyway:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        message = f"{task.benchmark.name}: {first.rule}: {first.message}{more}."
        raise DataError("Invalid", message, path=str(task.held.folder), hint="Complete or correct the data, or measure it --anyway.")
    return lint


def compared(runs: Sequence[Run], *, anyway: bool = False, told: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Every later model − every earlier one on the same benchmark, score by score, JSON-ready.

    Scores of different protocols are passed over, and ``told`` says what differs; ``anyway`` compares them: see ``differ`` of the row.
    """
    found = []
    for at, run in enumerate(runs):
        for other in runs[:at]:
            if other.benchmark.name == run.benchmark.name:
                found += _pairs(run, other, anyway, told or (lambda text: None))
    return found


def _pairs(run: Run, other: Run, anyway: bool, told: Callable[[str], None]) -> list[dict[str, Any]]:
    rows = []
    for score in run.scores:
        match = next((s for s in other.scores if s.metric == score.metric), None)
        if match is None:
            continue
        differ = score.how.differs(match.how)
        if differ and not anyway:
            names = ", ".join(differ)
            told(f"{run.model} and {other.model} are not compared on {score.metric}: {names} differ (--anyway compares them).")
            continue
        try:
            row = difference_document(score, match, difference(score, match, anyway=anyway, rounds=ROUNDS))
        except AuricleError as error:  # items differ: nothing to pair
            told(f"{run.model} and {other.model} are not compared: {error.message}")
            continue
        rows.append({"benchmark": run.benchmark.name, **row, "differ": differ})
    return rows


def bytes_of(model: Any) -> int | None:
    """What the model takes on disk, or what it says of itself (``bytes``)."""
    bundle = getattr(model, "bundle", None)
    if bundle is None:
        own = getattr(model, "bytes", None)
        return own if isinstance(own, int) else None
    return sum(os.path.getsize(path) for path in Path(bundle.path).rglob("*") if path.is_file())


def _answered(model: Any, task: Task, outcomes: Sequence[Outcome]) -> None:
    """Raises ModelError where there is not one thing that was answered: that is no result."""
    if not outcomes:
        raise DataError("Missing", f"{task.benchmark.name}: there is nothing to ask.", hint="Check its data.")
    if all(outcome.status in ("failed", "skipped") for outcome in outcomes):
        reason = next((o.reason for o in outcomes if o.status == "failed"), outcomes[0].reason)
        raise ModelError("Damaged", f"{model.name} on {task.benchmark.name}: not one of {len(outcomes)} was answered: {reason}")


def _stamped(score: Score, sound: str) -> Score:
    """With the sound that was heard in the hash of its data: a control carries the hash of what it stands for."""
    return replace(score, how=replace(score.how, data_hash=digest([score.how.data_hash, sound])))


def _rate(hearing: Hearing, outcomes: Sequence[Outcome]) -> float | None:
    """Seconds of computing an hour of sound, as each answer took when it was computed."""
    given = sum(one for one, _ in hearing.times.values()) or seconds(outcomes)["given"]
    return sum(hearing.took.values()) / (given / 3600) if given and hearing.took else None


def _peak(kept: Cache, model: Any, task: Task, now: int | None) -> int | None:
    """The most memory that answering took, now or when it was done."""
    key = key_of("peak", model.pipeline_id, task.held.hash)
    before = kept.get(key)
    most = max((value for value in (before, now) if value is not None), default=None)
    if most is not None and most != before:
        kept.put(key, str(most))
    return most
