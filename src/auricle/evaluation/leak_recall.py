"""How many sounds does the fingerprint find again after what happens to sounds between two data sets?

    python -m auricle.evaluation.leak_recall                                      # the sounds that come with auricle
    python -m auricle.evaluation.leak_recall --sounds FOLDER --among train.jsonl --every 4

Each sound is changed and looked for among all of them and those of ``--among``. *found*: it is there; *others*: changed sounds that are
taken for another one (or for a true copy: look at these). Intervals: Wilson, 95 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from auricle import audio, settings
from auricle.audio import Audio
from auricle.audio.encoding import encoded
from auricle.data.manifest import folder_of, read
from auricle.data.printed import printed, store_for
from auricle.data.prints import RATE, Print, Prints, fingerprint
from auricle.demo import SOUNDS
from auricle.errors import AuricleError

SECONDS = 10.0  # of a sound
Change = Callable[[Audio, Audio, np.random.Generator], Audio]  # the sound, another one, what is drawn


def gain(decibels: float) -> Change:
    return lambda a, _, rng: Audio(np.clip(a.samples * np.float32(10 ** (decibels / 20)), -1, 1), a.rate)


def noise(decibels: float) -> Change:
    """White noise so many dB under the sound's mean level."""

    def change(a: Audio, _: Audio, rng: np.random.Generator) -> Audio:
        level = np.sqrt((a.samples**2).mean()) * 10 ** (-decibels / 20)
        return Audio((a.samples + level * rng.normal(size=a.samples.shape)).astype(np.float32), a.rate)

    return change


def mixed(decibels: float) -> Change:
    """Another sound besides, so many dB under it, repeated as long as it lasts."""

    def change(a: Audio, other: Audio, rng: np.random.Generator) -> Audio:
        b = np.resize(other.at(a.rate).samples, a.samples.shape)
        ratio = np.sqrt((a.samples**2).mean() / max(float((b**2).mean()), 1e-12)) * 10 ** (-decibels / 20)
        return Audio((a.samples + ratio * b).astype(np.float32), a.rate)

    return change


def speed(percent: float) -> Change:
    """Faster and higher, as a tape is."""
    return lambda a, _, rng: Audio(a.samples, round(a.rate * (1 + percent / 100))).at(RATE)


def reverb(seconds: float) -> Change:
    """A room whose reverberation falls by 60 dB in so many seconds, as loud as the sound itself."""

    def change(a: Audio, _: Audio, rng: np.random.Generator) -> Audio:
        time = np.arange(int(seconds * a.rate)) / a.rate
        tail = rng.normal(size=len(time)) * 10 ** (-3 * time / seconds)
        size = 1 << (a.samples.shape[1] + len(tail)).bit_length()
        wet = np.fft.irfft(np.fft.rfft(a.samples[0], size) * np.fft.rfft(tail / np.sqrt((tail**2).sum()), size), size)
        dry = np.pad(a.samples[0], (0, len(tail)))
        return Audio((0.5 * (dry + wet[: len(dry)]))[None].astype(np.float32), a.rate)

    return change


def part(first: float, last: float) -> Change:
    return lambda a, _, rng: a.slice(first * a.duration, last * a.duration)


def excerpt(seconds: float) -> Change:
    """So many seconds from anywhere; all of what is shorter."""

    def change(a: Audio, _: Audio, rng: np.random.Generator) -> Audio:
        start = float(rng.uniform(0, max(0.0, a.duration - seconds)))
        return a.slice(start, min(a.duration, start + seconds))

    return change


def later(seconds: float) -> Change:
    return lambda a, _, rng: Audio(np.pad(a.samples, ((0, 0), (int(seconds * a.rate), 0))), a.rate)


def inside(a: Audio, other: Audio, rng: np.random.Generator) -> Audio:
    """Somewhere in another sound, after it and before it."""
    b = other.at(a.rate).samples
    cut = int(rng.integers(0, b.shape[1]))
    return Audio(np.concatenate([b[:, cut:], a.samples, b[:, :cut]], axis=1), a.rate)


def coded(codec: str, kilobits: int) -> Change:
    return lambda a, _, rng: audio.open(encoded(a, codec, kilobits), mono=True)


CHANGES: dict[str, Change] = {
    "nothing": part(0, 1), "20 dB softer": gain(-20), "40 dB softer": gain(-40), "6 dB louder, clipped": gain(6),
    "noise at 20 dB": noise(20), "noise at 10 dB": noise(10), "noise at 0 dB": noise(0),
    "another sound 10 dB under it": mixed(10), "another sound as loud": mixed(0),
    "MP3, 128 kbit/s": coded("mp3", 128), "MP3, 32 kbit/s": coded("mp3", 32),
    "Opus, 64 kbit/s": coded("opus", 64), "Opus, 16 kbit/s": coded("opus", 16),
    "11,025 Hz": lambda a, _, rng: a.at(11025), "5,500 Hz": lambda a, _, rng: a.at(5500),
    "1 % faster": speed(1), "2 % faster": speed(2), "5 % faster": speed(5), "5 % slower": speed(-5), "10 % faster": speed(10),
    "its middle half": part(0.25, 0.75), "3 s of it": excerpt(3), "1 s of it": excerpt(1), "0.5 s of it": excerpt(0.5),
    "317 ms later": later(0.317), "inside another sound": inside,
    "reverb of 0.3 s": reverb(0.3), "reverb of 1 s": reverb(1.0),
}  # fmt: skip


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z, p = 1.96, hits / n
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def recall(
    sounds: Sequence[Audio], among: Sequence[Print] = (), *, every: int = 1, changes: Sequence[str] = (), seed: int = 0,
    told: Callable[[str], None] = lambda text: None,
) -> list[dict[str, Any]]:  # fmt: skip
    """A row a change. ``every``: only each so-many-th sound is changed; all are in the index."""
    own = [fingerprint([sound.at(RATE)]) for sound in sounds]
    index = Prints([*own, *among])
    rows = []
    for name in changes or CHANGES:
        rng = np.random.default_rng(seed)
        found = others = n = 0
        for i in range(0, len(sounds), every):
            changed = CHANGES[name](sounds[i], sounds[(i + 1) % len(sounds)], rng)
            hits = {match.index for match in index.find(fingerprint([changed.mono().at(RATE)]))}
            n, found = n + 1, found + (i in hits)
            others += bool(hits - {i, (i + 1) % len(sounds)})
        low, high = wilson(found, n)
        told_of = {"found": found, "others": others, "n": n, "recall": found / n, "low": low, "high": high}
        rows.append({"change": name, **{key: round(value, 4) for key, value in told_of.items()}})
        told(f"| {name} | {found / n:.3f} ({low:.3f}–{high:.3f}) | {others} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m auricle.evaluation.leak_recall", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sounds", type=Path, default=SOUNDS, help="a folder of sounds (default: those that come with auricle)")
    parser.add_argument("--among", type=Path, metavar="MANIFEST", help="look among its sounds, too")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="change each N-th sound only")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    try:
        files = sorted(path for path in options.sounds.rglob("*") if path.suffix.lower() in audio.SUFFIXES)
        sounds = [audio.open(path, mono=True, end=SECONDS) for path in files]
        among: list[Print] = []
        if options.among is not None:
            store = store_for(options.among, settings.home() / "cache" / "fingerprints")
            entries = printed(list(read(options.among)), folder_of(options.among), store=store)
            among = [entry.print for entry in entries if entry.print is not None]
        if not options.json:
            changed = -(-len(sounds) // options.every)
            print(f"{changed} of {len(sounds)} sounds changed, looked for among {len(sounds) + len(among)}\n")
            print("| change | found | others |\n| --- | --- | --: |")
        rows = recall(
            sounds, among, every=options.every, told=(lambda text: None) if options.json else lambda text: print(text, flush=True)
        )
    except AuricleError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.json:
        print(json.dumps({"sounds": len(sounds), "among": len(among), "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
