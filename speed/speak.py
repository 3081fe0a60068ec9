"""How fast the model that ships speaks: pieces a second, and the wait for the first one after a sound was heard.

    python speed/speak.py                # a few seconds

A sound of the demo is heard once; then its caption is spoken, and a long prompt answered to the last place, several times. What is told is
the median, with the time that hearing took (12 seconds of sound) beside it. These are times of one machine: a promise of the order of
magnitude, no comparison.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from auricle import load
from auricle.audio import Audio
from auricle.tasks.caption import PROMPT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model: Any = load("tiny-heads")
    sound = Audio((0.1 * np.random.default_rng(0).standard_normal((1, 12 * 16000))).astype(np.float32), 16000)
    list(model.generate([sound], PROMPT, max_tokens=4))
    hearing, first, rate = [], [], []
    for _ in range(arguments.runs):
        begun = time.perf_counter()
        heard = model.hear(Audio(sound.samples, 16000))
        hearing.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        pieces = model.generate_heard(heard, PROMPT, seed=7, max_tokens=96)  # drawn by chance, so that it goes on
        next(pieces)
        first.append(time.perf_counter() - begun)
        count = sum(1 for _ in pieces)
        rate.append(count / (time.perf_counter() - begun - first[-1]))
    told = {
        "hearing_seconds": statistics.median(hearing), "first_piece_seconds": statistics.median(first),
        "pieces_a_second": statistics.median(rate),
    }  # fmt: skip
    print(f"12 s heard in {told['hearing_seconds']:.3f} s; the first piece {told['first_piece_seconds'] * 1000:.0f} ms later;")
    print(f"then {told['pieces_a_second']:.0f} pieces a second")
    if arguments.json:
        arguments.json.write_text(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
