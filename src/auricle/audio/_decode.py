"""From an open file to checked samples: which decoder, what it may give, and whether all of it came. Runs in the worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Protocol

import soundfile

from auricle.audio import _headers
from auricle.audio._gate import Gate, check_finite
from auricle.audio._pipeline import Pipeline, mixdown
from auricle.audio._problems import audio_error, clock
from auricle.audio._soundfile import CONTAINERS, SoundFileDecoder
from auricle.audio.types import AudioInfo, Samples
from auricle.errors import AudioError, AudioErrorKind

if TYPE_CHECKING:
    from auricle.audio._pyav import PyAVDecoder

_TITLES = {"w64": "Wave64", "ogg": "Ogg", "matroska": "Matroska", "musepack": "Musepack", "wavpack": "WavPack"}


class Decoder(Protocol):
    """``rate`` in Hz; ``promised``: seconds of the whole; ``position``: frames from the start of the sound to the next chunk."""

    rate: int
    channels: int
    container: str
    codec: str
    promised: float | None
    position: int
    broken: bool

    def chunks(self, first: int) -> Iterator[Samples]: ...
    def close(self) -> None: ...


class Opened:
    """A decoder that is open on ``file``, with what the header promises. ``fd`` is its descriptor, None for bytes in memory."""

    def __init__(self, source: str, file: BinaryIO, size: int, fd: int | None) -> None:
        self.source, self.file, self.size, self.fd = source, file, size, fd
        if size == 0:
            raise audio_error("Empty", source, "is empty (zero bytes).")
        self.sniffed, self._start = _headers.sniff_file(file)
        self.promise = _headers.promise(file, self.sniffed, self._start, size)
        self.decoder = self._choose()

    def _choose(self) -> Decoder:
        if self.sniffed in CONTAINERS:
            decoder = self._by_soundfile(self.sniffed)
            if decoder is not None:
                return decoder
        return self._by_pyav()

    def _by_soundfile(self, container: str) -> Decoder | None:
        if container == "ogg" and _headers.is_chained_ogg(self.file, self.size):
            return None  # libsndfile reads the first link of a chain only
        self.file.seek(0)
        if self.fd is not None:
            os.lseek(self.fd, 0, os.SEEK_SET)
        try:
            decoder = SoundFileDecoder(self.file if self.fd is None else self.fd, container)
        except (soundfile.SoundFileError, TypeError):
            return None
        frames = decoder.frames
        # libsndfile believes a length of zero, or one that wrapped at 4 GiB, and loses the end of a stream without a length
        if frames is None or (self.promise.open_ended and frames * decoder.channels < (self.size - 4096) // 8):
            decoder.close()
            return None
        return decoder

    def _by_pyav(self) -> PyAVDecoder:
        import av

        from auricle.audio._pyav import NoSound, PyAVDecoder

        try:
            return PyAVDecoder(self.file, self.promise.seconds, open_ended=self.promise.open_ended)
        except NoSound as problem:
            kind: AudioErrorKind = problem.kind  # type: ignore[assignment]
            if kind == "NotAudio" and self.sniffed not in (None, "mp3", "aac") and "no sound." not in str(problem):
                raise self._undecodable() from None
            raise audio_error(kind, self.source, str(problem)) from None
        except (av.FFmpegError, ValueError, UnicodeError, OverflowError):
            raise self._undecodable() from None

    def _undecodable(self) -> AudioError:
        container = self.sniffed
        if container is None:
            return audio_error("NotAudio", self.source, "is no audio that auricle knows.")
        if container == "mp4" and not _has_atom(self.file, b"moov", self.size):
            return audio_error("Truncated", self.source, "was cut short: the index (moov) at its end is missing.")
        if container in ("mp3", "aac"):
            return audio_error("NotAudio", self.source, "is no sound that can be decoded.")
        title = _TITLES.get(container, container.upper())
        return audio_error("Unsupported", self.source, f"is {title}, but its header is damaged or its codec is not supported.")

    def info(self) -> AudioInfo:
        decoder = self.decoder
        promised = self._promised(0.0)
        return AudioInfo(self.source, decoder.container, decoder.codec, decoder.rate, decoder.channels, promised, self.size)

    def _promised(self, got: float) -> float | None:
        """Seconds that the header promises. ``got``: seconds that were decoded, to scale where only the share of bytes is known."""
        decoder, share = self.decoder, self.promise.share
        if self.promise.open_ended and decoder.container in ("wav", "rf64"):
            return decoder.promised
        known = got or decoder.promised
        if share < 1.0 and known and self.promise.seconds is None:
            return known / max(share, 1e-9)
        return decoder.promised

    def check_whole(self) -> None:
        """After the last chunk: raise Empty or Truncated where the file gave nothing, or clearly less than it promised."""
        decoder = self.decoder
        got = decoder.position / decoder.rate
        promised = self._promised(got)
        if promised is not None and promised - got > max(0.1, 0.01 * promised):
            text = f"ends after {clock(got)} of the {clock(promised)} its header promises."
            raise audio_error("Truncated", self.source, text)
        if (decoder.broken and promised is None) or self.promise.cut:
            raise audio_error("Truncated", self.source, f"breaks off after {clock(got)}.")
        if decoder.position == 0:
            raise audio_error("Empty", self.source, "holds no samples.")


def decoded(opened: Opened, gate: Gate, pipeline: Pipeline, mono: bool) -> Iterator[Samples]:
    """The output of ``pipeline`` ``[n, channels]`` for all of the file that it wants; every limit checked on the way."""
    from auricle.audio._pyav import NoSound

    decoder = opened.decoder
    try:
        for whole in decoder.chunks(pipeline.first_in):
            chunk = pipeline.wanted(whole)
            gate.count(chunk)
            mixed = mixdown(chunk) if mono else chunk
            check_finite(opened.source, mixed, decoder.position - len(whole), decoder.rate)
            yield pipeline.push(mixed)
            if pipeline.done:
                break
    except NoSound as problem:
        raise audio_error("Unsupported", opened.source, str(problem)) from None
    yield pipeline.finish()
    if not pipeline.done:
        opened.check_whole()
        if pipeline.given == 0:
            text = f"ends at {clock(decoder.position / decoder.rate)}, before what was asked for."
            raise audio_error("Empty", opened.source, text, "Ask for an earlier start.")


def _has_atom(file: BinaryIO, name: bytes, size: int) -> bool:
    at = 0
    for _ in range(4096):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8 or at >= size:
            return False
        if head[4:8] == name:
            return True
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length < 8:
            return False
        at += length
    return False
