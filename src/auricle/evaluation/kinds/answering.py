"""Questions about a sound: which of the options, yes or no, or in a word.

A model that generates text is asked and read strictly (:mod:`auricle.evaluation.parsing`); where its words name no option and it scores
text too, what it holds likelier. A model that only scores text is asked so. One that only compares sound and text takes the option whose
``claim`` is nearest, for questions with options. What a model prefers nothing in is ``unparsed``. Nobody guesses for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from auricle.data.items import Item, Question
from auricle.data.texts import normal
from auricle.errors import DataError, ModelError
from auricle.evaluation import linter
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.grading import SIGNATURE, Verdict, graded
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.asking import (
    HEARING,
    SEED,
    chosen_prompt,
    controls_of,
    likelihoods,
    question_prompt,
    said,
    speaks,
    towers,
)
from auricle.evaluation.kinds.base import Answers, Measured, attempt, outcome_of, per_class, settings
from auricle.evaluation.kinds.retrieval import texts_vectors
from auricle.evaluation.outcomes import Status, values
from auricle.evaluation.parsing import PARSER, Reading, likelier, plain, read_choice, read_text
from auricle.evaluation.probing import DECIMALS
from auricle.evaluation.score import Mean, Score, digest, measured
from auricle.models.capabilities import GeneratesText, ScoresText

YES_NO = ("yes", "no")
AGREEMENT = ("majority", "unanimous", "any")
KNOWN: dict[str, Any] = {
    "claim": "{question} {option}",  # what a model that compares is given for an option
    "shuffle": False,  # options in an order of their own for each question, the same in each run
    "answers": "any",  # of several people: which questions are asked and what is right
    "only": "",  # questions of one kind, e.g. yes/no
    "by": "",  # a key of the items, or "kind" of a question: accuracy for each of its values
    "groups": 24, "per_group": 6, "per_scene": 6,  # of composed scenes: groups of sources, scenes of a group, questions of a scene
    "max_tokens": 64,
    "judge": "",  # a model that says whether answers in words are right, beside the rule
}  # fmt: skip
METRICS = ("accuracy",)


@dataclass(frozen=True)
class Asked:
    """One question as it is put. ``options``: none for an open one. ``right``: every answer that is right; ``place``: of the option."""

    id: str
    item: Item
    question: str
    options: tuple[str, ...]
    right: tuple[str, ...]
    place: int | None
    kind: str = ""

    @property
    def open(self) -> bool:
        return not self.options


class Answering:
    name = "answering"
    controls: tuple[Control, ...] = HEARING  # and without sound, for a model that can be asked so: see check

    def check(self, model: Any) -> None:
        if not speaks(model) and not towers(model):
            message = f"{model.name} generates no text, scores none and compares none with sound: it cannot be asked questions."
            raise ModelError("Capability", message, hint="Leave it out, or choose another.")
        self.controls = controls_of(model)

    def lint(self, task: Task) -> list[Finding]:
        own = settings(task, KNOWN)
        b = task.benchmark
        if b.metric not in METRICS or own["answers"] not in AGREEMENT:
            message = f"{b.name}: answering has no {b.metric if b.metric not in METRICS else own['answers']!r}."
            raise DataError("Invalid", message, hint=f"It has {', '.join(METRICS)}; answers: {', '.join(AGREEMENT)}.")
        asked = questions(task)
        if not asked:
            raise DataError("Missing", f"{b.name}: its items hold no questions of that kind.", hint="Check the set.")
        choices = [
            linter.Choice(a.id, task.source(a.item), a.item.id, a.question, a.options, a.place) for a in asked if not a.open
        ]  # fmt: skip
        found = linter.of_choices(choices)
        left = sum(len(_grouped(item, own["only"])) for item in task.items) - len(asked)
        if left > 0:
            found.append(
                linter.warning("agreement", f"{left} questions are not asked: of those asked the answers agree ({own['answers']})")
            )
        empty = [a.id for a in asked if a.open and not any(plain(answer) for answer in a.right)]
        if empty:
            found.append(linter.error("empty", f"{len(empty)} answers have no words ({empty[0]} …)"))
        return found

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        asked = questions(task)
        if not isinstance(model, GeneratesText) and any(a.open for a in asked):
            message = f"{model.name} generates no text, and {task.benchmark.name} asks for words of one's own."
            raise ModelError("Capability", message, hint="Leave it out, or choose another.")
        if speaks(model):
            read = [self._asked(task, hearing, a) for a in asked]
        else:
            read = self._compared(model, task, hearing, asked)
        judge = _judge(task) if hearing.condition is None else None
        outcomes, named, verdicts = [], [], []
        for a, (failed, reading) in zip(asked, read, strict=True):
            answer, right, contains = judged(a, reading)
            why = failed or ((_status(reading), reading.text or "nothing that can be read") if reading.status != "ok" else None)
            outcomes.append(outcome_of(hearing, a.item, a.right[0] if len(a.right) == 1 else list(a.right), why, answer, right, id=a.id))
            named.append(contains if why is None else 0.0)
            if judge is not None:
                said_it = why is None and a.open
                verdicts.append(graded(judge, a.question, a.right, str(answer), hearing.cache) if said_it else Verdict(bool(right)))
        kept = {"named": named, "by": [reading.by for _, reading in read], "verdicts": verdicts, "judge": judge}
        return Answers(tuple(outcomes), kept)

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        own = settings(task, KNOWN)
        asked = questions(task)
        b = task.benchmark
        ids = [outcome.id for outcome in answers.outcomes]
        sources = [task.source(a.item) for a in asked]
        truth = [[a.question, list(a.options), list(a.right)] for a in asked]
        how_asked = rendering(model)
        details = {
            "rendering": how_asked, "parser": PARSER, "prompt": "chosen by the item's id", "max_tokens": own["max_tokens"], "seed": SEED,
            "options": "an order by the question's id" if own["shuffle"] else "as listed", "answers": own["answers"], "only": own["only"],
            "claim": own["claim"] if how_asked == "similarity" else "", "signature": "accuracy|v1|unparsed:wrong|refused:wrong|n:constant",
        }  # fmt: skip
        right = values(answers.outcomes)
        said_most = Counter(plain(a.right[0]) for a in asked).most_common(1)[0][1] / len(asked)
        baselines = {"majority": said_most}
        if all(not a.open for a in asked):
            baselines = {"chance": float(np.mean([1 / len(a.options) for a in asked])), **baselines}
        how = task.how(f"{b.title}, questions", "accuracy", truth, details)
        scores = [measured(f"{b.name} accuracy", Mean.of(right, ids, sources), how, model, baselines=baselines)]
        if any(a.open for a in asked):
            loose = task.how(f"{b.title}, questions", "answer named", truth, {**details, "signature": "named|v1|whole-words"})
            scores.append(measured(f"{b.name} answer named", Mean.of(answers.kept["named"], ids, sources), loose, model))
        scores += _second_opinion(model, task, answers, truth, details, ids, sources)
        found: dict[str, Any] = {"rendering": how_asked, "read_by": dict(Counter(filter(None, answers.kept["by"])))}
        if answers.kept.get("verdicts"):
            found["judge"] = judge_told(answers)
        if own["by"]:
            group = [a.kind if own["by"] == "kind" else str(a.item.extra.get(own["by"], "")) for a in asked]
            found |= {"classes": sorted(set(group)), "per_class": per_class(sorted(set(group)), group, right.tolist(), sources)}
        chosen = [place_of(outcome.answer, a.options) for a, outcome in zip(asked, answers.outcomes, strict=True)]
        places = Counter(place for place in chosen if place is not None)
        return Measured(tuple(scores), {**found, "chosen_places": {str(k + 1): n for k, n in sorted(places.items())}})

    def _asked(self, task: Task, hearing: Hearing, a: Asked) -> tuple[tuple[Status, str] | None, Reading]:
        prompt = question_prompt(chosen_prompt(task.benchmark.prompts, a.item), a.question, a.options)
        tokens = settings(task, KNOWN)["max_tokens"]
        failed, reading = attempt(hearing, a.item, partial(_read, hearing, a, prompt, tokens))
        return failed, reading or Reading("unparsed")

    def _compared(
        self, model: Any, task: Task, hearing: Hearing, asked: Sequence[Asked]
    ) -> list[tuple[tuple[Status, str] | None, Reading]]:  # fmt: skip
        """By similarity. All claims are embedded at once."""
        claim = settings(task, KNOWN)["claim"]
        texts = [claim.replace("{question}", a.question).replace("{option}", option) for a in asked for option in a.options]
        vectors = texts_vectors(model, hearing, texts)
        found: list[tuple[tuple[Status, str] | None, Reading]] = []
        at = 0
        for a in asked:
            own = vectors[at : at + len(a.options)]
            at += len(a.options)
            failed, heard = attempt(hearing, a.item, partial(hearing.vector, a.item))
            choice = None if heard is None else likelier(np.round(own @ heard, DECIMALS).tolist())
            found.append((failed, Reading("unparsed") if choice is None else Reading("ok", choice, by="likelihood")))
        return found


def questions(task: Task) -> list[Asked]:
    """What is asked of each item, in the set's order. Answers of several people to one question are one question."""
    own = settings(task, KNOWN)
    asked = []
    for item in task.items:
        grouped = _grouped(item, own["only"])
        for number, group in enumerate(grouped, 1):
            right = _agreed([question.answer for question in group], own["answers"])
            if not right:
                continue
            id = item.id if len(grouped) == 1 else f"{item.id}#{number}"
            options = group[0].options or (YES_NO if _kind(group) == "yes/no" else ())
            if options and own["shuffle"]:
                options = tuple(options[n] for n in np.random.default_rng(int(digest(id), 16)).permutation(len(options)))
            asked.append(Asked(id, item, group[0].question, tuple(options), right, place_of(right[0], options), _kind(group)))
    return asked


def rendering(model: Any) -> str:
    """How a model is asked: part of the protocol. Answers that were written down elsewhere tell it themselves."""
    if hasattr(model, "rendering"):
        return str(model.rendering)
    if isinstance(model, GeneratesText):
        return "generation, then likelihood" if isinstance(model, ScoresText) else "generation"
    return "likelihood" if isinstance(model, ScoresText) else "similarity"


def _read(hearing: Hearing, a: Asked, prompt: str, max_tokens: int) -> Reading:
    model = hearing.model
    if not isinstance(model, GeneratesText):
        choice = likelier(likelihoods(hearing, a.item, prompt, a.options).tolist())
        return Reading("unparsed") if choice is None else Reading("ok", choice, by="likelihood")
    text, complete = said(hearing, a.item, prompt, max_tokens)
    if a.open:
        reading = read_text(text, complete=complete)
    else:
        reading = read_choice(text, a.options, complete=complete)
        if reading.status in ("unparsed", "truncated") and isinstance(model, ScoresText):
            known = likelihoods(hearing, a.item, prompt, a.options).tolist()
            reading = read_choice(text, a.options, complete=complete, likelihoods=known)
    return Reading(reading.status, reading.choice, text[:200], reading.by)


def judged(a: Asked, reading: Reading) -> tuple[Any, float, float]:
    """The answer in words, whether it is right, and whether a right one is named in it."""
    if reading.status != "ok":
        return None, 0.0, 0.0
    if reading.choice is not None:
        answer = a.options[reading.choice]
        right = float(reading.choice == a.place)
        return answer, right, right
    own = plain(reading.text)
    known = [plain(answer) for answer in a.right]
    return reading.text, float(own in known), float(any(f" {answer} " in f" {own} " for answer in known))


def _judge(task: Task) -> Any:
    """The model that the benchmark names as its judge, or None."""
    name = settings(task, KNOWN)["judge"]
    if not name:
        return None
    from auricle.models import hub

    return hub.load(name) if isinstance(name, str) else name


def _second_opinion(
    model: Any, task: Task, answers: Answers, truth: Any, details: dict[str, Any], ids: Sequence[str], sources: Sequence[str]
) -> list[Score]:
    """How many are right by the judge. What it could not judge counts as wrong, and is told."""
    verdicts: list[Verdict] = answers.kept.get("verdicts", [])
    if not verdicts:
        return []
    judge = answers.kept["judge"]
    how = task.how(
        f"{task.benchmark.title}, questions", "judged right", truth, {**details, "signature": SIGNATURE, "judge": judge.pipeline_id}
    )
    failed = sum(verdict.right is None for verdict in verdicts)
    notes = [f"{failed} of {len(verdicts)} could not be judged; they count as wrong"] if failed else []
    sample = Mean.of([float(bool(verdict.right)) for verdict in verdicts], ids, sources)
    return [measured(f"{task.benchmark.name} judged right", sample, how, model, notes=notes)]


def judge_told(answers: Answers) -> dict[str, Any]:
    """Who judged, how many answers were judged with votes against, and how many it could not judge."""
    verdicts: list[Verdict] = answers.kept["verdicts"]
    return {
        "model": answers.kept["judge"].pipeline_id, "n": len(verdicts), "flipped": sum(v.flips > 0 for v in verdicts),
        "judge_failed": sum(v.right is None for v in verdicts),
    }  # fmt: skip


def _status(reading: Reading) -> Status:
    return reading.status


def _grouped(item: Item, only: str) -> list[list[Question]]:
    """The questions of an item, each with all its answers. ``only``: of one kind; ``open``: those to be answered in words of one's own."""
    found: dict[str, list[Question]] = {}
    for question in item.questions:
        found.setdefault(f"{normal(question.question)}\n{sorted(map(normal, question.options))}", []).append(question)
    return [group for group in found.values() if only in ("", _kind(group))]


def _kind(group: Sequence[Question]) -> str:
    """The kind that all its answers have; a question without options that is no yes or no is ``open``."""
    kinds = {question.kind for question in group}
    kind = kinds.pop() if len(kinds) == 1 else ""
    return kind or ("" if group[0].options else "open")


def _agreed(answers: Sequence[str], how: str) -> tuple[str, ...]:
    """The answers that are right, each once; none where people do not agree as is asked for."""
    counts = Counter(map(plain, answers))
    first = {plain(answer): answer for answer in reversed(answers)}
    if how == "any":
        return tuple(first[key] for key in counts)
    best, count = counts.most_common(1)[0]
    enough = count == len(answers) if how == "unanimous" else 2 * count > len(answers)
    return (first[best],) if enough else ()


def place_of(answer: Any, options: Sequence[str]) -> int | None:
    """Where an answer stands among the options; None where it does not, or twice."""
    if not isinstance(answer, str):
        return None
    same = [n for n, option in enumerate(options) if option == answer] or [n for n, o in enumerate(options) if normal(o) == normal(answer)]
    return same[0] if len(same) == 1 else None
