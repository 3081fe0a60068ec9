"""Which of the classes is it, by their names alone: the class whose text is nearest to the sound.

Accuracy over all that was asked; a tie goes to the first in the alphabet. Needs vectors of sound and of text; a model that speaks, and has
none, is asked which it is, and its answer is the name that the sound makes likelier by most (surface forms compete: Holtzman 2021,
arXiv 2104.08315).
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import numpy as np

from auricle.errors import DataError
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.asking import controls_of, likelihoods, question_prompt, towers
from auricle.evaluation.kinds.base import (
    WINDOWS,
    Answers,
    Measured,
    attempt,
    confusion,
    heard_vectors,
    need,
    outcome_of,
    per_class,
    reliable,
    settings,
)
from auricle.evaluation.outcomes import values
from auricle.evaluation.probing import nearest
from auricle.evaluation.score import Mean, measured
from auricle.models.capabilities import LETTERS, EmbedsAudio, EmbedsText, ScoresText

QUESTION = "Which of these is heard?"  # of a model that speaks


class ZeroShot:
    name = "zero_shot"
    controls: tuple[Control, ...] = ("silence", "noise", "other")

    def check(self, model: Any) -> None:
        if not isinstance(model, ScoresText):
            need(model, EmbedsAudio, EmbedsText, why="zero-shot classification")
        self.controls = controls_of(model)

    def lint(self, task: Task) -> list[Finding]:
        settings(task, {})
        one_label(task)
        return []

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        classes = classes_of(task)
        if not towers(model):
            return self._asked(task, hearing, classes)
        found = heard_vectors(hearing, task.items)
        names = [words for _, words in classes]
        places, _, text = nearest(model, found.vectors, names, task.benchmark.prompts)
        sure = confidences(model, found.vectors, text, places)
        outcomes = []
        for row, item in enumerate(task.items):
            said = classes[places[row]][0]
            outcomes.append(outcome_of(hearing, item, item.labels[0], found.failed[row], said, float(said == item.labels[0]), sure[row]))
        return Answers(tuple(outcomes))

    def _asked(self, task: Task, hearing: Hearing, classes: list[tuple[str, str]]) -> Answers:
        names = [words for _, words in classes]
        prompt = question_prompt("{}", QUESTION, names if len(names) <= len(LETTERS) else ())
        unheard = np.asarray(hearing.model.score([], prompt, names), float)  # a short or a common name is likely without any sound
        outcomes = []
        for item in task.items:
            failed, found = attempt(hearing, item, partial(likelihoods, hearing, item, prompt, names))
            said = "" if found is None else classes[int(np.argmax(found - unheard))][0]
            outcomes.append(outcome_of(hearing, item, item.labels[0], failed, said, float(said == item.labels[0])))
        return Answers(tuple(outcomes))

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        truth = [item.labels[0] for item in task.items]
        sources = [task.source(item) for item in task.items]
        classes = classes_of(task)
        right = values(answers.outcomes)
        counts = Counter(truth)
        chance = task.benchmark.chance or 1 / len(classes)
        details = (
            {"classes": classes, "tie": "first in the alphabet", "audio": WINDOWS}
            if towers(model)
            else {"classes": classes, "asked": QUESTION, "score": "likelihood over that without sound"}
        )
        score = measured(
            f"{task.benchmark.name} accuracy", Mean.of(right, [o.id for o in answers.outcomes], sources),
            task.how(f"{task.benchmark.title}, zero-shot", "accuracy", truth, details), model,
            baselines={"chance": chance, "majority": max(counts.values()) / len(truth)},
        )  # fmt: skip
        names = [label for label, _ in classes]
        return Measured(
            (score,),
            {
                "classes": names, "confusion": confusion(names, answers.outcomes),
                "per_class": per_class(names, truth, right.tolist(), sources), "reliability": reliable(answers.outcomes),
            },
        )  # fmt: skip


def classes_of(task: Task) -> list[tuple[str, str]]:
    """(label, words for it), by label: those that the benchmark names and those that its items have, which are said in lower case."""
    known = task.benchmark.classes
    return [
        (label, known.get(label, label.lower())) for label in sorted({*known, *(label for item in task.items for label in item.labels)})
    ]


def one_label(task: Task) -> None:
    """Raises DataError for what cannot be a task of classes."""
    b = task.benchmark
    several = [item.id for item in task.items if len(item.labels) != 1]
    if several:
        message = f"{b.name}: {len(several)} of {len(task.items)} items have not exactly one label ({several[0]} …)."
        raise DataError("Invalid", message, hint="Measure it as multilabel, or leave them out.")
    if len({label for item in task.items for label in item.labels}) < 2:
        raise DataError("Invalid", f"{b.name}: there are fewer than two classes to tell apart.", hint="Give the whole set.")


def confidences(model: Any, vectors: Any, text: Any, places: Any) -> list[float | None]:
    """The probability that a calibrated model gives the class it chose."""
    calibration = getattr(model, "calibration", None)
    if calibration is None or not len(places):
        return [None] * len(places)
    from auricle.models.heads import probabilities

    said = probabilities(calibration.log_odds(vectors, text))
    return [float(p) for p in said[np.arange(len(places)), places]]
