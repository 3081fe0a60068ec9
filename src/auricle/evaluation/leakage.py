"""Was this measured on what was trained on? Item by item: ids, sources, bytes, sound by fingerprint, texts; and what it does to a score.

    found = leakage(items, folder, "train.jsonl")       # items: what is measured on, with audio relative to folder
    found.reasons                                       # id → why it is flagged
    scored(found, score)                                # the score on all, on what is clean, on what is flagged, and the differences

What two sets are known to share is asked of the landscape and stands beside it: it names no item. A flagged item need not have been
learned, and flagged items may be easier than the rest: the difference says how much the score depends on them, not why.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from auricle import settings
from auricle.data.identities import Identity, identities
from auricle.data.items import Item
from auricle.data.manifest import PathLike, folder_of, read
from auricle.data.overlap import Entry
from auricle.data.printed import printed, store_for
from auricle.data.prints import Prints
from auricle.data.texts import near_between, normal
from auricle.evaluation.score import Sample, Score, digest, measured
from auricle.evaluation.statistics import Counts, Difference, resampled_difference
from auricle.results import Failure

if TYPE_CHECKING:
    from auricle.evaluation.benchmark import Task
    from auricle.evaluation.harness import Run
    from auricle.landscape.asked import Declared

Level = Literal["id", "clip", "bytes", "sound", "near-sound", "text", "near-text"]
MEANING: Mapping[Level, str] = {
    "id": "the same item, or the same upload",
    "clip": "another part or take of the same source",
    "bytes": "the same bytes of sound",
    "sound": "the same sound by fingerprint",
    "near-sound": "perhaps the same sound: listen to it",
    "text": "the same caption or question",
    "near-text": "nearly the same caption or question",
}
LEVELS: tuple[Level, ...] = tuple(MEANING)
_REASONS = 5  # of one level told of an item
# Likeness of fingerprints from which two stretches are, nearly always, one sound. Of 26 pairs with the search benchmark's test half, the 20
# from 0.81 on were (one is too short to tell), and none of the 6 below, steady tones and a voice. Copies that were spliced, or lie under
# noise, may be below as well (docs/leakage.md).
SURE = 0.8
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Reason:
    """``other``: id of the training item. ``says``: what is the same."""

    level: Level
    other: str
    says: str

    def __str__(self) -> str:
        return f"{self.level}: {self.other} ({self.says})"


@dataclass(frozen=True)
class Leakage:
    """``items``: all ids that were looked at. ``heard``: whether sounds were compared; those that could not be are in ``failures``."""

    manifest: str
    manifest_hash: str
    trained: int
    items: tuple[str, ...]
    reasons: Mapping[str, tuple[Reason, ...]]
    declared: tuple[Declared, ...] = ()
    failures: tuple[Failure, ...] = field(default=())
    heard: bool = True
    asked: tuple[Item, ...] = field(default=(), repr=False)

    @cached_property
    def flagged(self) -> frozenset[str]:
        return frozenset(self.reasons)

    @property
    def clean(self) -> tuple[str, ...]:
        return tuple(id for id in self.items if id not in self.reasons)

    def at(self, level: Level) -> frozenset[str]:
        """Ids that are flagged at this level, whatever else they are flagged for."""
        return frozenset(id for id, why in self.reasons.items() if any(reason.level == level for reason in why))

    def document(self) -> dict[str, Any]:
        """JSON-ready: what was found, without scores."""
        ids = {id: [str(reason) for reason in why] for id, why in self.reasons.items()}
        return {
            "trained_on": self.manifest, "trained_on_hash": self.manifest_hash, "trained_items": self.trained, "items": len(self.items),
            "heard": self.heard, "not_heard": len(self.failures), "ids": ids,
            "declared": [{"left": d.left, "right": d.right, "says": d.says, "source": d.source, "mark": d.mark} for d in self.declared],
        }  # fmt: skip

    def lines(self) -> list[str]:
        """In words, for a terminal."""
        name = os.path.basename(self.manifest)
        told = [f"{len(self.flagged)} of {len(self.items)} items are in {name} ({self.trained} items) as well"]
        told += [f"  {level}: {len(ids)} ({MEANING[level]})" for level in LEVELS if (ids := self.at(level))]
        told += [f"  declared: {d.says} ({d.source}; {d.mark})" for d in self.declared]
        told += [] if self.heard else ["  sounds were not compared"]
        told += [f"  {len(self.failures)} sounds could not be heard, and were compared by what is said of them"] if self.failures else []
        return told


def leakage(
    items: Iterable[Item], folder: PathLike, manifest: PathLike, *, root: PathLike | None = None, hear: bool = True,
    cache: Path | None = None, told: Told | None = None,
) -> Leakage:  # fmt: skip
    """What the items to be measured on share with a training manifest.

    folder, root: what the audio of the items, and of the manifest, is relative to (root: the manifest's own folder).
    hear:  compare by fingerprint; without it, ids, clips, stated hashes and texts must do. Sounds that are not there are in ``failures``.
    cache: where fingerprints are kept; by default below auricle's own folder.
    told:  called with (sounds known, sounds in all), training sounds first.
    Raises DataError where the manifest cannot be read.
    """
    trained, asked = list(read(manifest)), list(items)
    failures: list[Failure] = []
    if hear:
        stores = cache or settings.home() / "cache" / "fingerprints"
        ids = digest([[i.id, i.audio, i.start, i.end] for i in asked])
        total = len(trained) + len(asked)
        first = printed(
            trained, root or folder_of(manifest), store=store_for(manifest, stores), failed=failures.append,
            told=(lambda n, _: told(n, total)) if told else None,
        )  # fmt: skip
        second = printed(
            asked, folder, store=store_for(os.path.join(folder, ids), stores), failed=failures.append,
            told=(lambda n, _: told(len(trained) + n, total)) if told else None,
        )  # fmt: skip
    else:
        first, second = ([Entry(item, item.set) for item in side] for side in (trained, asked))
    return between(first, second, manifest=os.fspath(manifest), failures=failures, heard=hear)


def between(
    trained: Sequence[Entry], asked: Sequence[Entry], *, manifest: str = "", failures: Sequence[Failure] = (), heard: bool = True
) -> Leakage:  # fmt: skip
    """The same of items that were heard already."""
    found: dict[str, dict[tuple[Level, str], Reason]] = defaultdict(dict)
    for id, reason in _reasons(trained, asked):
        same = found[id]
        if sum(level == reason.level for level, _ in same) < _REASONS:
            same.setdefault((reason.level, reason.other), reason)
    for id, reason in list(_takes(asked, found)):
        found[id].setdefault((reason.level, reason.other), reason)
    order = {level: n for n, level in enumerate(LEVELS)}
    reasons = {
        e.item.id: tuple(sorted(found[e.item.id].values(), key=lambda r: order[r.level])) for e in asked if e.item.id in found
    }  # fmt: skip
    told = digest([[e.item.id, e.item.clip, e.item.hash, e.item.captions] for e in trained])
    return Leakage(
        manifest, told, len(trained), tuple(e.item.id for e in asked), reasons, tuple(_declared(trained, asked)), tuple(failures), heard,
        tuple(e.item for e in asked),
    )  # fmt: skip


def _reasons(trained: Sequence[Entry], asked: Sequence[Entry]) -> Iterator[tuple[str, Reason]]:
    yield from _by_name(trained, asked)
    yield from _by_upload(trained, asked)
    yield from _by_bytes(trained, asked)
    yield from _by_sound(trained, asked)
    yield from _by_text(trained, asked)


def _by_name(trained: Sequence[Entry], asked: Sequence[Entry]) -> Iterator[tuple[str, Reason]]:
    """The same id in the same set; the same source clip, where it is no upload, which is looked at closer."""
    ids: dict[tuple[str, str], str] = {}
    clips: dict[str, str] = {}
    for item in (entry.item for entry in trained):
        ids.setdefault((item.set, item.id), item.id)
        if key := _clip(item):
            clips.setdefault(key, item.id)
    for item in (entry.item for entry in asked):
        if (item.set, item.id) in ids:
            yield item.id, Reason("id", item.id, f"the same item of {item.set}" if item.set else "the same id")
        key = _clip(item)
        if key in clips and not any(one.key == key for one in identities(item)):
            yield item.id, Reason("clip", clips[key], item.clip)


def _clip(item: Item) -> str:
    return (item.clip if ":" in item.clip else f"{item.set}\0{item.clip}") if item.clip else ""


def _by_upload(trained: Sequence[Entry], asked: Sequence[Entry]) -> Iterator[tuple[str, Reason]]:
    uploads: dict[str, list[tuple[str, Identity]]] = defaultdict(list)
    for item in (entry.item for entry in trained):
        for one in identities(item):
            uploads[one.key].append((item.id, one))
    for item in (entry.item for entry in asked):
        for one in identities(item):
            known = sorted(uploads.get(one.key, ()), key=lambda k: one.apart(k[1]))  # the same part of a video first
            for other, that in known[:_REASONS]:
                apart = one.apart(that)
                says = f"{one}, there from {that.start:g} s" if apart else str(one)
                yield item.id, Reason("clip" if apart else "id", other, says)


def _by_bytes(trained: Sequence[Entry], asked: Sequence[Entry]) -> Iterator[tuple[str, Reason]]:
    known: dict[tuple[object, ...], str] = {}
    for item in (entry.item for entry in trained):
        known.setdefault((item.hash, item.start, item.end), item.id)
    for item in (entry.item for entry in asked):
        if item.hash and (item.hash, item.start, item.end) in known:
            yield item.id, Reason("bytes", known[item.hash, item.start, item.end], item.hash)


def _by_sound(trained: Sequence[Entry], asked: Sequence[Entry]) -> Iterator[tuple[str, Reason]]:
    held = [(entry.item.id, entry.print) for entry in trained if entry.print is not None]
    index = Prints([made for _, made in held])
    for entry in asked:
        for match in index.find(entry.print)[:_REASONS] if entry.print is not None else ():
            level: Level = "sound" if match.similarity >= SURE else "near-sound"
            yield entry.item.id, Reason(level, held[match.index][0], f"{match.seconds:.1f} s, alike {match.similarity:.2f}")


def _by_text(trained: Sequence[Entry], asked: Sequence[Entry]) -> Iterator[tuple[str, Reason]]:
    mine: dict[str, str] = {}
    for item in (entry.item for entry in trained):
        for text in _texts(item):
            mine.setdefault(text, item.id)
    theirs: dict[str, list[str]] = defaultdict(list)
    for item in (entry.item for entry in asked):
        for text in _texts(item):
            theirs[text].append(item.id)
    for text in theirs.keys() & mine.keys():
        for id in theirs[text]:
            yield id, Reason("text", mine[text], text)
    left, right = list(mine), [text for text in theirs if text not in mine]
    for i, j, similarity in near_between(left, right) if right else ():
        for id in theirs[right[j]]:
            yield id, Reason("near-text", mine[left[i]], f"{left[i]} / {right[j]}, alike {similarity:.2f}")


def _takes(asked: Sequence[Entry], found: Mapping[str, Mapping[tuple[Level, str], Reason]]) -> Iterator[tuple[str, Reason]]:
    """Other takes of a source of which one is in training: what was heard there is this source's, whichever seconds of it."""
    heard: dict[str, tuple[str, Reason]] = {}
    for item in (entry.item for entry in asked):
        for level, other in found.get(item.id, {}):
            if level in ("bytes", "sound") and item.clip:
                heard.setdefault(_clip(item), (item.id, found[item.id][level, other]))
    for item in (entry.item for entry in asked):
        take, reason = heard.get(_clip(item), ("", None))
        if reason is not None and not any(level in ("id", "clip", "bytes", "sound") for level, _ in found.get(item.id, {})):
            yield item.id, Reason("clip", reason.other, f"another take of {item.clip}, as is {take}")


def _texts(item: Item) -> list[str]:
    """Captions, and questions with their choices: "is a dog heard?" alone is asked of many sounds."""
    asked = [" ".join([q.question, *q.options]) for q in item.questions if q.options]
    return list(dict.fromkeys(filter(None, map(normal, [*item.captions, *asked]))))


def _declared(trained: Sequence[Entry], asked: Sequence[Entry]) -> list[Declared]:
    from auricle import landscape
    from auricle.landscape import asked as field

    sets, tests = ({entry.item.set for entry in side if entry.item.set} for side in (trained, asked))
    return field.declared(landscape.load(), sorted(sets), sorted(tests)) if sets and tests else []


# ---------------------------------------------------------------------------------------------------------------- scores


@dataclass(frozen=True)
class Part:
    """Some of the items of a sample, as a sample of its own."""

    whole: Sample
    places: npt.NDArray[np.intp]

    @property
    def items(self) -> tuple[str, ...]:
        return tuple(self.whole.items[int(i)] for i in self.places)

    @property
    def clusters(self) -> tuple[str, ...]:
        return tuple(self.whole.clusters[int(i)] for i in self.places)

    def at(self, counts: Counts) -> float:
        every = np.zeros(len(self.whole.items), np.int64)
        every[self.places] = counts
        return _at(self.whole, every)


def of_task(task: Task, manifest: PathLike, *, told: Told | None = None) -> Leakage:
    """Of what a benchmark asks about."""
    return leakage(task.items, task.held.folder, manifest, told=told)


def of_run(run: Run, found: Leakage) -> Run:
    """The run with what leaked; what was asked of an item counts as that item, by its id or its sound."""
    known = frozenset(found.items)
    sounds = {item.audio: item.id for item in found.asked if item.audio}
    owner = {o.id: o.id if o.id in known else sounds.get(o.audio, o.id) for o in run.outcomes}
    return replace(run, leakage=scored(found, run.scores[0], item_of=lambda id: owner.get(id, id)))


def told_of_run(document: Mapping[str, Any]) -> str:
    """The scores of a run's leakage on one line."""
    named = [(name, document[name]) for name in ("clean", "flagged") if document[name] is not None]
    parts = [f"{name} {_interval(part)} on {part['n']}" for name, part in named]
    for name, what in (("inflation", "all − clean"), ("difference", "flagged − clean")):
        if document[name] is not None:
            part = document[name]
            parts.append(f"{what} {part['value']:+.3f} ({part['low']:+.3f} to {part['high']:+.3f})" if part["low"] is not None else what)
    return "; ".join([*parts, *(document["notes"] if not named or document["clean"] is None else ())]) or "nothing is flagged"


def _interval(part: Mapping[str, Any]) -> str:
    return "-" if part["value"] is None else f"{part['value']:.3f} ({part['low']:.3f}–{part['high']:.3f})"


def scored(found: Leakage, score: Score, *, item_of: Callable[[str], str] = lambda id: id) -> dict[str, Any]:
    """The score on all, clean and flagged items, the differences with their intervals, and the counts by level: JSON-ready.

    item_of: what the score counts → the id of the item it is about, where these are not the same (a caption, a question of an item).
    A part without items is None. ``inflation``: all − clean; ``difference``: flagged − clean.
    """
    document: dict[str, Any] = {
        "all": score.document(), "clean": None, "flagged": None, "inflation": None, "difference": None, "levels": {}, "notes": [],
        **found.document(),
    }  # fmt: skip
    if score.sample is None:
        document["notes"].append("the score keeps no items: it cannot be told apart")
        return document
    known = frozenset(found.items)
    if not any(item_of(id) in known for id in score.sample.items):
        document["notes"].append("the score counts something else than these items: which are flagged is told, and no score of them")
        return document
    flags = np.array([item_of(id) in found.flagged for id in score.sample.items], dtype=bool)
    document["clean"] = _part(found, score, ~flags, "clean")
    document["flagged"] = _part(found, score, flags, "flagged")
    if flags.any() and not flags.all():
        sample, clusters = score.sample, score.sample.clusters
        clean: Callable[[Counts], float] = lambda counts: _at(sample, counts * ~flags)  # noqa: E731
        document["inflation"] = _difference(resampled_difference(lambda c: _at(sample, c), clean, clusters))
        document["difference"] = _difference(resampled_difference(lambda c: _at(sample, c * flags), clean, clusters))
        document["notes"].append("flagged items may be easier or harder than the rest: a difference is no proof of memory")
    elif flags.all() and len(flags):
        document["notes"].append("every item is flagged: there is no clean score")
    for level in LEVELS:
        ids = found.at(level)
        if ids:
            at = np.array([item_of(id) in ids for id in score.sample.items], dtype=bool)
            document["levels"][level] = {"items": len(ids), "meaning": MEANING[level], "score": _part(found, score, at, level)}
    return document


def _part(found: Leakage, score: Score, keep: npt.NDArray[np.bool_], name: str) -> dict[str, Any] | None:
    if not keep.any() or score.sample is None:
        return None
    details = {**score.how.details, "items": f"{name}, of what is compared with {found.manifest_hash}"}
    how = replace(score.how, details=details)
    return measured(score.metric, Part(score.sample, np.flatnonzero(keep)), how, _Named(score.model, score.pipeline_id)).document()


@dataclass(frozen=True)
class _Named:
    name: str
    pipeline_id: str


def _at(sample: Sample, counts: Counts) -> float:
    with np.errstate(all="ignore"):
        return sample.at(counts) if counts.any() else float("nan")


def _difference(found: Difference) -> dict[str, Any]:
    value, low, high = (None if np.isnan(x) else round(float(x), 4) for x in (found.value, found.low, found.high))
    return {"value": value, "low": low, "high": high, "n": found.n, "sources": found.clusters}
