"""Decoding by libsndfile: WAV, RF64, W64, AIFF, CAF, FLAC, Ogg Vorbis and Opus, AU, NIST. Fast, exact seeking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import soundfile

from auricle.audio.types import Samples

CONTAINERS = frozenset({"wav", "rf64", "w64", "aiff", "caf", "flac", "ogg", "au", "nist", "voc"})
_UNKNOWN_FRAMES = 1 << 62
_CHUNK_VALUES = 1 << 18  # 1 MiB of float32
_BIG_ENDIAN = frozenset({"aiff", "au"})
_PCM = {
    "PCM_U8": "pcm_u8",
    "PCM_S8": "pcm_s8",
    "PCM_16": "pcm_s16",
    "PCM_24": "pcm_s24",
    "PCM_32": "pcm_s32",
    "FLOAT": "pcm_f32",
    "DOUBLE": "pcm_f64",
}
_CODECS = {"ULAW": "pcm_mulaw", "ALAW": "pcm_alaw", "MPEG_LAYER_III": "mp3"}


class SoundFileDecoder:
    """One open file. ``file`` is a descriptor (its position is reset) or a binary file object. Raises ``soundfile.LibsndfileError``."""

    def __init__(self, file: int | BinaryIO, container: str) -> None:
        self._file: Any = soundfile.SoundFile(file, closefd=False)
        self.container = container
        self.codec = _codec(container, self._file.subtype)
        self.rate = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        frames = int(self._file.frames)
        self.frames = frames if 0 <= frames < _UNKNOWN_FRAMES else None
        self.promised = None if self.frames is None else self.frames / self.rate
        self.position = 0  # frames from the start of the sound to the next chunk
        self.broken = False

    def chunks(self, first: int) -> Iterator[Samples]:
        """Chunks ``[n, channels]`` from frame ``first`` to the end. ``broken`` says whether the decoder gave up."""
        size = max(1, _CHUNK_VALUES // self.channels)
        self._seek(first)
        try:
            while (chunk := self._file.read(size, dtype="float32", always_2d=True)).shape[0]:
                self.position += chunk.shape[0]
                yield chunk
        except soundfile.LibsndfileError:
            self.broken = True
            yield from self._salvage()

    def _seek(self, first: int) -> None:
        if first == 0:
            return
        target = first if self.frames is None else min(first, self.frames)
        try:
            self.position = int(self._file.seek(target))
        except soundfile.LibsndfileError:  # a stream without an index: read up to there
            while self.position < target:
                got = len(self._file.read(min(target - self.position, 1 << 16), dtype="float32", always_2d=True))
                if got == 0:
                    break
                self.position += got

    def _salvage(self) -> Iterator[Samples]:
        """What can be read in small steps of the chunk in which decoding broke."""
        try:
            self._file.seek(self.position)
            while (chunk := self._file.read(1024, dtype="float32", always_2d=True)).shape[0]:
                self.position += chunk.shape[0]
                yield np.array(chunk)
        except soundfile.LibsndfileError:
            return

    def close(self) -> None:
        self._file.close()


def _codec(container: str, subtype: str) -> str:
    if container == "flac":
        return "flac"
    if subtype in _PCM:
        codec = _PCM[subtype]
        if codec.endswith("8"):
            return codec
        return codec if container == "caf" else codec + ("be" if container in _BIG_ENDIAN else "le")
    return _CODECS.get(subtype, subtype.lower())
