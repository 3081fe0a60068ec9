"""Scenes composed of held-out clips only, in groups that share no source clip: so that intervals over sources are what they say.

    for held_scene in held_out_scenes(of_benchmark(corpus, "test")):
        held_scene.scene.audio, held_scene.group, held_scene.truth(labels)

A scene holds several source clips, and a clip stands in several scenes: resampling scenes would take them for independent. So the clips are
dealt out to ``GROUPS`` worlds, those of a kind in turn, and each world composes its own scenes. A group is the cluster of all that is
measured on its scenes. Captions speak of the group's own sounds only: were what is falsely said to be heard drawn from all groups, rare
labels would be false more often than true, and a reader could tell. So with one background a group no caption names another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from auricle.audio import Audio
from auricle.data.items import Item, Question
from auricle.data.world import World, WorldConfig
from auricle.data.world.clips import Source, as_source
from auricle.data.world.config import parse
from auricle.data.world.facts import Facts
from auricle.data.world.scene import Scene
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.score import digest

GROUPS = 24
SCENES = 20  # of a group
RATE = 32_000  # Hz
INTERVAL = "95 %, bootstrap over groups of source clips"
SEED = 20_000  # no training world has it
CONFIG: dict[str, object] = {"rate": RATE, "short_labels": "allow", "min_clips": 1, "counterfactuals": 12, "questions": 0, "cache_mb": 64}


@dataclass(frozen=True)
class Truth:
    """What a scene's events are, for the labels that are asked. ``open``: labels of which it cannot be said whether they are heard."""

    id: str
    group: str
    seconds: float
    events: tuple[tuple[float, float, str], ...]
    open: frozenset[str]


@dataclass(frozen=True)
class HeldScene:
    """``group``: names the source clips that it may be made of; no other group has any of them."""

    group: str
    scene: Scene

    @property
    def id(self) -> str:
        return f"{self.group}/{self.scene.facts.index:03d}"

    def truth(self, labels: Sequence[str]) -> Truth:
        """Events of the labels, the background's too; those of one label that touch or overlap are one."""
        return truth_of(self.id, self.group, self.scene.facts, labels)


def truth_of(id: str, group: str, facts: Facts, labels: Sequence[str]) -> Truth:
    """See :meth:`HeldScene.truth`; what a scene is can be told without its sound."""
    asked = set(labels)
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for event in facts.events:
        for label in asked.intersection((event.label, *event.also)):
            spans[label].append((event.start, event.end))
    joined = [(a, b, label) for label in sorted(spans) for a, b in union(spans[label])]
    return Truth(id, group, facts.seconds, tuple(sorted(joined)), frozenset(asked & (facts.possible - facts.everything)))


@dataclass(frozen=True)
class AskedScene:
    id: str
    group: str
    seconds: float
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class HeldWorlds:
    """``labels``: every label that a scene of these worlds may be called by."""

    name: str
    worlds: tuple[World, ...]
    per_group: int
    hash: str

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({label for world in self.worlds for label in world.shelf.sources}))

    def __len__(self) -> int:
        return len(self.worlds) * self.per_group

    def __iter__(self) -> Iterator[HeldScene]:
        for number, world in enumerate(self.worlds):
            for index in range(self.per_group):
                yield HeldScene(_group(number), world.scene(index))

    def asked(self) -> Iterator[AskedScene]:
        """Questions about every scene in turn; nothing is rendered."""
        for number, world in enumerate(self.worlds):
            for index in range(self.per_group):
                facts = world.plan(index).facts
                yield AskedScene(f"{_group(number)}/{index:03d}", _group(number), facts.seconds, world.text(facts).questions)

    def truths(self) -> Iterator[Truth]:
        """Of every scene in turn, over all labels; nothing is rendered."""
        for number, world in enumerate(self.worlds):
            for index in range(self.per_group):
                yield truth_of(f"{_group(number)}/{index:03d}", _group(number), world.plan(index).facts, self.labels)


def held_out_scenes(
    held: HeldOut, *, groups: int = GROUPS, per_group: int = SCENES, seed: int = SEED, questions: int = 0
) -> HeldWorlds:  # fmt: skip
    """Worlds of disjoint source clips. Raises DataError where a group would have nothing to compose."""
    config = parse({**CONFIG, "questions": questions})
    opener = partial(_open, held, config)
    dealt = _dealt(held.items, groups)
    worlds = tuple(World(items, config, seed=seed + n, split=items[0].split, opener=opener) for n, items in enumerate(dealt))
    made_of = digest([config.fingerprint, seed, groups, per_group, held.hash])
    return HeldWorlds(f"{groups * per_group} scenes of {groups} groups of clips; {held.name}", worlds, per_group, made_of)


def _group(number: int) -> str:
    return f"group {number:02d}"


def _open(held: HeldOut, config: WorldConfig, item: Item) -> Audio:
    return held.open(item, rate=config.rate)


def _dealt(items: Sequence[Item], groups: int) -> list[list[Item]]:
    """Whole sources in turn, those of a kind and label beside each other, so that every group has some of each.

    Of what a voice says in several items one, and all of it under the one label "speech": what is quoted where it is said must be quoted
    as often where it is not, or the words alone would tell. Other labels of the item (its language) stay true of it.
    """
    of_source: dict[str, list[Source]] = defaultdict(list)
    for item in sorted(items, key=lambda i: digest(i.id)):
        if source := as_source(item):
            of_source[source.clip].append(source)
    place = {clip: min(("speech" if s.transcript else s.kind, s.label) for s in own) for clip, own in of_source.items()}
    dealt: list[list[Item]] = [[] for _ in range(groups)]
    for turn, clip in enumerate(sorted(of_source, key=lambda c: (place[c], digest(c)))):
        spoken = [s.item for s in of_source[clip] if s.transcript]
        said = [replace(item, labels=("speech", *(x for x in item.labels if x != "speech"))) for item in spoken[:1]]
        dealt[turn % groups] += [*said, *(s.item for s in of_source[clip] if not s.transcript)]
    return [group for group in dealt if group]


def union(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those that touch or overlap as one."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
