"""Decoding by FFmpeg through PyAV: MP3, AAC, MP4, Matroska and whatever else holds sound. Only sees the one open file it is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np

from auricle.audio.types import Samples

# Containers of sound that hold their own bytes: no playlist, concat script, device or image sequence can open another file.
_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,iff,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,"
    "ogg,oma,rm,truehd,tta,voc,w64,wav,wv"
)
_SEEKABLE = frozenset({"mov", "matroska"})  # an index of exact times; elsewhere a seek guesses, so packets are skipped instead
_STATES_DURATION = frozenset({"mov", "asf", "ape", "tta", "wv", "flac", "dsf", "mpc", "mpc8", "caf", "aiff", "w64"})
_NAMES = {"mov": "mp4", "wv": "wavpack"}
# sample format of FFmpeg → type in memory, factor and zero of the scale −1..1
_SAMPLE: dict[str, tuple[type[np.generic], float, int]] = {
    "u8": (np.uint8, 2.0**-7, 128),
    "s16": (np.int16, 2.0**-15, 0),
    "s32": (np.int32, 2.0**-31, 0),
    "s64": (np.int64, 2.0**-63, 0),
    "flt": (np.float32, 1.0, 0),
    "dbl": (np.float64, 1.0, 0),
}
_CHUNK_FRAMES = 1 << 16
_PROBE_PACKETS = 8
_SEEK_FROM = 30.0  # seconds; before this, decoding from the start is as quick
_PREROLL = 1.0  # seconds decoded ahead of the wanted frame, to settle overlaps and bit reservoirs


class NoSound(Exception):
    """The container opens, but holds nothing that can be decoded as sound. The text says why; ``kind`` is that of an AudioError."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class PyAVDecoder:
    """One open file object. Raises :class:`NoSound` or ``av.FFmpegError``."""

    def __init__(self, file: BinaryIO, promised: float | None = None, *, open_ended: bool = False) -> None:
        """``promised``: seconds that the caller read in the header; ``open_ended``: the header's length of the data means nothing."""
        self._input = file
        self._ignore_length = open_ended
        self._open()
        self.format = str(self._container.format.name).split(",")[0]
        self.container = _NAMES.get(self.format, self.format)
        self.codec = _codec(self._stream.codec_context.name)
        self.position = 0
        self.broken = False
        self._good = self._errors = 0
        self._packets = self._demux()
        self._ahead: deque[Any] = deque()
        self._probe()
        frame = self._ahead[0]
        self.rate, self.channels = int(frame.sample_rate), int(frame.layout.nb_channels)
        self._first_pts, self._first_samples = frame.pts, int(frame.samples)
        self.promised = promised if promised is not None else self._stated_seconds()

    def _open(self) -> None:
        self._input.seek(0)
        options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
        if self._ignore_length:
            options["ignore_length"] = "1"
        self._container: Any = av.open(self._input, "r", options=options, metadata_errors="replace")
        # a stream of a codec that this FFmpeg does not know has no context, and decoding it would end the process (PyAV issue 2344)
        streams = [s for s in self._container.streams.audio if s.codec_context is not None]
        if not streams:
            kind = "Unsupported" if len(self._container.streams.audio) else "NotAudio"
            text = "holds sound in an unknown codec." if kind == "Unsupported" else "holds no sound."
            raise NoSound(kind, text)
        self._stream: Any = streams[0]
        self._stream.codec_context.thread_count = 1

    def _demux(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._stream)
        except av.FFmpegError:
            self.broken = True

    def _decode(self, packet: Any) -> list[Any]:
        try:
            frames = [f for f in packet.decode() if f.samples]
        except av.FFmpegError:
            self._errors += 1
            return []
        self._good += len(frames)
        return frames

    def _probe(self) -> None:
        """Decode a few packets: noise that happens to hold a frame header fails more often than it decodes."""
        for seen, packet in enumerate(self._packets, 1):
            self._ahead.extend(self._decode(packet))
            if seen >= _PROBE_PACKETS and self._ahead:
                break
        if self._errors > self._good:
            raise NoSound("NotAudio", "is no sound that can be decoded.")
        if not self._ahead:
            raise NoSound("Empty", "holds no samples.")

    def _stated_seconds(self) -> float | None:
        stream, container = self._stream, self._container
        if self.format == "matroska":
            stated = _clock_seconds(stream.metadata.get("DURATION", ""))
            if stated is None and container.duration and not len(container.streams.video):
                stated = container.duration / av.time_base
            return stated
        if self.format in _STATES_DURATION and stream.duration:
            return float(stream.duration * stream.time_base)
        return None

    def chunks(self, first: int) -> Iterator[Samples]:
        """Chunks ``[n, channels]`` from frame ``first`` to the end."""
        frames = self._skip_to(first) if first > _SEEK_FROM * self.rate and self._first_pts is not None else self._frames()
        buffer, count = np.empty((self.channels, 0), np.float32), 0
        for frame in frames:
            if frame.sample_rate != self.rate or frame.layout.nb_channels != self.channels:
                raise NoSound("Unsupported", "changes its rate or its channels midway.")
            n = int(frame.samples)
            drop = min(n, max(0, first - self.position))
            if count + n - drop > buffer.shape[1]:
                if count:
                    yield buffer[:, :count].T
                buffer, count = np.empty((self.channels, max(_CHUNK_FRAMES, n)), np.float32), 0
            if drop < n:
                _copy(frame, drop, buffer[:, count : count + n - drop])
                count += n - drop
            self.position += n
        if count:
            yield buffer[:, :count].T

    def _frames(self) -> Iterator[Any]:
        while self._ahead:
            yield self._ahead.popleft()
        for packet in self._packets:
            yield from self._decode(packet)

    def _skip_to(self, first: int) -> Iterator[Any]:
        """Frames from a little before ``first`` on, with ``position`` set to that of the first of them."""
        stream = self._stream
        early = self._first_pts + int((first / self.rate - _PREROLL) / stream.time_base)
        if self.format in _SEEKABLE:
            try:
                self._container.seek(early, stream=stream, backward=True)
                self._packets = self._demux()
            except av.FFmpegError:
                return self._frames()
        self._ahead.clear()
        found = self._land(early)
        if found and self.position <= first:
            return self._frames()
        return self._again()

    def _land(self, early: int) -> bool:
        """Pass over packets before ``early`` without decoding them; decode up to the first frame and compute where it stands."""
        skipping = True
        for packet in self._packets:
            if skipping and packet.pts is not None and packet.pts < early:
                continue
            if skipping:
                self._stream.codec_context.flush_buffers()
                skipping = False
            self._ahead.extend(self._decode(packet))
            if self._ahead and self._ahead[0].pts is not None:
                self.position = self._place(self._ahead[0])
                return True
        return False

    def _place(self, frame: Any) -> int:
        """The index of a frame's first sample, from its time; whole frames of one length correct times rounded to a millisecond."""
        index = float((frame.pts - self._first_pts) * frame.time_base) * self.rate
        steps = round((index - self._first_samples) / frame.samples)
        whole = self._first_samples + steps * frame.samples
        return int(whole) if abs(whole - index) <= self.rate / 900 else round(index)

    def _again(self) -> Iterator[Any]:
        """From the very start: the index led nowhere or too far."""
        self._container.close()
        self._open()
        self.position = 0
        self._packets = self._demux()
        self._ahead.clear()
        return self._frames()

    def close(self) -> None:
        self._container.close()


def _copy(frame: Any, drop: int, out: Samples) -> None:
    """A frame's samples without the first ``drop`` of them, as float32 in −1..1, into ``out`` ``[channels, n]``."""
    dtype, scale, zero = _SAMPLE[frame.format.name.removesuffix("p")]
    if frame.format.is_planar:
        for channel, plane in zip(out, frame.planes, strict=True):
            channel[:] = np.frombuffer(plane, dtype, frame.samples)[drop:]
    else:
        values = np.frombuffer(frame.planes[0], dtype, frame.samples * len(out))
        out[:] = values.reshape(frame.samples, len(out))[drop:].T
    if zero:
        out -= np.float32(zero)
    if scale != 1.0:
        out *= np.float32(scale)


def _codec(name: str) -> str:
    return {"mp3float": "mp3", "libopus": "opus", "libvorbis": "vorbis"}.get(name, name)


def _clock_seconds(text: str) -> float | None:
    """``00:03:12.500000000`` in seconds."""
    parts = text.split(":")
    try:
        return int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2]) if len(parts) == 3 else None
    except ValueError:
        return None
