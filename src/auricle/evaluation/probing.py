"""What frozen vectors of clips know: zero-shot by the names of classes, a linear probe, and how well one text finds what it names.

A row is one ``Task``: clips, the class of each, sources. Both ways give a :class:`auricle.evaluation.score.Score` with chance and majority
beside it. A linear probe says what could be read off the vectors; zero-shot, what can be asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.data.items import Item
from auricle.errors import UsageError
from auricle.evaluation.heldout import Ears, HeldOut
from auricle.evaluation.score import Area, How, Mean, MeanRecall, Sample, Score, digest, measured
from auricle.evaluation.statistics import Floats, numbered
from auricle.evaluation.zero_shot import PROMPTS, class_vectors
from auricle.models.capabilities import Vectors

FOLDS = 5
STRENGTH = 1.0  # of the probe, scikit-learn's C on scaled vectors; never tuned to a model
TOLERANCE = 1e-6  # tight: the optimum is one, and a loose stop would depend on the number of threads
FEWEST = 2  # sources that a class needs
DECIMALS = 6  # of similarities: what differs less than that is a tie, and not one that the last bit decides


@dataclass(frozen=True)
class Task:
    """``classes``: of each item. ``balanced``: every class counts alike, however many clips it has."""

    name: str
    held: HeldOut
    items: tuple[Item, ...]
    classes: tuple[str, ...]
    balanced: bool = False

    @property
    def names(self) -> list[str]:
        return sorted(set(self.classes))

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(item.cluster for item in self.items)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(item.id for item in self.items)


def by_label(name: str, held: HeldOut, labels: Collection[str], *, fewest: int = FEWEST, balanced: bool = False) -> Task | None:
    """Items that have exactly one of these labels and leave none of them open, of labels that ``fewest`` sources show.

    None where fewer than two classes are left.
    """
    wanted = set(labels)
    found: list[tuple[Item, str]] = []
    for item in held.items:
        own = wanted.intersection(item.labels)
        if len(own) == 1 and wanted.isdisjoint(item.extra.get("perhaps", ())):
            found.append((item, own.pop()))
    sources = Counter(label for label, _ in {(label, item.cluster) for item, label in found})
    kept = [(item, label) for item, label in found if sources[label] >= fewest]
    if len({label for _, label in kept}) < 2:
        return None
    return Task(name, held, tuple(item for item, _ in kept), tuple(label for _, label in kept), balanced)


def zero_shot(task: Task, ears: Ears, *, prompts: Sequence[str] = PROMPTS) -> Score:
    """A clip goes to the class whose text is nearest; a tie goes to the first in the alphabet."""
    places, _, _ = nearest(ears.model, ears.vectors(task.held, task.items), task.names, prompts)
    said = [task.names[place] for place in places]
    return _score(task, ears.model, said, "zero-shot", {"prompts": list(prompts)})


def nearest(
    model: Any, vectors: Vectors, names: Sequence[str], prompts: Sequence[str] = PROMPTS
) -> tuple[npt.NDArray[np.intp], Floats, Vectors]:  # fmt: skip
    """For each vector the place of the name whose text is nearest (the first of those that tie), all similarities, the texts' vectors."""
    text = class_vectors(model, names, prompts)
    scores: Floats = np.round(vectors @ text.T, DECIMALS).astype(np.float64)
    return np.argmax(scores, axis=1), scores, text


def linear_probe(task: Task, ears: Ears, *, folds: int = FOLDS) -> Score:
    """Logistic regression on frozen vectors; each clip is judged by a probe that never heard its source."""
    vectors = ears.vectors(task.held, task.items)
    fold = folds_of(task.classes, task.sources, folds)
    said = np.array(task.classes, dtype=object)
    classes = np.array(task.classes, dtype=object)
    for held_back in range(folds):
        test = fold == held_back
        if test.any():
            said[test] = fitted(vectors[~test], list(classes[~test])).predict(vectors[test])
    return _score(task, ears.model, list(said), "linear probe", {"folds": folds, "grouped": "by source", "strength": STRENGTH})


def transferred(task: Task, ears: Ears, train: HeldOut, items: Sequence[Item], classes: Sequence[str], how: str) -> Score:
    """A linear probe fitted on other clips. ``how``: in words, which."""
    probe = fitted(ears.vectors(train, items), list(classes))
    said = list(probe.predict(ears.vectors(task.held, task.items)))
    return _score(task, ears.model, said, "linear probe", {"fitted": how, "strength": STRENGTH})


def found_by_text(name: str, held: HeldOut, ears: Ears, positive: Sequence[Item], negative: Sequence[Item], text: str) -> Score:
    """How often a clip of the one kind stands above a clip of the other for the text: area under the ROC curve, chance one half."""
    items = (*positive, *negative)
    vectors = class_vectors(ears.model, [text])
    scores: Floats = np.round((ears.vectors(held, items) @ vectors.T)[:, 0], DECIMALS).astype(np.float64)
    truth = tuple([True] * len(positive) + [False] * len(negative))
    sources = tuple(item.cluster for item in items)
    sample = Area(scores, truth, tuple(item.id for item in items), sources)
    how = _how(f"{name}, zero-shot", held, items, truth, "area under ROC", {"text": text, "clips": [len(positive), len(negative)]})
    return measured(f"{name}, zero-shot AUROC", sample, how, ears.model, baselines={"chance": 0.5})


def fitted(vectors: Vectors, classes: Sequence[str]) -> Any:
    """The probe: centred, one scale for all axes, L2, all classes at once. A rotation of the space changes nothing.

    Axes are not standardised one by one: that would make noise in the last bits of an idle axis as loud as the rest.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    if len(set(classes)) < 2:
        raise UsageError("a probe needs two classes to tell apart.", hint="Give more clips, or fewer folds.")
    exact = vectors.astype(np.float64)
    middle = exact.mean(axis=0)
    scale = float(np.sqrt(np.mean((exact - middle) ** 2))) or 1.0
    alike = FunctionTransformer(lambda x: (np.asarray(x, dtype=np.float64) - middle) / scale)
    return make_pipeline(alike, LogisticRegression(C=STRENGTH, tol=TOLERANCE, max_iter=10_000)).fit(vectors, classes)


def folds_of(classes: Sequence[str], sources: Sequence[str], folds: int) -> npt.NDArray[np.intp]:
    """The fold of each item: whole sources, those of a class dealt out in turn, so that no fold holds all of a class."""
    first: dict[str, str] = {}
    for label, source in zip(classes, sources, strict=True):
        first.setdefault(source, label)
    at: dict[str, int] = {}
    turn = 0
    for label in sorted(set(first.values())):
        for source in sorted(s for s, own in first.items() if own == label):
            at[source] = turn % folds
            turn += 1
    return np.array([at[source] for source in sources], dtype=np.intp)


def _score(task: Task, model: Any, said: Sequence[str], way: str, details: dict[str, Any]) -> Score:
    right = np.array([a == b for a, b in zip(said, task.classes, strict=True)], dtype=np.float64)
    counts = Counter(task.classes)
    metric = "balanced accuracy" if task.balanced else "accuracy"
    sample: Sample = MeanRecall(right, task.classes, task.ids, task.sources) if task.balanced else Mean(right, task.ids, task.sources)
    baselines = {"chance": 1 / len(counts)}
    if not task.balanced:
        baselines["majority"] = max(counts.values()) / len(right)
    how = _how(f"{task.name}, {way}", task.held, task.items, task.classes, metric, {**details, "classes": task.names})
    return measured(f"{task.name}, {way} {metric}", sample, how, model, baselines=baselines)


def _how(task: str, held: HeldOut, items: Sequence[Item], truth: Sequence[Any], metric: str, details: dict[str, Any]) -> How:
    data = digest([[i.id, i.clip, i.hash, t] for i, t in zip(items, truth, strict=True)])
    sources = int(numbered([i.cluster for i in items]).max()) + 1
    clips = {"pooling": "mean of a clip's windows, unit norm", "interval": "95 %, bootstrap over sources"}
    return How(task, f"{held.name}: {len(items)} clips of {sources} sources", data, metric, {**details, **clips})
