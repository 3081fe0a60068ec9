"""What must not change an answer: channels, sample rate, codec, level, a shift, silence around, a room, noise.

Each clip is changed and heard again: how near its vector stays (cosine; other clips are the floor), and whether the name that fits it
best among the set's own stays the same. The name need not be right: accuracy, before and after, stands in a row of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle import audio
from auricle.audio import Audio
from auricle.audio.encoding import encoded
from auricle.data.items import Item
from auricle.errors import AudioError
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.probes import mixing
from auricle.evaluation.probes.base import Audit, Curve, Sounds, too_few
from auricle.evaluation.score import How, Mean, Score, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText, Vectors

CLIPS, PER_LABEL, SECONDS, RATE = 60, 2, 5.0, 48_000
FEWEST = 8
TITLE = "What must not change the answer"
INTERVAL = "95 %, bootstrap over sources"
Change = Callable[[Audio, np.random.Generator], Audio]


@dataclass(frozen=True)
class Step:
    """One change. ``x``: where it lies on its curve. ``headline``: it has rows of its own, as the last of each curve has."""

    name: str
    x: float
    change: Change
    headline: bool = False


def run_through(codec: str, kilobits: int) -> Change:
    return lambda a, _: audio.open(encoded(a, codec, kilobits), mono=True)


def louder(decibels: float) -> Change:
    return lambda a, _: Audio(np.clip(a.samples * np.float32(10 ** (decibels / 20)), -1, 1), a.rate)


def stereo(left: float, right: float) -> Change:
    return lambda a, _: Audio(np.concatenate([a.samples * np.float32(left), a.samples * np.float32(right)]), a.rate)


def later(seconds: float) -> Change:
    return lambda a, _: Audio(np.roll(a.samples, round(seconds * a.rate), axis=1), a.rate)


def padded(seconds: float) -> Change:
    return lambda a, _: Audio(np.pad(a.samples, ((0, 0), (round(seconds * a.rate / 2),) * 2)), a.rate)


def reverberant(decay: float) -> Change:
    """In a room whose sound has fallen by 60 dB after ``decay`` seconds: noise that dies away, as loud as the direct sound at one tenth."""

    def change(a: Audio, rng: np.random.Generator) -> Audio:
        t = np.arange(round(decay * a.rate)) / a.rate
        tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / decay)
        tail *= 0.3 / np.sqrt((tail**2).sum())
        tail[0] += 1.0
        n = a.samples.shape[1] + len(tail)
        wet = np.fft.irfft(np.fft.rfft(a.samples[0], n) * np.fft.rfft(tail, n), n)[: a.samples.shape[1]]
        return Audio((wet / max(1.0, np.abs(wet).max()))[None].astype(np.float32), a.rate)

    return change


def noisy(ratio: float) -> Change:
    """White noise, ``ratio`` dB below the sound."""

    def change(a: Audio, rng: np.random.Generator) -> Audio:
        noise = rng.standard_normal(a.samples.shape).astype(np.float32)
        noise *= np.sqrt((a.samples**2).mean() / (noise**2).mean()) * np.float32(10 ** (-ratio / 20))
        both = a.samples + noise
        return Audio(both / np.float32(max(1.0, float(np.abs(both).max()))), a.rate)

    return change


# Of two channels either may be the one that a model leaves out. Shifts and silences are off the grid of half a second on
# which tiny-towers' frames begin: on it the same frames would be heard again, which flatters.
CURVES: dict[str, tuple[str, tuple[Step, ...]]] = {
    "channels": ("both alike, left only, right only", (
        Step("two equal channels", 0, stereo(1, 1)), Step("left only", 1, stereo(1, 0), headline=True), Step("right only", 2, stereo(0, 1)),
    )),
    "rate": ("Hz", tuple(Step(f"{r} Hz", r, lambda a, _, r=r: a.at(r)) for r in (44_100, 32_000, 22_050, 16_000, 8_000))),  # type: ignore[misc]
    "MP3": ("kbit/s", tuple(Step(f"MP3, {k} kbit/s", k, run_through("mp3", k)) for k in (192, 128, 64, 32))),
    "Opus": ("kbit/s", tuple(Step(f"Opus, {k} kbit/s", k, run_through("opus", k)) for k in (96, 48, 24, 12))),
    "level": ("dB", tuple(Step(f"{g:+d} dB", g, louder(g)) for g in (6, -6, -12, -20))),
    "shift": ("s", tuple(Step(f"{s} s later, around", s, later(s)) for s in (0.05, 0.2, 0.6, 1.2))),
    "silence around": ("s", tuple(Step(f"{s} s of silence around", s, padded(s)) for s in (0.3, 0.9, 2.3))),
    "reverb": ("s", tuple(Step(f"reverb of {d} s", d, reverberant(d)) for d in (0.3, 0.6, 1.2))),
    "noise": ("dB above the noise", tuple(Step(f"noise {r} dB below", r, noisy(r)) for r in (40, 30, 20, 10, 0))),
}  # fmt: skip


class Invariance:
    name = "invariance"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        clips = chosen(sounds.held, seed)
        if len({item.cluster for item, _ in clips}) < FEWEST:
            raise too_few(self.name, f"clips of {FEWEST} sources")
        told(f"{len(clips)} clips, {sum(len(steps) for _, steps in CURVES.values())} changes of each")
        return audit(model, sounds.held, clips, seed)


def chosen(held: HeldOut, seed: int) -> list[tuple[Item, Audio]]:
    """At most ``CLIPS`` clips, two of a label, those that are heard."""
    items = mixing.labelled(held)
    count: Counter[str] = Counter()
    found: list[tuple[Item, Audio]] = []
    for place in np.random.default_rng(seed).permutation(len(items)):
        item = items[int(place)]
        if len(found) == CLIPS or count[item.labels[0]] == PER_LABEL:
            continue
        try:
            sound = held.open(item, rate=RATE).slice(0, SECONDS)
        except AudioError:
            continue
        if float(np.abs(sound.samples).max()) > 1e-3:
            count[item.labels[0]] += 1
            found.append((item, sound))
    return found


def audit(model: Any, held: HeldOut, clips: Sequence[tuple[Item, Audio]], seed: int) -> Audit:
    items = [item for item, _ in clips]
    labels = sorted({label for item in items for label in item.labels[:1]})
    texts = model.embed_text(labels)
    clean = model.embed_audio([sound for _, sound in clips])
    same = np.array([[label in item.labels for label in labels] for item in items])
    best = named(clean, texts, model)
    ids, sources = [item.id for item in items], [item.cluster for item in items]
    made_of = digest([held.hash, ids])
    data = f"{held.name}: {len(items)} clips of {len(set(sources))} sources, {len(labels)} names"
    floor = float(np.mean((clean @ clean.T)[~np.eye(len(items), dtype=bool)]))
    most = float(max(Counter(best.tolist()).values())) / len(items)

    def score(metric: str, values: Any, baselines: dict[str, float], step: str) -> Score:
        details = {"change": step, "seconds": SECONDS, "rate": RATE, "seed": seed, "interval": INTERVAL}
        sample = Mean.of(np.asarray(values, np.float64), ids, sources)
        return measured(metric, sample, How("invariance", data, made_of, metric, details), model, baselines=baselines)

    rows: list[tuple[Score, Score, Score]] = []
    curves = []
    before = same[np.arange(len(items)), best]
    chance = float(same.mean())
    for place, (name, (unit, steps)) in enumerate(CURVES.items()):
        kept, near = [], []
        for step in steps:
            rng = np.random.default_rng([seed, place])
            changed = model.embed_audio([step.change(sound, rng) for _, sound in clips])
            now = named(changed, texts, model)
            kept.append(score(f"same name, {step.name}", now == best, {"always the commonest name": most}, step.name))
            near.append(score(f"cosine, {step.name}", np.sum(changed * clean, axis=1), {"to other clips": floor}, step.name))
            if step.headline or step is steps[-1]:
                beside = {"unchanged": float(before.mean()), "chance": chance}
                after = score(f"accuracy, {step.name}", same[np.arange(len(items)), now], beside, step.name)
                rows.append((kept[-1], near[-1], after))
        curves += [Curve.of(f"{name}: same name", unit, [s.x for s in steps], kept, "share"),
                   Curve.of(f"{name}: cosine", unit, [s.x for s in steps], near, "cosine")]  # fmt: skip
    every = tuple(row[part] for part in range(3) for row in rows)
    return Audit(Invariance.name, TITLE, every, tuple(curves), notes=(
        "the clips are recorded, the changes are made here",
        "a channel alone is 6 dB quieter once two are mixed; +6 dB is cut off at full scale",
        f"{model.name} hears at {model.rate} Hz: sample rates above that change nothing but resampling",
    ))  # fmt: skip


def named(sounds: Vectors, texts: Vectors, model: Any) -> Any:
    """Which label fits best: by calibrated probability where there is one, as ``auricle classify`` chooses."""
    calibration = getattr(model, "calibration", None)
    values: Floats = (sounds @ texts.T).astype(np.float64) if calibration is None else calibration.log_odds(sounds, texts)
    return np.round(values, mixing.DECIMALS).argmax(axis=1)
