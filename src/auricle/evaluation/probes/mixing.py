"""Held-out clips laid over one another at known levels, and what a model says of the result. For probes that compose their own sound.

    piece = cut(held, item, seconds=5.0)                 # where it sounds, at LEVEL
    rows = presence(model, [vectors, …], labels)         # [sounds, labels]: log-odds, or similarity where nothing is calibrated

Everything is mono at ``RATE``, at or under full scale, and a function of its seeds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.world.acoustics import Float32, active_level, active_spans, faded, gain
from auricle.data.world.lexicon import related
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.score import digest
from auricle.evaluation.statistics import Floats
from auricle.models import heads, listening
from auricle.models.capabilities import Vectors

RATE = 16_000  # Hz: what every model here hears at least
LEVEL = -26.0  # dB of what is heard of a clip
FLOOR = -75.0  # dB of the noise under everything: no recording is digital silence
DECIMALS = 6  # what differs by less is a tie


def cut(held: HeldOut, item: Item, seconds: float, *, rate: int = RATE, level: float = LEVEL) -> Float32:
    """The longest stretch in which the clip sounds, at most ``seconds``, at ``level``. Empty where it is silent. Raises AudioError."""
    sound = held.open(item, rate=rate).samples[0]
    spans = active_spans(sound, rate, below=40.0, gap=0.4, least=0.03)
    if not spans:
        return np.zeros(0, np.float32)
    first, last = max(spans, key=lambda span: (min(span[1] - span[0], round(seconds * rate)), -span[0]))
    return leveled(faded(sound[first : min(last, first + round(seconds * rate))], rate, 0.003, 0.02), level, rate)


def leveled(sound: Float32, level: float, rate: int = RATE) -> Float32:
    """At ``level`` dB where it is heard."""
    return sound * gain(level - active_level(sound, rate)) if len(sound) else sound


def laid(n: int, pieces: Iterable[tuple[int, Float32]], rng: np.random.Generator) -> Float32:
    """``n`` samples of faint noise with each piece added from its sample on; what reaches beyond is cut off."""
    out = (rng.standard_normal(n) * gain(FLOOR)).astype(np.float32)
    for at, piece in pieces:
        first = max(at, 0)
        part = piece[first - at : n - at]
        out[first : first + len(part)] += part
    return out


def within(sounds: Sequence[Float32]) -> list[Float32]:
    """All made quieter by one factor where the loudest of them would clip, so that they stay comparable."""
    peak = max((float(np.abs(s).max()) for s in sounds if len(s)), default=0.0)
    return [s / np.float32(peak) for s in sounds] if peak > 1.0 else list(sounds)


def heard(model: Any, sound: Float32, rate: int = RATE) -> Vectors:
    """The vectors of its windows."""
    return listening.hear(Audio(sound[None, :], rate), model).vectors


def presence(model: Any, sounds: Sequence[Vectors], labels: Sequence[str], texts: Sequence[str] | None = None) -> Floats:
    """``[sounds, labels]``: how much each label applies, by the strongest windows, as ``auricle classify`` pools them.

    Log-odds where the model is calibrated, else similarity. ``texts``: what is asked in place of the labels themselves.
    """
    text = model.embed_text(list(texts or labels))
    calibration = getattr(model, "calibration", None)
    read: Callable[[Vectors], Floats] = (
        (lambda v: v.astype(np.float64) @ text.T.astype(np.float64)) if calibration is None else lambda v: calibration.log_odds(v, text)
    )
    found: Floats = np.zeros((len(sounds), len(labels)))
    for row, vectors in zip(found, sounds, strict=True):
        row[:] = np.round(heads.pool_windows(read(vectors)), DECIMALS)
    return found


def ranked(values: Floats, place: int, among: Sequence[int] | None = None) -> float:
    """The rank of one label among them, from 1; each that ties with it counts half."""
    own = values[place]
    others = np.delete(values, place) if among is None else values[[a for a in among if a != place]]
    return 1.0 + float(np.sum(others > own)) + float(np.sum(others == own)) / 2


def known(item: Item) -> set[str]:
    """All that is heard in an item, or may be."""
    return {*item.labels, *item.extra.get("perhaps", ())}


def absent(label: str, item: Item) -> bool:
    """Whether it is certain that the label is not heard: nothing that the item is or may be is like it."""
    return not any(related(label, own) for own in known(item))


def apart(a: Item, b: Item) -> bool:
    """Whether neither may hold what the other is."""
    return all(absent(label, b) for label in known(a))


def dealt(items: Iterable[Item], groups: int) -> list[list[Item]]:
    """Groups that share no source, each a cluster of what is made of it: sources in turn, those of a label beside each other."""
    of_source: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda i: digest(i.id)):
        of_source[item.cluster].append(item)
    found: list[list[Item]] = [[] for _ in range(groups)]
    for turn, clip in enumerate(sorted(of_source, key=lambda c: (of_source[c][0].labels[:1], digest(c)))):
        found[turn % groups] += of_source[clip]
    return [group for group in found if group]


def labelled(held: HeldOut) -> list[Item]:
    """Items with sound and a name."""
    return [item for item in held.items if item.labels and item.audio is not None]
