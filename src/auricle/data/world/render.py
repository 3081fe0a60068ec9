"""A plan as sound: every event a stem of its own, and the mixture their sum, sample by sample."""

from __future__ import annotations

import numpy as np

from auricle.data.world.acoustics import Float32, Place, active_level, convolved, echo, faded, gain, looped, low_passed
from auricle.data.world.clips import Clips
from auricle.data.world.compose import Placed, Plan, direct_over_echo

PEAK = 0.95
_EDGE = 0.004  # seconds of fade at an end where the clip itself falls silent
_CUT = 0.06  # and where it was cut


def render(plan: Plan, clips: Clips, channels: int) -> tuple[Float32, ...]:
    """Stems float32 ``[channels, n]``, one an event in the order of the facts, and the recorder's own noise last.

    Where their sum would go over ``PEAK``, all are lowered alike: relative levels stay.
    """
    rate = clips.rate
    echoes = [echo(plan.place, rate, (plan.seed + c) % (1 << 63)) for c in range(channels)] if plan.place else []
    stems = [_stem(placed, plan, clips, echoes, channels) for placed in plan.placed]
    stems.append(_floor(plan, rate, channels))
    peak = float(np.abs(mixed(stems)).max(initial=0.0))
    if peak > PEAK:
        for stem in stems:
            stem *= np.float32(PEAK / peak)
    for stem in stems:
        stem.flags.writeable = False
    return tuple(stems)


def mixed(stems: list[Float32] | tuple[Float32, ...]) -> Float32:
    """Their sum, in their order."""
    total = stems[0].copy()
    for stem in stems[1:]:
        total += stem
    return total


def _stem(placed: Placed, plan: Plan, clips: Clips, echoes: list[Float32], channels: int) -> Float32:
    rate, event = clips.rate, placed.event
    piece = clips.samples(placed.source)[placed.first : placed.last]
    if event.bed:
        piece = faded(looped(piece, plan.n, rate), rate, 0.02, 0.02)
        return np.repeat((piece * gain(event.level - active_level(piece, rate)))[None, :], channels, axis=0)
    piece = faded(piece, rate, *(_CUT if cut else _EDGE for cut in placed.cut))
    if event.distance == "far":
        piece = low_passed(piece, rate, 40_000.0 / placed.metres)
    rows = _sounding(piece, placed, plan.place, echoes, rate, channels)
    n = len(piece)
    level = active_level(np.sqrt(np.mean(np.square(rows[:, :n]), axis=0)), rate)
    rows *= gain(event.level - level)
    stem = np.zeros((channels, plan.n), np.float32)
    last = min(plan.n, placed.at + rows.shape[1])
    stem[:, placed.at : last] = rows[:, : last - placed.at]
    return stem


def _sounding(piece: Float32, placed: Placed, place: Place | None, echoes: list[Float32], rate: int, channels: int) -> Float32:
    """The piece in its place, with its echo behind it: ``[channels, n + tail]``."""
    angle = placed.pan * np.pi / 2
    sides = np.array([1.0] if channels == 1 else [np.cos(angle) * np.sqrt(2), np.sin(angle) * np.sqrt(2)], np.float32)
    if place is None:
        return sides[:, None] * piece[None, :]
    rows = np.zeros((channels, len(piece) + len(echoes[0]) - 1), np.float32)
    rows[:, : len(piece)] = sides[:, None] * piece[None, :]
    energy = float(np.sqrt(np.sum(np.square(piece, dtype=np.float64))))
    for channel, response in enumerate(echoes):
        tail = convolved(piece, response)
        strength = float(np.sqrt(np.sum(np.square(tail, dtype=np.float64))))
        ratio = 10.0 ** (-direct_over_echo(place, placed.metres) / 20.0)
        rows[channel] += tail * np.float32(ratio * energy / max(strength, 1e-12))
    return rows


def _floor(plan: Plan, rate: int, channels: int) -> Float32:
    rng = np.random.default_rng(plan.seed)
    noise = rng.standard_normal((channels, plan.n), dtype=np.float32)
    return noise * gain(plan.floor)
