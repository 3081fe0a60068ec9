"""What a kind of task is: it looks at the task, asks the model, and makes scores of what came back.

The harness calls ``answer`` once with the sound itself and once for each control (silence, noise, …) with a :class:`Hearing` that gives
other sound for the same items; ``score`` is then the same for all. So a kind says nothing about controls, caches or costs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from auricle.errors import ModelError
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.outcomes import Outcome
from auricle.evaluation.score import Score


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
    from auricle.errors import DataError

    own = task.benchmark.settings
    unknown = sorted(set(own) - set(known))
    if unknown:
        hint = f"It knows {', '.join(known) or 'none'}."
        raise DataError("Invalid", f"benchmark {task.benchmark.name}: {task.benchmark.kind} has no setting {unknown[0]!r}.", hint=hint)
    return {**known, **own}


def per_class(classes: Sequence[str], truth: Sequence[str], right: Sequence[float], sources: Sequence[str]) -> list[dict[str, Any]]:
    """A row a class: how many of it are right, with the interval over sources."""
    from auricle.evaluation.statistics import bootstrap

    rows = []
    for label in classes:
        own = [i for i, said in enumerate(truth) if said == label]
        if own:
            found = bootstrap([right[i] for i in own], clusters=[sources[i] for i in own], rounds=500)
            rows.append({"class": label, "n": len(own), **{k: round(getattr(found, k), 4) for k in ("value", "low", "high")}})
    return rows
