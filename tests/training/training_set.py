"""A few real sounds as a manifest, and a recipe that trains on them in a second."""

from __future__ import annotations

import json
import os
from pathlib import Path

from auricle import audio
from auricle.data.items import Event, Item
from auricle.data.manifest import write
from auricle.demo import SOUNDS, moments

RECIPE = """\
name: small
seed: 3
data:
  manifests: [{path: small.jsonl}]
  seconds: 1.0
  workers: 2
  augment: {gain: [-6, 6], shift: true, noise: 0.5, mix: 0.3, mask_time: 8, mask_bands: 4}
model:
  dim: 16
  audio:
    kind: cnn
    width: 4
    depths: [1, 1]
    frontend: {rate: 8000, window_length: 200, hop_length: 80, n_fft: 256, n_mels: 16, f_max: 3500.0, patch_frames: 32, hop_frames: 16}
  text: {kind: transformer, width: 16, layers: 1, heads: 2, max_length: 16}
objectives:
  - {kind: infonce}
  - {kind: tagging, weight: 0.3}
  - {kind: masked_spectrogram, weight: 0.1, block: [8, 8]}
optimiser: {rate: 2e-3, warmup: 2, ema: 0.9}
budget: {steps: 6, batch: 4, save_every: 2, log_every: 1}
export: {licence: CC0-1.0}
"""


def short_items(n: int = 13) -> list[Item]:
    chosen = [m for m in moments() if m["end"] - m["start"] < 3.5 and not m["file"].startswith("field/")][:n]
    return [
        Item(
            id=f"s{i}", audio=f"sounds/{m['file']}", start=m["start"], end=m["end"], duration=m["end"] - m["start"],
            labels=(m["what"],), captions=(m["what"], f"the sound of {m['what']}"), split="train", set="demo", clip=m["file"],
            events=(Event(0.0, min(0.5, m["end"] - m["start"]), m["what"]),) if i % 2 else (), licence="CC0-1.0" if i % 3 else "CC-BY-4.0",
            hash=audio.content_hash(SOUNDS / m["file"]), extra={"negatives": ["nothing at all", f"no {m['what']}"][: 1 + i % 2]},
        )
        for i, m in enumerate(chosen)
    ]  # fmt: skip


def make_set(folder: Path, items: list[Item] | None = None, recipe: str = RECIPE) -> Path:
    """The path of a recipe beside its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "sounds").exists():
        os.symlink(SOUNDS, folder / "sounds", target_is_directory=True)
    write(folder / "small.jsonl", short_items() if items is None else items)
    path = folder / "small.yaml"
    path.write_text(recipe)
    return path


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
