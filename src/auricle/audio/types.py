"""Sound as a value: what every task takes and every decoder gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A stretch of sound in memory. Immutable: every method gives a new value.

    samples: float32 ``[channels, n]`` in −1..1 (not clipped), read-only.
    rate:    samples per second (Hz).
    source:  where it came from, for messages: a path, ``"<bytes>"``, ``"<array>"``.
    offset:  seconds from the start of the source to the first sample.
    """

    samples: Samples
    rate: int
    source: str = "<array>"
    offset: float = 0.0

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, dtype=np.float32)
        if samples.ndim == 1:
            samples = samples[None, :]
        if samples.ndim != 2 or samples.shape[0] < 1:
            raise ValueError(f"samples must be [channels, n] or [n], got shape {samples.shape}")
        if self.rate <= 0:
            raise ValueError(f"rate must be positive, got {self.rate}")
        samples = samples.view()
        samples.flags.writeable = False
        object.__setattr__(self, "samples", samples)

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.samples.shape[1] / self.rate)

    def mono(self) -> Audio:
        """The mean of the channels, ``[1, n]``."""
        if self.channels == 1:
            return self
        return Audio(self.samples.mean(axis=0, dtype=np.float32)[None, :], self.rate, self.source, self.offset)

    def at(self, rate: int) -> Audio:
        """The same sound at another rate (soxr, high quality)."""
        if rate == self.rate:
            return self
        import soxr

        resampled = soxr.resample(np.ascontiguousarray(self.samples.T), self.rate, rate, quality="HQ")
        return Audio(np.ascontiguousarray(resampled.T, dtype=np.float32), rate, self.source, self.offset)

    def slice(self, start: float, end: float | None = None) -> Audio:
        """Seconds ``start`` to ``end`` of this value, cut to what exists; times are relative to its first sample."""
        n = self.samples.shape[1]
        first = min(max(0, round(start * self.rate)), n)
        last = n if end is None else min(max(first, round(end * self.rate)), n)
        return Audio(self.samples[:, first:last], self.rate, self.source, self.offset + first / self.rate)


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header says, before decoding. ``duration`` is a claim, not a measurement; None when it claims nothing."""

    path: str
    format: str  # container, lower case: "wav", "flac", "mp3", "ogg", "mp4", "aiff", "caf", "matroska", …
    codec: str  # "pcm_s16le", "vorbis", "opus", "aac", …
    rate: int
    channels: int
    duration: float | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Marker:
    """A cue point or region written into the file, in seconds."""

    start: float
    end: float | None
    label: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the file says about itself besides its sound.

    tags: lower-case key → text, e.g. ``artist``, ``title``, ``bext.description``, ``ixml.scene``, ``guano.species``.
    recorded_at: ISO 8601, in UTC when the file tells its zone, else without one.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    markers: tuple[Marker, ...] = ()
    recorded_at: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gate lets in; checked while decoding, never believed from a header.

    The defaults suit a clip held in memory. ``Limits.stream()`` suits a library, where blocks flow and memory does not grow.
    """

    bytes: int = 1 << 30
    seconds: float = 3600.0
    decoded_bytes: int = 2 << 30  # float32, all channels
    channels: int = 64
    min_rate: int = 1000
    max_rate: int = 768_000
    expansion: float = 1000.0  # decoded float32 bytes per file byte, once `expansion_floor` bytes are decoded
    expansion_floor: int = 256 << 20
    stall_seconds: float = 60.0  # the decoder may be silent for this long

    @classmethod
    def stream(cls) -> Limits:
        return cls(bytes=1 << 40, seconds=7 * 24 * 3600.0, decoded_bytes=1 << 44)
