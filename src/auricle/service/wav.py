"""Any recording as a WAV file that is nowhere: browsers that do not know its codec play and seek it as they would a file."""

from __future__ import annotations

import os
import struct
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass

import numpy as np

from auricle import settings
from auricle.errors import AudioError
from auricle.library.rows import Recording
from auricle.library.scan import problem

HEADER_BYTES = 44
LARGEST = 0xFFFFFFFF - HEADER_BYTES  # bytes of samples: the length is a 32-bit number
RATES = 8000, 48000  # the least and the most that is served
SMALLER = 24000, 16000, 8000  # mono, where the sound would not fit otherwise
PIECE = 1 << 16
_SEEKS = frozenset({"wav", "rf64", "w64", "aiff", "caf", "flac", "ogg", "au", "nist", "voc", "mp4", "matroska"})
_CELL_SECONDS, _LONG_CELL_SECONDS = 5, 30
_CACHED_BYTES = 48 << 20

_decoders = threading.BoundedSemaphore(max(2, settings.threads()))


@dataclass(frozen=True, slots=True)
class VirtualWav:
    """16-bit PCM, mono or stereo, 8 to 48 kHz, as long as the library says: cut or filled with silence where the file is not.

    It is decoded in cells, each by itself from its own start, so that the bytes of a range do not depend on what was asked before.
    """

    path: str
    rate: int
    channels: int
    frames: int
    cell: int  # frames
    stamp: tuple[int, int, int]  # size, time and inode of the file

    @classmethod
    def of(cls, recording: Recording) -> VirtualWav:
        """Raises AudioError where the file is gone or may not be read."""
        rate = min(max(recording.rate, RATES[0]), RATES[1])
        channels = recording.channels if recording.channels <= 2 else 1
        for smaller in SMALLER:
            if recording.duration * rate * channels * 2 <= LARGEST:
                break
            rate, channels = min(rate, smaller), 1
        frames = min(round(recording.duration * rate), LARGEST // (2 * channels))
        seconds = _CELL_SECONDS if recording.format in _SEEKS else _LONG_CELL_SECONDS
        return cls(recording.path, rate, channels, frames, seconds * rate, _stamp(recording.path))

    @property
    def size(self) -> int:
        return HEADER_BYTES + self.frames * self.channels * 2

    @property
    def etag(self) -> str:
        return '"{}-wav1-{:x}-{:x}-{:x}"'.format("-".join(f"{part:x}" for part in self.stamp), self.rate, self.channels, self.frames)

    @property
    def media_type(self) -> str:
        return "audio/wav"

    @property
    def modified(self) -> float:
        return self.stamp[1] / 1e9

    def header(self) -> bytes:
        step, data = 2 * self.channels, self.size - HEADER_BYTES
        format_ = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, self.channels, self.rate, self.rate * step, step, 16)
        return struct.pack("<4sI4s", b"RIFF", data + 36, b"WAVE") + format_ + struct.pack("<4sI", b"data", data)

    async def chunks(self, first: int, end: int) -> AsyncIterator[bytes]:
        """Bytes ``first`` to ``end``. Nothing is decoded ahead; when nobody takes the bytes any more, decoding stops."""
        from anyio import to_thread

        if first < HEADER_BYTES:
            yield self.header()[first:end]
        at, length = max(first, HEADER_BYTES), self.cell * self.channels * 2
        while at < end:
            index, within = divmod(at - HEADER_BYTES, length)
            cell = await to_thread.run_sync(self.samples, index)
            piece = memoryview(cell)[within : within + end - at]
            for begin in range(0, len(piece), PIECE):
                yield bytes(piece[begin : begin + PIECE])
            at += len(piece)

    def samples(self, index: int) -> bytes:
        """Cell ``index``, from memory or decoded now. Raises AudioError where the file is not what it was."""
        key = (self.etag, self.path, index)
        known = _cache.get(key)
        if known is None:
            with _decoders:
                known = self._decoded(index)
            _cache.put(key, known)
        return known

    def _decoded(self, index: int) -> bytes:
        from auricle import audio

        first, last = index * self.cell, min((index + 1) * self.cell, self.frames)
        out, at = np.zeros((last - first, self.channels), "<i2"), 0
        if _stamp(self.path) != self.stamp:
            raise AudioError("Unreadable", self.path, "The file changed while it was played.", hint="Play it again.")
        try:
            for block in audio.blocks(
                self.path, rate=self.rate, mono=self.channels == 1, start=first / self.rate, end=last / self.rate, seconds=1.0
            ):
                sound = block.samples if block.channels == self.channels else block.mono().samples
                values = np.clip(np.rint(sound.T * 32768.0), -32768, 32767)
                n = min(len(values), len(out) - at)
                out[at : at + n] = values[:n]
                at += n
        except AudioError as error:
            if error.kind not in ("Truncated", "Empty"):  # it ends before the library says: silence
                raise
        return out.tobytes()

    def close(self) -> None:
        """Nothing is open."""


def _stamp(path: str) -> tuple[int, int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        said = problem(path, error)
        raise AudioError(said.kind, path, said.message) from None
    return status.st_size, status.st_mtime_ns, status.st_ino


class Lru:
    """Bytes by key, those that were asked last; at most so many in all."""

    def __init__(self, most: int) -> None:
        self._most, self._held = most, 0
        self._items: OrderedDict[object, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object) -> bytes | None:
        with self._lock:
            found = self._items.get(key)
            if found is not None:
                self._items.move_to_end(key)
            return found

    def put(self, key: object, value: bytes) -> None:
        with self._lock:
            self._held += len(value) - len(self._items.pop(key, b""))
            self._items[key] = value
            while self._held > self._most and self._items:
                self._held -= len(self._items.popitem(last=False)[1])


_cache = Lru(_CACHED_BYTES)
