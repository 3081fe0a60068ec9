"""The libraries that a server serves: opened once, shared by all requests, opened anew when one was made or switched."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auricle.errors import AuricleError, ModelError
from auricle.library import beside
from auricle.library.library import Library
from auricle.library.store import Store
from auricle.service.jobs import Jobs
from auricle.service.problems import ServiceError
from auricle.service.schemas import LibraryInfo, Root

DEFAULT_MODEL = "tiny-towers"


class Served:
    """One library under a stable id. ``reader`` is for requests; a job that writes opens one of its own."""

    def __init__(self, identity: str, path: Path) -> None:
        self.id, self.path = identity, path
        self.name = path.name.removesuffix(".library") or identity
        self.generation = 0  # changes when the folder was switched: cursors of before are stale
        self._reader: Library | None = None
        self._lock = threading.RLock()
        beside.recover(path)

    @property
    def exists(self) -> bool:
        return Store.exists(self.path)

    def reader(self) -> Library:
        """Raises ServiceError ``library_empty`` before the first index, LibraryError."""
        with self._lock:
            if self._reader is None:
                if not self.exists:
                    raise ServiceError(
                        409, "library_empty", "Nothing has been indexed yet.", hint="Add a folder of sounds to this library."
                    )
                library = Library(self.path)
                _ = library.store
                self._reader = library
            return self._reader

    @property
    def store(self) -> Store:
        return self.reader().store

    def model(self) -> Any:
        """The model of this library, shared by all that use it. Raises ModelError when it is not on this machine."""
        return self.reader().model

    def close(self) -> None:
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def switch(self) -> None:
        """Swap with the copy beside it."""
        with self._lock:
            self.close()
            beside.switch(self.path)
            self.generation += 1

    def info(self, jobs: Jobs) -> LibraryInfo:
        """Its state in words; never raises for a library that cannot be used, but says why."""
        base = LibraryInfo(
            id=self.id, name=self.name, path=str(self.path), state="empty", model=DEFAULT_MODEL, pipeline_id="", recordings=0, windows=0,
            hours=0.0, vanished=0, failures=0, writable=_writable(self.path), roots=[],
        )  # fmt: skip
        if active := jobs.active(self.id):
            base.job = active.id
        base.beside, base.beside_state = beside.state(self.path)
        if active is not None and active.kind == "reindex":
            base.beside_state = "indexing"
        if not self.exists:
            return base
        try:
            store = self.store
            stats = store.stats()
        except AuricleError as error:
            base.state, base.error, base.hint = "broken", error.message, error.hint
            return base
        base.model, base.pipeline_id, base.state = store.model, store.pipeline_id, "ready"
        base.recordings, base.windows, base.hours = stats.recordings, stats.windows, stats.hours
        base.vanished, base.failures = stats.vanished, stats.failures
        base.roots = [Root(path=path, present=os.path.exists(path)) for path in beside.roots(store)]
        try:
            self.model()
        except ModelError as error:
            base.state, base.error, base.hint = "model_missing", error.message, error.hint
        return base


class Libraries:
    """All of them by id; the first is the default."""

    def __init__(self, named: Mapping[str, Path]) -> None:
        self._served = {identity: Served(identity, path) for identity, path in named.items()}

    def get(self, identity: str | None = None) -> Served:
        """Raises ServiceError ``not_found``."""
        if identity is None:
            return next(iter(self._served.values()))
        served = self._served.get(identity)
        if served is None:
            raise ServiceError(404, "not_found", "There is no library of that id.", hint=f"Libraries: {', '.join(self._served)}.")
        return served

    def all(self) -> list[Served]:
        return list(self._served.values())

    def close(self) -> None:
        for served in self._served.values():
            served.close()


def identity_of(name: str) -> str:
    """A library's id for URLs, from its name: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().removesuffix(".library")).strip("-") or "library"


def _writable(path: Path) -> bool:
    at = path
    while not at.exists() and at.parent != at:
        at = at.parent
    return os.access(at, os.W_OK)
