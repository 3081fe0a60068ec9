"""Choose how a model's frames become events, on composed scenes of a development split: the section ``detection`` of its bundle.

    python recipes/tiny_towers/detection.py --bundle BUNDLE --manifest CORPUS/dev.jsonl --frames frames.npz > detection.json

Every label of the world is asked of every scene at once, which is hard on rare ones: what is asked about a few gives fewer false alarms.
For each length of averaging the calibration is fitted on the even scenes: a scale and a shift of the window calibration, and, with
``--frames``, a calibration of frames as well, kept where it is the better. Thresholds, merging and the low threshold are then chosen on
the odd scenes, by the mean of event F1 over collars of 0.2 s and 1 s and intersection over union of a half. Nothing is written into
the bundle: the section goes to stdout as JSON, the table to stderr, the chosen frames.npz where --frames says.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from auricle.data.manifest import read
from auricle.data.world import World
from auricle.data.world.config import parse
from auricle.evaluation.events import MATCHES, Heard, Span, counted
from auricle.evaluation.scenes import HeldScene, Truth
from auricle.models import heads
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Vectors
from auricle.models.detecting import Detecting
from auricle.models.heads import Calibration
from auricle.models.two_towers import TwoTowers, open_towers
from auricle.tasks.detect import Decoder, Floats, Rules, cells

AVERAGED = (0.0, 1.0, 1.5, 2.5, 4.0)  # seconds
THRESHOLD = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)
LOW = (0.3, 0.5, 0.75)
MERGE = (0.0, 0.5, 1.0, 2.0)
BACKGROUND = 512  # stretches that frames are standardised against
WORLD = {"rate": 16000, "min_clips": 1, "short_labels": "allow", "seconds": [10, 20], "sounds": [2, 5], "captions": 0, "questions": 0}

Row = dict[str, Any]


@dataclass(frozen=True)
class Scenes:
    """``vectors`` [n, d] of all stretches of all scenes, ``edges`` and ``rows`` of each scene; ``true`` and ``counted`` [n, labels]."""

    truths: tuple[Truth, ...]
    edges: tuple[Floats, ...]
    vectors: Vectors
    rows: tuple[slice, ...]
    true: np.ndarray[Any, np.dtype[np.bool_]]
    counted: np.ndarray[Any, np.dtype[np.bool_]]

    def part(self, which: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Stretches of the even (0) or odd (1) scenes."""
        chosen = np.zeros(len(self.vectors), dtype=bool)
        for rows in self.rows[which::2]:
            chosen[rows] = True
        return chosen


class _Read:
    """The model, read with another length of averaging."""

    def __init__(self, model: Any, averaged: float) -> None:
        self._model, self.detecting = model, replace(model.detecting, averaged=averaged)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def composed(manifest: Path, split: str, scenes: int, seed: int) -> tuple[list[HeldScene], list[str]]:
    """Scenes, and the labels that are heard in them."""
    world = World(read(manifest), parse(WORLD), seed=seed, split=split, folder=manifest.parent)
    made = [HeldScene("dev", world.scene(index)) for index in range(scenes)]
    return made, sorted({event.label for one in made for event in one.scene.events})


def heard(scenes: list[HeldScene], labels: list[str], model: Any, averaged: float) -> Scenes:
    truths = tuple(one.truth(labels) for one in scenes)
    edges, vectors, rows, true, known = [], [], [], [], []
    for one, truth in zip(scenes, truths, strict=True):
        parts = list(cells((one.scene.audio,), _Read(model, averaged)))
        found = np.concatenate([part[2] for part in parts])
        bounds = np.append(np.concatenate([part[0] for part in parts]), parts[-1][1][-1])
        middle = (bounds[1:] + bounds[:-1]) / 2
        on = np.zeros((len(found), len(labels)), dtype=bool)
        for start, end, label in truth.events:
            on[:, labels.index(label)] |= (middle >= start) & (middle < end)
        at = rows[-1].stop if rows else 0
        rows.append(slice(at, at + len(found)))
        edges.append(bounds)
        vectors.append(found)
        true.append(on)
        known.append(np.broadcast_to([label not in truth.open for label in labels], on.shape))
    return Scenes(truths, tuple(edges), np.concatenate(vectors), tuple(rows), np.concatenate(true), np.concatenate(known))


def log_odds(fitted: Scenes, model: TwoTowers, labels: list[str], of_frames: bool) -> tuple[Floats, dict[str, float], Calibration | None]:
    """Of all stretches, what the section says of it, and the calibration of frames, if that is what was fitted (on the even scenes)."""
    from sklearn.linear_model import LogisticRegression

    text, even = model.embed_text(labels), fitted.part(0)
    if of_frames:
        bank = fitted.vectors[even]
        bank = bank[np.random.default_rng(0).permutation(len(bank))[:BACKGROUND]]
        told = f"{len(fitted.rows[0::2])} composed scenes, {len(labels)} labels asked at once"
        calibration = Calibration.fit(
            bank, fitted.vectors[even], text, fitted.true[even], sounds=told, pairs=np.array(fitted.counted[even])
        )
        return calibration.log_odds(fitted.vectors, text), {}, calibration
    assert model.calibration is not None
    odds = model.calibration.log_odds(fitted.vectors, text)
    chosen = even[:, None] & fitted.counted
    platt = LogisticRegression(C=1e3).fit(odds[chosen][:, None], fitted.true[chosen])
    scale, shift = max(0.05, round(float(platt.coef_[0, 0]), 2)), round(float(platt.intercept_[0]), 2)
    return scale * odds + shift, {"scale": scale, "shift": shift}, None


def score(values: Floats, fitted: Scenes, labels: list[str], rules: Rules, which: int) -> dict[str, float]:
    """Micro event F1 on the even (0) or odd (1) scenes, for each way to match."""
    truths, ears = fitted.truths[which::2], []
    for rows, edges in zip(fitted.rows[which::2], fitted.edges[which::2], strict=True):
        decoder = Decoder(len(labels), rules)
        closed = [*decoder.add(edges[:-1], edges[1:], values[rows]), *decoder.finish()]
        found: list[Span] = [(start, end, labels[place]) for place, start, end, _ in closed]
        ears.append(Heard(tuple(labels), edges, values[rows], tuple(found)))
    out = {}
    for name, match in MATCHES.items():
        sums = counted(truths, ears, labels, match)
        out[name] = float(2 * sums.right.sum() / max(1.0, (sums.true + sums.found).sum()))
    return out


def choose(
    model: TwoTowers, scenes: list[HeldScene], labels: list[str], *, frames: bool
) -> tuple[list[dict[str, Any]], Calibration | None]:
    """All that was tried, the best first, and its calibration of frames."""
    tried: list[tuple[float, Row, Calibration | None]] = []
    for averaged in AVERAGED:
        fitted = heard(scenes, labels, model, averaged)
        ways = [False] * (model.calibration is not None) + [True] * frames
        for of_frames in ways:
            odds, section, calibration = log_odds(fitted, model, labels, of_frames)
            values = heads.probabilities(odds)
            for threshold, low, merge in product(THRESHOLD, LOW, MERGE):
                found = score(values, fitted, labels, Rules(threshold, 0.0, merge, low), 1)
                row: Row = {"averaged": averaged, **section, "threshold": threshold, "low": low, "merge": merge, "frames": of_frames}
                mean = float(np.mean(list(found.values())))
                tried.append(
                    (mean, {**row, **{name: round(value, 4) for name, value in found.items()}, "mean": round(mean, 4)}, calibration)
                )
    tried.sort(key=lambda one: -one[0])
    return [row for _, row, _ in tried], tried[0][2]


def as_is(model: TwoTowers, scenes: list[HeldScene], labels: list[str]) -> dict[str, float]:
    """What the bundle's own section gives on the same scenes."""
    from auricle.tasks.detect import Reader

    fitted = heard(scenes, labels, model, model.detecting.averaged)
    reader = Reader.of(labels, model, None)
    return score(heads.probabilities(reader.scale * reader.log_odds(fitted.vectors) + reader.shift), fitted, labels, Rules.of(model), 1)


def section_of(row: Row) -> dict[str, float]:
    """The row as the bundle's config takes it, checked."""
    known = asdict(Detecting())
    section = {name: value for name, value in row.items() if name in known}
    Detecting.of(section)
    return section


def with_detection(bundle: Bundle, out: Path, section: dict[str, float], frames: Path | None = None) -> Bundle:
    """The bundle anew at ``out``, read so: for a build that has its weights already. The pipeline_id stays."""
    files = {name: bundle.file(name) for name in bundle.card.files if name not in ("config.json", Calibration.FRAMES)}
    if frames is not None:
        files[Calibration.FRAMES] = frames
    return Bundle.write(out, {**bundle.config, "detection": section}, bundle.card, files)


def show(rows: list[Row], most: int = 12) -> None:
    names = ["frames", "averaged", "threshold", "low", "merge", *MATCHES, "mean"]
    best = [
        next(r for r in rows if (r["averaged"], r["frames"]) == key) for key in dict.fromkeys((r["averaged"], r["frames"]) for r in rows)
    ]
    for title, some in (("the best", rows[:most]), ("the best of each averaging", best)):
        print(f"\n{title}\n{'  '.join(f'{name:>12}' for name in names)}", file=sys.stderr)
        for row in some:
            print("  ".join(f"{row[name]!s:>12}" for name in names), file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True, help="items of a development split; nothing that is evaluated on")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--frames", type=Path, help="also try a calibration of frames, and write it here where it is chosen")
    arguments = parser.parse_args()
    began = time.monotonic()
    towers = open_towers(arguments.bundle)
    made, asked = composed(arguments.manifest, arguments.split, arguments.scenes, arguments.seed)
    print(f"{len(made)} scenes, {len(asked)} labels, {sum(len(one.scene.events) for one in made)} events", file=sys.stderr)
    if towers.calibration is not None:
        print(f"as the bundle is: {as_is(towers, made, asked)}", file=sys.stderr)
    table, calibration = choose(towers, made, asked, frames=arguments.frames is not None)
    show(table)
    if calibration is not None and arguments.frames is not None:
        calibration.save(arguments.frames)
        print(f"\nwrote {arguments.frames}: {calibration.sounds}", file=sys.stderr)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    print(json.dumps(section_of(table[0])))
