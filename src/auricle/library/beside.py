"""Hear a library again with another model, beside the old one, and switch.

The copy lies in ``NAME.beside``; the old one answers until the switch, which swaps the two folders by renaming. A crash between the
renames leaves ``NAME.switching``; :func:`recover` finishes what was begun.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from auricle import _faults
from auricle.errors import LibraryError
from auricle.library import said, tagging
from auricle.library.library import Library
from auricle.library.store import Store
from auricle.results import IndexSummary

State = Literal["none", "partial", "ready", "previous"]
_ROLE = "beside"  # key of meta


def folder(library: Path) -> Path:
    """Where the copy beside a library lies."""
    return library.with_name(library.name + ".beside")


def _parked(library: Path) -> Path:
    return library.with_name(library.name + ".switching")


def roots(store: Store) -> list[str]:
    """Folders and files that were indexed; those inside another are left out."""
    kept: list[str] = []
    for path in sorted(os.fsdecode(row[0]) for row in store.query("SELECT path FROM roots")):
        if not any(path == other or path.startswith(other.rstrip("/") + "/") for other in kept):
            kept.append(path)
    return kept


def reindex(
    library: Path, model: str | Any, *, progress: Callable[[Any], None] | None = None, stop: threading.Event | None = None
) -> IndexSummary:
    """Hear all that a library holds with another model, into the copy beside it; the tags that people gave come along.

    Interrupted, it goes on where it stopped. A copy that is there already must be of the same model.
    Raises LibraryError (OtherModel, Busy, …), ModelError.
    """
    with Store.open(library, readonly=True) as old:
        folders = roots(old)
    with Library(folder(library), model=model) as copy:
        summary = copy.index(folders, progress=progress, stop=stop)
        with Store.open(library, readonly=True) as old:
            tagging.copy(old, copy.store)
        if stop is None or not stop.is_set():
            _note(copy.store, "ready")
    return summary


def state(library: Path) -> tuple[str | None, State]:
    """Model and state of the copy beside a library: partial, ready to switch to, or the previous one."""
    if not Store.exists(folder(library)):
        return None, "none"
    try:
        with Store.open(folder(library), readonly=True) as copy:
            meta = dict(copy.query("SELECT key, value FROM meta"))
    except LibraryError:
        return None, "none"
    said = meta.get(_ROLE)
    return meta.get("model"), "previous" if said == "previous" else "ready" if said == "ready" else "partial"


def _note(store: Store, role: State) -> None:
    """What a library is, should it lie beside another; the one in its place is not asked."""
    with store.writing() as writer, writer.unit():
        writer.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_ROLE, role))


def switch(library: Path) -> None:
    """Swap a library with the copy beside it. Nothing of either is lost; calling it again switches back.

    Raises LibraryError NotFound when there is no copy; OSError where the folder may not be written.
    """
    recover(library)
    other, parked = folder(library), _parked(library)
    if not Store.exists(other):
        raise LibraryError("NotFound", f"There is no other copy beside {library}.", hint="Index it with another model first.")
    with Store.open(other) as target, Store.open(library) as source:
        tagging.copy(source, target)
        said.copy(source, target)
        _note(source, "previous")
    os.rename(library, parked)
    _faults.point("switch.parked")
    os.rename(other, library)
    _faults.point("switch.moved")
    os.rename(parked, other)


def recover(library: Path) -> None:
    """Finish a switch that a crash cut short."""
    parked = _parked(library)
    if not parked.exists():
        return
    if not library.exists():
        if folder(library).exists():
            os.rename(folder(library), library)
        else:
            os.rename(parked, library)
            return
    os.rename(parked, folder(library))
