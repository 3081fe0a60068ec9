"""Source clips: decoded once, cut to where they sound, held in a cache of bounded size."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.data.world.acoustics import Float32, active_spans, bursts
from auricle.data.world.lexicon import Kind, find, instrument, normal, words_for

LONGEST = 60.0  # seconds of a clip that are used
COUNTABLE = 3.0  # seconds of a single burst, at most, for it to be counted

Opener = Callable[[Item], Audio]


@dataclass(frozen=True, slots=True)
class Source:
    """An item as the world uses it. ``label``: as the lexicon writes it; an instrument's name for music."""

    item: Item
    label: str
    kind: Kind
    also: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    transcript: str = ""
    speaker: str = ""
    instrument: str = ""
    tempo: float = 0.0
    pitch: float = 0.0
    mode: str = ""

    @property
    def clip(self) -> str:
        """The family that must stay on one side; an item that names none is one of its own."""
        return self.item.clip or self.item.id


@dataclass(frozen=True, slots=True)
class Region:
    """Where a clip sounds: samples ``first`` to ``last`` of what the cache holds. ``single``: one burst, short enough to be counted."""

    first: int
    last: int
    single: bool

    @property
    def n(self) -> int:
        return self.last - self.first


def as_source(item: Item) -> Source | None:
    """How the world would use an item: by what is said in it, what plays, its labels, or else its captions.

    The first label is what it is called, the others are heard in it too, and those under ``maybe`` (or ``perhaps``) in ``extra`` may be.
    A drum that is hit is a sound, not music that plays. None for an item without sound, or that says nothing of it.
    """
    if item.audio is None:
        return None
    extra = item.extra
    labels, maybe = _labels(item.labels), _labels(extra.get("maybe") or extra.get("perhaps"))
    tempo = _number(extra, "tempo", "bpm")
    if transcript := _text(extra.get("transcript") or extra.get("said")):
        voice = next((label for label in labels if words_for(label).group in ("voice", "singing")), "speech")
        return Source(item, voice, "speech", _without(labels, voice), maybe, transcript, _speaker(extra))
    playing = _playing(extra.get("instrument")) or next((x for x in labels[:1] if words_for(x).kind == "music"), "")
    if playing and not (extra.get("drums") and labels):
        name = instrument(playing).label
        rest = _without(labels, name)
        return Source(item, name, "music", rest, maybe, instrument=name, tempo=tempo, pitch=_pitch(extra), mode=_mode(extra))
    if not labels:
        found = {label for caption in item.captions if (label := find(caption))}
        labels = (*found,) if len(found) == 1 else ()
    if not labels:
        return None
    kind: Kind = "bed" if extra.get("kind") == "ambience" else words_for(labels[0]).kind
    return Source(item, labels[0], "event" if kind == "music" else kind, labels[1:], maybe, tempo=tempo)


def _labels(names: object) -> tuple[str, ...]:
    """As the lexicon writes them, each once."""
    if not isinstance(names, (list, tuple)):
        return ()
    return tuple(dict.fromkeys(words_for(name).label for name in names if isinstance(name, str) and name.strip()))


def _speaker(extra: Mapping[str, Any]) -> str:
    """man, woman or child, where the item tells."""
    known = {"male": "man", "female": "woman", "man": "man", "woman": "woman", "child": "child", "boy": "child", "girl": "child"}
    return next((known[v] for name in ("speaker", "gender", "voice") if (v := str(extra.get(name, "")).lower()) in known), "")


def _without(labels: tuple[str, ...], label: str) -> tuple[str, ...]:
    return tuple(x for x in labels if x != label)


def _playing(value: object) -> str:
    """The instrument; several are an ensemble."""
    if isinstance(value, (list, tuple)):
        value = value[0] if len(value) == 1 else "ensemble" if value else ""
    return value.strip() if isinstance(value, str) else ""


def by_label(sources: Iterable[Source]) -> dict[str, tuple[Source, ...]]:
    """Sorted by id, so that the order of the manifest does not matter."""
    shelf: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        shelf[source.label].append(source)
    return {label: tuple(sorted(shelf[label], key=lambda s: s.item.id)) for label in sorted(shelf)}


class Clips:
    """Decoded clips, the least recently used given up beyond ``limit`` bytes; where each sounds is remembered for good.

    Threads may share it. Pickled, it takes no sound along.
    """

    def __init__(self, opener: Opener, rate: int, limit: int) -> None:
        self.opener, self.rate, self.limit = opener, rate, limit
        self.held = 0
        self._samples: OrderedDict[str, Float32] = OrderedDict()
        self._regions: dict[str, tuple[Region, ...]] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> tuple[Opener, int, int]:
        return self.opener, self.rate, self.limit

    def __setstate__(self, state: tuple[Opener, int, int]) -> None:
        Clips.__init__(self, *state)

    def samples(self, source: Source) -> Float32:
        """Mono at the world's rate, read-only, of at most ``LONGEST`` seconds, the mean taken away."""
        key = source.item.id
        with self._lock:
            found = self._samples.get(key)
            if found is not None:
                self._samples.move_to_end(key)
                return found
        item = source.item
        end = item.start + LONGEST
        if source.kind != "speech" and (item.end or item.start + (item.duration or 2 * LONGEST)) > end:
            item = replace(item, end=end)
        audio = self.opener(item).mono().at(self.rate)
        samples = np.ascontiguousarray(audio.samples[0])
        samples = samples - samples.mean(dtype=np.float64).astype(np.float32) if len(samples) else samples
        samples.flags.writeable = False
        with self._lock:
            if key not in self._samples:
                self._samples[key] = samples
                self.held += samples.nbytes
            while self.held > self.limit and len(self._samples) > 1:
                self.held -= self._samples.popitem(last=False)[1].nbytes
        return samples

    def regions(self, source: Source) -> tuple[Region, ...]:
        """Where it sounds, silence cut away; none for a silent clip. Speech and music are one region: they are whole or nothing."""
        key = source.item.id
        if key not in self._regions:
            samples = self.samples(source)
            if source.kind in ("speech", "music"):
                spans = active_spans(samples, self.rate, below=45.0, gap=1e9, least=0.03)
                self._regions[key] = tuple(Region(a, b, False) for a, b in spans)
            else:
                spans = active_spans(samples, self.rate, below=40.0, gap=0.4, least=0.03, above_floor=10.0)
                self._regions[key] = tuple(Region(a, b, self._single(samples[a:b], source)) for a, b in spans)
        return self._regions[key]

    def _single(self, samples: Float32, source: Source) -> bool:
        return source.kind == "event" and len(samples) <= COUNTABLE * self.rate and bursts(samples, self.rate) == 1


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _number(extra: Mapping[str, Any], *names: str) -> float:
    for name in names:
        value = extra.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return float(value)
    return 0.0


def _pitch(extra: Mapping[str, Any]) -> float:
    """A MIDI number, or a name such as ``C4`` or ``F#3`` (middle C is C4, 60)."""
    value = extra.get("pitch")
    if isinstance(value, str) and len(value) >= 2 and value[0].upper() in "CDEFGAB":
        base = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[value[0].upper()]
        rest = value[1:].replace("#", "").replace("♯", "").replace("b", "").replace("♭", "")
        shift = sum(value.count(s) for s in "#♯") - sum(value[1:].count(s) for s in "b♭")
        return float(12 * (int(rest) + 1) + base + shift) if rest.lstrip("-").isdigit() else 0.0
    return _number(extra, "pitch", "midi")


def _mode(extra: Mapping[str, Any]) -> str:
    for name in ("mode", "scale", "key"):
        words = normal(str(extra.get(name, ""))).split()
        for mode in ("major", "minor"):
            if mode in words:
                return mode
    return ""
