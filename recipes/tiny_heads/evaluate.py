"""Questions about scenes that were held out, each kind against three controls.

    python recipes/tiny_heads/evaluate.py runs/heads/instructing --scenes runs/heads/dev --train runs/heads/train [--out FILE]

An answer is the likeliest of the question's options (never parsed). Controls: ``majority``, the option that is most often right in
training, ``no audio`` and ``shuffled``, the frames of another scene. Intervals are bootstrapped over the first source clip of a scene's
foreground, so that scenes made of one clip are drawn together.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from auricle.data.items import Question
from auricle.evaluation.statistics import bootstrap
from auricle.training.speaking.examples import Packer, self_evident, with_options
from auricle.training.speaking.scenes import SceneTexts, read_scenes
from auricle.training.speaking.stage import INPUTS, open_run

CONDITIONS = ("heard", "no audio", "shuffled")
CHUNK = 24  # texts packed beside one scene at a time


def kind_of(question: Question) -> str:
    """Kinds as the issue names them: which is heard is no yes/no question of presence."""
    if question.kind == "presence" and "yes" not in question.options:
        return "which"
    if question.kind == "before/after" and "yes" not in question.options:
        return "following"
    return question.kind


def prompt_of(question: Question) -> str:
    """Yes, no, numbers and lengths are not offered; names are."""
    closed = question.kind in ("count", "duration") or set(question.options) in ({"yes", "no"}, {"near", "far"})
    return question.question if closed and self_evident(question) else with_options(question.question, question.options)


@torch.no_grad()
def likelihoods(model: Any, packer: Packer, scene: SceneTexts, texts: list[tuple[str, str]], heard: bool) -> list[float]:
    found: list[float] = []
    for at in range(0, len(texts), CHUNK):
        part = texts[at : at + CHUNK]
        batch = packer.batch([scene], [part], np.array([heard]))
        states = model(*(batch[name] for name in INPUTS))
        target, owner = batch["target"], batch["texts"]
        wanted = target >= 0
        each = torch.log_softmax(model.decoder.say(states[wanted]), -1).gather(1, target[wanted][:, None])[:, 0]
        sums = torch.zeros(len(part)).index_add(0, owner[wanted], each)
        found += sums.tolist()
    return found


def right_answers(model: Any, packer: Packer, scenes: list[SceneTexts]) -> list[dict[str, Any]]:
    rows = []
    for place, scene in enumerate(scenes):
        other = scenes[(place + len(scenes) // 2) % len(scenes)]
        asked = [q for q in scene.questions if q.options]
        texts = [(prompt_of(q), option) for q in asked for option in q.options]
        scores = {
            "heard": likelihoods(model, packer, scene, texts, True),
            "no audio": likelihoods(model, packer, scene, texts, False),
            "shuffled": likelihoods(model, packer, other, texts, True),
        }
        at = 0
        for q in asked:
            said = {c: q.options[int(np.argmax(scores[c][at : at + len(q.options)]))] for c in CONDITIONS}
            at += len(q.options)
            rows.append({"scene": scene.index, "clip": (scene.clips or ("",))[0], "kind": kind_of(q), "question": q, "said": said})
    return rows


def priors(scenes: list[SceneTexts]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for scene in scenes:
        for q in scene.questions:
            found[kind_of(q)][q.answer] += 1
    return found


def report(rows: list[dict[str, Any]], prior: dict[str, Counter[str]]) -> list[dict[str, Any]]:
    results = []
    for kind in sorted({row["kind"] for row in rows}):
        own = [row for row in rows if row["kind"] == kind]
        clusters = [row["clip"] for row in own]
        line = f"{kind:14} n={len(own):5}"
        for control in ("heard", "majority", "no audio", "shuffled"):
            right = [answer_of(row, control, prior[kind]) == row["question"].answer for row in own]
            found = bootstrap(np.array(right, float), clusters=clusters)
            line += f"  {control} {found.value:.3f} [{found.low:.3f}–{found.high:.3f}]"
            results.append({"metric": f"{kind}, {control}", "value": found.value, "low": found.low, "high": found.high, "n": len(own)})
        print(line)
    for kind, answer, name in (("presence", "no", "false yes on absent sounds"), ("presence", "yes", "yes on present sounds")):
        own = [row for row in rows if row["kind"] == kind and row["question"].answer == answer]
        said = [row["said"]["heard"] == "yes" for row in own]
        if said:
            found = bootstrap(np.array(said, float), clusters=[row["clip"] for row in own])
            print(f"{name}: {found.value:.3f} [{found.low:.3f}–{found.high:.3f}], n={len(own)}")
            results.append({"metric": name, "value": found.value, "low": found.low, "high": found.high, "n": len(own)})
    counts = [row for row in rows if row["kind"] == "count"]
    for n in dict.fromkeys(option for row in counts for option in row["question"].options):
        own = [row for row in counts if row["question"].answer == n]
        if own:
            print(f"  count {n}: {np.mean([row['said']['heard'] == n for row in own]):.3f}, n={len(own)}")
    return results


def answer_of(row: dict[str, Any], control: str, prior: Counter[str]) -> str:
    question = row["question"]
    if control == "majority":
        return max(question.options, key=lambda option: prior[option])
    return str(row["said"][control])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--scenes", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True, help="scenes whose answers make the majority")
    parser.add_argument("--most", type=int)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    model, tokenizer = open_run(args.run)
    packer = Packer(tokenizer, captions=0, questions=0, whole=False, deaf=0.0, places=model.config["places"])
    rows = right_answers(model, packer, read_scenes(args.scenes, args.most))
    results = report(rows, priors(read_scenes(args.train)))
    if args.out:
        args.out.write_text(json.dumps({"results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
