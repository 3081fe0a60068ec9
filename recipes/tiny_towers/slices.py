"""Cut the corpus by kind beside its manifest, so that a recipe can weigh speech against sounds and music.

    python recipes/tiny_towers/slices.py CORPUS          # writes CORPUS/{train,dev}.{sound,music,speech}.jsonl

Ambience counts as sound.
"""

from __future__ import annotations

import argparse
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


if __name__ == "__main__":
    main()
