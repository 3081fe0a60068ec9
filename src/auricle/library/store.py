"""A library as others see it: open one, ask it. What is written goes through :class:`auricle.library.writer.Writer`."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from auricle.errors import LibraryError, UsageError
from auricle.library import ann, peaks, phrases, rows, schema, where, words
from auricle.library.lock import WriterLock
from auricle.library.nearest import GATHER_ROWS, Layout, Scores, Vectors, merge
from auricle.library.rows import FailureRow, Recording, Row, Stats
from auricle.library.segments import Ids
from auricle.models.capabilities import Windowing

if TYPE_CHECKING:
    from auricle.library.writer import Writer

_SAMPLE = 4096  # vectors that tell how a query scores on this library in general


class Bound(Protocol):
    """What a library remembers of the model that it was made with."""

    @property
    def name(self) -> str: ...
    @property
    def pipeline_id(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def windowing(self) -> Windowing: ...


class Store:
    """A library on disk. Readers see what was committed, also while a writer is at work; safe to share between threads.

    Attributes: ``folder``, ``model`` (name), ``model_source``, ``pipeline_id``, ``dim``, ``windowing``.
    """

    def __init__(self, folder: Path, connection: sqlite3.Connection, *, readonly: bool) -> None:
        self.folder, self.readonly = folder, readonly
        self.connection = connection
        self._lock = threading.RLock()
        self._vectors: Vectors | None = None
        self._ann: ann.Ann | None = None
        self._phrases: tuple[Ids, Scores] | None = None
        self._sample: tuple[Vectors, Scores] | None = None
        self._seen_version = -1
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        self.model_source = meta.get("model_source", "")  # the folder of its bundle when the library was made
        try:
            self.model, self.pipeline_id, self.dim = meta["model"], meta["pipeline_id"], int(meta["dim"])
            self.windowing = Windowing(float(meta["window_seconds"]), float(meta["window_hop"]))
        except (KeyError, ValueError) as error:
            raise schema.corrupt(folder, f"meta says nothing usable of its model ({error})") from None

    # -- open and close ------------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: str | os.PathLike[str], *, model: Bound, source: str = "") -> Store:
        """Make a library bound to ``model`` in a new or empty folder. Raises LibraryError, UsageError (the folder holds other things)."""
        path = Path(folder)
        with schema.translated(path):
            if path.exists() and not path.is_dir():
                raise UsageError(f"{path} is a file, not a folder.")
            leftovers = {"lock", "vectors", "index", schema.DATABASE + ".new", *peaks.FILES}
            if path.is_dir() and {entry.name for entry in path.iterdir()} - leftovers:
                raise UsageError(f"{path} holds other files.", hint="Name a new or empty folder for the library.")
            (path / "vectors").mkdir(parents=True, exist_ok=True)
            schema.create(
                path,
                {
                    "model": model.name, "pipeline_id": model.pipeline_id, "dim": str(model.dim),
                    "window_seconds": str(model.windowing.seconds), "window_hop": str(model.windowing.hop),
                    "created_at": now(), "epoch": "0", "model_source": source,
                },
            )  # fmt: skip
        return cls.open(path)

    @classmethod
    def open(cls, folder: str | os.PathLike[str], *, readonly: bool = False) -> Store:
        """Raises LibraryError: NotALibrary, Newer, Corrupt, ReadOnly."""
        path = Path(folder)
        connection = schema.connect(path, readonly=readonly)
        try:
            with schema.translated(path):
                where.register(connection)
                return cls(path, connection, readonly=readonly)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def exists(cls, folder: str | os.PathLike[str]) -> bool:
        return (Path(folder) / schema.DATABASE).is_file()

    def close(self) -> None:
        with self._lock:
            self._vectors = self._ann = self._phrases = self._sample = None
            self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def check_model(self, model: Bound) -> None:
        """Raises LibraryError OtherModel unless ``model`` makes the vectors that this library holds."""
        if model.pipeline_id != self.pipeline_id:
            raise LibraryError(
                "OtherModel",
                f"The library in {self.folder} was made with {self.model} ({self.pipeline_id}), "
                f"not with {model.name} ({model.pipeline_id}).",
                hint=f"Use --model {self.model}, or index into another folder.",
            )

    def writing(self, *, wait: bool = False, stop: threading.Event | None = None) -> Writer:
        """The one writer. Raises LibraryError Busy when another process writes (unless ``wait``), ReadOnly."""
        from auricle.library.writer import Writer

        if self.readonly:
            raise LibraryError("ReadOnly", f"The library in {self.folder} was opened for reading.")
        return Writer(self, wait=wait, stop=stop)

    # -- vectors -------------------------------------------------------------------------------------------------------------

    def nearest(self, queries: npt.ArrayLike, k: int, *, windows: Ids | None = None, exact: bool = False) -> tuple[Scores, Ids]:
        """The k best windows of each query by dot product, best first: scores float32 and window ids int64, both ``[q, ≤ k]``.

        queries: ``[q, d]`` or ``[d]``. windows: only these may be found. exact: never by the approximate index.
        Fewer than k columns when there are not so many windows; a row with fewer results ends in id −1, score −inf.
        """
        asked = np.ascontiguousarray(np.atleast_2d(np.asarray(queries, dtype=np.float32)))
        if asked.ndim != 2 or asked.shape[1] != self.dim:
            raise UsageError(f"queries must be [q, {self.dim}], got shape {asked.shape}")
        vectors, index = self._snapshot()
        live = vectors.layout.live if windows is None else len(windows)
        k = min(k, live)
        if k <= 0 or not len(asked):
            return np.empty((len(asked), 0), np.float32), np.empty((len(asked), 0), np.int64)
        if windows is not None and live <= GATHER_ROWS:
            return vectors.gather(asked, k, self._living(vectors, windows))
        allowed = vectors.allowed(windows)
        if index is None or exact or (windows is not None and live < vectors.layout.live // 8):
            return vectors.scan(asked, k, allowed)  # a narrow filter starves the lists that an index probes
        near = index.search(asked, k, allowed)
        return merge([near, vectors.scan(asked, k, allowed, beyond=index.covered)], len(asked), k)

    @staticmethod
    def _living(vectors: Vectors, windows: Ids) -> Ids:
        chosen = np.unique(np.asarray(windows, dtype=np.int64))
        for first, count in vectors.layout.dead:
            chosen = chosen[(chosen < first) | (chosen >= first + count)]
        return chosen

    def vectors(self, windows: npt.ArrayLike) -> Scores:
        """Stored vectors, float32 ``[n, d]``, in the order asked. Raises UsageError for an unknown id."""
        asked = np.asarray(windows, dtype=np.int64).reshape(-1)
        try:
            return self._snapshot()[0].fetch(asked)
        except KeyError as error:
            raise UsageError(str(error.args[0])) from None

    def all_vectors(self, chunk: int = 65536) -> Iterator[tuple[Ids, Scores]]:
        """Every live window in order of id: ids int64 ``[n]`` and vectors float32 ``[n, d]``, at most ``chunk`` at a time."""
        ids = self.window_ids()
        vectors = self._snapshot()[0]
        for first in range(0, len(ids), chunk):
            part = ids[first : first + chunk]
            yield part, vectors.fetch(part)

    def sample(self) -> Scores:
        """Up to 4096 vectors, float32, spread evenly over the library; kept until the library holds other ones."""
        vectors, kept = self._snapshot()[0], self._sample
        if kept is None or kept[0] is not vectors:
            ids = self.window_ids()
            if len(ids) > _SAMPLE:
                ids = ids[np.linspace(0, len(ids) - 1, _SAMPLE).astype(np.int64)]
            self._sample = kept = vectors, self.vectors(ids)
        return kept[1]

    def window_ids(self, contents: npt.ArrayLike | None = None) -> Ids:
        """Ids of all live windows, or of those of some contents, in order."""
        chosen = json.dumps(None if contents is None else np.unique(np.asarray(contents, dtype=np.int64)).tolist())
        among = "" if contents is None else "AND id IN (SELECT value FROM json_each(?1)) "
        found = self._query(
            f"SELECT first_window, windows FROM contents WHERE ?1 IS NOT NULL AND windows > 0 {among}ORDER BY first_window", chosen
        )
        spans = np.array(found, dtype=np.int64).reshape(-1, 2)
        if not len(spans):
            return np.empty(0, np.int64)
        total = int(spans[:, 1].sum())
        begins = np.cumsum(spans[:, 1]) - spans[:, 1]
        ids: Ids = np.arange(total, dtype=np.int64) + np.repeat(spans[:, 0] - begins, spans[:, 1])
        return ids

    def windows_of(self, content: int) -> list[tuple[int, float, float]]:
        """(window id, start, end) of one content, in time."""
        return self._query(
            'SELECT w.id, w.start, w."end" FROM contents c JOIN windows w ON w.id >= c.first_window AND w.id < c.first_window + c.windows '
            "WHERE c.id = ? ORDER BY w.id",
            content,
        )

    # -- words and rows ------------------------------------------------------------------------------------------------------

    def words(
        self,
        terms: str | Sequence[str],
        *,
        fields: Sequence[words.Field] = words.FIELDS,
        match: Literal["any", "all"] = "any",
        limit: int = 1000,
    ) -> list[words.WordHit]:
        """Where words stand in names, tags and texts; any text is a fair question. See :func:`auricle.library.words.find`."""
        with self._translated():
            return words.find(self.connection, terms, fields=fields, match=match, limit=limit)

    def names_near(self, query: Scores, least: float) -> dict[int, float]:
        """Content → cosine of what its names and tags say with a sentence vector float32 ``[d]``, where at least ``least``."""
        with self._translated():
            self._snapshot()  # forgets the phrases when another process committed
            if self._phrases is None:
                self._phrases = phrases.read(self.connection)
            return phrases.near(self.connection, *self._phrases, query, least)

    def phrases_near(self, query: Scores, k: int) -> list[str]:
        """What the names and tags nearest to a sentence vector float32 ``[d]`` say, best first, at most ``k``."""
        with self._translated():
            self._snapshot()
            if self._phrases is None:
                self._phrases = phrases.read(self.connection)
            return phrases.nearest(self.connection, *self._phrases, query, k)

    def select(self, expression: str | where.Compiled) -> where.Selection:
        """What a ``--where`` expression chooses: ids of recordings and of contents. Raises UsageError."""
        compiled = where.compile_where(expression) if isinstance(expression, str) else expression
        with self._translated():
            return where.select(self.connection, compiled)

    def hydrate(self, windows: npt.ArrayLike, *, prefer: npt.ArrayLike | None = None) -> list[Row]:
        """What a hit shows, in the order of the window ids. ``prefer``: recordings to name before their copies."""
        ids = [int(w) for w in np.asarray(windows, dtype=np.int64).reshape(-1) if w >= 0]
        preferred = frozenset(np.asarray(prefer, dtype=np.int64).tolist()) if prefer is not None else frozenset()
        with self._translated():
            return rows.window_rows(self.connection, ids, preferred)

    def recording(self, which: int | str) -> Recording:
        """One recording by id or path, with tags and texts. Raises LibraryError NotFound."""
        column, value = ("r.id", which) if isinstance(which, int) else ("r.path", os.fsencode(os.path.abspath(which)))
        fits = not isinstance(which, int) or abs(which) < 1 << 62  # SQLite holds no larger integer
        found = self._query(f"{rows.SELECT_RECORDINGS} WHERE {column} = ?", value) if fits else []
        if not found:
            raise LibraryError("NotFound", f"{which} is not in the library in {self.folder}.", hint="Add it with `auricle index`.")
        recording, content = found[0][0], found[0][1]
        with self._translated():
            tags = rows.tags_of(self.connection, [content], [recording])
            texts = rows.texts_of(self.connection, content, recording)
        return rows.to_recording(found[0], tags.get(("r", recording), ()) + tags.get(("c", content), ()), texts)

    def recordings(self) -> Iterator[Recording]:
        """All recordings in order of path, without tags and texts."""
        for row in self._query(f"{rows.SELECT_RECORDINGS} ORDER BY r.path"):
            yield rows.to_recording(row)

    def contents(self) -> list[tuple[int, str, float, int]]:
        """(content id, hash, duration, windows) of every distinct sound."""
        return self._query("SELECT id, hash, duration, windows FROM contents ORDER BY id")

    def failures(self, under: Sequence[str] = ()) -> list[FailureRow]:
        """Paths that could not be heard; only those at or under some paths when given."""
        found = self._query("SELECT path, kind, error, hint, size, mtime_ns, attempts, quarantined, at FROM failures ORDER BY path")
        roots = [os.fsencode(os.path.abspath(p)) for p in under]
        keep = [r for r in found if not roots or any(r[0] == root or r[0].startswith(root.rstrip(b"/") + b"/") for root in roots)]
        return [rows.to_failure(row) for row in keep]

    def stats(self) -> Stats:
        contents, windows, seconds, to_hear = self._query(
            "SELECT count(*), coalesce(sum(windows), 0), coalesce(sum(duration), 0), coalesce(sum(heard = 0), 0) FROM contents"
        )[0]
        recordings, vanished = self._query("SELECT count(*), coalesce(sum(vanished_at IS NOT NULL), 0) FROM recordings")[0]
        failures = self._query("SELECT count(*) FROM failures")[0][0]
        held = self._query("SELECT coalesce(sum(rows), 0) FROM segments")[0][0]
        dead = self._query("SELECT coalesce(sum(count), 0) FROM dead")[0][0]
        return Stats(recordings, contents, windows, seconds / 3600, vanished, failures, to_hear, held * self.dim * 2, dead)

    # -- the approximate index -----------------------------------------------------------------------------------------------

    def build_index(self, *, threshold: int | None = None, wait: bool = False) -> bool:
        """Build the approximate index where it pays and is not fresh. True when one was built. Readers go on meanwhile.

        threshold: windows from which on it pays; a million by default.

        Raises LibraryError Busy while another process writes (unless ``wait``), DiskFull.
        """
        vectors, index = self._snapshot()
        if vectors.layout.live < (ann.THRESHOLD if threshold is None else threshold) or (
            index is not None and not index.stale(vectors.layout)
        ):
            return False
        with schema.translated(self.folder):
            lock = WriterLock(self.folder, wait=wait)
            try:
                ann.build(self.folder, vectors, self.window_ids())
            finally:
                lock.release()
        self.refresh()
        return True

    @property
    def has_index(self) -> bool:
        """Whether an approximate index serves this library now."""
        return self._snapshot()[1] is not None

    # -- inside --------------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look at the disk again on the next call (done of itself after another process commits)."""
        with self._lock:
            self._vectors = self._ann = self._phrases = self._sample = None

    def layout(self) -> Layout:
        """The segments as committed now (or, inside a writer, as written so far)."""
        segments, dead, epoch = self._query(
            "SELECT (SELECT json_group_array(json_array(id, rows)) FROM segments), "
            "(SELECT json_group_array(json_array(first, count)) FROM (SELECT * FROM dead ORDER BY first)), "
            "(SELECT value FROM meta WHERE key = 'epoch')"
        )[0]  # one statement, one moment
        return Layout(dict(json.loads(segments)), tuple((first, count) for first, count in json.loads(dead)), epoch)

    def _snapshot(self) -> tuple[Vectors, ann.Ann | None]:
        """The vectors and the index as of the last commit; both stay valid however long they are used."""
        with self._translated():
            version = self.connection.execute("PRAGMA data_version").fetchone()[0]
            if self._vectors is None or version != self._seen_version:
                layout = self.layout()
                if self._vectors is None or layout != self._vectors.layout:
                    self._vectors = Vectors(self.folder, self.dim, layout)
                    self._ann = ann.load(self.folder, self._vectors)
                self._phrases = None
                self._seen_version = version
            return self._vectors, self._ann

    def query(self, sql: str, *parameters: object) -> list[Any]:
        """Rows of a SELECT, for other modules of the library; the tables are public (see ``schema``)."""
        return self._query(sql, *parameters)

    def tags(self, contents: Sequence[int], recordings: Sequence[int]) -> dict[tuple[str, int], tuple[rows.Tag, ...]]:
        """Tags by ("c", content id) and ("r", recording id)."""
        with self._translated():
            return rows.tags_of(self.connection, contents, recordings)

    def _query(self, sql: str, *parameters: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._translated():
            return self.connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with self._lock, schema.translated(self.folder):
            yield


def now() -> str:
    """The present moment as the library writes it: ISO 8601, UTC, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
