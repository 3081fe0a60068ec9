"""What the first bytes of a file say: its container, and how much sound it promises. Never trusted, only compared with what came.

Sources: RIFF/WAVE and RF64 (EBU Tech 3306), Sony Wave64, AIFF 1.3, Apple Core Audio Format 1.0, Ogg (RFC 3533), the Xing/Info tag of MP3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

_MAX_CHUNKS = 4096
# Recorders that lost power and writers to a pipe leave one of these as the length of the data: read to the end of the file instead.
_OPEN_ENDED = 0x7FFF0000
_W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"caff", "caf"),
    (0, b".snd", "au"),
    (0, b"NIST_1A", "nist"),
    (0, b"Creative Voice File", "voc"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"mdat", "mp4"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "asf"),
    (0, b"#!AMR", "amr"),
    (0, b"MAC ", "ape"),
    (0, b"wvpk", "wavpack"),
    (0, b"DSD ", "dsf"),
    (0, b"TTA1", "tta"),
    (0, b"MPCK", "musepack"),
    (0, b"MP+", "musepack"),
    (0, b"FLV\x01", "flv"),
)


def sniff(head: bytes) -> str | None:
    """The container by its first bytes (at least 64 wanted), after an ID3v2 tag if there is one; None if not known."""
    if head[:4] in (b"RIFF", b"RF64", b"RIFX", b"BW64") and head[8:12] == b"WAVE":
        return "rf64" if head[:4] in (b"RF64", b"BW64") else "wav"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:16] == _W64_RIFF:
        return "w64"
    for at, magic, name in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return name
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0:
        return "mp3"
    return None


def sniff_file(file: BinaryIO) -> tuple[str | None, int]:
    """The container and where its first byte is (behind an ID3v2 tag)."""
    file.seek(0)
    head = file.read(64)
    if head[:3] == b"ID3" and len(head) >= 10:
        at = 10 + _syncsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
        file.seek(at)
        return sniff(file.read(64)) or "mp3", at
    return sniff(head), 0


@dataclass(frozen=True, slots=True)
class Promise:
    """``share``: the part of the promised sound that the file can hold, ≤ 1; ``open_ended``: the header knows no length.

    ``cut``: the file stops in the middle of a unit that would be whole if it had been closed.
    """

    share: float = 1.0
    open_ended: bool = False
    cut: bool = False
    seconds: float | None = None  # only where the header itself says it (MP3)


def promise(file: BinaryIO, container: str | None, start: int, size: int) -> Promise:
    """Compare the length that the header gives for its sound with the bytes that are there. Damaged headers promise nothing."""
    readers = {"wav": _riff, "rf64": _riff, "aiff": _aiff, "caf": _caf, "w64": _w64, "mp3": _mp3, "ogg": _ogg}
    reader = readers.get(container or "")
    if reader is None:
        return Promise()
    try:
        return reader(file, start, size)
    except (struct.error, OverflowError, ValueError):
        return Promise()


def _share(data_at: int, data_bytes: int, size: int) -> Promise:
    there = max(0, size - data_at)
    return Promise(1.0 if data_bytes <= there else there / data_bytes)


def _riff(file: BinaryIO, start: int, size: int) -> Promise:
    file.seek(start)
    order = ">" if file.read(4) == b"RIFX" else "<"
    at, long_bytes = start + 12, None
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        name, length = struct.unpack(f"{order}4sI", file.read(8))
        if name == b"ds64":
            _, long_bytes = struct.unpack("<QQ", file.read(16))
        if name == b"data":
            if long_bytes is not None and length == 0xFFFFFFFF:
                return _share(at + 8, long_bytes, size) if 0 < long_bytes < 1 << 62 else Promise(open_ended=True)
            # a length that wrapped at 4 GiB is no length either
            wrapped = size - (at + 8) - length >= 1 << 32
            open_ended = length == 0 or wrapped or length >= 0xFFFF0000 or _OPEN_ENDED <= length <= 0x80000000
            return Promise(open_ended=True) if open_ended else _share(at + 8, length, size)
        at += 8 + length + (length & 1)
    return Promise()


def _w64(file: BinaryIO, start: int, size: int) -> Promise:
    at = start + 40
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        name, length = struct.unpack("<16sQ", file.read(24))
        if name[:4] == b"data":
            return _share(at + 24, length - 24, size) if 24 < length < 1 << 62 else Promise(open_ended=True)
        at += max(24, (length + 7) & ~7)
    return Promise()


def _aiff(file: BinaryIO, start: int, size: int) -> Promise:
    at = start + 12
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        name, length = struct.unpack(">4sI", file.read(8))
        if name == b"SSND":
            open_ended = length == 0 or length >= 0xFFFF0000 or _OPEN_ENDED <= length <= 0x80000000
            return Promise(open_ended=True) if open_ended else _share(at + 16, length - 8, size)
        at += 8 + length + (length & 1)
    return Promise()


def _caf(file: BinaryIO, start: int, size: int) -> Promise:
    at = start + 8
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        name, length = struct.unpack(">4sq", file.read(12))
        if name == b"data":
            return _share(at + 16, length - 4, size) if length > 4 else Promise(open_ended=True)
        if length < 0:
            return Promise()
        at += 12 + length
    return Promise()


def _mp3(file: BinaryIO, start: int, size: int) -> Promise:
    """The Xing/Info tag in the first frame: frames and bytes of the whole stream."""
    file.seek(start)
    head = file.read(4096)
    at = next((i for i in range(len(head) - 4) if head[i] == 0xFF and head[i + 1] & 0xE6 == 0xE2 and sniff(head[i:]) == "mp3"), -1)
    if at < 0:
        return Promise()
    version, mono = head[at + 1] >> 3 & 3, head[at + 3] >> 6 == 3  # version: 3 = MPEG 1, 2 = MPEG 2, 0 = MPEG 2.5
    tag = at + 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
    rate_index = head[at + 2] >> 2 & 3
    if head[tag : tag + 4] not in (b"Xing", b"Info") or rate_index == 3 or version == 1:
        return Promise()
    flags, frames, stream_bytes = struct.unpack(">III", head[tag + 4 : tag + 16])
    if flags & 3 != 3 or not frames or not stream_bytes:
        return Promise()
    rate = (44100, 48000, 32000)[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    return Promise(min(1.0, (size - start - at) / stream_bytes), seconds=frames * (1152 if version == 3 else 576) / rate)


def _ogg(file: BinaryIO, start: int, size: int) -> Promise:
    """Only a last page that is itself cut is proof of a missing end; a stream without the end flag may come from a live source."""
    page = last_ogg_page(file, size)
    if page is None:
        return Promise()
    _, tail = page
    segments = tail[26] if len(tail) > 26 else 0
    cut = len(tail) < 27 + segments or len(tail) < 27 + segments + sum(tail[27 : 27 + segments])
    return Promise(cut=cut)


def last_ogg_page(file: BinaryIO, size: int) -> tuple[int, bytes] | None:
    """Where the last page begins, and its bytes to the end of the file. A page is at most 65,307 bytes."""
    at = max(0, size - 65_307)
    file.seek(at)
    tail = file.read(65_307)
    found = tail.rfind(b"OggS")
    return (at + found, tail[found:]) if found >= 0 else None


def is_chained_ogg(file: BinaryIO, size: int) -> bool:
    """Whether the last page belongs to another logical stream than the first, as in recordings of web radio."""
    page = last_ogg_page(file, size)
    file.seek(0)
    return page is not None and file.read(18)[14:18] != page[1][14:18]


def _syncsafe(four: bytes) -> int:
    return (four[0] & 0x7F) << 21 | (four[1] & 0x7F) << 14 | (four[2] & 0x7F) << 7 | (four[3] & 0x7F)
