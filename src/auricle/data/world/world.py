"""Scenes without end, with exact truth: a function of the seed and an index.

world = World(read("corpus/manifest.jsonl"), load("world.yaml"), folder="corpus")
scene = world.scene(0)
scene.audio, scene.stems, scene.table(), scene.captions, scene.counterfactuals, scene.questions
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.world.captions import captions
from auricle.data.world.clips import Clips, Opener, Source, as_source, by_label
from auricle.data.world.compose import Plan, Shelf, compose, drawn
from auricle.data.world.config import WorldConfig, parse
from auricle.data.world.counterfactuals import counterfactuals
from auricle.data.world.facts import Facts
from auricle.data.world.lexicon import words_for
from auricle.data.world.questions import questions
from auricle.data.world.render import mixed, render
from auricle.data.world.scene import Scene, Text
from auricle.data.world.vocabulary import Vocabulary
from auricle.errors import DataError, UsageError

MEBIBYTE = 1 << 20


class World:
    """Scenes of one split. Only its items are ever decoded; those of the other splits are looked at to see that no clip is on two sides.

    folder: where the audio of the items lies. opener: how to hear an item instead, e.g. where items of several manifests come together.
    Raises DataError where there is nothing to make scenes from, or where a source clip is in two splits.
    """

    def __init__(
        self,
        items: Iterable[Item],
        config: WorldConfig | None = None,
        *,
        seed: int | None = None,
        split: str = "train",
        folder: str | os.PathLike[str] = ".",
        opener: Opener | None = None,
    ) -> None:
        self.config = config or parse({})
        self.seed = self.config.seed if seed is None else seed
        self.split = split
        self.sides = _sides([s for item in items if (s := as_source(item))], self.config)
        if not any(self.sides.values()):
            raise DataError("Missing", "No item has sound and says what it is.", hint="Items need labels, a transcript, or an instrument.")
        if split not in self.sides:
            raise DataError("Missing", f"No item is of the split {split!r}.", hint=f"There are {', '.join(sorted(self.sides))}.")
        _check_clips(self.sides)
        self.left_out = _short(self.sides, self.config) if self.config.short_labels == "drop" else {}
        shelf = {label: sources for label, sources in self.sides[split].items() if label not in self.left_out}
        if not shelf:
            raise DataError("Missing", "Every label has too few source clips.", hint=f"Lower min_clips ({self.config.min_clips}).")
        self.shelf = _shelf(shelf, self.config)
        self.vocabulary = Vocabulary.of(self.shelf, self.config)
        self.clips = Clips(opener or _opener(folder, self.config.rate), self.config.rate, self.config.cache_mb * MEBIBYTE)

    def check(self) -> dict[str, dict[str, int]]:
        """Source clips by label and split. Raises DataError that names the labels with too few, unless the configuration allows it."""
        short = _short(self.sides, self.config)
        if short and self.config.short_labels == "refuse":
            shown = "; ".join(
                f"{label} ({', '.join(f'{n} in {side}' for side, n in few.items())})" for label, few in list(short.items())[:12]
            )
            more = f"; and {len(short) - 12} more" if len(short) > 12 else ""
            hint = "Add clips, list the labels to use, or set short_labels to drop or allow."
            raise DataError("Invalid", f"Labels with fewer than {self.config.min_clips} source clips: {shown}{more}.", hint=hint)
        labels = sorted({label for side in self.sides.values() for label in side if label not in self.left_out})
        return {label: {side: _families(shelf.get(label, ())) for side, shelf in sorted(self.sides.items())} for label in labels}

    def plan(self, index: int) -> Plan:
        """What the scene is, without its sound."""
        if index < 0:
            raise UsageError(f"There is no scene {index}.", hint="Scenes are counted from 0.")
        return compose(self.config, self.shelf, self.clips, self.split, self.seed, index)

    def text(self, facts: Facts) -> Text:
        """Captions, counterfactuals and questions of a scene of this world, or of one that was changed by ``Scene.without``."""
        config, words = self.config, self.vocabulary
        what = f"{facts.split}/{len(facts.events)}"
        true = captions(facts, words, drawn(self.seed, facts.index, f"captions/{what}"), config.captions)
        source = true or captions(facts, words, drawn(self.seed, facts.index, f"captions/{what}"), 6)
        false = counterfactuals(
            facts, source, words, drawn(self.seed, facts.index, f"counterfactuals/{what}"), max(config.counterfactuals, 6)
        )
        asked = questions(facts, words, drawn(self.seed, facts.index, f"questions/{what}"), config.questions, source, false)
        return Text(true, false[: config.counterfactuals], asked)

    def scene(self, index: int) -> Scene:
        """The same for the same items, configuration, seed and index, whatever was asked for before, in every process."""
        plan = self.plan(index)
        stems = render(plan, self.clips, self.config.channels)
        audio = Audio(mixed(stems), self.config.rate, f"<world {self.config.name} {self.split} {index}>")
        sources = tuple((p.source.item.licence, p.source.item.source) for p in plan.placed)
        return Scene(plan.facts, audio, stems, self.text(plan.facts), sources)


def _opener(folder: str | os.PathLike[str], rate: int) -> Opener:
    from auricle.data.manifest import open_audio

    return partial(open_audio, folder=folder, rate=rate)


def _sides(sources: Sequence[Source], config: WorldConfig) -> dict[str, dict[str, tuple[Source, ...]]]:
    """split → label → sources, of the labels that are asked for."""
    wanted = {words_for(label).label for label in config.labels}
    sides: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if not wanted or source.label in wanted or source.transcript or source.instrument:
            sides[source.item.split].append(source)
    missing = wanted - {s.label for side in sides.values() for s in side}
    if missing:
        raise DataError("Missing", f"No item has the label {', '.join(sorted(missing))}.", hint="Correct `labels`, or add clips.")
    return {split: by_label(side) for split, side in sides.items()}


def _check_clips(sides: Mapping[str, Mapping[str, tuple[Source, ...]]]) -> None:
    seen: dict[str, str] = {}
    for split, shelf in sorted(sides.items()):
        for sources in shelf.values():
            for source in sources:
                if (other := seen.setdefault(source.clip, split)) != split:
                    text = f"The source clip {source.clip!r} is in {other} and in {split}."
                    raise DataError("Invalid", text, hint="All takes of a clip belong to one split.")


def _families(sources: Iterable[Source]) -> int:
    return len({s.clip for s in sources})


def _short(sides: Mapping[str, Mapping[str, tuple[Source, ...]]], config: WorldConfig) -> dict[str, dict[str, int]]:
    """label → split → source clips, where they are too few."""
    short: dict[str, dict[str, int]] = {}
    for label in sorted({label for shelf in sides.values() for label in shelf}):
        few = {side: n for side, shelf in sorted(sides.items()) if (n := _families(shelf.get(label, ()))) < config.min_clips}
        if few:
            short[label] = few
    return short


def _shelf(sources: Mapping[str, tuple[Source, ...]], config: WorldConfig) -> Shelf:
    speech = tuple(label for label, found in sources.items() if any(s.transcript for s in found))
    music = tuple(label for label, found in sources.items() if any(s.instrument for s in found) and label not in speech)
    sounds = tuple(label for label in sources if label not in speech and label not in music)
    asked = {words_for(label).label for label in config.beds}
    if unknown := asked - sources.keys():
        raise DataError("Missing", f"No item has the label {', '.join(sorted(unknown))}.", hint="Correct `beds`, or add clips.")
    beds = tuple(label for label in sounds if (label in asked if asked else any(s.kind == "bed" for s in sources[label])))
    return Shelf(sources, sounds, beds, speech, music)
