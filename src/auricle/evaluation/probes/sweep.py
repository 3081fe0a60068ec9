"""How much of an answer is the wording of the question? The same clips asked by every template, paraphrase and order of the options.

A score by one prompt is one draw of this. What is reported: the mean over all wordings, the worst, the spread between best and worst (with
what it would be if wordings did not matter and only chance chose), and how often two wordings give the same answer. For a model that
compares vectors, the order of the options can change nothing but ties; for one that reads them it often does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.data.world.lexicon import words_for
from auricle.errors import ModelError
from auricle.evaluation.heldout import Ears, HeldOut
from auricle.evaluation.probes import mixing, unknown
from auricle.evaluation.probes.base import Audit, Curve, Sounds, too_few
from auricle.evaluation.score import How, Mean, Score, digest, measured
from auricle.evaluation.statistics import Counts, Floats, bootstrap
from auricle.models.capabilities import EmbedsAudio, EmbedsText, ScoresText

CLIPS = 300
OPTIONS = 8
TEMPLATES = ("{}", "the sound of {}", "this is a recording of {}", "{} can be heard", "someone recorded {} outside")
PARAPHRASES = ("label", "noun phrase", "sentence")
ORDERS = ("as drawn", "turned round", "moved by half")
QUESTION = "Which of these is heard? {}\nAnswer: "
PERMUTATIONS = 100
TITLE = "Wording of the question and order of the options"
Right = npt.NDArray[np.float64]
Answers = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Spread:
    """Best wording minus worst, as a statistic of drawn items. ``right``: [items, wordings]."""

    right: Right
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        each = counts @ self.right / counts.sum()
        return float(each.max() - each.min())


@dataclass(frozen=True)
class Worst:
    """The wording that does worst, as a statistic of drawn items."""

    right: Right
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        return float((counts @ self.right / counts.sum()).min())


class Sweep:
    name = "sweep"
    title = TITLE
    needs: tuple[type, ...] = ()  # vectors of sound and text, or scores of text

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        asked = unknown.questions(sounds.held, seed, options=OPTIONS)[:CLIPS]
        if len(asked) < 2:
            raise too_few(self.name, f"clips of {OPTIONS + 1} kinds that have nothing in common")
        told(f"{len(asked)} clips, {len(TEMPLATES) * len(PARAPHRASES)} wordings, {len(ORDERS)} orders")
        if isinstance(model, EmbedsAudio) and isinstance(model, EmbedsText):
            answers = by_vectors(model, sounds.held, asked)
        elif isinstance(model, ScoresText):
            answers = by_likelihood(model, sounds.held, asked)
        else:
            told_of = f"{model.name} neither compares sound with text nor scores answers."
            raise ModelError("Capability", told_of, hint="Choose another model.")
        return audit(model, sounds.held, asked, answers)


def said(label: str, paraphrase: str) -> str:
    """``dog barking`` → itself, “the bark of a dog”, “a dog barks”."""
    words = words_for(label)
    if paraphrase == "noun phrase" and words.names:
        return words.names[0]
    if paraphrase == "sentence" and words.says:
        return " ".join(words.says[0])
    return label


def wordings() -> list[tuple[str, str]]:
    """Template and paraphrase."""
    return [(template, paraphrase) for template in TEMPLATES for paraphrase in PARAPHRASES]


def orders(n: int) -> list[list[int]]:
    """Places of the options, for each of ``ORDERS``. The right one stands first, last and in the middle."""
    drawn = list(range(n))
    return [drawn, drawn[::-1], drawn[n // 2 :] + drawn[: n // 2]]


def by_vectors(model: Any, held: HeldOut, asked: Sequence[unknown.Asked]) -> Answers:
    """``[clips, wordings, orders]``: the option that is nearest; of those that tie the one that stands first."""
    vectors = [v[None, :] for v in Ears(model).vectors(held, [a.item for a in asked])]
    names = sorted({label for a in asked for label in a.known})
    place = {label: i for i, label in enumerate(names)}
    options = np.array([[place[label] for label in a.known] for a in asked])
    found = np.zeros((len(asked), len(wordings()), len(ORDERS)), np.intp)
    for w, (template, paraphrase) in enumerate(wordings()):
        values = mixing.presence(model, vectors, names, [template.format(said(label, paraphrase)) for label in names])
        own = np.take_along_axis(values, options, axis=1)
        for o, order in enumerate(orders(options.shape[1])):
            found[:, w, o] = np.array(order)[np.argmax(own[:, order], axis=1)]
    return found


def by_likelihood(model: Any, held: HeldOut, asked: Sequence[unknown.Asked]) -> Answers:
    """The same for a model that reads the options: the one that it holds likeliest."""
    found = np.zeros((len(asked), len(wordings()), len(ORDERS)), np.intp)
    for row, one in enumerate(asked):
        sound = held.open(one.item)
        for w, (template, paraphrase) in enumerate(wordings()):
            texts = [template.format(said(label, paraphrase)) for label in one.known]
            for o, order in enumerate(orders(len(texts))):
                shown = [texts[i] for i in order]
                scores = np.round(model.score([sound], QUESTION.format("; ".join(shown)), shown), mixing.DECIMALS)
                found[row, w, o] = order[int(np.argmax(scores))]
    return found


def audit(model: Any, held: HeldOut, asked: Sequence[unknown.Asked], answers: Answers) -> Audit:
    """``answers``: [clips, wordings, orders], places of options; the right one is 0."""
    ids, sources = tuple(a.item.id for a in asked), tuple(a.item.cluster for a in asked)
    right: Right = (answers == 0).astype(np.float64)
    by_wording = right[:, :, 0] if len({*map(bytes, np.moveaxis(answers, 2, 0))}) == 1 else right.mean(axis=2)
    data = f"{held.name}: {len(ids)} clips of {len(set(sources))} sources, {OPTIONS} options"
    made_of = digest([held.hash, ids, [a.known for a in asked]])

    def score(metric: str, sample: Any, baselines: dict[str, float]) -> Score:
        details = {
            "templates": list(TEMPLATES), "paraphrases": list(PARAPHRASES), "orders": list(ORDERS), "options": OPTIONS,
            "interval": "95 %, bootstrap over sources",
        }  # fmt: skip
        return measured(metric, sample, How("wording sweep", data, made_of, metric, details), model, baselines=baselines, rounds=500)

    every = right.reshape(len(ids), -1)
    each = every.mean(axis=0)
    names = [f"{template.format('…')!r}, {paraphrase}" for template, paraphrase in wordings()]
    accuracy = by_wording.mean(axis=0)
    best, worst = int(np.argmax(accuracy)), int(np.argmin(accuracy))
    place = right.mean(axis=(0, 1))
    same = (answers == answers[:, :, :1]).all(axis=2).mean(axis=1)
    scores = (
        score(
            "accuracy, mean over wordings",
            Mean.of(every.mean(axis=1), ids, sources),
            {"chance": 1 / OPTIONS, "single prompt": float(each[0])},
        ),
        score("accuracy, worst wording", Worst(every, ids, sources), {"chance": 1 / OPTIONS}),
        score("spread, best minus worst wording", Spread(every, ids, sources), {"if only chance chose": _by_chance(every)}),
        score("two wordings agree", Mean.of(_agreement(answers[:, :, 0]), ids, sources), {"same answer always": 1.0}),
        score("all orders agree", Mean.of(same, ids, sources), {"same answer always": 1.0}),
    )
    notes = [f"best: {names[best]} ({accuracy[best]:.3f}); worst: {names[worst]} ({accuracy[worst]:.3f})"]
    if scores[-1].value < 1:
        told = ", ".join(f"{name} {share:.3f}" for name, share in zip(("first", "last", "in the middle"), place, strict=True))
        notes.append(f"the order of the options changes answers: accuracy where the right one stands {told}")
    return Audit(Sweep.name, TITLE, scores, (_curve(by_wording, sources),), tuple(notes), synthetic=False)


def _agreement(answers: Answers) -> Floats:
    """For each item the share of pairs of wordings with the same answer."""
    n = answers.shape[1]
    counts = np.stack([(answers == option).sum(axis=1) for option in range(int(answers.max()) + 1)], axis=1)
    found: Floats = (np.square(counts).sum(axis=1) - n) / (n * (n - 1))
    return found


def _by_chance(right: Right) -> float:
    """The mean spread where each item's results are dealt to the wordings anew."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(PERMUTATIONS):
        each = rng.permuted(right, axis=1).mean(axis=0)
        found.append(each.max() - each.min())
    return float(np.mean(found))


def _curve(right: Right, sources: Sequence[str]) -> Curve:
    rows = sorted((bootstrap(right[:, w], clusters=sources, rounds=500) for w in range(right.shape[1])), key=lambda found: found.value)
    return Curve.of("accuracy by wording", "wording, worst first", range(1, len(rows) + 1), rows, "accuracy")
