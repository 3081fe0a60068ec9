"""Does it hear order, attributes and count, or only which words a caption has? A true caption against one that is false in one thing.

Scenes are composed of the given clips, in groups that share none; the formulas and the deaf control are those of
:mod:`auricle.evaluation.counterfactual`. Order is asked twice: of the vector of the whole scene, and by aligning clauses with frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from auricle.errors import DataError
from auricle.evaluation import counterfactual
from auricle.evaluation.probes import mixing
from auricle.evaluation.probes.base import Audit, Sounds, too_few
from auricle.evaluation.scenes import SEED, held_out_scenes
from auricle.models.capabilities import EmbedsAudio, EmbedsFrames, EmbedsText

GROUPS, SCENES = 12, 10
TITLE = "Order, attributes and count: a caption that is false in one thing"
ROWS = ("counterfactuals, order", "counterfactuals, attributes", "counterfactuals, kind count")


class Counterfactuals:
    name = "counterfactuals"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        if len({item.cluster for item in mixing.labelled(sounds.held)}) < 2 * GROUPS:
            raise too_few(self.name, f"clips of {2 * GROUPS} sources")
        try:
            worlds = held_out_scenes(sounds.held, groups=GROUPS, per_group=SCENES, seed=SEED + seed)
        except DataError:
            raise too_few(self.name, f"clips of many kinds for {GROUPS} groups that share none") from None
        pairs: list[counterfactual.Pair] = []
        vectors: dict[str, Any] = {}
        aligned: list[counterfactual.Aligned] = []
        frames = isinstance(model, EmbedsFrames)
        for number, held in enumerate(worlds, 1):
            asked = counterfactual.pairs_of(held)
            pairs += asked
            vectors[held.id] = counterfactual.scene_vector(model, held.scene.audio)
            if frames:
                aligned.append(counterfactual.aligned(asked, held.scene.audio, model))
            if number % 40 == 0:
                told(f"{number} of {len(worlds)} scenes")
        if not pairs:
            raise too_few(self.name, "clips whose captions can be false in one thing")
        data = f"{worlds.name}, {worlds.hash}"
        found = {score.metric: score for score in counterfactual.scores(data, pairs, vectors, model)}
        scores = [found[row] for row in ROWS if row in found]
        if frames:
            scores[1:1] = counterfactual.aligned_scores(data, pairs, aligned, model)
        scores += [score for name, score in found.items() if name.startswith("counterfactuals, kind ") and name not in ROWS]
        lacking = [row.removeprefix("counterfactuals, ") for row in ROWS if row not in found]
        notes = [f"too few captions that are false in their {row}: not asked" for row in lacking]
        told_apart = (replace(s, notes=tuple(f"{s.metric.partition(', ')[2]}: {note}" for note in s.notes)) for s in scores)
        return Audit(self.name, TITLE, tuple(told_apart), notes=tuple(notes))
