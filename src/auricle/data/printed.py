"""Fingerprints of a manifest's sounds, made once and kept: a second look at the same manifest decodes only what is new or has changed.

    kept = printed(items, folder, store=Path("…"))          # an Entry an item, in order

A store is a folder of parts, each written whole and never changed; two runs at once, or one that is killed, leave nothing that misleads.
A sound counts as the same while its name, size, time of change, start and end are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from auricle.data.items import Item, parts_of
from auricle.data.manifest import PathLike, replacing
from auricle.data.overlap import Entry
from auricle.data.prints import Print
from auricle.results import Failure

VERSION = 1  # goes up when fingerprints of the same sound would be others
_PART = 1000  # sounds of one part: what a run that is killed has to do again
_ARRAYS = ("keys", "digests", "counts", "frames", "hashes", "times", "bands")

Told = Callable[[int, int], None]


def store_for(manifest: PathLike, above: Path) -> Path:
    """The store of a manifest, below a folder of such stores."""
    name = hashlib.blake2b(os.path.realpath(os.fspath(manifest)).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return above / f"{name}-{VERSION}"


def printed(
    items: Sequence[Item], folder: PathLike, *, store: Path | None = None,
    failed: Callable[[Failure], None] = lambda failure: None, told: Told | None = None,
) -> list[Entry]:  # fmt: skip
    """Each item with its fingerprint and the hash of its bytes; without both where it has no sound or cannot be heard.

    store: where they are kept; None keeps nothing. told: called with (sounds known, sounds).
    """
    from auricle.data.check import entries_of

    keys = [_key(item, folder) for item in items]
    known = _read(store, set(filter(None, keys))) if store else {}
    entries: list[Entry | None] = [
        Entry(replace(item, hash=known[key][0] or item.hash), item.set, known[key][1]) if key in known else None
        for item, key in zip(items, keys, strict=True)
    ]
    missing = [i for i, entry in enumerate(entries) if entry is None]
    done = len(items) - len(missing)
    for first in range(0, len(missing), _PART):
        places = missing[first : first + _PART]
        step: Told = lambda n, _, at=done + first: told(at + n, len(items)) if told else None  # type: ignore[misc]  # noqa: E731
        (heard,) = entries_of([("", [items[i] for i in places], folder)], failed=failed, told=step)
        for i, entry in zip(places, heard, strict=True):
            entries[i] = entry
        if store:
            _write(store, [(keys[i], entry) for i, entry in zip(places, heard, strict=True) if keys[i] and entry.print is not None])
    return [entry for entry in entries if entry is not None]


def _key(item: Item, folder: PathLike) -> str:
    """Empty where there is no such file."""
    if item.audio is None:
        return ""
    try:
        state = os.stat(os.path.join(folder, parts_of(item.audio)[0]))
    except OSError:
        return ""
    told = f"{VERSION}\0{item.audio}\0{state.st_size}\0{state.st_mtime_ns}\0{item.start}\0{item.end}"
    return hashlib.blake2b(told.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _read(store: Path, wanted: set[str]) -> dict[str, tuple[str, Print]]:
    """Parts that hold nothing that is asked for any more are removed, and those that cannot be read."""
    found: dict[str, tuple[str, Print]] = {}
    for path in sorted(store.glob("*.npz")):
        try:
            with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
                part = {name: file[name] for name in _ARRAYS}
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            part = {}
        new = {key: value for key, value in _prints(part) if key in wanted}
        if not new:
            with suppress(OSError):
                path.unlink()
        found |= new
    return found


def _prints(part: dict[str, npt.NDArray[Any]]) -> Iterator[tuple[str, tuple[str, Print]]]:
    if not part:
        return
    hashed, framed = (np.concatenate([[0], np.cumsum(part[name])]) for name in ("counts", "frames"))
    for i, (key, digest) in enumerate(zip(part["keys"].tolist(), part["digests"].tolist(), strict=True)):
        span, rows = slice(hashed[i], hashed[i + 1]), slice(framed[i], framed[i + 1])
        yield key, (digest, Print(part["hashes"][span], part["times"][span], part["bands"][rows]))


def _write(store: Path, entries: Sequence[tuple[str, Entry]]) -> None:
    """A disk that is full or read-only costs the next run its time, and nothing else."""
    prints = [entry.print for _, entry in entries if entry.print is not None]
    if not prints:
        return
    keys = [key for key, _ in entries]
    name = hashlib.blake2b("".join(keys).encode(), digest_size=8).hexdigest()
    with suppress(OSError):
        store.mkdir(parents=True, exist_ok=True)
        with replacing(store / f"{name}.npz") as temporary, open(temporary, "wb") as file:
            np.savez(
                file, keys=np.array(keys), digests=np.array([entry.item.hash for _, entry in entries]),
                counts=np.array([len(p.hashes) for p in prints]), frames=np.array([p.frames for p in prints]),
                hashes=np.concatenate([p.hashes for p in prints]), times=np.concatenate([p.times for p in prints]),
                bands=np.concatenate([p.bands for p in prints]),
            )  # fmt: skip
