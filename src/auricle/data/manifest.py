"""Manifests: an item a line. ``.jsonl``, ``.jsonl.gz``, ``.parquet`` (needs pyarrow), and ``.tar`` shards, which are their own manifest.

    for item in read("corpus/manifest.jsonl"):
        audio = open_audio(item, "corpus", rate=16000)

Reading streams; writing is atomic: the file appears when it is whole.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

from auricle import _faults
from auricle.audio import Audio, Limits
from auricle.audio import open as open_sound
from auricle.data.items import Item, as_line, from_line, parts_of
from auricle.errors import AudioError, AudioErrorKind, DataError, UsageError

MAX_LINE = 16 << 20  # bytes of one line
SUFFIXES = (".jsonl", ".jsonl.gz", ".parquet", ".tar")

Broken = Callable[[DataError], None]
PathLike = str | os.PathLike[str]


def read(path: PathLike, *, broken: Broken | None = None) -> Iterator[Item]:
    """The items of a manifest, in its order.

    broken: called with each line that is wrong, which is then passed over; without it the first one is raised.
    Raises DataError (Missing, Damaged, Invalid, Duplicate), UsageError for a suffix that is none of a manifest.
    """
    suffix = suffix_of(path)
    name = os.fspath(path)
    if not os.path.isfile(name):
        what = "is a folder, not a manifest" if os.path.isdir(name) else "there is no such manifest"
        raise DataError("Missing", f"{name}: {what}.", path=name, hint="Check the path; `auricle data import` makes one of a folder.")
    return _unique(_items(name, suffix, broken or _raise), name, broken or _raise)


def write(path: PathLike, items: Iterable[Item]) -> int:
    """Write a manifest, replacing what stood there; gives the number of items. Raises DataError (Duplicate), UsageError, OSError."""
    suffix = suffix_of(path)
    name = os.fspath(path)
    if suffix == ".tar":
        raise UsageError(f"{name}: a shard holds sound.", hint="Write it with auricle.data.webdataset.write_shards.")
    unique = _unique(enumerate(items, 1), name, _raise)
    if suffix == ".parquet":
        from auricle.data import parquet

        with replacing(name) as temporary:
            return parquet.write(temporary, unique)
    with replacing(name) as temporary, open(temporary, "wb") as file:
        if suffix == ".jsonl":
            return _write_lines(file, unique)
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:  # same items, same bytes
            return _write_lines(packed, unique)


def suffix_of(path: PathLike) -> str:
    """Raises UsageError for a name that is none of a manifest."""
    name = os.fspath(path).lower()
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return suffix
    raise UsageError(f"{os.fspath(path)}: no manifest is called that.", hint=f"Its name ends with {', '.join(SUFFIXES)}.")


def folder_of(path: PathLike) -> Path:
    """The folder that the audio of a manifest is relative to."""
    return Path(os.path.abspath(os.fspath(path))).parent


def open_audio(item: Item, folder: PathLike, *, rate: int | None = None, mono: bool = True, limits: Limits | None = None) -> Audio:
    """The sound of an item, ``start`` to ``end``, through the gate. Raises AudioError; DataError for an item without sound."""
    place = locate(item, folder)
    source: str | bytes = place if isinstance(place, str) else place[1]
    try:
        audio = open_sound(source, rate=rate, mono=mono, start=item.start, end=item.end, limits=limits)
    except AudioError as error:
        raise named(error, item, folder) from None
    return audio if isinstance(place, str) else replace(audio, source=place[0])


def locate(item: Item, folder: PathLike) -> str | tuple[str, bytes]:
    """The path of an item's file; for one in a shard, its name there and its bytes. Raises DataError, AudioError."""
    if item.audio is None:
        raise DataError("Invalid", f"item {item.id!r} has no sound, only text.", hint="Leave it out of what is heard.")
    file, member = parts_of(item.audio)
    path = os.path.join(os.fspath(folder), *file.split("/"))
    if member is None:
        return path
    from auricle.data.tars import member_bytes

    return f"{path}#{member}", member_bytes(path, member)


def named(error: AudioError, item: Item, folder: PathLike) -> AudioError:
    """The error of a sound in a shard, told with the member's name."""
    if item.audio is None or parts_of(item.audio)[1] is None:
        return error
    name = os.path.join(os.fspath(folder), item.audio)
    reason = error.message.partition(": ")[2] or error.message
    return AudioError(cast(AudioErrorKind, error.kind), name, f"{name}: {reason}", hint=error.hint)


@contextmanager
def replacing(path: PathLike) -> Iterator[str]:
    """The name of a file beside ``path`` that takes its place when the block ends well, and is gone when it does not."""
    target = os.path.abspath(os.fspath(path))
    handle, temporary = tempfile.mkstemp(prefix=".auricle-", dir=os.path.dirname(target))
    os.close(handle)
    try:
        yield temporary
        _faults.point("data.write")
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that only their owner may read
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _items(name: str, suffix: str, broken: Broken) -> Iterator[tuple[int, Item]]:
    if suffix == ".parquet":
        from auricle.data import parquet

        yield from parquet.read(name, broken)
    elif suffix == ".tar":
        from auricle.data.webdataset import read_items

        yield from enumerate(read_items(name, broken), 1)
    else:
        with open(name, "rb") as file:
            lines = io.BufferedReader(gzip.GzipFile(fileobj=file)) if suffix == ".jsonl.gz" else file
            for number, line in _lines(lines, name):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    broken(DataError("Invalid", f"{name}:{number}: is not UTF-8.", path=name, line=number, hint="Save it as UTF-8."))
                    continue
                try:
                    item = from_line(text, name, number)
                except DataError as error:
                    broken(error)
                else:
                    yield number, item


def _lines(file: IO[bytes], name: str) -> Iterator[tuple[int, bytes]]:
    number = 0
    while True:
        try:
            line = file.readline(MAX_LINE + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            reason = "ends in the middle" if isinstance(error, EOFError) else "is no gzip file or was damaged"
            raise DataError(
                "Damaged", f"{name}:{number + 1}: {reason}.", path=name, line=number + 1, hint="Copy it again, or make it anew."
            ) from None
        if not line:
            return
        number += 1
        if len(line) > MAX_LINE:
            raise DataError("Invalid", f"{name}:{number}: is longer than {MAX_LINE >> 20} MB.", path=name, line=number, hint="Split it.")
        if line.strip():
            yield number, line


def _unique(items: Iterable[tuple[int, Item]], name: str, broken: Broken) -> Iterator[Item]:
    seen: dict[str, int] = {}
    for number, item in items:
        first = seen.setdefault(item.id, number)
        if first != number:
            message = f"{name}:{number}: id {item.id!r} stands in line {first} already."
            broken(DataError("Duplicate", message, path=name, line=number, hint="Give each item an id of its own."))
            continue
        yield item


def _write_lines(file: IO[bytes] | gzip.GzipFile, items: Iterable[Item]) -> int:
    count = 0
    for item in items:
        from_line(line := as_line(item), f"item {item.id!r}")  # what would not be read back is not written
        file.write(line.encode("utf-8") + b"\n")
        count += 1
    return count


def _raise(error: DataError) -> None:
    raise error
