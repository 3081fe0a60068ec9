"""The truth of a scene: what is heard, when, how loud and how far. Plain values; nothing here decodes or draws by chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Distance = Literal["near", "", "far"]

LOUDER = 6.0  # dB of active level from which one sound is called louder than another
CLEARLY = 0.25  # seconds that two sounds share at least to be called simultaneous, or half of the shorter
SLOW, FAST = 76.0, 132.0  # beats per minute, up to and from which music is called slow or fast
LOW, HIGH = 50.0, 72.0  # MIDI numbers, up to and from which a note is called low or high


@dataclass(frozen=True, slots=True)
class SceneEvent:
    """One sound in a scene. ``start`` and ``end``: seconds in which the source sounds; the echo of a room goes on a little longer.

    level: active level in dB, on one scale for all sounds of a scene. snr: that over the background's; None where there is none.
    also: other labels of the clip. maybe: those that may be heard in it or not.
    countable: one single burst. freely: its length was drawn by chance, not set by the clip.
    """

    start: float
    end: float
    label: str
    item: str
    clip: str
    level: float
    snr: float | None = None
    distance: Distance = ""
    bed: bool = False
    also: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    countable: bool = False
    freely: bool = False
    transcript: str = ""
    speaker: str = ""  # man, woman, child; "": not known
    instrument: str = ""
    tempo: float = 0.0  # beats per minute; 0: not known
    pitch: float = 0.0  # MIDI number; 0: not known
    mode: str = ""  # major, minor

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def pace(self) -> str:
        return "" if not self.tempo else "slow" if self.tempo <= SLOW else "fast" if self.tempo >= FAST else "moderate"

    @property
    def register(self) -> str:
        return "" if not self.pitch else "low" if self.pitch <= LOW else "high" if self.pitch >= HIGH else "middle"


@dataclass(frozen=True, slots=True)
class Facts:
    """``events`` in the order of their starts; a bed, where there is one, is the first."""

    index: int
    split: str
    seconds: float
    room: str  # dry, room, hall, outdoors
    decay: float  # seconds in which the room's echo falls by 60 dB; 0: none
    events: tuple[SceneEvent, ...] = ()

    @property
    def foreground(self) -> tuple[SceneEvent, ...]:
        return tuple(e for e in self.events if not e.bed)

    @property
    def bed(self) -> SceneEvent | None:
        return next((e for e in self.events if e.bed), None)

    @property
    def heard(self) -> tuple[str, ...]:
        """Labels of the foreground, in the order in which they are first heard."""
        return tuple(dict.fromkeys(e.label for e in self.foreground))

    @property
    def everything(self) -> frozenset[str]:
        """All labels that are heard, the bed's and second labels included."""
        return frozenset(label for e in self.events for label in (e.label, *e.also))

    @property
    def possible(self) -> frozenset[str]:
        """All labels of which it cannot be said that they are absent."""
        return self.everything.union(label for e in self.events for label in e.maybe)

    def of(self, label: str) -> tuple[SceneEvent, ...]:
        """The events in the foreground with this label."""
        return tuple(e for e in self.foreground if e.label == label)

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        whole = {"index": self.index, "split": self.split, "seconds": self.seconds, "room": self.room, "decay": self.decay}
        return {**whole, "events": [_known(asdict(e)) for e in self.events]}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Facts:
        """What :meth:`document` gave."""
        events: Iterator[dict[str, Any]] = (
            {k: tuple(v) if isinstance(v, list) else v for k, v in event.items()} for event in document["events"]
        )
        return cls(**{**document, "events": tuple(SceneEvent(**event) for event in events)})


def _known(values: dict[str, Any]) -> dict[str, Any]:
    always = ("start", "end", "label", "level", "snr")
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items() if (v or k in always) and v is not None}


def shared(one: Sequence[SceneEvent], other: Sequence[SceneEvent]) -> float:
    """The longest time that an event of ``one`` and an event of ``other`` are heard together, seconds."""
    return max((min(a.end, b.end) - max(a.start, b.start) for a in one for b in other), default=0.0)


def together(one: Sequence[SceneEvent], other: Sequence[SceneEvent]) -> bool | None:
    """Whether they are simultaneous; None where they share too little to say so and too much to deny it."""
    if shared(one, other) <= 0.0:
        return False
    clear = any(min(a.end, b.end) - max(a.start, b.start) >= min(CLEARLY, min(a.seconds, b.seconds) / 2) for a in one for b in other)
    return True if clear else None
