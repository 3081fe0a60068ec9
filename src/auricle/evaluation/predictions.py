"""Answers that were written down elsewhere, read and scored as those of a model here: every question counts, answered or not.

    run = measure(read("answers.json"), task)

A list of objects with ``id`` and the answer, as MMAU and MuChoMusic have it. MMAU's README calls the answer ``model_prediction``, its
script ``model_output``: both are read. Letters are those of the entry's own options (``choices`` or ``answers``), where it lists them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auricle.data.sets.layout import json_file
from auricle.errors import DataError
from auricle.evaluation.benchmark import Task
from auricle.evaluation.harness import Run, checked
from auricle.evaluation.kinds import Answers
from auricle.evaluation.kinds.answering import Answering, Asked, judged, place_of, questions
from auricle.evaluation.linter import warning
from auricle.evaluation.outcomes import Outcome
from auricle.evaluation.parsing import read_choice, read_text

KEYS = ("model_prediction", "model_output")
OPTIONS = ("choices", "answers")


@dataclass(frozen=True)
class Predictions:
    """``said``: id → text. ``options``: id → the options that its letters are of. ``notes``: what a reader must know."""

    name: str
    pipeline_id: str
    said: Mapping[str, str]
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rendering: str = "answers written down elsewhere"


def read(path: str | os.PathLike[str]) -> Predictions:
    """Raises DataError: Missing, Invalid (no list, an entry without an id, an id that stands twice)."""
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise DataError("Missing", f"{name}: there is no such file.", path=name, hint="Give a list of answers as JSON.")
    entries = json_file(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "id" in entry for entry in entries):
        raise DataError("Invalid", f"{name}: is no list of answers with ids.", path=name, hint=f"Each has an id and {' or '.join(KEYS)}.")
    said: dict[str, str] = {}
    options: dict[str, tuple[str, ...]] = {}
    used: set[str] = set()
    for entry in entries:
        id = str(entry["id"])
        if id in said:
            raise DataError("Invalid", f"{name}: the id {id!r} stands twice.", path=name, hint="Leave one answer for each question.")
        key = next((key for key in KEYS if isinstance(entry.get(key), str)), None)
        said[id] = entry[key] if key else ""
        used |= {key} if key else set()
        listed = next((entry[key] for key in OPTIONS if isinstance(entry.get(key), list)), None)
        if listed:
            options[id] = tuple(map(str, listed))
    if not used:
        raise DataError("Invalid", f"{name}: holds no answers.", path=name, hint=f"Each has an id and {' or '.join(KEYS)}.")
    notes = tuple(f"answers were read from {key!r}, which the set's README does not name" for key in sorted(used - {KEYS[0]}))
    with open(name, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()[:12]
    return Predictions(os.path.basename(name), f"{os.path.basename(name)}:{digest}", said, options, notes)


def measure(predictions: Predictions, task: Task, *, anyway: bool = False) -> Run:
    """Scored on all that the task asks. Raises DataError for a task of another kind, or one with errors."""
    if task.benchmark.kind != "answering":
        raise DataError("Invalid", f"{task.benchmark.name}: asks no questions: no written answers are scored on it.")
    kind = Answering()
    lint = [*checked(task, kind, anyway=anyway), *(warning("answers", note) for note in predictions.notes)]
    asked = questions(task)
    strange = set(predictions.said) - {a.id for a in asked}
    if strange == set(predictions.said):
        raise DataError("Invalid", f"{predictions.name}: none of its ids is one of {task.benchmark.name}.", hint="Check the split.")
    if strange:
        lint.append(warning("answers", f"{len(strange)} answers are to no question of the task ({min(strange)} …)"))
    lacking = sum(a.id not in predictions.said for a in asked)
    if lacking:
        lint.append(warning("answers", f"{lacking} of {len(asked)} questions have no answer; they count as wrong"))
    read = [_outcome(a, predictions) for a in asked]
    kept = {"named": [named for _, named, _ in read], "by": [by for *_, by in read]}
    answers = Answers(tuple(outcome for outcome, *_ in read), kept)
    found = kind.score(predictions, task, answers)
    return Run(
        task.benchmark, predictions.name, predictions.pipeline_id, found.scores, answers.outcomes, lint=tuple(lint), details=found.details,
        folder=str(task.held.folder),
    )  # fmt: skip


def _outcome(a: Asked, predictions: Predictions) -> tuple[Outcome, float, str]:
    truth: Any = a.right[0] if len(a.right) == 1 else list(a.right)
    audio = a.item.audio or ""
    if a.id not in predictions.said:
        return Outcome(a.id, truth, status="skipped", audio=audio, reason="there is no answer to it"), 0.0, ""
    text = predictions.said[a.id]
    listed = predictions.options.get(a.id, a.options)
    reading = read_text(text) if a.open else read_choice(text, listed)
    if reading.status != "ok":
        return Outcome(a.id, truth, status=reading.status, audio=audio, reason=text[:200] or "it is empty"), 0.0, ""
    if reading.choice is not None:
        place = place_of(listed[reading.choice], a.options)
        if place is None:
            return Outcome(a.id, truth, status="unparsed", audio=audio, reason=f"its options are others: {text[:100]}"), 0.0, ""
        answer, right, named = a.options[place], float(place == a.place), float(place == a.place)
    else:
        answer, right, named = judged(a, reading)
    return Outcome(a.id, truth, answer, value=right, audio=audio), named, reading.by
