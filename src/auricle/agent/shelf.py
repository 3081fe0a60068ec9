"""Libraries by a short id, opened when first asked for, and again when a re-indexed copy took a library's place."""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auricle.library import schema
from auricle.library.library import Library


class Shelf(Mapping[str, Library]):
    """Folders as a mapping id → Library; libraries of one model share its weights.

    An id is the folder's name in lower case without ".library"; the second of one name ends in "-2". A folder need not hold a library yet.
    """

    def __init__(self, folders: Sequence[str | os.PathLike[str]]) -> None:
        self._folders: dict[str, Path] = {}
        for folder in dict.fromkeys(Path(f).expanduser().absolute() for f in folders):
            name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower().removesuffix(".library")).strip("-")[:60] or "library"
            number = next(n for n in range(1, len(folders) + 1) if (name if n == 1 else f"{name}-{n}") not in self._folders)
            self._folders[name if number == 1 else f"{name}-{number}"] = folder
        self._open: dict[str, tuple[tuple[int, int] | None, Library]] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Library:
        folder = self._folders[name]
        with self._lock:
            mark = _mark(folder)
            known = self._open.get(name)
            if known is not None and known[0] == mark:
                return known[1]
            library = Library(folder)
            if mark is not None:
                weakref.finalize(library, library.store.close)  # when the last call that uses it is over
            self._open[name] = (mark, library)
            return library

    def __contains__(self, name: object) -> bool:
        return name in self._folders

    def __iter__(self) -> Iterator[str]:
        return iter(self._folders)

    def __len__(self) -> int:
        return len(self._folders)

    def close(self) -> None:
        with self._lock:
            for _, library in self._open.values():
                library.close()
            self._open.clear()


def _mark(folder: Path) -> tuple[int, int] | None:
    """Which database lies in a folder now."""
    try:
        status = os.stat(folder / schema.DATABASE)
    except OSError:
        return None
    return status.st_dev, status.st_ino
