"""WebDataset shards: tars in which the files of a sample share a stem (``0001.flac``, ``0001.json``), read from front to back.

Only regular files are read, each into memory, within limits; nothing is unpacked to disk, nothing is unpickled, no command is run.
The same items and sounds give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from auricle.audio import SUFFIXES
from auricle.data.items import Item, as_document, from_document, invalid
from auricle.data.tars import MAX_MEMBER, bad, members, read_exactly, write_end, write_member
from auricle.errors import DataError, UsageError

MAX_TEXT = 16 << 20  # bytes of a .json, .txt or .cls
MAX_FILES = 64  # of one sample
SHARD_BYTES = 1 << 30
PICKLES = frozenset({".pickle", ".pkl", ".pyd", ".pt", ".pth", ".ckpt", ".joblib", ".npy", ".npz"})
TEXTS = frozenset({".json", ".txt", ".cls", ".caption", ".transcript"})

_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclass(frozen=True, slots=True)
class Sample:
    """``files``: suffix in lower case → (name of the member, bytes)."""

    key: str
    files: dict[str, tuple[str, bytes]]

    @property
    def sound(self) -> tuple[str, bytes] | None:
        return next((self.files[s] for s in self.files if s in SUFFIXES), None)


# ---------------------------------------------------------------------------------------------------------------- reading


def shards_of(source: str) -> list[str]:
    """The shards that a name stands for: a file, a folder of them, or ``name-{000..012}.tar``. Raises UsageError, DataError."""
    if source.startswith("pipe:") or "://" in source:
        raise UsageError(f"{source}: shards are files on this machine.", hint="Fetch them first; commands and addresses are not run.")
    match = _BRACES.search(source)
    if match:
        first, last = match.groups()
        if int(last) < int(first) or int(last) - int(first) > 1_000_000:
            raise UsageError(f"{source}: no range of shards.", hint="Write {000000..000127}.")
        names = [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)]
        paths = [source[: match.start()] + name + source[match.end() :] for name in names]
    elif os.path.isdir(source):
        paths = [os.path.join(source, name) for name in sorted(os.listdir(source)) if name.endswith((".tar", ".tar.gz", ".tgz"))]
    else:
        paths = [source]
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing or not paths:
        name = missing[0] if missing else source
        raise DataError("Missing", f"{name}: there is no such shard.", path=name, hint="Check the path.")
    return paths


def samples(path: str) -> Iterator[Sample]:
    """The samples of a shard: neighbours of one stem. Raises DataError."""
    key, files = "", {}  # type: tuple[str, dict[str, tuple[str, bytes]]]
    for member, file in members(path):
        stem, suffix = _key(member.name)
        if not suffix:
            continue
        if suffix in PICKLES:
            raise bad(path, f"{member.name!r} may hold a pickle, which runs code when it is read", "Pack sound and .json only.")
        if suffix not in SUFFIXES and suffix not in TEXTS:
            continue
        if stem != key and files:
            yield Sample(key, files)
            files = {}
        key = stem
        limit = MAX_MEMBER if suffix in SUFFIXES else MAX_TEXT
        if member.size > limit:
            raise bad(path, f"{member.name!r} has {member.size} bytes, more than {limit}", "Split it.")
        if suffix in files:
            raise bad(path, f"{member.name!r} stands twice", "Give each sample a stem of its own.")
        if len(files) >= MAX_FILES:
            raise bad(path, f"sample {key!r} has more than {MAX_FILES} files", "Give each sample a stem of its own.")
        files[suffix] = (member.name, read_exactly(file, member.size, path, member.offset))
    if files:
        yield Sample(key, files)


def read_items(path: str, broken: Callable[[DataError], None]) -> Iterator[Item]:
    """The items of one shard, ``audio`` as ``shard.tar#member``."""
    for item, _ in read_samples(path, broken):
        yield item


def read_samples(path: str, broken: Callable[[DataError], None] | None = None) -> Iterator[tuple[Item, bytes | None]]:
    """Items with the bytes of their sound. Shards of others are read too: ``.txt`` is a caption, ``.cls`` a label, ``.json`` tells more.

    Raises DataError; what is wrong with one sample goes to ``broken`` if given.
    """
    for sample in samples(path):
        try:
            yield _as_item(sample, path), sample.sound[1] if sample.sound else None
        except DataError as error:
            if broken is None:
                raise
            broken(error)


def _as_item(sample: Sample, path: str) -> Item:
    document: dict[str, Any] = {"id": sample.key}
    if ".json" in sample.files:
        name, data = sample.files[".json"]
        try:
            found = json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError):
            raise invalid("is no JSON", f"{path}#{name}", 0, "Pack it again.") from None
        document.update(found if _is_item(found) else _foreign(found))
    for suffix, key in ((".txt", "captions"), (".caption", "captions"), (".transcript", "captions"), (".cls", "labels")):
        if suffix in sample.files and key not in document:
            text = sample.files[suffix][1].decode("utf-8", "replace").strip()
            document[key] = [text] if text else []
    document.pop("audio", None)
    item = from_document(document, f"{path}#{sample.key}")
    return replace(item, audio=f"{os.path.basename(path)}#{sample.sound[0]}" if sample.sound else None)


def _is_item(document: object) -> bool:
    return isinstance(document, dict) and "id" in document and set(document) <= set(Item.__dataclass_fields__)


def _foreign(document: object) -> dict[str, Any]:
    """What other makers of shards write: ``text`` or ``caption`` (one or several), ``tag`` or ``label``, the rest as extra."""
    if not isinstance(document, dict):
        return {}
    rest = dict(document)
    found: dict[str, Any] = {}
    for key, names in (("captions", ("captions", "caption", "text")), ("labels", ("labels", "label", "tags", "tag"))):
        for name in names:
            value = rest.get(name)
            texts = [value] if isinstance(value, str) else value
            if isinstance(texts, list) and texts and all(isinstance(t, str) for t in texts):
                found[key] = [t for t in texts if t.strip()]
                del rest[name]
                break
    return {**found, "extra": rest} if rest else found


def _key(name: str) -> tuple[str, str]:
    """Stem and suffix: as WebDataset does, the stem ends at the first dot of the file's name; the suffix that counts is the last."""
    folder, base = posixpath.split(name)
    stem = base.partition(".")[0]
    return posixpath.join(folder, stem), posixpath.splitext(base)[1].lower()


# ---------------------------------------------------------------------------------------------------------------- writing


def write_shards(
    target: str | os.PathLike[str], found: Iterable[tuple[Item, str | bytes | None]], *, max_bytes: int = SHARD_BYTES
) -> list[Path]:
    """Write items with their sound (a path, bytes, or None for text) to shards; gives their paths.

    target: ``one.tar``, or a name with ``%06d`` for as many shards of ``max_bytes`` as it takes. Raises DataError, AudioError, OSError.
    """
    from auricle.data.manifest import replacing

    pattern = os.fspath(target)
    several = re.search(r"%0?\d*d", pattern) is not None
    written: list[Path] = []
    rest = iter(found)
    held = next(rest, None)
    while held is not None or not written:
        path = pattern % len(written) if several else pattern
        with replacing(path) as temporary, open(temporary, "wb") as file:
            keys: set[str] = set()
            while held is not None and not (several and file.tell() >= max_bytes):
                _write_sample(file, *held, keys)
                held = next(rest, None)
            write_end(file)
        written.append(Path(path))
    return written


def _write_sample(file: IO[bytes], item: Item, sound: str | bytes | None, keys: set[str]) -> None:
    key = _slug(item.id, keys)
    keys.add(key)
    if sound is not None:
        if isinstance(sound, str):
            suffix = os.path.splitext(sound)[1].lower()
            data = _file_bytes(sound)
        else:
            suffix = posixpath.splitext(item.audio or "")[1].lower()
            data = sound
        if suffix not in SUFFIXES:
            raise DataError("Invalid", f"item {item.id!r}: {suffix or 'no suffix'} is none of a sound.", hint="Name it .wav, .flac, .ogg …")
        write_member(file, f"{key}{suffix}", data)
        item = replace(item, hash=item.hash or bytes_hash(data))
    document = as_document(replace(item, audio=None))
    from_document(json.loads(json.dumps(document, allow_nan=False)), f"item {item.id!r}")  # what would not be read back is not written
    write_member(file, f"{key}.json", json.dumps(document, ensure_ascii=True, allow_nan=False).encode("ascii"))


def _slug(id: str, taken: set[str]) -> str:
    """A stem without dots and slashes that fits every tar, the same for the same id."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", id)[:64]
    if slug == id and slug not in taken:
        return slug
    return f"{slug}-{hashlib.blake2b(id.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"


def bytes_hash(data: bytes) -> str:
    """As :func:`auricle.audio.content_hash` of a file that holds them."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _file_bytes(path: str) -> bytes:
    from auricle.audio import content_hash

    try:
        if os.path.getsize(path) > MAX_MEMBER:
            raise DataError("Invalid", f"{path}: has more than {MAX_MEMBER} bytes.", path=path, hint="Cut it into shorter files.")
        return Path(path).read_bytes()
    except OSError:
        content_hash(path)  # tells it as the gate does
        raise
