"""``auricle.Library``: one searchable collection, as Python sees it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from auricle import settings
from auricle.errors import ModelError
from auricle.library.store import Store
from auricle.models.taught import Taught
from auricle.results import Caption, DuplicateGroup, Failure, Hit, IndexSummary


class Library:
    """A library in a folder; made by the first :meth:`index`.

        library = auricle.Library("sounds.library")
        library.index(["~/Recordings"])
        for hit in library.search("rain on a tin roof, no voices"):
            print(hit.path, hit.start, hit.end)

    path:  the folder; your default library when None.
    model: the model to index with when the library is new (default ``tiny-towers``); an existing one brings its own.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, model: str | Any | None = None) -> None:
        self.path = Path(path).expanduser() if path is not None else settings.default_library()
        self._wanted = model
        self._model: Any | None = None if model is None or isinstance(model, str) else model
        self._store: Store | None = None

    # -- what it is made of --------------------------------------------------------------------------------------------------

    @property
    def exists(self) -> bool:
        return Store.exists(self.path)

    @property
    def store(self) -> Store:
        """The open store. Raises LibraryError NotALibrary before the first :meth:`index`."""
        if self._store is None:
            self._store = Store.open(self.path, readonly=not os.access(self.path, os.W_OK))
        return self._store

    @property
    def model(self) -> Any:
        """The model that this library is bound to, loaded when first needed. Raises ModelError ``Capability`` where it gives no vectors."""
        if self._model is None:
            from auricle.models.capabilities import check_vectors

            loaded = self._load()
            check_vectors(loaded)
            self._model = loaded
        return self._model

    def _load(self) -> Any:
        from auricle.models import hub

        if self._wanted or not self.exists:
            return hub.load(str(self._wanted or "tiny-towers"))
        try:
            return hub.load(self.store.model)
        except ModelError as error:
            if error.kind != "Missing" or not self.store.model_source:
                raise
            return hub.load(self.store.model_source)  # a bundle that was named by its path

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def __enter__(self) -> Library:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # -- what it does --------------------------------------------------------------------------------------------------------

    def index(
        self,
        paths: Iterable[str | os.PathLike[str]],
        *,
        prune: bool = False,
        force: bool = False,
        retry_failed: bool = False,
        wait: bool = False,
        progress: Callable[[Any], None] | None = None,
        stop: threading.Event | None = None,
    ) -> IndexSummary:
        """Hear what is new under ``paths`` (files or folders); unchanged files cost a stat. Interrupt and call again: it goes on.

        prune: forget recordings whose files are gone (``force``: even when most of a folder is).
        retry_failed: try again what failed before. wait: for another process that writes, instead of LibraryError Busy.
        """
        from auricle.library.ingest import index

        if not self.exists:
            self._store = Store.create(self.path, model=self.model, source=_source(self.model))
        return index(
            self.store,
            list(paths),
            self.model,
            prune=prune,
            force=force,
            retry_failed=retry_failed,
            wait=wait,
            progress=progress,
            stop=stop,
        )

    def search(
        self,
        query: str = "",
        *,
        like: Any = None,
        unwanted: Sequence[str] = (),
        where: str | None = None,
        limit: int = 10,
        sources: Sequence[str] = ("sound", "words", "texts"),
        taught: str | Taught | None = None,
    ) -> list[Hit]:
        """Moments that fit, best first; see :func:`auricle.library.search.search`.

        like: a path, ``"clip.wav@12-17"``, bytes or an Audio.
        taught: a head (or its name) whose labels, where the query names them, mean what was shown.
        """
        from auricle.library.search import search
        from auricle.models.taught import Speaking, load

        model = self.model if taught is None else Speaking(self.model, load(taught))
        return search(
            self.store, model, query, like=parse_like(like) if like is not None else None,
            unwanted=unwanted, where=where, limit=limit, sources=sources,
        )  # fmt: skip

    def similar(self, recording: int | str, *, start: float = 0.0, end: float | None = None, limit: int = 10) -> list[Hit]:
        """Moments of other recordings that sound like one of this library (id or path)."""
        from auricle.library.search import similar

        return similar(self.store, self.store, recording, start=start, end=end, limit=limit)

    def duplicates(self, *, threshold: float = 0.995, exact_only: bool = False) -> list[DuplicateGroup]:
        """Groups of recordings that hold the same sound. See :func:`auricle.library.duplicates.duplicates`."""
        from auricle.library.duplicates import duplicates

        return duplicates(self.store, threshold=threshold, exact_only=exact_only)

    def caption(self, recording: int | str, model: Any = None, *, keep_unsupported: bool = False) -> list[Caption]:
        """Caption a recording of this library (id or path) and keep what was said with its texts, where search finds it.

        What was said of it before is replaced. See :func:`auricle.tasks.caption.caption`. Raises AudioError, ModelError, LibraryError.
        """
        return list(self.caption_stream(recording, model, keep_unsupported=keep_unsupported))

    def caption_stream(
        self,
        recording: int | str,
        model: Any = None,
        *,
        keep_unsupported: bool = False,
        told: Callable[[str], None] | None = None,
        heard: Callable[[float], None] | None = None,
    ) -> Iterator[Caption]:
        """The same, one after another; they are kept when the last is known. See :func:`auricle.tasks.caption.caption_stream`."""
        from auricle.library.rows import Text
        from auricle.library.said import put_captions
        from auricle.tasks.caption import UNSURE
        from auricle.tasks.caption import caption_stream as run
        from auricle.tasks.speaking import NOTHING

        found = self.store.recording(recording)
        kept: list[Text] = []
        for one in run(found.path, model, keep_unsupported=keep_unsupported, told=told, heard=heard):
            if one.caption not in (NOTHING, UNSURE):
                kept.append(Text(one.caption, one.start, one.end))
            yield one
        put_captions(self.store, found.id, kept)

    def failures(self) -> list[Failure]:
        """Files that could not be heard, and why."""
        return [Failure(f.path, f.error, f.kind, f.hint) for f in self.store.failures()]


def _source(model: Any) -> str:
    """Where a model's bundle lies, for those that only a path names."""
    bundle = getattr(model, "bundle", None)
    return str(bundle.path) if bundle is not None else ""


def parse_like(value: Any) -> Any:
    """``"clip.wav@12-17"`` → its seconds 12 to 17; a file whose own name ends so is taken as it is. Anything else passes through.

    Raises UsageError for seconds that make no sense.
    """
    import re

    from auricle.errors import UsageError
    from auricle.library.search import Like

    if isinstance(value, Like):
        return value
    if not isinstance(value, (str, os.PathLike)):
        return Like(value)
    text = os.fspath(value)
    match = re.fullmatch(r"(.+)@([\d.:]+)-([\d.:]*)", text)
    if match is None or os.path.exists(text):
        return Like(os.path.expanduser(text))
    try:
        start = seconds(match.group(2))
        end = seconds(match.group(3)) if match.group(3) else None
    except ValueError:
        raise UsageError(f"{text}: cannot read the seconds after @.", hint="Write FILE@12-17 or FILE@1:30-1:45.") from None
    if end is not None and end <= start:
        raise UsageError(f"{text}: the end is not after the start.", hint="Write FILE@12-17.")
    return Like(os.path.expanduser(match.group(1)), start, end)


def seconds(text: str) -> float:
    """``"12"``, ``"1:30"``, ``"1:02:05.5"`` → seconds. Raises ValueError."""
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total
