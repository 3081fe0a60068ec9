"""Small sounds and tables for the tests of data."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile


def tone(seconds=0.3, pitch=440.0, rate=16000, seed=0):
    """A tone with some noise, different for each seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * pitch * time) + 0.05 * rng.normal(size=len(time))).astype(np.float32), rate


def put(path, seconds=0.3, **more):
    """Write a sound; the suffix says how."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    samples, rate = tone(seconds, seed=len(str(path)) + sum(map(ord, path.name)), **more)
    soundfile.write(path, samples, rate)
    return path


def put_table(path, head, *lines, encoding="utf-8"):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        if head:
            writer.writerow(head)
        writer.writerows(lines)
    return path
