"""A known sound in an hour of background: is the right moment the one that stands out, and does detection find it?

The hour is made of the set's long background clips (soft noise where there are none), with needles of as many kinds as there are, one of
each: for the label of one needle all the rest of the hour is background. An hour is cut into as many stretches as there are needles and
each lies anywhere in its own, so that times are spread evenly. Nothing is held but the stretch at hand: the hour is composed, heard and
read block by block.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.world.acoustics import Float32, looped
from auricle.data.world.clips import as_source
from auricle.errors import AudioError
from auricle.evaluation.events import reader_for
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.probes import mixing
from auricle.evaluation.probes.base import Audit, Curve, Sounds, too_few
from auricle.evaluation.score import How, Mean, Score, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText
from auricle.tasks.detect import Decoder, Rules, curves

SECONDS = 3600.0
NEEDLES = 36
BEDS = 6  # kinds of background
STRETCH = 60.0  # seconds of background from one clip
BLOCK = 10.0  # seconds that are composed at a time
LONGEST = 5.0  # seconds of a needle
SHORTEST = 0.5
OVER = (0.0, 6.0, 12.0, 18.0)  # dB of needles over the background, in turn
NEAR = 2.5  # seconds beside the needle that still are the right moment
BACKGROUND = -36.0  # dB
TITLE = "One sound in an hour"


@dataclass(frozen=True)
class Needle:
    """``start``, ``end``: seconds. ``over``: dB over the background."""

    item: Item
    start: float
    end: float
    over: float

    @property
    def label(self) -> str:
        return self.item.labels[0]


@dataclass(frozen=True)
class Hay:
    """An hour that is composed as it is heard. ``beds``: what lies under it, none: noise."""

    held: HeldOut
    seconds: float
    needles: tuple[Needle, ...]
    beds: tuple[Item, ...]
    seed: int

    def blocks(self) -> Iterator[Audio]:
        """In order. Needles that reach over a border between blocks are whole."""
        size = round(BLOCK * mixing.RATE)
        total = round(self.seconds * mixing.RATE)
        waiting = list(self.needles)
        sounding: list[tuple[int, Float32]] = []
        background = self._background(size)
        for at in range(0, total, size):
            n = min(size, total - at)
            out = next(background)[:n].copy()
            while waiting and waiting[0].start * mixing.RATE < at + n:
                one = waiting.pop(0)
                piece = mixing.cut(self.held, one.item, LONGEST, level=BACKGROUND + one.over)
                sounding.append((round(one.start * mixing.RATE), piece))
            for begun, piece in sounding:
                first, last = max(begun, at), min(begun + len(piece), at + n)
                if first < last:
                    out[first - at : last - at] += piece[first - begun : last - begun]
            sounding = [(begun, piece) for begun, piece in sounding if begun + len(piece) > at + n]
            yield Audio(np.clip(out, -1.0, 1.0)[None, :], mixing.RATE, "an hour", at / mixing.RATE)

    def _background(self, size: int) -> Iterator[Float32]:
        """Blocks of one bed after another, each for ``STRETCH``, at one level, over a floor of noise."""
        rng = np.random.default_rng(self.seed)
        per = max(1, round(STRETCH / BLOCK))
        while True:
            whole = self._bed(rng, per * size)
            for k in range(per):
                yield whole[k * size : (k + 1) * size]

    def _bed(self, rng: np.random.Generator, n: int) -> Float32:
        noise = _soft(rng, n)
        if not self.beds:
            return mixing.leveled(noise, BACKGROUND)
        item = self.beds[int(rng.integers(len(self.beds)))]
        sound = looped(mixing.cut(self.held, item, STRETCH), n, mixing.RATE)
        return mixing.leveled(sound, BACKGROUND) + mixing.leveled(noise, BACKGROUND - 20.0)


class NeedleInAnHour:
    name = "needle"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        hay = compose(sounds.held, seed)
        if len(hay.needles) < 2:
            raise too_few(self.name, "clips of two kinds that have nothing in common")
        told(f"{hay.seconds / 60:.0f} minutes, {len(hay.needles)} needles")
        return audit(model, hay, *listened(model, hay))


def compose(held: HeldOut, seed: int, *, seconds: float = SECONDS, needles: int = NEEDLES) -> Hay:
    """Backgrounds first, one of a kind; then needles whose names are true of no other needle and of no background."""
    rng = np.random.default_rng(seed)
    of_label: dict[str, list[Item]] = defaultdict(list)
    for item in mixing.labelled(held):
        of_label[item.labels[0]].append(item)
    drawn = [of_label[label][int(rng.integers(len(of_label[label])))] for label in rng.permutation(sorted(of_label))]
    beds = [item for item in drawn if _is_bed(item) and _sounding(held, item, STRETCH) >= LONGEST][:BEDS]
    chosen: list[tuple[Item, float]] = []
    for item in drawn:
        there = [*beds, *(other for other, _ in chosen)]
        if len(chosen) < needles and item not in beds and all(_strange(item, other) for other in there):
            long = _sounding(held, item, LONGEST)
            if long >= SHORTEST:
                chosen.append((item, long))
    slot = seconds / max(1, len(chosen))
    placed = []
    for turn, (item, long) in enumerate(chosen):
        start = turn * slot + float(rng.uniform(0.0, max(0.0, slot - long)))
        placed.append(Needle(item, round(start, 3), round(start + long, 3), OVER[turn % len(OVER)]))
    return Hay(held, seconds, tuple(placed), tuple(beds), seed)


def _strange(a: Item, b: Item) -> bool:
    """Whether neither's name is true of the other."""
    return mixing.absent(a.labels[0], b) and mixing.absent(b.labels[0], a)


def listened(model: Any, hay: Hay) -> tuple[Floats, Floats, tuple[tuple[float, float, int], ...] | None]:
    """In one streamed pass: edges [n + 1], curves [n, needles], and the events (start, end, place), None where nothing is calibrated."""
    reader, calibrated = reader_for([needle.label for needle in hay.needles], model)
    decoder = Decoder(len(reader.labels), Rules.of(model)) if calibrated else None
    edges, values = [], []
    events: list[tuple[float, float, int]] = []
    last = 0.0
    for starts, ends, said in curves(hay.blocks(), reader, model):
        edges.append(starts)
        values.append(np.round(said, mixing.DECIMALS).astype(np.float32))
        last = float(ends[-1])
        if decoder is not None:
            events += [(start, end, place) for place, start, end, _ in decoder.add(starts, ends, said)]
    if decoder is not None:
        events += [(start, end, place) for place, start, end, _ in decoder.finish()]
    return np.append(np.concatenate(edges), last), np.concatenate(values).astype(np.float64), tuple(events) if decoder else None


def audit(model: Any, hay: Hay, edges: Floats, values: Floats, events: tuple[tuple[float, float, int], ...] | None) -> Audit:
    needles = hay.needles
    ranks = np.array([rank(edges, values[:, i], needle) for i, needle in enumerate(needles)])
    ids = [f"{needle.item.id}@{needle.start:.1f}" for needle in needles]
    sources = [needle.item.cluster for needle in needles]
    minutes = hay.seconds / 60
    data = f"{hay.held.name}: {len(needles)} needles in {minutes:g} minutes of {_under(hay)}"
    made_of = digest([hay.held.hash, hay.seed, hay.seconds, ids, [n.over for n in needles], [b.id for b in hay.beds]])
    details = {
        "over the background, dB": list(OVER), "right moment within, s": NEAR, "read as": "auricle detect reads it",
        "interval": "95 %, bootstrap over source clips of needles",
    }  # fmt: skip
    chance = float(np.mean([(n.end - n.start + 2 * NEAR) / hay.seconds for n in needles]))

    def score(metric: str, sample: Floats, baselines: dict[str, float]) -> Score:
        how = How("needle", data, made_of, metric, details)
        return measured(metric, Mean.of(sample, ids, sources), how, model, baselines=baselines)

    scores = [
        score("right moment first (hit@1)", (ranks <= 1).astype(np.float64), {"chance": chance}),
        score("right moment among five (hit@5)", (ranks <= 5).astype(np.float64), {"chance": min(1.0, 5 * chance)}),
        score("reciprocal rank of the right moment", 1 / ranks, {"chance": _reciprocal(chance)}),
    ]
    notes = [
        f"synthetic: {_under(hay)}, needles laid over at {OVER[0]:g} to {OVER[-1]:g} dB, other needles at each level",
        f"median rank of the right moment {np.median(ranks):g} of about {hay.seconds / (2 * NEAR + LONGEST / 2):.0f} moments",
    ]
    if events is None:
        notes.append(f"{model.name} is not calibrated: it ranks moments and detects nothing")
    else:
        found, false = _detected(events, needles)
        scores.append(score("needle detected", found, {"nothing found": 0.0}))
        scores.append(score("false alarms per hour and label", false * 3600 / hay.seconds, {"nothing found": 0.0}))
    return Audit(NeedleInAnHour.name, TITLE, tuple(scores), tuple(_curves(ranks, needles, score)), tuple(notes))


def rank(edges: Floats, values: Floats, needle: Needle) -> float:
    """How many moments stand out more than the needle's, from 1. Stretches nearer than ``NEAR`` to a higher one are the same moment.

    A moment that ties with the needle's counts half.
    """
    middle = (edges[1:] + edges[:-1]) / 2
    inside = (middle >= needle.start - NEAR) & (middle <= needle.end + NEAR)
    best = float(values[inside].max()) if inside.any() else -np.inf
    above = _moments(middle, values > best, inside)
    tied = _moments(middle, values >= best, inside)
    return 1.0 + above + (tied - above) / 2


def _moments(middle: Floats, chosen: Any, inside: Any) -> int:
    at = middle[chosen & ~inside]
    count, last = 0, -np.inf
    for time in at:
        if time - last > 2 * NEAR:
            count, last = count + 1, time
    return count


def _detected(events: Sequence[tuple[float, float, int]], needles: Sequence[Needle]) -> tuple[Floats, Floats]:
    """For each needle: does an event of its label touch it, and how many do not. One that goes on for minutes finds nothing."""
    found, false = np.zeros(len(needles)), np.zeros(len(needles))
    for start, end, place in events:
        needle = needles[place]
        touches = start <= needle.end + NEAR and end >= needle.start - NEAR
        if touches and end - start <= needle.end - needle.start + 4 * NEAR:
            found[place] = 1.0
        elif not touches:
            false[place] += 1
    return found, false


def _curves(ranks: Floats, needles: Sequence[Needle], score: Callable[[str, Floats, dict[str, float]], Score]) -> Iterator[Curve]:
    hit = (ranks <= 1).astype(np.float64)
    levels = np.array([n.over for n in needles])
    yield _grouped("needle found first, by level", "dB over the background", hit, levels, needles)
    end = max(n.end for n in needles)
    quarter = np.array([min(3, int(4 * n.start / end)) for n in needles])
    yield _grouped("needle found first, by time", "quarter of the hour", hit, quarter + 1.0, needles)


def _grouped(name: str, x_label: str, values: Floats, by: Floats, needles: Sequence[Needle]) -> Curve:
    from auricle.evaluation.statistics import bootstrap

    x = sorted(set(by.tolist()))
    rows = []
    for own in x:
        chosen = np.flatnonzero(by == own).tolist()
        rows.append(bootstrap(values[chosen], clusters=[needles[i].item.cluster for i in chosen]))
    return Curve.of(name, x_label, x, rows, "hit@1")


def _is_bed(item: Item) -> bool:
    as_it_is = as_source(item)
    return as_it_is is not None and as_it_is.kind in ("bed", "texture") and (item.duration or 0.0) >= LONGEST


def _sounding(held: HeldOut, item: Item, seconds: float) -> float:
    """For how long it sounds, at most ``seconds``; 0 for what cannot be heard."""
    try:
        return len(mixing.cut(held, item, seconds)) / mixing.RATE
    except AudioError:
        return 0.0


def _under(hay: Hay) -> str:
    return f"{len(hay.beds)} held-out background clips" if hay.beds else "soft noise"


def _soft(rng: np.random.Generator, n: int) -> Float32:
    """Noise that falls by 3 dB an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1.0))
    return np.fft.irfft(spectrum, n).astype(np.float32)


def _reciprocal(share: float) -> float:
    """The mean of 1 / rank where the rank is uniform over 1 / share moments."""
    moments = max(1, round(1 / share))
    return float(np.mean(1.0 / np.arange(1, moments + 1)))
