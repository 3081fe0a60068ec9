"""Questions about scenes that were held out, asked of the bundle that ships, each kind against three controls.

    python recipes/tiny_heads/evaluate.py runs/heads/tiny-heads@1 --scenes runs/heads/dev --scenes runs/heads/digits_dev --first 600 \\
        --train runs/heads/train [--out FILE]

An answer is the likeliest of the question's options (never parsed); of a reason, the yes or no that it begins with. Controls:
``majority``, the option that is most often right in training, ``no audio``, and ``shuffled``, the frames of another scene. 95 % intervals
are bootstrapped over the first source clip of a scene's foreground, so that scenes made of one clip are drawn together. A kind holds where
its interval lies above those of all three controls.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from auricle.data.items import Question
from auricle.evaluation.statistics import bootstrap
from auricle.models import load
from auricle.models.capabilities import with_options
from auricle.models.hearing import BANDS, STEPS, FrameSequence
from auricle.training.speaking.examples import self_evident
from auricle.training.speaking.scenes import SceneTexts, read_scenes

CONDITIONS = ("heard", "no audio", "shuffled")
CONTROLS = ("majority", "no audio", "shuffled")


def kind_of(question: Question) -> str:
    """Kinds as people ask: which is heard is no yes/no question of presence."""
    if question.kind == "presence" and "yes" not in question.options:
        return "which"
    if question.kind == "before/after" and "yes" not in question.options:
        return "following"
    return question.kind


def prompt_of(question: Question) -> str:
    """Yes, no, numbers and lengths are not offered; names are."""
    closed = question.kind in ("count", "duration", "digit", "reason") or set(question.options) in ({"yes", "no"}, {"near", "far"})
    return question.question if closed and self_evident(question) else with_options(question.question, question.options)


def as_heard(scene: SceneTexts) -> FrameSequence:
    frames = scene.frames.astype(np.float32)
    edge = frames.shape[1] - STEPS * BANDS
    return FrameSequence(frames[:, :edge], frames[:, edge:], scene.times.astype(np.float64))


def answers(pair: tuple[SceneTexts, SceneTexts], *, bundle: str) -> list[dict[str, Any]]:
    """scene, and the one whose sound it gets in its place."""
    model: Any = load(bundle, threads=1)
    scene, other = pair
    heard = {"heard": as_heard(scene), "no audio": None, "shuffled": as_heard(other)}
    rows = []
    for question in scene.questions:
        prompt = prompt_of(question)
        if question.kind == "reason":
            said = {c: "".join(model.generate_heard(heard[c], prompt, max_tokens=3)).split(":")[0] for c in CONDITIONS}
            right = question.answer.split(":")[0]
        else:
            said = {c: question.options[int(model.score_heard(heard[c], prompt, question.options).argmax())] for c in CONDITIONS}
            right = question.answer
        clip = (scene.clips or ("",))[0]
        rows.append({"clip": clip, "kind": kind_of(question), "options": question.options or ("yes", "no"), "right": right, **said})
    return rows


def write(path: Path, results: list[dict[str, Any]], protocol: str, examples: Sequence[str] = ()) -> None:
    """What finish.py puts on the card. The command is told without the folders of this machine."""
    command = " ".join(["python", f"recipes/tiny_heads/{Path(sys.argv[0]).name}", *(told(word) for word in sys.argv[1:])])
    found = {"results": results, "protocol": protocol, "command": command, "examples": list(examples)}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def told(word: str) -> str:
    return Path(word).name.upper() if word.startswith("/") else word


def priors(scenes: list[SceneTexts]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for scene in scenes:
        for q in scene.questions:
            found[kind_of(q)][q.answer.split(":")[0] if q.kind == "reason" else q.answer] += 1
    return found


def measured(rows: list[dict[str, Any]], condition: str, right: str | None = None) -> Any:
    """Accuracy; or how often ``right`` is said, whatever is true."""
    values = [float(row[condition] == (row["right"] if right is None else right)) for row in rows]
    return bootstrap(np.array(values), clusters=[row["clip"] for row in rows])


def report(rows: list[dict[str, Any]], prior: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    results = []

    def note(name: str, found: Any, n: int) -> str:
        results.append({"metric": name, "value": found.value, "low": found.low, "high": found.high, "n": n})
        return f"{found.value:.3f} [{found.low:.3f}–{found.high:.3f}]"

    for row in rows:
        row["majority"] = max(row["options"], key=lambda option: prior[row["kind"]][option])
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        heard, controls = measured(own, "heard"), {c: measured(own, c) for c in CONTROLS}
        line = f"{kind:14} n={len(own):5}  heard {note(f'{kind}, heard', heard, len(own))}"
        for name, found in controls.items():
            line += f"  {name} {note(f'{kind}, {name}', found, len(own))}"
        print(line + ("" if heard.low > max(c.high for c in controls.values()) else "  NOT above all"))
    for name, kind, answer, said in (
        ("false yes on absent sounds", "presence", "no", "yes"),
        ("yes on present sounds", "presence", "yes", "yes"),
    ):
        own = [row for row in rows if row["kind"] == kind and row["right"] == answer]
        print(f"{name}: {note(name, measured(own, 'heard', said), len(own))}, n={len(own)}")
    counts = [row for row in rows if row["kind"] == "count"]
    by_count = {n: [row for row in counts if row["right"] == n] for n in dict.fromkeys(o for row in counts for o in row["options"])}
    means = {n: np.mean([row["heard"] == n for row in own]) for n, own in by_count.items() if own}
    print(
        "count " + ", ".join(f"{n} {mean:.3f} (n={len(by_count[n])})" for n, mean in means.items()),
        f"mean {np.mean(list(means.values())):.3f}",
    )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--scenes", type=Path, action="append", required=True)
    parser.add_argument("--train", type=Path, required=True, help="scenes whose answers make the majority")
    parser.add_argument("--first", type=int, default=0, help="of the first folder; those before are to choose by")
    parser.add_argument("--most", type=int)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for place, folder in enumerate(args.scenes):
        scenes = read_scenes(folder)[args.first if place == 0 else 0 :][: args.most]
        pairs = [(scene, scenes[(i + len(scenes) // 2) % len(scenes)]) for i, scene in enumerate(scenes)]
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            rows += [row for some in pool.map(partial(answers, bundle=args.bundle), pairs, chunksize=10) for row in some]
    results = report(rows, priors(read_scenes(args.train, 4000)))
    if args.out:
        write(args.out, results, f"{len(rows)} questions about held-out scenes, none chosen by; by likelihood of the options")


if __name__ == "__main__":
    main()
