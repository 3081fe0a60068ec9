"""Scenes composed once: the frames that the tower hears of each, and what may be said and asked about it.

    python recipes/tiny_heads/compose.py --corpus CORPUS --out runs/heads/train --scenes 20000 [--split dev] [--first 0]

Writes shards of 100 scenes, ``000000.npz`` (frames float16, envelopes float16, where each scene begins) and ``000000.jsonl`` (texts).
A shard that is there is kept: an interrupted run goes on, and several runs with different ``--first`` share a folder.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from texts import manifests, plain_world, texts

from auricle.data.world import World, gather, load
from auricle.models import load as model_of
from auricle.models.hearing import hear

HERE = Path(__file__).parent
SHARD = 100


def shard(world: World, words: World, tower: Any, first: int, count: int, out: Path) -> int:
    frames, envelopes, lines, starts = [], [], [], [0]
    for index in range(first, first + count):
        scene = world.scene(index)
        heard = hear(tower, scene.audio)
        frames.append(heard.vectors.astype(np.float16))
        envelopes.append(heard.envelopes.astype(np.float16))
        starts.append(starts[-1] + len(heard.vectors))
        lines.append(json.dumps(texts(words, scene.facts, index), ensure_ascii=False))
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
    config = load(args.world).model_copy(update={"manifests": manifests(args.split)})
    world, words = gather(config, args.corpus, split=args.split), plain_world(config, args.corpus, args.split)
    tower = model_of(args.model, threads=1)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "made_of.json").write_text(json.dumps({"tower": tower.pipeline_id, "world": config.fingerprint, "seed": world.seed}) + "\n")
    begun, done = time.perf_counter(), 0
    for first in range(args.first, args.first + args.scenes, args.shard):
        if not (args.out / f"{first:06d}.npz").exists():
            done += shard(world, words, tower, first, args.shard, args.out)
            print(f"{first + args.shard} scenes, {done / (time.perf_counter() - begun):.2f} a second", flush=True)


if __name__ == "__main__":
    main()
