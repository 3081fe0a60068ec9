"""A benchmark's data, from the folder where its set lies: what is asked, what it may be learned from, and what is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from auricle.audio import Audio
from auricle.data import sets
from auricle.data.items import Event, Item
from auricle.data.sets.descriptor import Descriptor
from auricle.data.sets.named_files import NamedFiles
from auricle.errors import DataError, UsageError
from auricle.evaluation.benchmark import CORPUS, Benchmark, Finding, Task
from auricle.evaluation.corpus import HALVES, Corpus, Half
from auricle.evaluation.heldout import HeldOut, of_benchmark
from auricle.evaluation.scenes import GROUPS, SCENES, HeldWorlds, held_out_scenes
from auricle.evaluation.score import digest
from auricle.evaluation.zero_shot import single_clips

VARIABLE = "AURICLE_DATA"
ASKED = {"groups": 24, "per_group": 6, "per_scene": 6}  # where a benchmark of questions about scenes says nothing else
UNHEARD = ("said", "words")  # kinds of question about what is spoken: transcripts are not what scenes measure


def load(benchmark: Benchmark, folder: str | os.PathLike[str] | None = None) -> Task:
    """``folder``: where the set was unpacked to; else it is looked for below $AURICLE_DATA.

    Raises DataError that says where a set is from and how it lies on disk, UsageError where no folder is known.
    """
    if benchmark.set == CORPUS:
        return _of_corpus(benchmark, _place(benchmark, folder, ()))
    descriptor = sets.get(benchmark.set)
    names = descriptor.layout.at if isinstance(descriptor.layout, NamedFiles) else ()
    top = _place(benchmark, folder, tuple(name for name in names if name))
    lost: list[str] = []
    try:
        found = list(sets.load(benchmark.set, top, absent="text", lost=lost.append))
    except DataError as error:
        if error.kind != "Missing":
            raise
        raise DataError("Missing", f"{benchmark.name}: {error.message}", path=error.path, hint=_where_from(descriptor)) from None
    whole = [replace(one.item, audio=os.path.relpath(cast(str, one.sound), top) if one.sound else None) for one in found]
    asked = tuple(item for item in whole if not benchmark.split or item.split in benchmark.split)
    chosen = {item.id for item in asked}
    absent = frozenset(item.id for item in whole if item.audio is None)
    if not asked:
        splits = ", ".join(sorted({item.split or "none" for item in whole}))
        message = f"{benchmark.name}: {top} holds nothing of {' and '.join(benchmark.split)} (there is: {splits or 'nothing'})."
        raise DataError("Missing", message, path=str(top), hint=_where_from(descriptor))
    held = HeldOut(f"{descriptor.title}, {' and '.join(benchmark.split) or 'all'}", asked, top)
    others = tuple(item for item in whole if item.id not in chosen and item.id not in absent)
    return Task(benchmark, held, others, absent & chosen, _findings(benchmark, descriptor, asked, absent & chosen, top))


def _findings(b: Benchmark, descriptor: Descriptor, asked: tuple[Item, ...], absent: frozenset[str], top: Path) -> tuple[Finding, ...]:
    found = []
    if absent:
        there = len(asked) - len(absent)
        if not there:
            message = f"{b.name}: none of its {len(asked)} sounds is below {top}."
            raise DataError("Missing", message, path=str(top), hint=_where_from(descriptor))
        some = ", ".join(sorted(absent)[:3])
        found.append(Finding("error", "half-downloaded", f"{there} of {len(asked)} sounds are there ({some} … are not)"))
    if b.n is not None and len(asked) != b.n:
        found.append(Finding("error", "size", f"the tables name {len(asked)} items, {descriptor.title} has {b.n}"))
    return tuple(found)


def _place(benchmark: Benchmark, folder: str | os.PathLike[str] | None, beside: tuple[str, ...]) -> Path:
    """``beside``: files that may lie in the data folder itself."""
    if folder is not None:
        return Path(os.path.abspath(os.path.expanduser(os.fspath(folder))))
    data = os.environ.get(VARIABLE)
    if not data:
        hint = f"Give it: --on {benchmark.name}=FOLDER, or set {VARIABLE} to the folder that holds {benchmark.set}."
        raise UsageError(f"{benchmark.name}: nothing says where its data lies.", hint=hint)
    top = Path(os.path.abspath(os.path.expanduser(data)))
    if not (top / benchmark.set).exists() and any((top / name).exists() for name in beside):
        return top
    return top / benchmark.set


def _where_from(descriptor: Descriptor) -> str:
    """Where a set is from and how it lies on disk, in a sentence each."""
    layout: Any = descriptor.layout
    if isinstance(layout, NamedFiles):
        lies = " or ".join(layout.at[:2])
    else:
        parts: Mapping[str, Any] = getattr(layout, "parts", {})
        lies = "; ".join(f"{', '.join(part.table[:1])} and {', '.join(part.audio[:1])}" for part in list(parts.values())[:3])
    return f"It is from {descriptor.host}" + (f", and lies as {lies}." if lies else ".")


# ------------------------------------------------------------------------------------------------------- the search benchmark


def _of_corpus(benchmark: Benchmark, top: Path) -> Task:
    try:
        corpus = Corpus.load(top)
    except UsageError as error:
        raise DataError(
            "Missing", f"{benchmark.name}: {error.message}", path=str(top), hint="Build it with recipes/search_benchmark."
        ) from None
    half = _half(benchmark)
    held = of_benchmark(corpus, half)
    if benchmark.kind == "detecting":
        settings = benchmark.settings
        worlds = held_out_scenes(held, groups=int(settings.get("groups", GROUPS)), per_group=int(settings.get("per_group", SCENES)))
        held = SceneSet(worlds.name, _scene_items(worlds), top, worlds)
    elif benchmark.kind == "answering":
        asked = {**ASKED, **{name: int(benchmark.settings[name]) for name in ASKED if name in benchmark.settings}}
        worlds = held_out_scenes(held, groups=asked["groups"], per_group=asked["per_group"], questions=4 * asked["per_scene"])
        held = SceneSet(worlds.name, _question_items(worlds, asked["per_scene"]), top, worlds)
    elif benchmark.kind == "zero_shot":
        single = {clip.path: clip.label for clip in single_clips(corpus, half)}
        own = ((item, single.get(corpus.folder / str(item.audio))) for item in held.items)
        held = held.only(held.name, (replace(item, labels=(label,)) for item, label in own if label is not None))
    return Task(benchmark, held, corpus=corpus)


def _half(benchmark: Benchmark) -> Half:
    if len(benchmark.split) != 1 or benchmark.split[0] not in HALVES:
        raise DataError("Invalid", f"benchmark {benchmark.name}: split is dev or test.", hint="Correct it there.")
    return benchmark.split[0]


@dataclass(frozen=True)
class SceneSet(HeldOut):
    """Scenes that are composed when they are opened."""

    worlds: HeldWorlds = field(repr=False)

    def open(self, item: Item, rate: int | None = None) -> Audio:
        world, index = _number(item)
        return self.worlds.worlds[world].scene(index).audio


def _scene_items(worlds: HeldWorlds) -> tuple[Item, ...]:
    """An item a scene: its group is its source, its events are the truth, ``perhaps`` what it leaves open."""
    items = []
    for truth in worlds.truths():
        items.append(
            Item(
                id=truth.id, audio=truth.id, duration=truth.seconds, clip=truth.group, set="scenes",
                events=tuple(Event(*event) for event in truth.events), extra={"perhaps": sorted(truth.open)},
            )
        )  # fmt: skip
    return tuple(items)


def _question_items(worlds: HeldWorlds, most: int) -> tuple[Item, ...]:
    """An item a scene, with questions of as many kinds as there are; nothing is asked about words that are spoken."""
    items = []
    for held in worlds.asked():
        kinds = list({q.kind: q for q in held.questions if q.options and q.kind not in UNHEARD}.values())
        if kinds:
            asked = tuple(sorted(kinds, key=lambda q: digest([held.id, q.kind]))[:most])
            items.append(Item(id=held.id, audio=held.id, duration=held.seconds, clip=held.group, set="scenes", questions=asked))
    return tuple(items)


def _number(item: Item) -> tuple[int, int]:
    group, _, index = item.id.removeprefix("group ").partition("/")
    return int(group), int(index)
