"""Captions of held-out scenes, by the bundle that ships: which sounds they claim, how many of those are there, and how many are told.

    python recipes/tiny_heads/captions.py runs/heads/tiny-heads@1 --scenes runs/heads/dev --first 600 [--threshold 0.1 …] [--out FILE]

With the filter off every claim counts, with it on those that evidence supports (``tasks.evidence``; the tower's frames of the scene). A
claim names a sound where one of the world's ways to say its label stands in it; the longest way wins. It is true where the scene has that
label, or one that is said so too. Recall is over the kinds of sound in a scene. ``shuffled``: each scene captioned by the sound of another.
95 % intervals are bootstrapped over the first source clip of a scene. The first ten captions are printed as they come.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from evaluate import as_heard, write

from auricle.audio import Audio
from auricle.data.world.grammar import going
from auricle.data.world.lexicon import instrument, related, words_for
from auricle.evaluation.statistics import bootstrap
from auricle.models import load
from auricle.models.capabilities import Frames
from auricle.models.two_towers import unit
from auricle.tasks.caption import MAX_TOKENS, PROMPT
from auricle.tasks.claims import claims
from auricle.tasks.evidence import THRESHOLD, evidence
from auricle.training.speaking.scenes import FRAME, SceneTexts, read_scenes


class Names:
    """Ways to say each label."""

    def __init__(self, labels: Iterable[str]) -> None:
        self.ways: dict[str, set[str]] = {}
        for label in labels:
            for words in (words_for(label), instrument(label)):
                ways = [label, *words.names, *(f"{subject} {form}" for subject, verb in words.says for form in (verb, going(verb)))]
                for way in ways:
                    plain = re.sub(r"^(?:an?|the|some|something|someone) ", "", way.lower()).strip()
                    if len(plain) > 2:
                        self.ways.setdefault(plain, set()).add(label)
        self.pattern = re.compile(r"\b(?:" + "|".join(re.escape(w) for w in sorted(self.ways, key=len, reverse=True)) + r")\b")

    def found(self, claim: str) -> set[str]:
        match = self.pattern.search(claim.lower())
        return self.ways[match[0]] if match else set()


class Remembered:
    """The tower, hearing a scene by the frames that were kept of it."""

    def __init__(self, tower: Any, scene: SceneTexts) -> None:
        self._tower, self._scene = tower, scene

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tower, name)

    def frames(self, blocks: Iterable[Audio]) -> Iterator[Frames]:
        starts = self._scene.times.astype(np.float64)
        yield Frames(unit(as_heard(self._scene).vectors), starts, starts + FRAME)


def captioned(pair: tuple[SceneTexts, SceneTexts], *, bundle: str, labels: list[str], thresholds: list[float]) -> dict[str, Any]:
    scene, sound = pair
    model: Any = load(bundle, threads=1)
    names = Names(labels)
    begun = time.perf_counter()
    pieces = list(model.generate_heard(as_heard(sound), PROMPT, max_tokens=MAX_TOKENS))
    seconds = time.perf_counter() - begun
    said = "".join(pieces)
    every = [(claim, there) for claim in claims(said) if (there := names.found(claim.text))]
    true = {claim: {own for own in scene.labels for label in there if own == label or related(own, label)} for claim, there in every}
    kept = {}
    silence = Audio(np.zeros((1, 16000), np.float32), 16000)
    tower = Remembered(model.tower, sound)
    for threshold in thresholds:
        supported = {one.claim for one in evidence(silence, [claim for claim, _ in every], tower, threshold=threshold)}
        kept[threshold] = [claim for claim, _ in every if claim.text in supported]
    counted = {"off": [true[c] for c, _ in every], **{str(t): [true[c] for c in kept[t]] for t in thresholds}}
    return {
        "clip": (scene.clips or ("",))[0], "said": said, "labels": scene.labels, "speed": len(pieces) / seconds,
        "right": {k: [bool(x) for x in v] for k, v in counted.items()},
        "told": {k: [label in set().union(*v) for label in scene.labels] for k, v in counted.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0, help="those before are to choose by")
    parser.add_argument("--most", type=int)
    parser.add_argument("--threshold", type=float, action="append", help="of evidence; as tasks.evidence has it")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    every = read_scenes(args.scenes)
    labels = sorted({label for scene in every for label in scene.labels})
    scenes = every[args.first :][: args.most]
    shuffled = [(scene, scenes[(place + len(scenes) // 2) % len(scenes)]) for place, scene in enumerate(scenes)]
    work = partial(captioned, bundle=args.bundle, labels=labels, thresholds=args.threshold or [THRESHOLD])
    results = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for name, pairs in (("", [(scene, scene) for scene in scenes]), (", shuffled", shuffled)):
            rows = list(pool.map(work, pairs, chunksize=10))
            if not name:
                for row in rows[:10]:
                    print(f"{', '.join(row['labels'])}\n    {row['said']}")
                print(f"{np.median([row['speed'] for row in rows]):.0f} pieces a second on one core, the first listening included")
            for metric, key in (("precision", "right"), ("recall", "told")):
                by: dict[str, list[float]] = defaultdict(list)
                clips: dict[str, list[str]] = defaultdict(list)
                for row in rows:
                    for which, values in row[key].items():
                        by[which] += map(float, values)
                        clips[which] += [row["clip"]] * len(values)
                for which, values in by.items():
                    found = bootstrap(np.array(values), clusters=clips[which])
                    label = "filter off" if which == "off" else f"filter on (≥ {which})"
                    print(f"claim {metric}{name}, {label}: {found.value:.3f} [{found.low:.3f}–{found.high:.3f}], n={len(values)}")
                    results.append(
                        {
                            "metric": f"claim {metric}{name}, {label}",
                            "value": found.value,
                            "low": found.low,
                            "high": found.high,
                            "n": len(values),
                        }
                    )
    if args.out:
        write(args.out, results, f"captions of {len(scenes)} held-out scenes; claims against the scene's truth")


if __name__ == "__main__":
    main()
