"""Which of the classes is it, by examples: a linear probe on frozen vectors that never saw what it is asked about.

``hold`` says what is kept apart: ``split`` (learn from the other splits), or a key such as ``fold`` or ``speaker``: each of its values is
asked of a probe that learned from the others. ``shots``: examples a class, drawn ``draws`` times; none: all there are.
A control replaces what is asked, never what was learned from.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from auricle.data.items import Item
from auricle.errors import DataError
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.base import WINDOWS, Answers, Measured, confusion, heard_vectors, need, outcome_of, per_class, settings
from auricle.evaluation.kinds.zero_shot import one_label
from auricle.evaluation.outcomes import values
from auricle.evaluation.probing import STRENGTH, fitted
from auricle.evaluation.score import Mean, measured
from auricle.models.capabilities import EmbedsAudio, Vectors

KNOWN = {"hold": "split", "shots": None, "draws": 1}
SEED = 0


class FewShot:
    name = "few_shot"
    controls: tuple[Control, ...] = ("silence", "noise", "other")

    def check(self, model: Any) -> None:
        need(model, EmbedsAudio, why="a probe on its vectors")

    def lint(self, task: Task) -> list[Finding]:
        one_label(task)
        own = settings(task, KNOWN)
        shared = [pair for pair in _parts(task, own["hold"]) if _sources(task, pair[0]) & _sources(task, pair[1])]
        for learned, _ in _parts(task, own["hold"]):
            lacking = {i.labels[0] for i in task.items} - {i.labels[0] for i in learned if len(i.labels) == 1}
            if lacking:
                message = f"{task.benchmark.name}: there is nothing to learn {sorted(lacking)[0]!r} from."
                raise DataError("Missing", message, hint="Give the whole set, with what a probe learns from.")
        if shared and task.benchmark.groups == "clip":
            some = sorted(_sources(task, shared[0][0]) & _sources(task, shared[0][1]))
            return [Finding("error", "groups", f"{len(some)} sources are learned from and asked about ({some[0]} …)")]
        return []

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        own = settings(task, KNOWN)
        place = {item.id: row for row, item in enumerate(task.items)}
        asked = heard_vectors(hearing, task.items)
        said: list[list[str]] = [[] for _ in task.items]
        for learned, tested in _parts(task, own["hold"]):
            known = [item for item in learned if len(item.labels) == 1]
            taught = heard_vectors(hearing.full, known)
            usable = [row for row, why in enumerate(taught.failed) if why is None]
            asking = asked.vectors[[place[item.id] for item in tested]]
            for draw in range(own["draws"]):
                rows = [usable[r] for r in _drawn([known[r].labels[0] for r in usable], own["shots"], draw)]
                told = _predicted(hearing, taught.vectors[rows], [known[r].labels[0] for r in rows], asking)
                for item, label in zip(tested, told, strict=True):
                    said[place[item.id]].append(label)
        outcomes = []
        for row, item in enumerate(task.items):
            right = sum(label == item.labels[0] for label in said[row]) / len(said[row])
            answer = Counter(said[row]).most_common(1)[0][0]
            outcomes.append(outcome_of(hearing, item, item.labels[0], asked.failed[row], answer, right))
        return Answers(tuple(outcomes))

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        own = settings(task, KNOWN)
        truth = [item.labels[0] for item in task.items]
        sources = [task.source(item) for item in task.items]
        names = sorted(set(truth))
        right = values(answers.outcomes)
        details = {**own, "seed": SEED, "probe": "logistic regression, one scale", "strength": STRENGTH, "audio": WINDOWS}
        score = measured(
            f"{task.benchmark.name} accuracy", Mean.of(right, [o.id for o in answers.outcomes], sources),
            task.how(f"{task.benchmark.title}, probe", "accuracy", truth, details), model,
            baselines={"chance": 1 / len(names), "majority": max(Counter(truth).values()) / len(truth)},
        )  # fmt: skip
        rows = per_class(names, truth, right.tolist(), sources)
        return Measured((score,), {"classes": names, "confusion": confusion(names, answers.outcomes), "per_class": rows})


def _parts(task: Task, hold: str) -> Iterator[tuple[tuple[Item, ...], tuple[Item, ...]]]:
    """What is learned from and what is then asked; every item is asked once. Raises DataError where nothing is kept apart."""
    if hold == "split":
        if not task.others:
            message = f"{task.benchmark.name}: the set has no other split to learn from."
            raise DataError("Missing", message, hint="Give the whole set.")
        yield task.others, task.items
        return
    keys = sorted({_key(item, hold) for item in task.items})
    if len(keys) < 2 or "" in keys:
        raise DataError("Invalid", f"{task.benchmark.name}: items do not say their {hold}.", hint="Correct `hold` in the benchmark.")
    pool = task.others or task.items
    for key in keys:
        learned = tuple(item for item in pool if _key(item, hold) != key)
        yield learned, tuple(item for item in task.items if _key(item, hold) == key)


def _key(item: Item, hold: str) -> str:
    return str(item.extra.get(hold, ""))


def _sources(task: Task, items: tuple[Item, ...]) -> set[str]:
    return {task.source(item) for item in items}


def _predicted(hearing: Hearing, vectors: Vectors, labels: list[str], asked: Vectors) -> list[str]:
    """What a probe of these examples says. Kept like all answers; one that must be fitted is fitted once for all controls."""
    learned = hashlib.sha256(vectors.tobytes() + repr(labels).encode()).hexdigest()

    def work() -> list[str]:
        if learned not in hearing.memo:
            hearing.memo[learned] = fitted(vectors, labels)
        return [str(label) for label in hearing.memo[learned].predict(asked)]

    found: list[str] = hearing.all(learned, ["probe", STRENGTH, hashlib.sha256(asked.tobytes()).hexdigest()], work, 0)
    return found


def _drawn(labels: list[str], shots: int | None, draw: int) -> list[int]:
    """Rows to learn from: all, or so many of each class, by the number of the draw alone."""
    if shots is None:
        return list(range(len(labels)))
    rng = np.random.default_rng([SEED, draw])
    rows: list[int] = []
    for label in sorted(set(labels)):
        own = [row for row, other in enumerate(labels) if other == label]
        rows += sorted(rng.permutation(own)[:shots].tolist())
    return rows
