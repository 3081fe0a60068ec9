"""Classify sounds by the names of the classes alone, from what a library stores: unit norm, float16, searched by FAISS.

    python -m auricle.evaluation.zero_shot --esc10 "$AURICLE_DATA/esc10"            # once per released weights
    python -m auricle.evaluation.zero_shot --corpus CORPUS --half dev                # while developing

Every clip is indexed as any recording is. A class's vector is the mean of its prompts; a clip goes to the class that its stored
windows fit best on average. Intervals: 95 %, bootstrap over source recordings.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import auricle
from auricle.data import sets
from auricle.errors import AuricleError, UsageError
from auricle.evaluation.corpus import HALVES, Corpus, Half
from auricle.evaluation.labelled import usable_concepts
from auricle.evaluation.statistics import Interval, bootstrap
from auricle.library.library import Library

PROTOCOL = 1
PROMPTS = ("{}",)


@dataclass(frozen=True)
class Item:
    """A clip of one class. ``source``: the recording it was cut from; clips of one source vary together."""

    path: Path
    label: str
    source: str


def esc10(folder: Path) -> list[Item]:
    """The clips of ESC-10, as :mod:`auricle.data.sets` finds them. Raises DataError."""
    return [Item(Path(str(found.sound)), found.item.labels[0], found.item.clip) for found in sets.load("esc10", folder)]


def single_clips(corpus: Corpus, half: Half, *, fewest: int = 2) -> list[Item]:
    """The benchmark's clips that show exactly one leaf concept which ``fewest`` or more clips show, and leave nothing open."""
    leaves = set(usable_concepts(corpus, half, fewest=fewest))
    items = []
    for recording in corpus.half(half):
        event = recording.events[0] if recording.kind == "clip" else None
        if event is not None and len(event.concepts) == 1 and not event.maybe and event.concepts[0] in leaves:
            items.append(Item(corpus.folder / recording.path, corpus.concepts.names[event.concepts[0]], event.family))
    return items


def class_vectors(model: Any, labels: Sequence[str], prompts: Sequence[str] = PROMPTS) -> npt.NDArray[np.float32]:
    """float32 ``[labels, d]``, unit norm: the mean over the prompts. ``{}`` in a prompt stands for the label."""
    if any("{}" not in prompt for prompt in prompts) or not prompts:
        raise UsageError("every prompt needs {} where the label goes.", hint='For example: --prompt "the sound of {}"')
    every = [model.embed_text([prompt.replace("{}", label) for label in labels]) for prompt in prompts]
    mean = np.mean(every, axis=0)
    unit: npt.NDArray[np.float32] = (mean / np.linalg.norm(mean, axis=1, keepdims=True)).astype(np.float32)
    return unit


def stored_scores(library: Library, vectors: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float64]]:
    """Path -> mean score of its stored windows with each class vector, all through the library's own nearest-neighbour search."""
    store = library.store
    windows = store.window_ids()
    found, ids = store.nearest(vectors, len(windows), exact=True)
    place = {int(window): n for n, window in enumerate(windows)}
    scores = np.empty((len(windows), len(vectors)))
    for label in range(len(vectors)):
        scores[[place[int(i)] for i in ids[label]], label] = found[label]
    result = {}
    for recording in store.recordings():
        rows = [place[window] for window, _, _ in store.windows_of(store.recording(recording.id).content_id)]
        if rows:
            result[os.path.realpath(recording.path)] = scores[rows].mean(axis=0)
    return result


def evaluate(items: Sequence[Item], model: Any, *, prompts: Sequence[str] = PROMPTS, name: str = "", command: str = "") -> dict[str, Any]:
    """Accuracy, per class too, as a JSON-ready document. A clip that could not be indexed counts as wrong.

    Raises UsageError (no items, one class), ModelError, LibraryError.
    """
    labels = sorted({item.label for item in items})
    if len(labels) < 2:
        raise UsageError(f"there is nothing to tell apart: {len(items)} clips of {len(labels)} classes.")
    with tempfile.TemporaryDirectory(prefix="auricle-zero-shot-") as scratch, Library(Path(scratch) / "library", model=model) as library:
        library.index([item.path for item in items])
        scores = stored_scores(library, class_vectors(library.model, labels, prompts))
        made_by, pipeline = library.model.name, library.model.pipeline_id
    right = []
    for item in items:
        found = scores.get(os.path.realpath(item.path))
        right.append(float(found is not None and labels[int(np.argmax(found))] == item.label))
    sources = [item.source for item in items]
    document = {
        "protocol": {
            "benchmark": f"zero-shot: {name}", "protocol": PROTOCOL, "model": made_by, "pipeline_id": pipeline, "prompts": list(prompts),
            "classes": labels, "clips": len(items), "sources": len(set(sources)), "auricle": auricle.__version__,
            "interval": "95 %, bootstrap over source recordings", "command": command,
        },
        "accuracy": _interval(bootstrap(right, clusters=sources)),
        "items": {item.path.name: int(value) for item, value in zip(items, right, strict=True)},
        "classes": {},
    }  # fmt: skip
    for label in labels:
        own = [i for i, item in enumerate(items) if item.label == label]
        document["classes"][label] = _interval(bootstrap([right[i] for i in own], clusters=[sources[i] for i in own], rounds=500))
    return document


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4), "n": interval.n}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m auricle.evaluation.zero_shot", description=(__doc__ or "").splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--esc10", type=Path, metavar="FOLDER", help="ESC-10: evaluation only, once per released weights")
    what.add_argument("--corpus", type=Path, help="the search benchmark: single clips with one judged concept")
    parser.add_argument("--half", choices=HALVES, default="dev", help="half of the corpus (default: dev)")
    parser.add_argument("--model", default="tiny-towers", help="name or bundle (default: tiny-towers)")
    parser.add_argument("--prompt", action="append", metavar="TEXT", help="{} stands for the label; repeat to average (default: {})")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON document")
    options = parser.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if options.esc10 is not None:
            items, name = esc10(options.esc10), "ESC-10"
        else:
            corpus = Corpus.load(options.corpus)
            items, name = single_clips(corpus, options.half), f"search benchmark clips, {options.half} half, truth {corpus.truth_hash}"
        command = shlex.join(["python", "-m", "auricle.evaluation.zero_shot", *given])
        document = evaluate(items, options.model, prompts=options.prompt or PROMPTS, name=name, command=command)
    except AuricleError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(document, ensure_ascii=False, indent=1) if options.json else _text(document))
    return 0


def _text(document: dict[str, Any]) -> str:
    def line(name: str, found: dict[str, Any]) -> str:
        return f"{name}  {found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f}), n = {found['n']}"

    protocol = document["protocol"]
    head = f"{protocol['model']}, {protocol['benchmark']}: {protocol['clips']} clips of {protocol['sources']} recordings"
    width = max(len(label) for label in [*document["classes"], "accuracy"])
    lines = [line(label.ljust(width), found) for label, found in document["classes"].items()]
    return "\n".join([head, line("accuracy".ljust(width), document["accuracy"]), *lines])


if __name__ == "__main__":
    sys.exit(main())
