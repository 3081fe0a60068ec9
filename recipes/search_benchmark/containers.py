"""Sound inside the containers of games: zip packs, Qt resource files (.rcc), OpenTTD sound sets (.cat)."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

AUDIO = (".wav", ".ogg", ".oga", ".mp3", ".flac")
_QT_ZLIB, _QT_FOLDER = 1, 2


def unpack(path: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every sound in the container."""
    readers = {"zip": _zip, "rcc": _rcc, "opensfx": _opensfx}
    yield from readers[kind](path)


def _zip(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as pack:
        for name in pack.namelist():
            if name.lower().endswith(AUDIO):
                yield name, pack.read(name)


def _rcc(path: Path) -> Iterator[tuple[str, bytes]]:
    """Qt's binary resource format, versions 1 to 3: a tree of names, then length-prefixed data."""
    data = path.read_bytes()
    if data[:4] != b"qres":
        raise ValueError(f"{path} is not a Qt resource file")
    version, tree, blobs, names = struct.unpack(">IIII", data[4:20])
    node = 14 if version == 1 else 22

    def name_at(offset: int) -> str:
        start = names + offset
        (length,) = struct.unpack(">H", data[start : start + 2])
        return data[start + 6 : start + 6 + 2 * length].decode("utf-16-be")

    def walk(index: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        at = tree + index * node
        name_offset, flags = struct.unpack(">IH", data[at : at + 6])
        name = f"{prefix}/{name_at(name_offset)}" if index else ""
        if flags & _QT_FOLDER:
            count, first = struct.unpack(">II", data[at + 6 : at + 14])
            for child in range(first, first + count):
                yield from walk(child, name)
        elif name.lower().endswith(AUDIO):
            start = blobs + int(struct.unpack(">I", data[at + 10 : at + 14])[0])
            (length,) = struct.unpack(">I", data[start : start + 4])
            blob = data[start + 4 : start + 4 + length]
            yield name.lstrip("/"), zlib.decompress(blob[4:]) if flags & _QT_ZLIB else blob

    yield from walk(0, "")


def _opensfx(path: Path) -> Iterator[tuple[str, bytes]]:
    """OpenTTD's .cat: offsets and lengths, then for each sound its description and a WAV. The quoted part names the sound."""
    data = path.read_bytes()
    count = (struct.unpack("<I", data[:4])[0] & 0x7FFFFFFF) // 8
    seen: dict[str, int] = {}
    for index in range(count):
        offset, length = struct.unpack("<II", data[8 * index : 8 * index + 8])
        offset &= 0x7FFFFFFF
        described = data[offset]
        description = data[offset + 1 : offset + 1 + described].split(b"\0")[0].decode("utf-8", "replace")
        quoted = re.match(r'"([^"]+)"', description)
        if quoted is None:
            continue
        wav = offset + 1 + described
        name = quoted.group(1).replace("/", "∕")  # a slash that is no folder
        seen[name] = seen.get(name, 0) + 1
        yield f"{name}{'' if seen[name] == 1 else f' #{seen[name]}'}.wav", data[wav : wav + length]
