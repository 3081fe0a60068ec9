"""From what an importer finds to a manifest or shards: paths made relative, length and hash added, sounds packed where they must be."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from auricle import audio, settings
from auricle.audio import content_hash
from auricle.data import webdataset
from auricle.data.items import Item, parts_of
from auricle.data.manifest import suffix_of, write
from auricle.data.tars import member_bytes
from auricle.errors import AudioError, DataError, UsageError
from auricle.results import Failure

Failed = Callable[[Failure], None]
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What an importer gives: an item and its sound, which is a path (``/x/a.wav``, ``/x/b.tar#a.wav``), bytes, or None for text.

    ``item.audio`` only says how bytes are called; :func:`save` sets it.
    """

    item: Item
    sound: str | bytes | None = None


def save(
    found: Iterable[Found],
    out: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    hear: bool = True,
    failed: Failed | None = None,
    told: Told | None = None,
    max_bytes: int = webdataset.SHARD_BYTES,
) -> int:
    """Write ``found`` to a manifest, or pack it into shards where ``out`` ends with ``.tar``; gives the number of items.

    root:   the folder that paths are relative to; the manifest's own by default. Sounds outside it are refused: pack them instead.
    hear:   add duration and hash, which opens every sound; what cannot be opened is left out and goes to ``failed``.
    told:   called with the number of items done so far.
    Raises UsageError, DataError, OSError; AudioError where ``failed`` is not given.
    """
    target = os.fspath(out)
    shards = suffix_of(target) == ".tar"
    folder = os.path.abspath(os.fspath(root) if root is not None else os.path.dirname(os.path.abspath(target)))
    described = _described(found, hear, failed)
    if shards:
        counts = [0]

        def packed() -> Iterator[tuple[Item, str | bytes | None]]:
            for one in _counted(described, told):
                counts[0] += 1
                member = parts_of(one.sound)[1] if isinstance(one.sound, str) else None
                yield replace(one.item, audio=member) if member else one.item, _loaded(one.sound)

        webdataset.write_shards(target, packed(), max_bytes=max_bytes)
        return counts[0]
    beside = Path(target).with_name(Path(target).name.split(".")[0] + "-audio")
    return write(target, (_placed(one, folder, beside) for one in _counted(described, told)))


def _counted(found: Iterable[Found], told: Told | None) -> Iterator[Found]:
    for count, one in enumerate(found, 1):
        yield one
        if told is not None:
            told(count)


def _loaded(sound: str | bytes | None) -> str | bytes | None:
    if isinstance(sound, str):
        file, member = parts_of(sound)
        return member_bytes(file, member) if member is not None else sound
    return sound


def _placed(one: Found, folder: str, beside: Path) -> Item:
    """The item with a path relative to ``folder``; bytes become a file."""
    item, sound = one.item, one.sound
    if sound is None:
        return replace(item, audio=None)
    if isinstance(sound, bytes):
        suffix = os.path.splitext(item.audio or "")[1].lower()
        file = beside / f"{item.hash or webdataset.bytes_hash(sound)}{suffix}"
        beside.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(sound)
        sound = str(file)
    path = os.path.relpath(os.path.abspath(sound), folder)
    if path.split(os.sep)[0] == ".." or os.path.isabs(path):
        raise UsageError(
            f"{sound} lies outside {folder}, the folder of the manifest.",
            hint="Write the manifest into a folder above the sounds, pack them with a name that ends with .tar, or give --root.",
        )
    return replace(item, audio=path.replace(os.sep, "/"))


def _described(found: Iterable[Found], hear: bool, failed: Failed | None) -> Iterator[Found]:
    """In order, a few at a time at once: hashing waits for the disk and decoding for its process."""
    if not hear:
        yield from found
        return
    workers = max(2, settings.threads())
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(workers)
        stack.callback(pool.shutdown, cancel_futures=True)
        waiting: deque[Future[Found]] = deque()
        for one in found:
            waiting.append(pool.submit(_heard, one))
            if len(waiting) > 2 * workers and (ready := _result(waiting.popleft(), failed)):
                yield ready
        while waiting:
            if ready := _result(waiting.popleft(), failed):
                yield ready


def _result(future: Future[Found], failed: Failed | None) -> Found | None:
    try:
        return future.result()
    except AudioError as error:
        if failed is None:
            raise
        failed(Failure(error.path, error.message, error.kind, error.hint))
        return None


def _heard(one: Found) -> Found:
    if one.sound is None:
        return one
    sound = _loaded(one.sound)
    assert sound is not None
    try:
        info = audio.probe(sound)
    except AudioError as error:
        if isinstance(sound, str):
            raise
        name = one.sound if isinstance(one.sound, str) else (one.item.audio or one.item.id)
        raise _renamed(error, name) from None
    length = info.duration
    if length is not None and (one.item.start or one.item.end is not None):
        length = max(0.0, min(length, one.item.end if one.item.end is not None else length) - one.item.start)
    digest = content_hash(sound) if isinstance(sound, str) else webdataset.bytes_hash(sound)
    duration = one.item.duration if one.item.duration is not None else None if length is None else round(length, 6)
    return replace(one, item=replace(one.item, duration=duration, hash=digest))


def _renamed(error: AudioError, name: str) -> AudioError:
    reason = error.message.partition(": ")[2] or error.message
    return AudioError(error.kind, name, f"{name}: {reason}", hint=error.hint)  # type: ignore[arg-type]


def missing(path: str) -> DataError:
    return DataError("Missing", f"{path}: there is no such file or folder.", path=path, hint="Check the path.")
