"""Scenes composed once: the frames that the tower hears of each, and what may be said and asked about it.

    python recipes/tiny_heads/compose.py --corpus CORPUS --out runs/heads/train --scenes 20000 [--split dev] [--first 0]

Writes shards of 100 scenes, ``000000.npz`` (frames float16, envelopes float16, where each scene begins) and ``000000.jsonl`` (texts).
A shard that is there is kept: an interrupted run goes on, and several runs with different ``--first`` share a folder.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from auricle.data.items import Question
from auricle.data.world import World, gather, load
from auricle.data.world.captions import captions
from auricle.data.world.counterfactuals import counterfactuals
from auricle.data.world.facts import Facts
from auricle.data.world.grammar import number
from auricle.data.world.questions import Asker, questions
from auricle.models import load as model_of
from auricle.models.hearing import hear

HERE = Path(__file__).parent
SHARD = 100
ZERO = "zero"
ZERO_CHANCE = 0.06  # so that zero is right about as often as each other count
DRAWS = 2  # times that each scene is asked about, in other words


def nothing_counted(asker: Asker) -> Question | None:
    """How often is something heard that is not? The world asks only about what is there."""
    label = asker.vocabulary.absent(asker.facts, asker.rng, like=asker.rng.choice(asker.vocabulary.shelf.sounds))
    if label is None:
        return None
    least, most = asker.vocabulary.config.repeats
    options = [ZERO, *(number(k) for k in (1, *range(least, most + 1)))]
    forms = ("How many times is {p} heard?", "How often does one hear {p}?", "How many times does it happen that {f}?")
    return asker._ask("count", forms, ZERO, options, p=asker._doing(label), f=asker._clause(label))


def with_zero(question: Question) -> Question:
    """Zero is always among the counts that are offered."""
    if question.kind != "count" or ZERO in question.options:
        return question
    return Question(question.question, question.answer, (ZERO, *question.options), question.kind)


def texts(world: World, facts: Facts, index: int) -> dict[str, Any]:
    said: list[str] = []
    false: list[str] = []
    asked: list[Question] = []
    for draw in range(DRAWS):
        rng = random.Random(f"{world.split}/{world.seed}/{index}/{draw}")
        true = captions(facts, world.vocabulary, rng, world.config.captions)
        changed = counterfactuals(facts, true, world.vocabulary, rng, world.config.counterfactuals)
        asked += [with_zero(q) for q in questions(facts, world.vocabulary, rng, world.config.questions, true, changed)]
        if rng.random() < ZERO_CHANCE and (zero := nothing_counted(Asker(facts, world.vocabulary, rng))):
            asked.append(zero)
        said += [c.text for c in true]
        false += [c.text for c in changed]
    unique = {(q.question, q.answer): q for q in asked}.values()
    return {
        "index": index,
        "facts": facts.document(),
        "captions": list(dict.fromkeys(said)),
        "false": list(dict.fromkeys(false)),
        "questions": [{"q": q.question, "a": q.answer, "o": list(q.options), "kind": q.kind} for q in unique],
        "clips": sorted({e.clip for e in facts.events}),
    }


def shard(world: World, tower: Any, first: int, count: int, out: Path) -> int:
    frames, envelopes, lines, starts = [], [], [], [0]
    for index in range(first, first + count):
        scene = world.scene(index)
        heard = hear(tower, scene.audio)
        frames.append(heard.vectors.astype(np.float16))
        envelopes.append(heard.envelopes.astype(np.float16))
        starts.append(starts[-1] + len(heard.vectors))
        lines.append(json.dumps(texts(world, scene.facts, index), ensure_ascii=False))
    name = out / f"{first:06d}"
    name.with_suffix(".jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    part = out / f".{first:06d}.part.npz"
    np.savez(part, frames=np.concatenate(frames), envelopes=np.concatenate(envelopes), starts=np.array(starts))
    part.rename(name.with_suffix(".npz"))
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=20000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--split", default="train")
    parser.add_argument("--world", type=Path, default=HERE / "scenes.yaml")
    parser.add_argument("--model", default="tiny-towers@2")
    parser.add_argument("--shard", type=int, default=SHARD)
    args = parser.parse_args()
    names = tuple(f"{args.split}.{kind}.jsonl" for kind in ("sound", "music", "speech"))
    config = load(args.world).model_copy(update={"manifests": names})
    world = gather(config, args.corpus, split=args.split)
    tower = model_of(args.model, threads=1)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "made_of.json").write_text(json.dumps({"tower": tower.pipeline_id, "world": config.fingerprint, "seed": world.seed}) + "\n")
    begun, done = time.perf_counter(), 0
    for first in range(args.first, args.first + args.scenes, args.shard):
        if not (args.out / f"{first:06d}.npz").exists():
            done += shard(world, tower, first, args.shard, args.out)
            print(f"{first + args.shard} scenes, {done / (time.perf_counter() - begun):.2f} a second", flush=True)


if __name__ == "__main__":
    main()
