"""Several sounds at once: how much of what is heard is still found when one, two, three or four events share a moment?

Each scene of 5 s is made of held-out clips of kinds that have nothing in common, all at the same level, all sounding at one moment. Four
scenes belong together: the first event alone, then with a second, a third and a fourth. So the same event is followed while others join.
All labels of the set are asked; those that are like one that is heard, without being it, are left aside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.data.items import Item
from auricle.data.world.acoustics import Float32
from auricle.errors import AudioError
from auricle.evaluation.heldout import HeldOut, unit_mean
from auricle.evaluation.probes import mixing
from auricle.evaluation.probes.base import Audit, Curve, Sounds, too_few
from auricle.evaluation.score import How, Mean, Score, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText, Vectors

MOST = 4  # events at once
SECONDS = 5.0
SHORTEST = 0.3  # seconds of an event
GROUPS = 24
PER_GROUP = 4  # sets of scenes
PLACES = 5  # "found": among so many labels
TITLE = "Several sounds at once"


@dataclass(frozen=True)
class Together:
    """``items``: events in the order in which they join. ``sounds``: with the first, the first two, …"""

    group: str
    items: tuple[Item, ...]
    sounds: tuple[Float32, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(item.labels[0] for item in self.items)


class Overlap:
    name = "overlap"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        scenes = compose(sounds.held, seed)
        if len(scenes) < 2:
            raise too_few(self.name, "clips of four kinds that have nothing in common")
        labels = sorted({item.labels[0] for item in mixing.labelled(sounds.held)})
        told(f"{len(scenes)} sets of {MOST} scenes, {len(labels)} labels")
        vectors = [[mixing.heard(model, sound) for sound in scene.sounds] for scene in scenes]
        return audit(model, sounds.held, scenes, labels, vectors)


def compose(held: HeldOut, seed: int, *, groups: int = GROUPS, per_group: int = PER_GROUP) -> list[Together]:
    """Sets of scenes from groups of clips that share no source."""
    found = []
    for number, items in enumerate(mixing.dealt(mixing.labelled(held), groups)):
        rng = np.random.default_rng((seed, number))
        for turn in range(per_group):
            scene = _together(held, items, f"group {number:02d}", rng, turn)
            if scene is not None:
                found.append(scene)
    return found


def _together(held: HeldOut, items: Sequence[Item], group: str, rng: np.random.Generator, turn: int) -> Together | None:
    """A label by chance, then a clip of it: labels with many clips are not heard more often."""
    of_label: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        of_label[item.labels[0]].append(item)
    chosen: list[Item] = []
    pieces: list[Float32] = []
    for label in rng.permutation(sorted(of_label)):
        item = of_label[label][int(rng.integers(len(of_label[label])))]
        if all(mixing.apart(item, other) for other in chosen):
            try:
                piece = mixing.cut(held, item, SECONDS * 0.8)
            except AudioError:
                continue
            if len(piece) >= SHORTEST * mixing.RATE:
                chosen.append(item)
                pieces.append(piece)
        if len(chosen) == MOST:
            break
    if len(chosen) < MOST:
        return None
    n = round(SECONDS * mixing.RATE)
    placed = []
    for piece in pieces:  # each sounds in the middle of the scene, wherever it began
        at = n // 2 - int(rng.integers(len(piece) // 5, len(piece) * 4 // 5 + 1))
        placed.append((min(max(at, 0), max(0, n - len(piece))), piece))
    floor = int(rng.integers(1 << 31))
    sounds = [mixing.laid(n, placed[: k + 1], np.random.default_rng(floor)) for k in range(MOST)]
    return Together(group, tuple(chosen), tuple(mixing.within(sounds)))


def audit(model: Any, held: HeldOut, scenes: Sequence[Together], labels: Sequence[str], vectors: Sequence[Sequence[Vectors]]) -> Audit:
    """``vectors``: scene by scene, then by number of events."""
    place = {label: i for i, label in enumerate(labels)}
    asked = [_asked(scene, labels) for scene in scenes]
    ids = [f"{scene.group}/{digest([item.id for item in scene.items])}" for scene in scenes]
    groups = [scene.group for scene in scenes]
    data = f"{held.name}: {len(scenes)} scenes of {len(set(groups))} groups of clips, {len(labels)} labels"
    made_of = digest([held.hash, ids, list(labels)])
    deaf = unit_mean(np.concatenate([v for row in vectors for v in row]))[None, :]
    values = [mixing.presence(model, [row[k] for row in vectors], labels) for k in range(MOST)]
    unheard = mixing.presence(model, [deaf] * len(scenes), labels)

    def score(metric: str, sample: Floats, k: int, baselines: dict[str, float]) -> Score:
        details = {
            "events": k, "seconds": SECONDS, "level": "equal", "found": f"among {PLACES}", "labels like a heard one": "left aside",
            "interval": "95 %, bootstrap over groups of source clips",
        }  # fmt: skip
        how = How("overlap", data, made_of, metric, details)
        return measured(metric, Mean.of(sample, ids, groups), how, model, baselines=baselines)

    found: dict[str, list[Score]] = {"recall": [], "mAP": [], "the same event": []}
    first: list[Floats] = []
    for k in range(MOST):
        truth = [[place[label] for label in scene.labels[: k + 1]] for scene in scenes]
        among = [[*own, *rest[k]] for own, rest in zip(truth, asked, strict=True)]
        by_chance = float(np.mean([(k + 1) / len(a) for a in among]))
        for metric, statistic, chance in (("recall", _recall, {"chance": by_chance}), ("mAP", _precision, {})):
            own, blind = (np.array([statistic(row, t, a) for row, t, a in zip(v, truth, among, strict=True)]) for v in (values[k], unheard))
            baselines = {"deaf": float(blind.mean()), **chance}
            found[metric].append(score(f"{metric}, {_events(k + 1)}", own, k + 1, baselines))
        ranks = [mixing.ranked(row, t[0], [t[0], *rest[k]]) for row, t, rest in zip(values[k], truth, asked, strict=True)]
        first.append((np.array(ranks) <= PLACES).astype(np.float64))
        base = {"chance": float(np.mean([min(1.0, PLACES / (1 + len(rest[k]))) for rest in asked]))}
        found["the same event"].append(score(f"the same event found, {_events(k + 1)}", first[-1], k + 1, base))
    gone = first[0] - first[-1]
    lost = score(f"the same event lost when {MOST - 1} others join", gone, MOST, {"nothing lost": 0.0})
    scores = [*found["recall"], *found["mAP"], *found["the same event"]]
    curves = tuple(_curve(name, rows) for name, rows in found.items())
    notes = ("synthetic: scenes composed of held-out clips at equal level", "deaf: the mean of all scenes in place of each")
    return Audit(Overlap.name, TITLE, (lost, *scores), curves, notes)


def _asked(scene: Together, labels: Sequence[str]) -> list[list[int]]:
    """For each number of events: places of labels that are certainly not heard."""
    rows: list[list[int]] = []
    for k in range(MOST):
        before = rows[-1] if rows else range(len(labels))
        rows.append([i for i in before if mixing.absent(labels[i], scene.items[k])])
    return rows


def _recall(values: Floats, truth: Sequence[int], among: Sequence[int]) -> float:
    """Share of the true labels among as many places as there are true labels."""
    return float(np.mean([mixing.ranked(values, t, among) <= len(truth) for t in truth]))


def _precision(values: Floats, truth: Sequence[int], among: Sequence[int]) -> float:
    """Average precision of one scene's ranking."""
    ranks = sorted(mixing.ranked(values, t, among) for t in truth)
    return float(np.mean([(i + 1) / rank for i, rank in enumerate(ranks)]))


def _events(k: int) -> str:
    return "1 event" if k == 1 else f"{k} at once"


def _curve(name: str, rows: Sequence[Score]) -> Curve:
    return Curve.of(f"{name} by events at once", "events at once", range(1, len(rows) + 1), rows, name)
