"""Sounds and texts that differ in one thing only (which comes first, who does what), and belong together one to one: CompA.

For every group of two or three sounds and their texts: *text score*, each sound prefers its own text; *audio score*, each text prefers
its own sound; *group score*, both. A tie prefers nothing. Needs vectors of sound and of text, or likelihoods of text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from auricle.data.items import Item
from auricle.data.texts import normal
from auricle.errors import DataError, ModelError
from auricle.evaluation import linter
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.asking import HEARING, chosen_prompt, likelihoods, towers
from auricle.evaluation.kinds.base import WINDOWS, Answers, Measured, attempt, outcome_of, settings
from auricle.evaluation.kinds.retrieval import texts_vectors
from auricle.evaluation.outcomes import Status
from auricle.evaluation.probing import DECIMALS
from auricle.evaluation.score import Mean, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import ScoresText

METRICS = ("group score", "text score", "audio score")
LUCK = {"group score": 1 / 6, "text score": 1 / 4, "audio score": 1 / 4}  # of pairs, for four scores in random order
KNOWN: dict[str, Any] = {"group": "group", "member": "member", "members": []}  # keys of the items; members: which are measured on, or all
Failed = tuple[Status, str] | None


class Contrasting:
    name = "contrasting"
    controls: tuple[Control, ...] = HEARING

    def check(self, model: Any) -> None:
        if not towers(model) and not isinstance(model, ScoresText):
            message = f"{model.name} compares no sound with text and scores none: it cannot be measured on contrasts."
            raise ModelError("Capability", message, hint="Leave it out, or choose another.")

    def lint(self, task: Task) -> list[Finding]:
        if task.benchmark.metric not in METRICS:
            message = f"{task.benchmark.name}: contrasting has no metric {task.benchmark.metric!r}."
            raise DataError("Invalid", message, hint=f"It has {', '.join(METRICS)}.")
        found: list[Finding] = []
        made = groups(task)
        alone = [name for name, items in made.items() if len(items) < 2]
        if alone:
            found.append(linter.error("groups", f"{len(alone)} of {len(made)} groups have one sound ({alone[0]} …)"))
        same = [name for name, items in made.items() if len({normal(i.captions[0]) for i in items if i.captions}) < len(items)]
        if same:
            found.append(linter.error("captions", f"{len(same)} of {len(made)} groups have a text twice, or a sound without ({same[0]} …)"))
        return found

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        outcomes, table = [], []
        texts = [item.captions[0] for items in groups(task).values() for item in items]
        vectors = texts_vectors(model, hearing, texts) if towers(model) else None
        at = 0
        for name, items in groups(task).items():
            own = None if vectors is None else vectors[at : at + len(items)]
            at += len(items)
            rows = [self._row(task, hearing, item, items, own) for item in items]
            failed: Failed = next((why for why, _ in rows if why is not None), None)
            found = _scores(np.array([row for _, row in rows])) if failed is None else dict.fromkeys(METRICS, 0.0)
            truth = [item.captions[0] for item in items]
            best = None if failed else [items[int(np.argmax(row))].captions[0] for _, row in rows if row is not None]
            outcomes.append(outcome_of(hearing, items[0], truth, failed, best, found[task.benchmark.metric], id=name))
            table.append(found)
        return Answers(tuple(outcomes), {metric: [found[metric] for found in table] for metric in METRICS})

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        made = groups(task)
        own = settings(task, KNOWN)
        b = task.benchmark
        ids = [outcome.id for outcome in answers.outcomes]
        sources = [task.source(items[0]) for items in made.values()]
        truth = [[[item.id, item.captions[0]] for item in items] for items in made.values()]
        pairs = all(len(items) == 2 for items in made.values())
        details = {
            "rendering": "similarity" if towers(model) else "likelihood", "members": own["members"], "audio": WINDOWS,
            "signature": "contrast|v1|tie:wrong", "tie": "wrong",
        }  # fmt: skip
        scores = []
        for metric in (b.metric, *(m for m in METRICS if m != b.metric)):
            how = task.how(f"{b.title}, contrasts", metric, truth, details)
            sample = Mean.of(answers.kept[metric], ids, sources)
            chance = {"chance": LUCK[metric]} if pairs else None
            scores.append(measured(f"{b.name} {metric}", sample, how, model, baselines=chance))
        return Measured(tuple(scores), {"groups": len(made)})

    def _row(self, task: Task, hearing: Hearing, item: Item, items: Sequence[Item], texts: Any) -> tuple[Failed, Floats | None]:
        """How well each text of the group fits the item's sound."""
        if texts is not None:
            failed, vector = attempt(hearing, item, partial(hearing.vector, item))
            return failed, None if vector is None else np.round(texts @ vector, DECIMALS).astype(np.float64)
        options = [other.captions[0] for other in items]
        return attempt(hearing, item, partial(likelihoods, hearing, item, chosen_prompt(task.benchmark.prompts, items[0]), options))


def groups(task: Task) -> dict[str, list[Item]]:
    """Group → its items, in the set's order."""
    own = settings(task, KNOWN)
    found: dict[str, list[Item]] = {}
    for item in task.items:
        if not own["members"] or item.extra.get(own["member"]) in own["members"]:
            found.setdefault(str(item.extra.get(own["group"], item.id)), []).append(item)
    return found


def _scores(fits: Floats) -> dict[str, float]:
    """``fits[i, j]``: sound i with text j; i belongs to i."""
    own = np.diag(fits)
    off = ~np.eye(len(fits), dtype=bool)
    text = all(own[i] > fits[i, off[i]].max() for i in range(len(fits)))
    audio = all(own[j] > fits[off[:, j], j].max() for j in range(len(fits)))
    return {"text score": float(text), "audio score": float(audio), "group score": float(text and audio)}
