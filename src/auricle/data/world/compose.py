"""What a scene will be, drawn by chance from the seed and the index alone: which clips, when, how loud, how far, in what room."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from auricle.data.world.acoustics import Place
from auricle.data.world.clips import Clips, Region, Source
from auricle.data.world.config import WorldConfig
from auricle.data.world.facts import Distance, Facts, SceneEvent
from auricle.data.world.lexicon import related

QUIET = -46.0  # dB: what loudness is measured from where there is no background
_TRIES = 8
_METRES = {"near": (0.6, 1.5), "": (2.5, 6.0), "far": (18.0, 45.0)}
_ROOMS = {  # decay in seconds, metres to the first reflection, direct over echo at 1 m in dB
    "room": ((0.25, 0.6), (2.0, 5.0), (12.0, 16.0)),
    "hall": ((1.0, 2.2), (8.0, 20.0), (14.0, 18.0)),
    "outdoors": ((0.3, 0.8), (15.0, 40.0), (26.0, 32.0)),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A piece of a clip in a scene: samples ``first`` to ``last`` of the clip, from sample ``at`` of the scene on."""

    event: SceneEvent
    source: Source
    first: int
    last: int
    at: int
    metres: float
    pan: float  # 0 left … 1 right
    cut: tuple[bool, bool] = (False, False)  # whether the piece begins or ends within the sound


@dataclass(frozen=True, slots=True)
class Plan:
    facts: Facts
    placed: tuple[Placed, ...]  # as facts.events
    place: Place | None
    n: int  # samples
    floor: float  # level of the recorder's own noise, dB
    seed: int


@dataclass(slots=True)
class _Block:
    """One label: a piece, or several of them one after another. Samples from the block's start."""

    pieces: list[Placed]
    always: bool = False  # speech and music are the last to be left out
    start: int = 0
    ends: int = field(init=False)

    def __post_init__(self) -> None:
        self.ends = max(p.at + p.last - p.first for p in self.pieces)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a split's scenes are made from. ``sounds``: labels of events and textures; ``speech``, ``music``: labels with those sources."""

    sources: Mapping[str, tuple[Source, ...]]
    sounds: tuple[str, ...]
    beds: tuple[str, ...]
    speech: tuple[str, ...]
    music: tuple[str, ...]


def drawn(seed: int, index: int, what: str) -> random.Random:
    """Chance that is the same in every process, and another for every purpose."""
    return random.Random(number(seed, index, what))


def number(seed: int, index: int, what: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}/{index}/{what}".encode(), digest_size=8).digest(), "big")


def compose(config: WorldConfig, shelf: Shelf, clips: Clips, split: str, seed: int, index: int) -> Plan:
    return _Composer(config, shelf, clips, drawn(seed, index, f"scene/{split}")).compose(
        split, index, number(seed, index, f"noise/{split}")
    )


def samples(config: WorldConfig, shelf: Shelf, n: int) -> Iterator[list[str]]:
    """The labels of ``n`` scenes as they would be drawn, the background's among them; no clip is looked at."""
    for index in range(n):
        composer = _Composer(config, shelf, None, drawn(0, index, "sample"))
        bed = composer.rng.choice(shelf.beds) if shelf.beds and composer.rng.random() < config.background else None
        yield [*composer._labels(bed), *([bed] if bed else [])]


class _Composer:
    def __init__(self, config: WorldConfig, shelf: Shelf, clips: Clips | None, rng: random.Random) -> None:
        self.config, self.shelf, self.rng = config, shelf, rng
        self._clips = clips
        self.chosen: list[str] = []  # labels of the scene
        self.besides: dict[str, tuple[str, ...]] = {}  # label → what else is heard, or may be, in the clips chosen for it
        self.rate = config.rate
        self.n = round(rng.uniform(*config.seconds) * self.rate)
        self.longest = min(config.event_seconds[1], 0.7 * self.n / self.rate)

    @property
    def clips(self) -> Clips:
        assert self._clips is not None
        return self._clips

    def compose(self, split: str, index: int, noise: int) -> Plan:
        place = self._place()
        name = place.name if place else "dry"
        bed = self._bed()
        labels = self._labels(bed.event.label if bed else None)
        self.chosen = [*labels, *([bed.event.label] if bed else [])]
        self.besides = {bed.event.label: (*bed.event.also, *bed.event.maybe)} if bed else {}
        blocks = [block for label in labels if (block := self._block(label, name, bed)) is not None]
        self.rng.shuffle(blocks)
        blocks = self._laid_out(blocks)
        pieces = [self._timed(p, block.start) for block in blocks for p in block.pieces]
        placed = tuple([bed] if bed else []) + tuple(sorted(pieces, key=lambda p: (p.event.start, p.event.end, p.event.label)))
        facts = Facts(index, split, self.n / self.rate, name, place.decay if place else 0.0, tuple(p.event for p in placed))
        floor = -90.0 if bed else self.rng.uniform(-85.0, -62.0)
        return Plan(facts, placed, place, self.n, floor, noise)

    def _place(self) -> Place | None:
        names = sorted(self.config.rooms)
        name = self.rng.choices(names, [self.config.rooms[n] for n in names])[0]
        if name == "dry":
            return None
        decay, metres, direct = (round(self.rng.uniform(*span), 3) for span in _ROOMS[name])
        return Place(name, decay, metres, direct)

    # ------------------------------------------------------------------------------------------------------------ what

    def _labels(self, bed: str | None) -> list[str]:
        """Kinds of sound for the foreground, none too like another or like the bed."""
        rng, config, shelf = self.rng, self.config, self.shelf
        wanted = rng.randint(*config.sounds)
        chosen: list[str] = []
        for labels, likely in ((shelf.speech, config.speech), (shelf.music, config.music)):
            if rng.random() < likely and labels and config.sounds[1]:
                self._choose(labels, chosen, bed)
        for _ in range(3 * wanted):
            if len(chosen) >= wanted or not shelf.sounds:
                break
            self._choose(shelf.sounds, chosen, bed)
        return chosen

    def _choose(self, labels: Sequence[str], chosen: list[str], bed: str | None) -> None:
        label = self.rng.choice(labels)
        if not any(related(label, other) for other in [*chosen, *([bed] if bed else [])]):
            chosen.append(label)

    def _source(self, label: str, kinds: tuple[str, ...] = ()) -> Source:
        """A family by chance, then a take of it: families with many takes are not heard more often."""
        usable = [s for s in self.shelf.sources[label] if not kinds or s.kind in kinds]
        family = self.rng.choice(sorted({s.clip for s in usable}))
        return self.rng.choice([s for s in usable if s.clip == family])

    def _bed(self) -> Placed | None:
        if self.rng.random() >= self.config.background or not self.shelf.beds:
            return None
        label = self.rng.choice(self.shelf.beds)
        kinds = ("bed",) if any(s.kind == "bed" for s in self.shelf.sources[label]) else ("event", "texture")
        for _ in range(_TRIES):
            source = self._source(label, kinds)
            regions = self.clips.regions(source)
            if regions and (longest := max(regions, key=lambda r: r.n)).n >= 1.5 * self.rate:
                offset = self.rng.randint(0, max(0, longest.n - self.n))
                level = round(self.rng.uniform(*self.config.background_level), 2)
                event = self._event(source, level=level, bed=True, start=0.0, end=self.n / self.rate)
                return Placed(event, source, longest.first + offset, longest.last, 0, 1.0, 0.5, (True, True))
        return None

    def _block(self, label: str, room: str, bed: Placed | None) -> _Block | None:
        piece = self._piece(label)
        if piece is None:
            return None
        low, high = self.config.snr
        roll = self.rng.random()
        distance: Distance = "near" if roll < self.config.near else "far" if roll < self.config.near + self.config.far else ""
        middle = (low + high) / 2
        snr = round(self.rng.uniform(middle if distance == "near" else low, middle if distance == "far" else high), 2)
        level = (bed.event.level if bed else QUIET) + snr
        metres = self.rng.uniform(*_METRES[distance]) * (0.4 if room == "room" and distance == "far" else 1.0)
        pan = self.rng.uniform(0.1, 0.9)
        pieces = [piece, *self._more(label, piece)]
        at, done = 0, []
        for p in pieces:
            event = replace(p.event, level=round(level, 2), snr=snr if bed else None, distance=distance)
            done.append(replace(p, event=event, at=at, metres=metres, pan=pan))
            at += p.last - p.first + round(self.rng.uniform(0.15, 0.6) * self.rate)
        return _Block(done, always=bool(piece.source.transcript or piece.source.instrument))

    def _piece(self, label: str, *, single: bool = False) -> Placed | None:
        kinds = ("speech",) if label in self.shelf.speech else ("music",) if label in self.shelf.music else ()
        for _ in range(_TRIES):
            source = self._source(label, kinds)
            if self._clashes(source):
                continue
            regions = [r for r in self.clips.regions(source) if r.single or not single]
            if regions and (piece := self._cut(source, self.rng.choice(regions))) is not None:
                self.besides[label] = (*self.besides.get(label, ()), *source.also, *source.maybe)
                return piece
        return None

    def _clashes(self, source: Source) -> bool:
        """Whether the clip holds another label of the scene besides its own, or another clip may hold this one: counts would be wrong."""
        others = [label for label in self.chosen if label != source.label]
        return any(related(x, other) for x in (*source.also, *source.maybe) for other in others) or any(
            related(x, source.label) for label, besides in self.besides.items() if label != source.label for x in besides
        )

    def _cut(self, source: Source, region: Region) -> Placed | None:
        """Words are never cut; an event is cut at the longest; what goes on is cut anywhere."""
        least, most = round(self.config.event_seconds[0] * self.rate), round(self.longest * self.rate)
        if region.n < least:
            return None
        if source.kind == "speech":
            if region.n > self.n - round(0.3 * self.rate):
                return None
            return Placed(self._event(source), source, region.first, region.last, 0, 1.0, 0.5)
        if source.kind == "event":
            last = min(region.last, region.first + most)
            event = self._event(source, countable=region.single and last == region.last)
            return Placed(event, source, region.first, last, 0, 1.0, 0.5, (False, last < region.last))
        shortest = min(max(least, round(0.6 * self.rate)), region.n, most)
        n = self.rng.randint(shortest, min(region.n, most))
        first = region.first if source.kind == "music" else region.first + self.rng.randint(0, region.n - n)
        event = self._event(source, freely=region.n >= most)
        return Placed(event, source, first, first + n, 0, 1.0, 0.5, (first > region.first, first + n < region.last))

    def _more(self, label: str, piece: Placed) -> list[Placed]:
        if not piece.event.countable or self.rng.random() >= self.config.repeat:
            return []
        more = self.rng.randint(*self.config.repeats) - 1
        if self.rng.random() < 0.5:
            return [piece] * more
        others = (self._piece(label, single=True) for _ in range(more))
        return [p if p is not None and p.event.countable else piece for p in others]

    @staticmethod
    def _event(
        source: Source, *, start: float = 0.0, end: float = 0.0, level: float = 0.0, bed: bool = False, countable: bool = False,
        freely: bool = False,
    ) -> SceneEvent:  # fmt: skip
        return SceneEvent(
            start=start, end=end, label=source.label, item=source.item.id, clip=source.clip, level=level, bed=bed,
            also=source.also, maybe=source.maybe,
            countable=countable, freely=freely, transcript=source.transcript, speaker=source.speaker, instrument=source.instrument,
            tempo=source.tempo, pitch=source.pitch, mode=source.mode,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------------------ when

    def _laid_out(self, blocks: list[_Block]) -> list[_Block]:
        """One after another or overlapping in pairs; what does not fit is left out, speech and music last."""
        blocks = [b for block in blocks if (b := self._shortened(block)) is not None]
        while blocks:
            shifts = self._starts(blocks)
            slack = self.n - max(b.start + b.ends for b in blocks)
            if slack >= 0:
                cuts = sorted(self.rng.randint(0, slack) for _ in range(max(shifts) + 1))
                for block, shift in zip(blocks, shifts, strict=True):
                    block.start += cuts[shift]
                return blocks
            blocks.remove(next((b for b in reversed(blocks) if not b.always), blocks[-1]))
        return []

    def _shortened(self, block: _Block) -> _Block | None:
        """With as many repetitions as fit."""
        pieces = [p for p in block.pieces if p.at + p.last - p.first <= self.n]
        return _Block(pieces, block.always) if pieces else None

    def _starts(self, blocks: Sequence[_Block]) -> list[int]:
        """Set the starts, as early as they may be; gives the group of each block: a pair that overlaps is moved as one."""
        groups: list[int] = []
        end, paired = 0, True
        for index, block in enumerate(blocks):
            before = blocks[index - 1]
            if index and not paired and self.rng.random() < self.config.overlap:
                share = max(0.3 * self.rate, 0.6 * min(before.ends, block.ends))  # seconds that both are heard, in samples
                latest = max(before.start, round(before.start + before.ends - share))
                block.start = self.rng.randint(before.start, latest)
                groups.append(groups[-1])
                paired = True
            else:
                block.start = end + (round(self.rng.uniform(0.15, 0.6) * self.rate) if index else 0)
                groups.append(groups[-1] + 1 if groups else 0)
                paired = False
            end = max(end, block.start + block.ends)
        return groups

    def _timed(self, piece: Placed, start: int) -> Placed:
        at = start + piece.at
        event = replace(piece.event, start=at / self.rate, end=(at + piece.last - piece.first) / self.rate)
        return replace(piece, event=event, at=at)


def direct_over_echo(place: Place, metres: float) -> float:
    """dB: direct sound falls with the distance, the echo of a room does not."""
    return place.direct - 20.0 * math.log10(max(metres, 0.3))
