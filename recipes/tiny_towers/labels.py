"""How well names find sounds of the corpus's development side: mean average precision over labels. For choosing; not held out for long.

python recipes/tiny_towers/labels.py CORPUS --model tiny-towers@1 --model runs/aligning/bundle
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auricle.data.items import Item
from auricle.data.manifest import read
from auricle.evaluation.heldout import Ears, of_manifest
from auricle.models.hub import load

FEWEST = {"train": 5, "dev": 3}  # source clips of a label


def sources(items: object) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:  # type: ignore[attr-defined]
        for label in item.labels:
            found[label].add(item.clip)
    return found


def average_precision(scores: np.ndarray, true: np.ndarray) -> float:
    right = true[np.argsort(-scores, kind="stable")]
    return float((right * np.cumsum(right) / np.arange(1, len(right) + 1)).sum() / right.sum())


def precisions(scores: np.ndarray, labels: list[str], items: Sequence[Item]) -> dict[str, float]:
    """scores ``[items, labels]`` → the average precision of each label, over the items that tell of it."""
    found = {}
    for place, label in enumerate(labels):
        asked = np.array([label not in i.extra.get("perhaps", ()) or label in i.labels for i in items])
        found[label] = average_precision(scores[asked, place], np.array([label in i.labels for i in items])[asked])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", action="append", required=True)
    arguments = parser.parse_args()
    held = of_manifest(arguments.corpus / "dev.jsonl")
    known = sources(read(arguments.corpus / "train.jsonl"))
    here = sources(held.items)
    labels = sorted(x for x in here if len(here[x]) >= FEWEST["dev"] and len(known.get(x, ())) >= FEWEST["train"])
    kinds = {x: Counter(i.extra["kind"] for i in held.items if x in i.labels).most_common(1)[0][0] for x in labels}
    for name in arguments.model:
        model = load(name)
        scores = Ears(model).vectors(held, held.items) @ model.embed_text(labels).T
        found = precisions(scores, labels, held.items)
        parts = [f"all {np.mean(list(found.values())):.3f} ({len(labels)})"]
        for kind in ("sound", "music", "speech"):
            chosen = [found[x] for x in labels if kinds[x] == kind]
            parts.append(f"{kind} {np.mean(chosen):.3f} ({len(chosen)})")
        print(f"{model.name}: {', '.join(parts)}")


if __name__ == "__main__":
    main()
