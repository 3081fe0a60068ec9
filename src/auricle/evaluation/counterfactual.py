"""Does a model hear what a caption says, or only which words it has? A true caption against one that is false in a single thing.

    pairs = pairs_of(held_scene)                         # of the kinds in FAIR only
    heard = scene_vector(model, held_scene.scene.audio)
    for score in scores(data, pairs, vectors, model): …

Two-alternative choice: the caption that lies nearer to the sound's vector wins, a tie is half a point, chance is one half (Thrush et al.
2022; Ghosh et al. 2024). The *deaf control* is asked the same with the mean vector of all scenes: what it gets beyond one half it gets from
the texts alone, and where its interval leaves out one half the row says so. ``audio gain`` is the difference of the two, paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.world.counterfactuals import FAIR
from auricle.evaluation.heldout import unit_mean
from auricle.evaluation.metrics import points
from auricle.evaluation.scenes import INTERVAL, HeldScene
from auricle.evaluation.score import How, Mean, Score, difference, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import Vectors
from auricle.tasks import match

ORDER = ("order", "time")  # the rest are attributes
FEWEST = 20  # pairs of a kind below which it has no row of its own


@dataclass(frozen=True)
class Pair:
    """``scene``: its id; ``group``: what it was composed from."""

    scene: str
    group: str
    kind: str
    true: str
    false: str


def pairs_of(held: HeldScene) -> list[Pair]:
    """Of the fair kinds: who reads both captions and hears nothing cannot tell which is true."""
    return [Pair(held.id, held.group, c.kind, c.of, c.text) for c in held.scene.counterfactuals if c.kind in FAIR]


def scene_vector(model: Any, audio: Audio) -> Vectors:
    """float32 ``[d]``: the whole scene as one input, so that a model that hears order across it may show it."""
    vector: Vectors = model.embed_audio([audio])[0]
    return vector


def choices(pairs: Sequence[Pair], vectors: dict[str, Vectors], model: Any) -> tuple[Floats, Floats]:
    """Pair by pair: right (1, 0, or 0.5 for a tie), with the scene's own vector and with the mean of all (deaf)."""
    texts = {text: n for n, text in enumerate(dict.fromkeys(t for p in pairs for t in (p.true, p.false)))}
    embedded = model.embed_text(list(texts)).astype(np.float64)
    apart = embedded[[texts[p.true] for p in pairs]] - embedded[[texts[p.false] for p in pairs]]
    own = np.stack([vectors[p.scene] for p in pairs]).astype(np.float64)
    mean = unit_mean(np.stack([vectors[scene] for scene in dict.fromkeys(p.scene for p in pairs)])).astype(np.float64)
    return points(np.sum(apart * own, axis=1)), points(apart @ mean)


@dataclass(frozen=True)
class Aligned:
    """Pairs of the order kinds, told apart by ``tasks.match``: right (1, 0, 0.5) with the frames as they came, and in a shuffled order."""

    right: tuple[float, ...]
    shuffled: tuple[float, ...]


def aligned(pairs: Sequence[Pair], audio: Audio, model: Any) -> Aligned:
    """For the order pairs of one scene. The frames that are shuffled are the same ones: what is left then is no order."""
    asked = [p for p in pairs if p.kind in ORDER]
    if not asked:
        return Aligned((), ())
    parts = list(match.heard((audio,), model))
    whole = tuple(np.concatenate([part[n] for part in parts]) for n in range(3))
    seed = int(digest([asked[0].scene])[:8], 16)
    mixed = (whole[0], whole[1], whole[2][np.random.default_rng(seed).permutation(len(whole[2]))])
    matcher = match.Matcher(list(dict.fromkeys(t for p in asked for t in (p.true, p.false))), model)
    found = []
    for part in (whole, mixed):
        score = {m.text: m.score for m in matcher([part])}  # type: ignore[list-item]
        found.append(tuple(float(x) for x in points(np.array([score[p.true] - score[p.false] for p in asked]))))
    return Aligned(*found)


def aligned_scores(data: str, pairs: Sequence[Pair], found: Sequence[Aligned], model: Any) -> Iterator[Score]:
    """Order by alignment of clauses with frames. ``pairs`` and ``found``: scene by scene, in one order."""
    asked = [p for p in pairs if p.kind in ORDER]
    if not asked:
        return
    right, mixed = (np.array([x for one in found for x in getattr(one, name)], np.float64) for name in ("right", "shuffled"))
    ids = [f"{p.scene} {p.kind} {digest([p.true, p.false])}" for p in asked]
    groups = [p.group for p in asked]
    how = How(
        "counterfactuals, order, aligned", data, digest([[p.scene, p.kind, p.true, p.false] for p in asked]), "two-alternative accuracy",
        {"kinds": sorted({p.kind for p in asked}), "audio": "frames, aligned with clauses (tasks.match)", "interval": INTERVAL},
    )  # fmt: skip
    control = measured("shuffled", Mean.of(mixed, ids, groups), how, model)
    baselines = {"chance": 0.5, "frames shuffled": control.value}
    notes = [] if control.low <= 0.5 <= control.high else [f"shuffled frames are not at chance ({control.low:.3f}–{control.high:.3f})"]
    yield measured("counterfactuals, order, aligned", Mean.of(right, ids, groups), how, model, baselines=baselines, notes=notes)


def scores(data: str, pairs: Sequence[Pair], vectors: dict[str, Vectors], model: Any) -> Iterator[Score]:
    """Order (and time), attributes, all together, and each kind with enough pairs. ``vectors``: scene id → its vector."""
    right, deaf = choices(pairs, vectors, model)
    kinds = sorted({p.kind for p in pairs})
    rows = {"order": set(ORDER), "attributes": set(kinds) - set(ORDER), "all": set(kinds)}
    rows |= {f"kind {kind}": {kind} for kind in kinds if sum(p.kind == kind for p in pairs) >= FEWEST}
    for name, wanted in rows.items():
        chosen = np.array([p.kind in wanted for p in pairs])
        if chosen.any():
            yield _score(name, data, [p for p in pairs if p.kind in wanted], right[chosen], deaf[chosen], model)


def _score(name: str, data: str, pairs: Sequence[Pair], right: Floats, deaf: Floats, model: Any) -> Score:
    ids = [f"{p.scene} {p.kind} {digest([p.true, p.false])}" for p in pairs]
    groups = [p.group for p in pairs]
    how = How(
        f"counterfactuals, {name}", data, digest([[p.scene, p.kind, p.true, p.false] for p in pairs]), "two-alternative accuracy",
        {"kinds": sorted({p.kind for p in pairs}), "audio": "the scene as one input", "interval": INTERVAL},
    )  # fmt: skip
    control = measured("deaf", Mean.of(deaf, ids, groups), how, model)
    heard = measured("heard", Mean.of(right, ids, groups), how, model)
    gain = difference(heard, control)
    notes = [f"audio gain {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"]
    if not control.low <= 0.5 <= control.high:
        notes.append(f"the deaf control is not at chance ({control.low:.3f}–{control.high:.3f}): texts alone tell something")
    baselines = {"chance": 0.5, "deaf": control.value}
    return measured(f"counterfactuals, {name}", Mean.of(right, ids, groups), how, model, baselines=baselines, notes=notes)
