"""Cut the corpus by kind beside its manifest, so that a recipe can weigh speech against sounds and music.

    python recipes/tiny_towers/slices.py CORPUS   # writes CORPUS/{train,dev}.{sound,music,speech}.jsonl and CORPUS/dev.calibrate.jsonl

Ambience counts as sound. What probabilities are fitted on: what is labelled in dev, of speech one in eight.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from auricle.data.items import Item
from auricle.data.manifest import read, write

KINDS = {"sound": "sound", "ambience": "sound", "music": "music", "speech": "speech"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    corpus = parser.parse_args().corpus
    for side in ("train", "dev"):
        parts: dict[str, list[Item]] = {name: [] for name in dict.fromkeys(KINDS.values())}
        for item in read(corpus / f"{side}.jsonl"):
            parts[KINDS[str(item.extra["kind"])]].append(item)
        for name, items in parts.items():
            write(corpus / f"{side}.{name}.jsonl", items)
            print(f"{side}.{name}.jsonl: {len(items)} items")
    some = [item for item in read(corpus / "dev.jsonl") if item.labels and (item.extra["kind"] != "speech" or _eighth(item.id))]
    write(corpus / "dev.calibrate.jsonl", some)
    print(f"dev.calibrate.jsonl: {len(some)} items")


def _eighth(name: str) -> bool:
    return hashlib.sha256(name.encode()).digest()[0] < 32


if __name__ == "__main__":
    main()
