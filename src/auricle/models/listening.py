"""One recording heard once by one model: window vectors, streamed, in bounded memory.

Windows start at 0, hop, 2·hop, …; a recording shorter than a window is one window. Where more than ``TAIL_SECONDS`` remain beyond
the last whole window, one more window ends at the end. When the model's windows are pools of frames on a grid, every frame is
computed once and the last window starts on that grid (so it may be up to one frame shorter than the rest).
A window's vector is what ``embed_audio`` gives for that stretch alone, whatever the sizes of the blocks.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from auricle.audio.features import TAIL_SECONDS, Float32
from auricle.audio.types import Audio, Limits
from auricle.errors import AudioError, ModelError
from auricle.models.capabilities import EmbedsAudio, EmbedsFrames, Frames, Vectors, check_vectors
from auricle.models.streaming import SampleStream
from auricle.models.two_towers import FrameTowers, unit

Seconds = npt.NDArray[np.float64]
Source = str | os.PathLike[str] | bytes | BinaryIO | Audio


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Windows of one recording, in order. vectors: float32 ``[n, d]``, unit norm. starts, ends: seconds, float64 ``[n]``."""

    starts: Seconds
    ends: Seconds
    vectors: Vectors

    def __len__(self) -> int:
        return int(self.starts.shape[0])

    @classmethod
    def joined(cls, parts: Iterable[Heard], dim: int) -> Heard:
        """Consecutive parts as one; without parts, no windows."""
        found = [cls(np.zeros(0), np.zeros(0), np.zeros((0, dim), np.float32)), *parts]
        return cls(
            np.concatenate([part.starts for part in found]),
            np.concatenate([part.ends for part in found]),
            np.concatenate([part.vectors for part in found]),
        )


def listen(blocks: Iterable[Audio], model: EmbedsAudio) -> Iterator[Heard]:
    """The windows of one recording from its consecutive blocks (any sizes, any rate and channels), as they become known.

    Times count from the start of the source: the first block's ``offset`` is added. Nothing is given for no samples at all.
    Raises AudioError ``NonFinite``.
    """
    if isinstance(model, FrameTowers) and model.shares_frames:
        return _pooled(blocks, model)
    return _cut(blocks, model)


class HeardCache:
    """What was heard lately, by content and pipeline: a second task asks for nothing twice. Shared between threads safely.

    max_bytes: of vectors held; the least lately used go first.
    """

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        self._max_bytes = max_bytes
        self._items: OrderedDict[tuple[str, ...], Heard | Frames] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...]) -> Heard | Frames | None:
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: tuple[str, ...], value: Heard | Frames) -> None:
        with self._lock:
            self._items[key] = value
            self._items.move_to_end(key)
            while self._items and sum(item.vectors.nbytes for item in self._items.values()) > self._max_bytes:
                self._items.popitem(last=False)


def hear(source: Source, model: EmbedsAudio, *, limits: Limits | None = None, cache: HeardCache | None = None) -> Heard:
    """All windows of a path, bytes, file or Audio. Raises AudioError as :func:`auricle.audio.blocks` does, ModelError ``Capability``."""
    check_vectors(model)
    key = ("windows", _content(source, limits), model.pipeline_id) if cache else None
    known = cache.get(key) if cache and key else None
    if isinstance(known, Heard):
        return known
    heard = Heard.joined(listen(_blocks(source, model.rate, limits), model), model.dim)
    _not_empty(len(heard), source)
    if cache and key:
        cache.put(key, heard)
    return heard


def frames(source: Source, model: EmbedsAudio, *, limits: Limits | None = None, cache: HeardCache | None = None) -> Frames:
    """All frames of a path, bytes, file or Audio. Raises ModelError ``Capability`` where the model gives no frames."""
    if not isinstance(model, EmbedsFrames):
        raise ModelError("Capability", f"{model.name} gives windows only, no frames.", hint="Use tiny-towers for shorter moments.")
    key = ("frames", _content(source, limits), model.pipeline_id) if cache else None
    known = cache.get(key) if cache and key else None
    if isinstance(known, Frames):
        return known
    found = _joined(list(model.frames(_blocks(source, model.rate, limits))), source)
    if cache and key:
        cache.put(key, found)
    return found


def _joined(parts: list[Frames], source: Source) -> Frames:
    _not_empty(len(parts), source)
    return Frames(
        np.concatenate([part.vectors for part in parts]),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.ends for part in parts]),
    )


def window_cuts(n: int, length: int, hop: int, rate: int, grid: int = 1) -> list[tuple[int, int]]:
    """Where the windows of ``n`` samples lie, in samples; ``grid``: what the start of a moved last window is a multiple of."""
    if n <= length:
        return [(0, n)]
    cuts = [(start, start + length) for start in range(0, n - length + 1, hop)]
    if n - cuts[-1][1] > TAIL_SECONDS * rate:
        cuts.append((-(-(n - length) // grid) * grid, n))
    return cuts


def _not_empty(n: int, source: Source) -> None:
    if not n:
        name = source.source if isinstance(source, Audio) else os.fsdecode(source) if isinstance(source, str | os.PathLike) else "<bytes>"
        raise AudioError("Empty", name, f"{name}: no sound to hear.")


def _content(source: Source, limits: Limits | None) -> str:
    """A name for what will be heard: a hash of the bytes or samples, and of the limits that may refuse them."""
    digest = hashlib.sha256(repr(limits).encode())
    if isinstance(source, Audio):
        digest.update(f"{source.rate}:{source.offset}:{source.samples.shape}".encode())
        digest.update(np.ascontiguousarray(source.samples).data)
    elif isinstance(source, bytes):
        digest.update(source)
    elif isinstance(source, str | os.PathLike):
        try:
            with open(source, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError:  # the gate says why; nothing is cached under a name that is never asked for again
            digest.update(os.urandom(16))
    else:
        at = source.tell()
        for part in iter(lambda: source.read(1 << 20), b""):
            digest.update(part)
        source.seek(at)
    return digest.hexdigest()


def _blocks(source: Source, rate: int, limits: Limits | None) -> Iterable[Audio]:
    if isinstance(source, Audio):
        return (source,)
    from auricle import audio

    blocks: Iterable[Audio] = audio.blocks(source, rate=rate, mono=True, limits=limits or Limits.stream())
    return blocks


def _in_samples(model: EmbedsAudio) -> tuple[int, int]:
    return round(model.windowing.seconds * model.rate), round(model.windowing.hop * model.rate)


class _Counted:
    """Passes mono chunks on as blocks and remembers how many samples went by."""

    def __init__(self, blocks: Iterable[Audio], rate: int) -> None:
        self._stream = SampleStream(blocks, rate)
        self.samples = 0

    @property
    def offset(self) -> float:
        return self._stream.offset

    def __iter__(self) -> Iterator[Audio]:
        for chunk in self._stream:
            self.samples += chunk.shape[0]
            yield Audio(chunk[None, :], self._stream.rate)


def _pooled(blocks: Iterable[Audio], model: FrameTowers) -> Iterator[Heard]:
    """Windows as pools of frames that are computed once."""
    counted = _Counted(blocks, model.rate)
    length, hop = _in_samples(model)
    grid = round(model.frame_hop * model.rate)
    pool = _FramePool(model.rate, grid, model.dim)
    done = 0
    for part in model.raw_frames(counted):
        pool.add(part)
        # Only windows that end before the latest frame begins: all their frames are here, whatever follows.
        ready = [(k * hop, k * hop + length) for k in range(done, 1 + max(-1, (pool.begun - length) // hop))]
        if ready:
            yield pool.windows(ready, None, counted.offset)
            done += len(ready)
            pool.drop(done * hop - length)
    if counted.samples:
        rest = window_cuts(counted.samples, length, hop, model.rate, grid)[done:]
        if rest:
            yield pool.windows(rest, counted.samples, counted.offset)


class _FramePool:
    """Raw frames held while a window may still need them."""

    def __init__(self, rate: int, grid: int, dim: int) -> None:
        self._rate = rate
        self._grid = grid
        self._vectors = np.zeros((0, dim), np.float32)
        self._starts = np.zeros(0, np.int64)
        self._ends = np.zeros(0, np.int64)

    @property
    def begun(self) -> int:
        """The first sample of the latest frame."""
        return int(self._starts[-1]) if self._starts.shape[0] else 0

    def add(self, part: Frames) -> None:
        self._vectors = np.concatenate([self._vectors, part.vectors])
        self._starts = np.concatenate([self._starts, np.rint(part.starts * self._rate).astype(np.int64)])
        self._ends = np.concatenate([self._ends, np.rint(part.ends * self._rate).astype(np.int64)])

    def windows(self, cuts: list[tuple[int, int]], total: int | None, offset: float) -> Heard:
        """``total``: samples of the recording, once known; a last frame off the grid belongs to windows that end there."""
        pooled = []
        for start, end in cuts:
            inside = (self._starts >= start) & (self._ends <= end)
            if end != total:
                inside &= self._starts % self._grid == 0
            pooled.append(self._vectors[inside].mean(axis=0, dtype=np.float64))
        times = np.asarray(cuts, dtype=np.float64) / self._rate + offset
        return Heard(times[:, 0].copy(), times[:, 1].copy(), unit(np.stack(pooled)))

    def drop(self, before: int) -> None:
        """Forget frames that begin before this sample."""
        keep = self._starts >= before
        self._vectors, self._starts, self._ends = self._vectors[keep], self._starts[keep], self._ends[keep]


def _cut(blocks: Iterable[Audio], model: EmbedsAudio) -> Iterator[Heard]:
    """Windows cut out and embedded a batch at a time."""
    stream = SampleStream(blocks, model.rate)
    length, hop = _in_samples(model)
    batch = int(getattr(model, "batch", 8))
    held: list[Float32] = []
    base = size = total = done = 0  # held: `size` samples from sample `base` on; `done`: windows given
    for chunk in stream:
        held.append(chunk)
        size, total = size + chunk.shape[0], total + chunk.shape[0]
        while total >= (done + batch - 1) * hop + length:
            sound = np.concatenate(held)
            cuts = [(k * hop, k * hop + length) for k in range(done, done + batch)]
            yield _embedded(sound, base, cuts, model, stream.offset)
            done += batch
            keep = max(base, min(done * hop, total) - length)  # the last window may reach back by its whole length
            held, size, base = [sound[keep - base :]], total - keep, keep
    if total:
        sound = np.concatenate(held)
        cuts = window_cuts(total, length, hop, model.rate)[done:]
        for at in range(0, len(cuts), batch):
            yield _embedded(sound, base, cuts[at : at + batch], model, stream.offset)


def _embedded(sound: Float32, base: int, cuts: list[tuple[int, int]], model: EmbedsAudio, offset: float) -> Heard:
    times = np.asarray(cuts, dtype=np.float64) / model.rate + offset
    windows = [Audio(sound[None, start - base : end - base], model.rate) for start, end in cuts]
    return Heard(times[:, 0].copy(), times[:, 1].copy(), model.embed_audio(windows))
