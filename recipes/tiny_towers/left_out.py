"""Sounds unlike those that were learned from: packages that a trial training never sees, and how well names find their sounds.

    python recipes/tiny_towers/left_out.py CORPUS --write      # CORPUS/left_out.{sound,music,speech,held}.jsonl
    python recipes/tiny_towers/left_out.py CORPUS --model tiny-towers@1 --model runs/trial/bundle

A source clip of the development side is new, but its package is not: the same games, the same microphones. So for choices about sounds from
elsewhere both stages are trained on what is not in PACKAGES (scenes with a clip of them left out, too), and measured on what is: accuracy
among the labels of two or more source clips, any label of a clip being right, and mean average precision; 95 % intervals over source clips.
What ships is trained on everything.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from labels import precisions

from auricle.data.items import Item
from auricle.data.manifest import read, write
from auricle.evaluation.heldout import Ears, of_manifest
from auricle.evaluation.statistics import bootstrap
from auricle.models.hub import load

PACKAGES = frozenset((
    "ambience", "bambam", "brainparty-data", "gcompris-qt-data", "lincity-ng-data", "openttd-opensfx", "qabcs-data", "rides",
    "searchandrescue-data", "simutrans-pak64", "trophy-data", "tuxpaint-data", "tuxpaint-stamps-default", "widelands-data",
))  # fmt: skip


def package(item: Item) -> str:
    return (item.source or item.id.split(":")[0]).split("==")[0].split("/")[0]


def cut(corpus: Path) -> None:
    held = []
    for kind in ("sound", "music", "speech"):
        items = list(read(corpus / f"train.{kind}.jsonl"))
        write(corpus / f"left_out.{kind}.jsonl", [item for item in items if package(item) not in PACKAGES])
        held += [item for item in items if package(item) in PACKAGES]
    held += [item for item in read(corpus / "dev.jsonl") if package(item) in PACKAGES]
    sounds = [replace(item, split="dev") for item in held if item.extra["kind"] == "sound" and item.labels]
    write(corpus / "left_out.held.jsonl", sounds)
    print(f"left_out.held.jsonl: {len(sounds)} sounds of {len({item.clip for item in sounds})} source clips")


def measure(corpus: Path, names: list[str]) -> None:
    held = of_manifest(corpus / "left_out.held.jsonl")
    firsts, clips = defaultdict(set), defaultdict(set)
    for item in held.items:
        firsts[item.labels[0]].add(item.clip)
        for label in item.labels:
            clips[label].add(item.clip)
    classes, labels = (sorted(k for k, v in found.items() if len(v) > 1) for found in (firsts, clips))
    asked = np.array([item.labels[0] in classes for item in held.items])
    true = np.array([[label in item.labels for label in classes] for item in held.items])
    for name in names:
        model = load(name)
        vectors = Ears(model).vectors(held, held.items)
        best = (vectors @ model.embed_text(classes).T).argmax(axis=1)
        right = true[np.arange(len(best)), best][asked].astype(float)
        accuracy = bootstrap(right, clusters=[item.clip for item, there in zip(held.items, asked, strict=True) if there])
        found = precisions(vectors @ model.embed_text(labels).T, labels, held.items)
        print(
            f"{name}: accuracy {accuracy.value:.3f} ({accuracy.low:.3f}–{accuracy.high:.3f}) of {len(right)} sounds among "
            f"{len(classes)} names; mAP {np.mean(list(found.values())):.3f} of {len(labels)} names"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--model", action="append", default=[])
    arguments = parser.parse_args()
    if arguments.write:
        cut(arguments.corpus)
    if arguments.model:
        measure(arguments.corpus, arguments.model)


if __name__ == "__main__":
    main()
