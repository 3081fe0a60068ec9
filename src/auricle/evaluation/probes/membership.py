"""Was this clip trained on? What a model lets show of its training clips, beside what anyone could tell without the model.

Members are clips of a training manifest, non-members the held-out clips, matched by label. An attack that never sees the model (length,
level, spectrum: the *blind baseline*) is asked the same: where it tells them apart as well, the two sets simply differ, and the model's own
number proves nothing (arXiv 2603.28378 finds such baselines near 1.0). What counts is what the model adds to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.data.items import Item
from auricle.data.manifest import folder_of, read
from auricle.errors import AudioError, UsageError
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.probes import blind, mixing
from auricle.evaluation.probes.base import Audit, Sounds, too_few
from auricle.evaluation.score import Area, How, Score, digest, measured
from auricle.evaluation.statistics import Counts, Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText, Vectors

PAIRS = 300
LONGEST = 10.0  # seconds
PER_LABEL = 6
FEW_FALSE = 0.01
ROUNDS = 500
TITLE = "Membership in the training data"


@dataclass(frozen=True)
class Caught:
    """The share of members that are caught where 1 % of non-members are accused, as a statistic of drawn clips."""

    scores: Floats
    truth: tuple[bool, ...]
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        truth = np.array(self.truth)
        order = np.argsort(-self.scores, kind="stable")
        sorted_, drawn = self.scores[order], counts[order].astype(np.float64)
        last = np.append(sorted_[1:] != sorted_[:-1], True)  # what ties is accused together
        false, caught = (np.append(0.0, np.cumsum(drawn * own)[last]) for own in (~truth[order], truth[order]))
        if not false[-1] or not caught[-1]:
            return float("nan")
        return float(caught[false / false[-1] <= FEW_FALSE].max() / caught[-1])


@dataclass(frozen=True)
class Gain:
    """AUROC of one attack minus that of another, on the same clips."""

    attack: Area
    baseline: Area
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        return self.attack.at(counts) - self.baseline.at(counts)


@dataclass(frozen=True)
class Suspect:
    item: Item
    member: bool
    seconds: float
    rate: int
    sound: Any  # Float32


class Membership:
    """``members``: the manifest that the model was trained on."""

    name = "membership"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        if sounds.members is None:
            raise UsageError("membership needs the manifest that the model was trained on.", hint="Name it: --members train.jsonl")
        suspects = matched(sounds.held, sounds.members, seed)
        if sum(s.member for s in suspects) < 10:
            raise too_few(self.name, "ten training clips with labels that held-out clips have, too")
        told(f"{sum(s.member for s in suspects)} training clips, {sum(not s.member for s in suspects)} held-out clips")
        vectors = [mixing.heard(model, s.sound) for s in suspects]
        return audit(model, sounds.held, suspects, vectors, Path(sounds.members).name)


def matched(held: HeldOut, members: Any, seed: int) -> list[Suspect]:
    """As many training clips as held-out clips of each label, each of another source where there are enough.

    A source that stands on both sides is on neither: what was trained on is no non-member.
    """
    rng = np.random.default_rng(seed)
    train = HeldOut("members", tuple(read(members)), folder_of(members))
    shared = {item.cluster for item in held.items} & {item.cluster for item in train.items}
    own, other = _of_label(_without(held, shared), rng), _of_label(_without(train, shared), rng)
    found: list[Suspect] = []
    for label in rng.permutation(sorted(set(own) & set(other))):
        n = min(PER_LABEL, len(own[label]), len(other[label]))
        for member, side, items in ((False, held, own[label]), (True, train, other[label])):
            found += [s for item in items[:n] if (s := _suspect(side, item, member)) is not None]
        if len(found) >= 2 * PAIRS:
            break
    return found


def _without(held: HeldOut, sources: set[str]) -> HeldOut:
    return replace(held, items=tuple(item for item in held.items if item.cluster not in sources))


def _of_label(held: HeldOut, rng: np.random.Generator) -> dict[str, list[Item]]:
    """By first label, in an order by chance, one of each source first."""
    found: dict[str, list[Item]] = defaultdict(list)
    for place in rng.permutation(len(held.items)):
        item = held.items[int(place)]
        if item.labels and item.audio is not None:
            found[item.labels[0]].append(item)
    for label, items in found.items():
        seen: dict[str, int] = defaultdict(int)
        turns: list[tuple[int, int]] = []
        for item in items:
            turns.append((seen[item.cluster], len(turns)))
            seen[item.cluster] += 1
        found[label] = [items[n] for _, n in sorted(turns)]
    return found


def _suspect(held: HeldOut, item: Item, member: bool) -> Suspect | None:
    try:
        audio = held.open(item)
    except AudioError:
        return None
    sound = audio.slice(0.0, LONGEST).at(mixing.RATE).samples[0]
    return Suspect(item, member, audio.duration, audio.rate, sound) if len(sound) else None


def audit(model: Any, held: HeldOut, suspects: Sequence[Suspect], vectors: Sequence[Vectors], manifest: str) -> Audit:
    truth: npt.NDArray[np.bool_] = np.array([s.member for s in suspects])
    sources = tuple(f"{'member' if s.member else 'held out'}: {s.item.cluster}" for s in suspects)
    ids = tuple(f"{'member' if s.member else 'held out'}: {s.item.id}" for s in suspects)
    own = shown(model, suspects, vectors)
    plain = np.stack([blind.plain(s.sound, s.seconds, s.rate) for s in suspects])
    attacks = {
        "the label's own score": own[:, 0],
        "what the model shows": blind.told_apart(blind.scaled(own), truth, sources),
        "blind": blind.told_apart(blind.scaled(plain), truth, sources),
        "both": blind.told_apart(blind.scaled(np.concatenate([own, plain], axis=1)), truth, sources),
    }
    areas = {name: Area(np.round(values, mixing.DECIMALS), tuple(truth.tolist()), ids, sources) for name, values in attacks.items()}
    data = f"{held.name} against {manifest}: {int(truth.sum())} training clips, {int((~truth).sum())} held-out clips of the same labels"
    made_of = digest([held.hash, ids])
    once = np.ones(len(ids), np.int64)
    told = areas["blind"].at(once)

    def score(metric: str, sample: Any, baselines: dict[str, float]) -> Score:
        plainly = "length, level, peak, rate, mean and spread of spectrum"
        details = {"folds": blind.FOLDS, "blind": plainly, "interval": "95 %, bootstrap over sources"}
        return measured(metric, sample, How("membership", data, made_of, metric, details), model, baselines=baselines, rounds=ROUNDS)

    beside = {"chance": 0.5, "blind": told}
    caught = Caught(areas["what the model shows"].scores, tuple(truth.tolist()), ids, sources)
    blindly = Caught(areas["blind"].scores, tuple(truth.tolist()), ids, sources).at(once)
    more = Gain(areas["both"], areas["blind"], ids, sources)
    gain = score("gain of the model over the blind baseline (AUROC)", more, {"nothing shown": 0.0})
    scores = (
        gain,
        score("attack by what the model shows (AUROC)", areas["what the model shows"], beside),
        score("attack by the label's own score (AUROC)", areas["the label's own score"], beside),
        score("blind baseline, never sees the model (AUROC)", areas["blind"], {"chance": 0.5}),
        score("members caught at 1 % false accusations", caught, {"chance": FEW_FALSE, "blind": blindly}),
    )
    notes = ["a membership test is no proof: read it beside its blind baseline"]
    if scores[3].low > 0.5:
        notes.append(f"the two sets differ without any model ({told:.3f}): only the gain over that can be the model's")
    if gain.low <= 0:
        notes.append("the model adds nothing that can be told from chance")
    return Audit(Membership.name, TITLE, scores, (), tuple(notes), synthetic=False)


def shown(model: Any, suspects: Sequence[Suspect], vectors: Sequence[Vectors]) -> Floats:
    """``[clips, features]``: the own label's score, its rank among all labels, the lead over the best other, the best, mean and spread."""
    labels = sorted({s.item.labels[0] for s in suspects})
    values = mixing.presence(model, vectors, labels)
    rows = []
    for row, suspect in zip(values, suspects, strict=True):
        place = labels.index(suspect.item.labels[0])
        others = np.delete(row, place) if len(row) > 1 else row
        rows.append([row[place], -np.log(mixing.ranked(row, place)), row[place] - others.max(), row.max(), row.mean(), row.std()])
    return np.array(rows)
