"""Tars read from front to back and by member: regular files only, names checked, within limits. Nothing is unpacked to disk."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from auricle.data.items import check_relative
from auricle.errors import DataError

MAX_MEMBER = 1 << 30  # bytes of one file in a tar, as the gate's limit

_BLOCK = 512
_MAX_NAME = 64 << 10  # bytes of a long name or a pax header


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of a tar. ``offset``: where its bytes begin in the (unpacked) tar."""

    name: str
    offset: int
    size: int


def members(path: str) -> Iterator[tuple[Member, IO[bytes]]]:
    """Each regular file of a tar and the stream that stands at its first byte. Raises DataError (Damaged, Invalid)."""
    with _opened(path) as file:
        at, name = 0, ""
        while True:
            header = read_exactly(file, _BLOCK, path, at)
            at += _BLOCK
            if not header.strip(b"\0"):
                return
            kind, said, size = _header(header, path, at - _BLOCK)
            padded = -(-size // _BLOCK) * _BLOCK
            if kind in b"xgLK":
                if size > _MAX_NAME:
                    raise damaged(path, f"a header of {size} bytes at byte {at - _BLOCK}")
                block = read_exactly(file, padded, path, at)[:size]
                at += padded
                name = _long_name(kind, block, path) or name
                continue
            if kind in b"12346":
                raise bad(path, f"{name or said!r} is a link or device, not a file", "Pack the files themselves.")
            if kind in b"0\0" and size:
                yield Member(_clean(name or said, path), at, size), file
            _seek(file, at + padded, path)
            at += padded
            name = ""


_indexes: OrderedDict[tuple[str, int, int], dict[str, Member]] = OrderedDict()


def index(path: str) -> dict[str, Member]:
    """Name → member of an uncompressed tar; kept for the last shards asked for."""
    try:
        stat = os.stat(path)
    except OSError:
        raise DataError("Missing", f"{path}: there is no such shard.", path=path, hint="Check the path.") from None
    key = (os.path.abspath(path), stat.st_mtime_ns, stat.st_size)
    if key not in _indexes:
        _indexes[key] = {member.name: member for member, _ in members(path)}
        while len(_indexes) > 64:
            _indexes.popitem(last=False)
    return _indexes[key]


def member_bytes(path: str, name: str) -> bytes:
    """The bytes of one file of a tar. Raises DataError."""
    member = index(path).get(name.removeprefix("./"))
    if member is None:
        raise DataError("Missing", f"{path}: holds no {name!r}.", path=path, hint="Make the manifest anew from the shard.")
    if member.size > MAX_MEMBER:
        raise bad(path, f"{name!r} has {member.size} bytes, more than {MAX_MEMBER}", "Split it.")
    with open(path, "rb") as file:
        file.seek(member.offset)
        return read_exactly(file, member.size, path, member.offset)


def write_member(file: IO[bytes], name: str, data: bytes) -> None:
    header = tarfile.TarInfo(name)  # its defaults are fixed: time 0, nobody's, 0644
    header.size = len(data)
    file.write(header.tobuf(tarfile.USTAR_FORMAT))
    file.write(data)
    file.write(b"\0" * (-len(data) % _BLOCK))


def write_end(file: IO[bytes]) -> None:
    file.write(b"\0" * (2 * _BLOCK))


@contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    try:
        raw = open(path, "rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise DataError("Missing", f"{path}: could not be opened ({error.strerror}).", path=path, hint="Check the path.") from None
    with raw:
        if path.endswith(("gz", "tgz")):
            with gzip.GzipFile(fileobj=raw) as packed, io.BufferedReader(packed) as file:
                yield file
        else:
            yield raw


def _header(block: bytes, path: str, at: int) -> tuple[bytes, str, int]:
    """(type, name, size) of a header whose sum is right."""
    try:
        total = int(block[148:156].strip(b" \0") or b"0", 8)
        size = int.from_bytes(block[125:136], "big") if block[124] & 0x80 else int(block[124:136].strip(b" \0") or b"0", 8)
    except ValueError:
        raise damaged(path, f"no header of a tar at byte {at}") from None
    if total != sum(block[:148]) + 8 * 32 + sum(block[156:]):
        raise damaged(path, f"no header of a tar at byte {at}")
    name = block[:100].split(b"\0", 1)[0]
    prefix = block[345:500].split(b"\0", 1)[0] if block[257:263] == b"ustar\0" else b""
    return block[156:157], (prefix + b"/" + name if prefix else name).decode("utf-8", "surrogateescape"), size


def _long_name(kind: bytes, block: bytes, path: str) -> str:
    if kind == b"L":
        return block.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    if kind != b"x":
        return ""
    at = 0
    while at < len(block) and block[at : at + 1] != b"\0":
        length, space, _ = block[at:].partition(b" ")
        if not space or not length.isdigit() or int(length) < 5:
            raise damaged(path, "a pax header that makes no sense")
        key, _, value = block[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        if key == b"path":
            return value.decode("utf-8", "surrogateescape")
        if key == b"size":
            raise bad(path, "a member is larger than 8 GB", "Cut it into shorter files.")
        at += int(length)
    return ""


def _clean(name: str, path: str) -> str:
    name = name.removeprefix("./")
    try:
        check_relative(name)
    except ValueError as error:
        raise bad(path, f"a member {error}".replace("manifest's folder", "shard"), "Pack it with relative names.") from None
    return name


def _seek(file: IO[bytes], to: int, path: str) -> None:
    try:
        file.seek(to)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise damaged(path, f"it cannot be unpacked up to byte {to}") from None


def read_exactly(file: IO[bytes], size: int, path: str, at: int) -> bytes:
    try:
        data = file.read(size)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise damaged(path, f"it cannot be unpacked from byte {at} on") from None
    if len(data) < size:
        raise damaged(path, f"it ends at byte {at + len(data)} in the middle")
    return data


def damaged(path: str, what: str) -> DataError:
    return DataError("Damaged", f"{path}: was damaged: {what}.", path=path, hint="Copy it again from its origin.")


def bad(path: str, what: str, hint: str) -> DataError:
    return DataError("Invalid", f"{path}: {what}.", path=path, hint=hint)
