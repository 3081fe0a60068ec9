"""Which of many labels are true of a sound: labels are ranked by how near their texts are.

Mean average precision over labels (macro): for each label, all items ranked by its similarity. An item without an answer ranks last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.base import WINDOWS, Answers, Measured, heard_vectors, need, outcome_of, settings
from auricle.evaluation.kinds.zero_shot import classes_of
from auricle.evaluation.probing import nearest
from auricle.evaluation.score import measured
from auricle.evaluation.statistics import Counts, Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText

ROUNDS = 200  # of the interval: every one ranks all items for all labels
CURVES = 20  # labels whose curves are written down, those with the most items
POINTS = 50  # of a curve


class MultiLabel:
    name = "multilabel"
    controls: tuple[Control, ...] = ("silence", "noise", "other")

    def check(self, model: Any) -> None:
        need(model, EmbedsAudio, EmbedsText, why="multi-label tagging")

    def lint(self, task: Task) -> list[Finding]:
        settings(task, {})
        bare = [item.id for item in task.items if not item.labels]
        found = [Finding("error", "no label", f"{len(bare)} items have no label ({bare[0]} …)")] if bare else []
        if len(classes_of(task)) < 2:
            found.append(Finding("error", "classes", "there are fewer than two labels to rank"))
        return found

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        classes = classes_of(task)
        found = heard_vectors(hearing, task.items)
        _, similarity, _ = nearest(model, found.vectors, [words for _, words in classes], task.benchmark.prompts)
        similarity[[why is not None for why in found.failed]] = -np.inf
        outcomes = []
        for row, item in enumerate(task.items):
            order = np.argsort(-similarity[row], kind="stable")
            ranked = [classes[k][0] for k in order]
            said = ranked[: len(item.labels)]
            outcomes.append(outcome_of(hearing, item, list(item.labels), found.failed[row], said, _precision(ranked, set(item.labels))))
        return Answers(tuple(outcomes), {"similarity": similarity})

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        classes = classes_of(task)
        names = [label for label, _ in classes]
        truth = np.array([[label in item.labels for label in names] for item in task.items])
        ids, sources = tuple(o.id for o in answers.outcomes), tuple(task.source(item) for item in task.items)
        sample = Ranked(answers.kept["similarity"], truth, ids, sources)
        how = task.how(
            f"{task.benchmark.title}, tagging", "mean average precision", [list(i.labels) for i in task.items],
            {"classes": classes, "average": "macro over labels with an item", "ties": "one step of the curve", "audio": WINDOWS},
        )  # fmt: skip
        rate = truth.mean(axis=0)
        score = measured(
            f"{task.benchmark.name} mAP", sample, how, model, baselines={"chance": float(rate[rate > 0].mean())}, rounds=ROUNDS
        )  # fmt: skip
        once = np.ones(len(ids), np.int64)
        own = sample.each(once)
        rows = [{"class": names[k], "n": int(truth[:, k].sum()), "value": round(float(own[k]), 4)} for k in range(len(names)) if rate[k]]
        most = sorted(range(len(names)), key=lambda k: -truth[:, k].sum())[:CURVES]
        curves = {names[k]: sample.curve(k, POINTS) for k in most if rate[k]}
        return Measured((score,), {"classes": names, "per_class": rows, "precision_recall": curves})


@dataclass(frozen=True)
class Ranked:
    """Scores and truth ``[items, labels]``. The statistic is the mean over drawn labels of average precision, as scikit-learn has it."""

    scores: Floats
    truth: npt.NDArray[np.bool_]
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        found = self.each(counts)
        known = found[~np.isnan(found)]
        return float(known.mean()) if len(known) else float("nan")

    def each(self, counts: Counts) -> Floats:
        """Average precision of each label; NaN for one without a drawn item."""
        order, last = self._order
        return np.array([self._one(k, counts, order[:, k], last[:, k]) for k in range(self.truth.shape[1])])

    def _one(self, k: int, counts: Counts, order: npt.NDArray[np.intp], last: npt.NDArray[np.bool_]) -> float:
        drawn = counts[order].astype(np.float64)
        right = np.cumsum(drawn * self.truth[order, k])[last]
        if not right[-1]:
            return float("nan")
        every = np.cumsum(drawn)[last]
        gained = np.diff(right, prepend=0.0)
        return float(np.sum(gained * np.divide(right, every, out=np.zeros_like(right), where=every > 0)) / right[-1])

    @cached_property
    def _order(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
        """Of each label: items by falling score, and which of them is the last of those that tie."""
        order = np.argsort(-self.scores, axis=0, kind="stable")
        ranked = np.take_along_axis(self.scores, order, axis=0)
        return order, np.concatenate([ranked[1:] != ranked[:-1], np.ones((1, ranked.shape[1]), bool)])

    def curve(self, k: int, points: int) -> list[list[float]]:
        """``[recall, precision]`` of one label, at most so many."""
        order, last = (part[:, k] for part in self._order)
        right = np.cumsum(self.truth[order, k])[last]
        every = (np.arange(len(order)) + 1)[last]
        some = np.unique(np.linspace(0, len(right) - 1, points).round().astype(int))
        return [[round(float(right[i] / right[-1]), 4), round(float(right[i] / every[i]), 4)] for i in some]


def _precision(ranked: list[str], true: set[str]) -> float:
    """Average precision of one item's ranking of labels."""
    hits, total = 0, 0.0
    for place, label in enumerate(ranked, 1):
        if label in true:
            hits += 1
            total += hits / place
    return total / len(true) if true else 0.0
