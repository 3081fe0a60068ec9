"""Questions about scenes that were held out, asked of a connected model, each kind against three controls.

    python recipes/connect/evaluate.py runs/connect/run/bundle --scenes runs/heads/dev --train runs/heads/train [--most 200] [--out FILE]

An answer is the likeliest of the options (never parsed). Controls: ``majority``, the option that is most often right in training,
``no audio``, and ``shuffled``, the sound of another scene. 95 % intervals are bootstrapped over the first source clip of a scene's
foreground, so that scenes made of one clip are drawn together. A kind holds where its interval lies above those of all three controls.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from auricle.evaluation.statistics import bootstrap
from auricle.models.hearing import BANDS, STEPS, FrameSequence
from auricle.training.connecting.model import open_connected
from auricle.training.connecting.sounds import Sound, of_scenes, prompt_of

CONTROLS = ("majority", "no audio", "shuffled")
KINDS = ("presence", "count", "order")
BATCH = 4  # scenes


def kind_of(question: Any) -> str:
    """Which of four is heard is no yes/no question of presence."""
    return "which" if question.kind == "presence" and "yes" not in question.options else str(question.kind)


def as_heard(sound: Sound) -> FrameSequence:
    frames = sound.frames.astype(np.float32)
    edge = frames.shape[1] - STEPS * BANDS
    return FrameSequence(frames[:, :edge], frames[:, edge:], np.arange(len(frames)) / 2)


def rows_of(model: Any, pairs: list[tuple[Sound, Sound]], prior: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    """pairs: sounds, and those that are heard in their place."""
    asked = [[(prompt_of(q), q.options) for q in sound.questions] for sound, _ in pairs]
    heard: dict[str, list[FrameSequence | None]] = {
        "heard": [as_heard(sound) for sound, _ in pairs],
        "no audio": [None] * len(pairs),
        "shuffled": [as_heard(other) for _, other in pairs],
    }
    scores = {name: model.score_many(what, asked) for name, what in heard.items()}
    found = []
    for i, (sound, _) in enumerate(pairs):
        for n, question in enumerate(sound.questions):
            said = {name: question.options[int(some[i][n].argmax())] for name, some in scores.items()}
            kind = kind_of(question)
            said["majority"] = max(question.options, key=lambda option, kind=kind: prior[kind][option])
            found.append({"clip": sound.clip, "kind": kind, "right": question.answer, **said})
    return found


def measured(rows: list[dict[str, Any]], condition: str) -> Any:
    return bootstrap(np.array([float(row[condition] == row["right"]) for row in rows]), clusters=[row["clip"] for row in rows])


def report(rows: list[dict[str, Any]], command: str) -> list[dict[str, Any]]:
    results = []
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        found = {name: measured(own, name) for name in ("heard", *CONTROLS)}
        for name, x in found.items():
            results.append({"metric": f"{kind}, {name}", "value": x.value, "low": x.low, "high": x.high, "n": len(own), "command": command})
        line = "  ".join(f"{name} {x.value:.3f} [{x.low:.3f}–{x.high:.3f}]" for name, x in found.items())
        holds = found["heard"].low > max(found[name].high for name in CONTROLS)
        print(f"{kind:9} n={len(own):4}  {line}{'' if holds else '  NOT above all'}")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True, help="scenes whose answers make the majority")
    parser.add_argument("--most", type=int, help="scenes")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    model = open_connected(args.bundle, half=True)
    sounds = of_scenes(args.scenes, KINDS, args.most)
    prior: dict[str, Counter[str]] = defaultdict(Counter)
    for sound in of_scenes(args.train, KINDS, 4000):
        for question in sound.questions:
            prior[kind_of(question)][question.answer] += 1
    rows: list[dict[str, Any]] = []
    pairs = [(sound, sounds[(i + len(sounds) // 2) % len(sounds)]) for i, sound in enumerate(sounds)]
    pairs = [pair for pair in pairs if pair[0].questions]
    for i in range(0, len(pairs), BATCH):
        rows += rows_of(model, pairs[i : i + BATCH], prior)
        print(f"{min(i + BATCH, len(pairs))} of {len(pairs)} scenes", flush=True)
    most = "" if args.most is None else f" --most {args.most}"
    results = report(rows, f"recipes/connect/evaluate.py BUNDLE --scenes runs/heads/dev --train runs/heads/train{most}")
    if args.out:
        args.out.write_text(json.dumps({"results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
