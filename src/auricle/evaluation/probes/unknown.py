"""Does the model know what it does not know? Confidence that means what it says, and sounds whose name is not among the options.

Every clip is asked twice with as many options: once its own name is one of them, once a name that is certainly false stands in its place.
So sound and the other options are the same, and only whether the right answer is there differs. Options that are like the clip's own are
never among the false ones. What is answered is what ``auricle classify --exclusive`` answers: one option, or none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.data.items import Item
from auricle.evaluation.calibrated import calibration_scores
from auricle.evaluation.calibration import adaptive_ece, reliability
from auricle.evaluation.heldout import Ears, HeldOut, unit_mean
from auricle.evaluation.probes import mixing
from auricle.evaluation.probes.base import Audit, Curve, Sounds, too_few
from auricle.evaluation.score import Area, How, Mean, Score, digest, measured
from auricle.evaluation.statistics import Counts, Floats, bootstrap
from auricle.models import heads
from auricle.models.capabilities import EmbedsAudio, EmbedsText

OPTIONS = 10
PER_LABEL = 4  # clips, at most: a set of one kind of sound says little of others
BINS = 10
TEMPERATURE = 0.05  # of a softmax over similarities, where nothing is calibrated: as auricle classify has it
ROUNDS = 500
TITLE = "Calibration, and sounds that have no name among the options"


@dataclass(frozen=True)
class Asked:
    """``known``: options, the clip's own name first. ``unknown``: the same with a false name in its place."""

    item: Item
    known: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """Adaptive calibration error of answers, as a statistic of drawn questions."""

    said: Floats
    right: npt.NDArray[np.bool_]
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        drawn = np.repeat(np.arange(len(self.said)), counts)
        return adaptive_ece(self.said[drawn], self.right[drawn], BINS) if len(drawn) else float("nan")


class Unknown:
    name = "calibration"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        asked = questions(sounds.held, seed)
        if len(asked) < 2:
            raise too_few(self.name, f"clips of {OPTIONS + 1} kinds that have nothing in common")
        told(f"{len(asked)} clips, asked twice with {OPTIONS} options")
        return audit(Ears(model), sounds.held, asked)


def questions(held: HeldOut, seed: int, *, options: int = OPTIONS) -> list[Asked]:
    items = mixing.labelled(held)
    labels = sorted({item.labels[0] for item in items})
    rng = np.random.default_rng(seed)
    count: Counter[str] = Counter()
    found = []
    for place in rng.permutation(len(items)):
        item = items[int(place)]
        own = item.labels[0]
        if count[own] >= PER_LABEL:
            continue
        others = [label for label in rng.permutation(labels).tolist() if mixing.absent(label, item)][:options]
        if len(others) == options:
            count[own] += 1
            found.append(Asked(item, (own, *others[:-1]), (others[-1], *others[:-1])))
    return found


def audit(ears: Ears, held: HeldOut, asked: Sequence[Asked]) -> Audit:
    model = ears.model
    vectors = ears.vectors(held, [a.item for a in asked])
    answers = [_answers(vectors, asked, model, known=known) for known in (True, False)]
    deaf = np.repeat(unit_mean(vectors)[None, :], len(asked), axis=0)
    blind = [_answers(deaf, asked, model, known=known) for known in (True, False)]
    ids = [a.item.id for a in asked]
    sources = [a.item.cluster for a in asked]
    both = [f"{i}: {side}" for side in ("known", "unknown") for i in ids]
    data = f"{held.name}: {len(asked)} clips of {len(set(sources))} sources, {OPTIONS} options"
    made_of = digest([held.hash, ids, [[a.known, a.unknown] for a in asked]])

    def score(metric: str, sample: Any, baselines: dict[str, float]) -> Score:
        details = {"options": OPTIONS, "answer": "one option or none of them", "interval": "95 %, bootstrap over sources"}
        return measured(metric, sample, How("open set", data, made_of, metric, details), model, baselines=baselines, rounds=ROUNDS)

    def area(found: Sequence[_Answers]) -> Area:
        truth = (True,) * len(ids) + (False,) * len(ids)
        return Area(np.concatenate([a.trust for a in found]), truth, tuple(both), (*sources, *sources))

    once = np.ones(len(both), np.int64)
    scores = [
        score("AUROC of known against unknown", area(answers), {"chance": 0.5, "deaf": area(blind).at(once)}),
        score("accuracy on known", Mean.of(answers[0].right, ids, sources), {"chance": 1 / OPTIONS, "deaf": float(blind[0].right.mean())}),
    ]
    notes = []
    if getattr(model, "calibration", None) is None:
        notes.append(f"{model.name} is not calibrated: it never answers 'none', and its confidence is a softmax of similarities")
    refused = [a.none.astype(np.float64) for a in answers]
    scores.append(score("unknown answered 'none'", Mean.of(refused[1], ids, sources), {"known answered 'none'": float(refused[0].mean())}))
    said = np.concatenate([a.confidence for a in answers])
    right = np.concatenate([a.right for a in answers]) > 0.5
    gap = score(
        "calibration error of answers", Expected(said, right, tuple(both), (*sources, *sources)),
        {"always the share that is right": 0.0, "mean confidence": float(said.mean()), "share right": float(right.mean())},
    )  # fmt: skip
    scores.append(gap)
    scores += calibration_scores(ears, held.only(f"{held.name}, the clips asked", [a.item for a in asked]))
    return Audit(Unknown.name, TITLE, tuple(scores), (_reliability(said, right, (*sources, *sources)),), tuple(notes), synthetic=False)


@dataclass(frozen=True)
class _Answers:
    """``trust``: how much any option applies. ``none``: 'none of them' was answered. ``right``: that answer was right."""

    trust: Floats
    none: npt.NDArray[np.bool_]
    confidence: Floats
    right: Floats


def _answers(vectors: Any, asked: Sequence[Asked], model: Any, *, known: bool) -> _Answers:
    options = [a.known if known else a.unknown for a in asked]
    names = sorted({label for own in options for label in own})
    place = {label: i for i, label in enumerate(names)}
    values = mixing.presence(model, [v[None, :] for v in vectors], names)
    own = np.stack([values[row, [place[x] for x in labels]] for row, labels in enumerate(options)])
    if getattr(model, "calibration", None) is None:
        sharp = np.exp((own - own.max(axis=1, keepdims=True)) / TEMPERATURE)
        one, nothing, trust = sharp / sharp.sum(axis=1, keepdims=True), np.full(len(own), -1.0), own.max(axis=1)
    else:
        one, nothing = heads.exclusive(own)
        trust = -nothing
    best = one.max(axis=1)
    none = nothing > best
    first = one[:, 0] >= best
    share = np.sum(one >= best[:, None], axis=1)  # options that tie are answered as often each
    right = np.where(none, 0.0, first / share) if known else none.astype(np.float64)
    return _Answers(np.round(trust, 9), none, np.maximum(best, nothing), right)


def _reliability(said: Floats, right: npt.NDArray[np.bool_], sources: Sequence[str]) -> Curve:
    """What was said against what was true, in bins of equal mass."""
    order = np.argsort(said, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    rows = [bootstrap(right[part].astype(np.float64), clusters=[sources[i] for i in part]) for part in parts]
    return Curve.of("reliability", "confidence", [b.said for b in reliability(said, right, BINS)], rows, "share that is right")
