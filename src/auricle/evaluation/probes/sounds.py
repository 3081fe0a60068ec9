"""Which sounds a model is audited on: a search benchmark's half, a manifest's held-out side, or the demo's clips where none are given."""

from __future__ import annotations

import os
from pathlib import Path

from auricle import demo
from auricle.data.items import Item
from auricle.evaluation.corpus import Corpus, Half
from auricle.evaluation.heldout import HeldOut, of_benchmark, of_manifest
from auricle.evaluation.probes.base import Sounds

PathLike = str | os.PathLike[str]


def sounds(place: PathLike | None = None, *, half: Half | None = None, members: PathLike | None = None) -> Sounds:
    """``place``: the folder of a search benchmark, or a manifest. ``half``: which side of it; by default the ``test`` half of a benchmark,
    since models may learn from its ``dev``, and the ``dev`` side of a manifest.

    Raises UsageError for a folder that holds none, DataError for a manifest without that side.
    """
    if place is None:
        return Sounds(of_demo(), members)
    path = Path(place)
    held = of_benchmark(Corpus.load(path), half or "test") if path.is_dir() else of_manifest(path, split=half or "dev")
    return Sounds(held, members)


def of_demo() -> HeldOut:
    """Each moment an item, each file a source. They are few, and a model may have learned from them: good for a try."""
    items = []
    for number, moment in enumerate(demo.moments()):
        file, start, end = moment["file"], moment["start"], moment["end"]
        label = moment["what"].removeprefix("a ").removeprefix("an ")
        name = f"{file}#{number}"
        items.append(Item(name, file, start, end, end - start, (label,), set="demo", clip=file))
    return HeldOut("the demo's clips", tuple(items), demo.SOUNDS)
