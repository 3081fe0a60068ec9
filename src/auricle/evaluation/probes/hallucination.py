"""Is a sound heard that is not there? Yes or no about labels that are true, and about labels certainly false (Li et al. 2023, POPE).

What is false is drawn in three ways: at random; from the labels that the set has most of; and from those whose names mean nearly what is
heard. "Yes" is what ``auricle classify`` would say: a calibrated probability of one half. A model that is not calibrated says neither yes
nor no, and has only the order of its scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.data.items import Item
from auricle.evaluation.heldout import Ears, HeldOut, unit_mean
from auricle.evaluation.probes import mixing
from auricle.evaluation.probes.base import Audit, Curve, Sounds, too_few
from auricle.evaluation.score import Area, How, Mean, MeanRecall, Score, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models import hub
from auricle.models.capabilities import EmbedsAudio, EmbedsText

PER_LABEL = 4  # clips, at most
POPULAR = 10  # labels that count as popular
ROUNDS = 500
DRAWS = ("random", "popular", "adversarial")
TITLE = "Sounds that are not there"


@dataclass(frozen=True)
class Asked:
    """``false``: a label for each of ``DRAWS``."""

    item: Item
    true: str
    false: tuple[str, ...]


class Hallucination:
    name = "hallucination"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        asked = questions(sounds.held, seed)
        if len({a.item.cluster for a in asked}) < 2:
            raise too_few(self.name, "clips of kinds that have nothing in common")
        told(f"{len(asked)} clips, {1 + len(DRAWS)} questions each")
        return audit(Ears(model), sounds.held, asked)


def questions(held: HeldOut, seed: int, *, reader: Any = None) -> list[Asked]:
    """reader: whose sentence vectors say what means nearly the same; that of the shipped towers, whatever model is asked."""
    items = mixing.labelled(held)
    count = Counter(item.labels[0] for item in items)
    labels = sorted(count)
    place = {label: n for n, label in enumerate(labels)}
    common = sorted(labels, key=lambda label: (-count[label], label))
    texts = (reader or hub.load(hub.DEFAULT)).sentence(labels)
    near = texts @ texts.T
    rng = np.random.default_rng(seed)
    taken: Counter[str] = Counter()
    found = []
    for turn in rng.permutation(len(items)):
        item = items[int(turn)]
        own = item.labels[0]
        if taken[own] == PER_LABEL:
            continue
        false = [label for label in labels if mixing.absent(label, item)]
        popular = [label for label in common if label in set(false)][:POPULAR]
        if not false:
            continue
        taken[own] += 1
        alike = max(false, key=lambda label: (near[place[own], place[label]], label))
        found.append(Asked(item, own, (str(rng.choice(false)), str(rng.choice(popular)), alike)))
    return found


def audit(ears: Ears, held: HeldOut, asked: Sequence[Asked]) -> Audit:
    model = ears.model
    vectors = ears.vectors(held, [a.item for a in asked])
    values = answers(vectors, asked, model)
    deaf = answers(np.repeat(unit_mean(vectors)[None, :], len(asked), axis=0), asked, model)
    ids = [a.item.id for a in asked]
    sources = [a.item.cluster for a in asked]
    data = f"{held.name}: {len(asked)} clips of {len(set(sources))} sources"
    made_of = digest([held.hash, [[a.item.id, a.true, a.false] for a in asked]])
    says = getattr(model, "calibration", None) is not None

    def score(metric: str, sample: Any, baselines: dict[str, float]) -> Score:
        details = {"yes": "calibrated probability ≥ 0.5" if says else "none: not calibrated", "interval": "95 %, bootstrap over sources"}
        return measured(metric, sample, How("hallucination", data, made_of, metric, details), model, baselines=baselines, rounds=ROUNDS)

    areas, balanced, false_yes, ratio = [], [], [], []
    once = np.ones(2 * len(ids), np.int64)
    for n, draw in enumerate(DRAWS, 1):
        both = [f"{i}: {side}" for side in ("true", draw) for i in ids]

        def area(of: Floats, n: int = n, both: list[str] = both) -> Area:
            truth = (True,) * len(ids) + (False,) * len(ids)
            return Area(np.concatenate([of[:, 0], of[:, n]]), truth, tuple(both), (*sources, *sources))

        areas.append(score(f"AUROC of true against {draw}", area(values), {"chance": 0.5, "deaf": area(deaf).at(once)}))
        if says:
            yes = (values > 0).astype(np.float64)
            right = np.concatenate([yes[:, 0], 1 - yes[:, n]])
            kinds = ("true",) * len(ids) + ("false",) * len(ids)
            balanced.append(
                score(f"balanced accuracy, {draw}", MeanRecall(right, kinds, tuple(both), (*sources, *sources)), {"chance": 0.5})
            )
            false_yes.append(
                score(f"yes to what is not there, {draw}", Mean.of(yes[:, n], ids, sources), {"yes to what is": float(yes[:, 0].mean())})
            )
            said = Mean.of(np.concatenate([yes[:, 0], yes[:, n]]), both, (*sources, *sources))
            ratio.append(score(f"share of yes, {draw}", said, {"true share": 0.5}))
    scores = [*balanced, *false_yes, *areas, *ratio]
    shown = false_yes or areas
    curve = Curve.of(
        "how the false label was drawn", ", ".join(DRAWS), range(len(DRAWS)), shown, "yes to what is not there" if says else "AUROC"
    )
    notes = () if says else (f"{model.name} is not calibrated: it says neither yes nor no",)
    return Audit(Hallucination.name, TITLE, tuple(scores), (curve,), notes, synthetic=False)


def answers(vectors: Any, asked: Sequence[Asked], model: Any) -> Floats:
    """``[clips, 1 + draws]``: how much the true and the false labels apply; above 0 is yes, where the model is calibrated."""
    names = sorted({label for a in asked for label in (a.true, *a.false)})
    place = {label: n for n, label in enumerate(names)}
    values = mixing.presence(model, [vector[None, :] for vector in vectors], names)
    return np.stack([values[row, [place[label] for label in (a.true, *a.false)]] for row, a in enumerate(asked)])
