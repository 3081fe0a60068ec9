"""Bring a library up to date with folders of sound: hear what is new, follow what moved, say what is gone.

Threads hash and hear; the calling thread alone writes, in batches. Interrupted at any moment, what was committed is there and the
next run goes on: whether a file is done is read from the library itself, there is no journal beside it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from auricle import settings
from auricle.errors import AudioError, LibraryError
from auricle.library import departures, peaks, phrases
from auricle.library.hearing import HeardFile, Stopped, hash_file, hear_file
from auricle.library.names import name_tags
from auricle.library.rows import FailureRow, Known, Place, Text
from auricle.library.scan import Found, Scan, scan
from auricle.library.store import Store, now
from auricle.library.texts import read_sidecars
from auricle.library.writer import Writer
from auricle.results import IndexSummary, readable

TRANSIENT = ("Denied", "Unreadable", "Missing")  # may heal without a change of the file: tried on every run
VIOLENT = ("Crashed", "Timeout")  # tried once more at once, then left alone until the file changes
MAX_STRANGE = 10  # unexpected errors in a row, without one success, that are taken for a broken set-up
POLL_SECONDS = 0.25
_WALK = -1  # in place of a size: the walk could not get there


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. ``hours`` of sound heard in this run; ``seconds_left`` is None until it can be told."""

    files_done: int
    files_total: int
    hours: float
    times_real_time: float
    seconds_left: float | None
    failed: int
    path: str


@dataclass(slots=True)
class _Counts:
    added: int = 0
    unchanged: int = 0
    updated: int = 0
    moved: int = 0
    failed: int = 0
    done: int = 0
    heard_seconds: float = 0.0
    bytes_done: int = 0
    strange: int = 0
    succeeded: int = 0
    warnings: list[str] = field(default_factory=list)


def index(
    store: Store,
    paths: Iterable[str | os.PathLike[str]],
    model: Any,
    *,
    workers: int | None = None,
    prune: bool = False,
    force: bool = False,
    retry_failed: bool = False,
    wait: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> IndexSummary:
    """Index files and folders; gives the counts of this run. What failed is in ``store.failures(paths)``.

    model:        anything with name, pipeline_id, dim, rate, windowing and embed_audio.
    workers:      threads that hash and hear; the cores by default.
    prune, force: forget what is gone; force: also when most of a folder is gone.
    stop:         set it, and the run ends soon and in good order; what was heard is kept.

    Raises LibraryError (OtherModel, Busy, DiskFull, …), ModelError, and KeyboardInterrupt after committing.
    """
    from auricle import audio

    began, stop = time.monotonic(), stop or threading.Event()
    store.check_model(model)
    with store.writing(wait=wait, stop=stop) as writer:
        seen = scan(paths, suffixes=audio.SUFFIXES, exclude=store.folder)
        run = _Run(writer, model, seen, retry_failed, progress, stop)
        run.ingest(workers or settings.threads())
        gone = departures.Gone()
        if not stop.is_set():  # a run cut short has not seen what moved
            gone = departures.settle(writer, seen, run.present, prune=prune, force=force)
            phrases.fill(writer, model, stop)
    if not stop.is_set():
        _build_index(store, run.counts)
    return _summary(store, seen, run.counts, gone, began)


def _build_index(store: Store, counts: _Counts) -> None:
    """What is derived may wait: the library is whole without it."""
    try:
        store.build_index()
    except LibraryError as error:
        if error.kind != "Busy":  # else another run has begun to write, and will build it
            counts.warnings.append(f"The approximate index was not built: {error.message}")


def _summary(store: Store, seen: Scan, counts: _Counts, gone: departures.Gone, began: float) -> IndexSummary:
    stats = store.stats()
    return IndexSummary(
        recordings=stats.recordings, windows=stats.windows, hours=stats.hours, added=counts.added, unchanged=counts.unchanged,
        updated=counts.updated, moved=counts.moved, vanished=gone.vanished, pruned=gone.pruned, skipped=seen.skipped,
        failed=len(store.failures([r.path for r in seen.roots])) if seen.roots else 0, seconds=time.monotonic() - began,
        model=store.model, pipeline_id=store.pipeline_id, warnings=(*counts.warnings, *gone.warnings),
    )  # fmt: skip


@dataclass(slots=True)
class _Job:
    found: Found
    fresh: bool  # hear it even if its content is known
    tries: int = 0
    digest: str = ""


class _Run:
    """One run: what it knows, and what is under way. ``present``: ids of recordings whose files were met."""

    def __init__(
        self, writer: Writer, model: Any, seen: Scan, retry: bool, progress: Callable[[Progress], None] | None, stop: threading.Event
    ) -> None:
        self.writer, self.model, self.seen = writer, model, seen
        self.counts, self.present = _Counts(), set[int]()
        self._peaks = peaks.of(writer.store.folder)
        self._retry, self._progress, self._stop = retry, progress, stop
        self._abort = threading.Event()
        self._began = time.monotonic()
        self._roots: dict[int, int] = {}  # number of a root in the scan → its id
        self._waiting: dict[str, deque[_Job]] = {}  # by hash: identical files, while the first is heard
        self._bytes_total = 0
        self._last = ""

    def ingest(self, workers: int) -> None:
        self._note_problems()
        todo = self._plan()
        self._roots = departures.note_roots(self.writer, self.seen, self.present)
        self.writer.commit()
        with self._pool(workers) as pool:
            self._work(pool, todo, 2 * workers + 2)
        self.writer.commit()

    @contextmanager
    def _pool(self, workers: int) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="auricle-index")
        try:
            yield pool
        except BaseException:
            self._abort.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    # -- what is to do -------------------------------------------------------------------------------------------------------

    def _note_problems(self) -> None:
        """Failures of the walk itself, which is made anew on every run. What is missing but known is no failure: it vanished."""
        for old in self.writer.store.failures([r.path for r in self.seen.roots]) if self.seen.roots else ():
            if old.size == _WALK:
                self.writer.forget_failure(old.path)
        for each in self.seen.problems:
            if each.kind != "Missing" or not self.writer.recordings_under(each.path):
                self._put_failure(each.path, each.kind, each.message, "", _WALK, _WALK)

    def _plan(self) -> deque[_Job]:
        """Files that need more than a stat; the rest is settled here."""
        failures = {f.path: f for f in self.writer.store.failures([r.path for r in self.seen.roots])} if self.seen.roots else {}
        todo: deque[_Job] = deque()
        for found in self.seen.found:
            known, failure = self.writer.known(found.path), failures.get(found.path)
            if known is not None:
                self.present.add(known.recording_id)
            same = known is not None and _same(known, found)
            failed = failure is not None and (failure.size, failure.mtime_ns) == (found.size, found.mtime_ns)
            retry = failure is not None and failed and (self._retry or failure.kind in TRANSIENT)
            lost = known is not None and not known.heard  # its windows were; see repair
            if retry or lost or not (failed or same):
                todo.append(_Job(found, fresh=retry))
                self._bytes_total += found.size
                continue
            self.counts.done += 1
            self.counts.failed += failed
            if known is not None and same:
                self._settle_unchanged(known, found)
        return todo

    def _settle_unchanged(self, known: Known, found: Found) -> None:
        self.counts.unchanged += 1
        if known.vanished:
            self.writer.set_vanished(known.recording_id, None)
        if known.sidecars != found.signature:
            self._read_texts(known.recording_id, known.content_id, found)
        self.writer.commit_if_due()

    def _read_texts(self, recording: int, content: int, found: Found) -> None:
        texts, signature = self._texts(found)
        self.writer.put_texts(recording, content, texts, signature)

    def _texts(self, found: Found) -> tuple[tuple[Text, ...], str]:
        """What lies beside a file, and its signature; one that no later run shares where something could not be read."""
        texts, warnings, whole = read_sidecars(path for path, _, _ in found.sidecars)
        self.counts.warnings += warnings
        return texts, found.signature if whole else "unread"

    # -- the work ------------------------------------------------------------------------------------------------------------

    def _work(self, pool: ThreadPoolExecutor, todo: deque[_Job], room: int) -> None:
        under_way: dict[Future[Any], tuple[_Job, bool]] = {}  # True: hearing, False: hashing

        def submit(job: _Job, hearing: bool) -> None:
            future = (
                pool.submit(hear_file, job.found, job.digest, self.model, self._abort)
                if hearing
                else pool.submit(hash_file, job.found, self._abort)
            )
            under_way[future] = (job, hearing)

        while under_way or todo:
            if self._stop.is_set() and not self._abort.is_set():
                self._abort.set()
                todo.clear()
            while todo and len(under_way) < room:
                submit(todo.popleft(), False)
            finished, _ = wait(under_way, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            for future in finished:
                job, hearing = under_way.pop(future)
                for again in self._finish(future, job, hearing):
                    submit(again, True)
            self._report()
            self.writer.commit_if_due()

    def _finish(self, future: Future[Any], job: _Job, hearing: bool) -> list[_Job]:
        """Take a result in; gives the jobs that are to be heard now."""
        try:
            result = future.result()
        except Stopped:
            return []
        except AudioError as error:
            return self._failed(job, error, hearing)
        except (LibraryError, MemoryError):
            raise
        except Exception as error:
            return self._failed(job, self._strange(job, error), hearing)
        if hearing:
            self.counts.strange = 0
            self._put_heard(job, result)
            return self._released(job)
        job.digest = result
        if job.digest in self._waiting:
            self._waiting[job.digest].append(job)
            return []
        if not job.fresh and self._put_known(job):
            return []
        self._waiting[job.digest] = deque()
        return [job]

    def _released(self, job: _Job) -> list[_Job]:
        """Identical files that waited: their content is known now, or one of them is heard instead."""
        jobs = self._waiting.pop(job.digest, deque())
        while jobs:
            first = jobs.popleft()
            if not self._put_known(first):
                self._waiting[first.digest] = jobs
                return [first]
        return []

    def _failed(self, job: _Job, error: AudioError, hearing: bool) -> list[_Job]:
        if error.kind in VIOLENT and hearing and job.tries == 0:
            job.tries = 1
            return [job]
        self._put_audio_error(job.found, error, job.tries + 1)
        known = self.writer.known(job.found.path)
        if known is not None and error.kind not in TRANSIENT and not _same(known, job.found):
            self.writer.remove_recording(known.recording_id)  # what it held is not there any more
        self._count(job)
        return self._released(job) if hearing else []

    def _strange(self, job: _Job, error: Exception) -> AudioError:
        """An error that nothing foresaw costs one file, unless nothing works at all."""
        if hasattr(error, "exit_code"):
            raise error
        self.counts.strange += 1
        if self.counts.strange >= MAX_STRANGE and not self.counts.succeeded:
            raise error
        said = f"{readable(job.found.path)}: {type(error).__name__}: {error}"
        return AudioError("Crashed", job.found.path, said[:500], hint="Try again with --retry-failed.")

    # -- what is written -----------------------------------------------------------------------------------------------------

    def _put_heard(self, job: _Job, heard: HeardFile) -> None:
        known = self.writer.known(job.found.path)
        if heard.envelope is not None:
            self._peaks.put(heard.content.hash, heard.envelope)  # what cannot be kept is drawn again when it is asked for
        with self.writer.unit():
            content = self.writer.add_content(heard.content, heard.starts, heard.ends, heard.vectors)
            self._put_place(job.found, content)
            if heard.broken is not None:
                self._put_audio_error(job.found, heard.broken, 1)
        if known is None:
            self.counts.added += 1
        else:
            self.counts.updated += 1
        self.counts.heard_seconds += heard.content.duration
        self.counts.succeeded += 1
        self._count(job)

    def _put_known(self, job: _Job) -> bool:
        """Settle a file whose content was heard before; False when it was not."""
        content = self.writer.content_id(job.digest)
        if content is None or not content[1]:
            return False
        found, known = job.found, self.writer.known(job.found.path)
        if known is not None and known.content_id == content[0]:
            self.counts.unchanged += 1
            self.writer.touch_recording(known.recording_id, self._place(found))
            if known.sidecars != found.signature:
                self._read_texts(known.recording_id, known.content_id, found)
        else:
            moved = departures.moved_from(self.writer, content[0], self.seen) if known is None else None
            self._put_place(found, content[0], moved_from=moved)
            self.counts.moved += moved is not None
            self.counts.updated += known is not None
            self.counts.added += known is None and moved is None
        self.counts.succeeded += 1
        self._count(job)
        return True

    def _place(self, found: Found) -> Place:
        texts, signature = self._texts(found)
        return Place(
            found.path, found.size, found.mtime_ns, found.inode, signature, name_tags(found.path), texts, self._roots.get(found.root)
        )

    def _put_place(self, found: Found, content: int, *, moved_from: int | None = None) -> None:
        self.present.add(self.writer.put_recording(self._place(found), content, moved_from=moved_from))

    def _put_audio_error(self, found: Found, error: AudioError, attempts: int) -> None:
        self._put_failure(found.path, error.kind, error.message, error.hint, found.size, found.mtime_ns, attempts)

    def _put_failure(self, path: str, kind: str, message: str, hint: str, size: int, mtime: int, attempts: int = 1) -> None:
        self.counts.failed += 1
        row = FailureRow(path, kind, message, hint, size, mtime, attempts, kind in VIOLENT, now())
        self.writer.put_failure(row)

    # -- progress ------------------------------------------------------------------------------------------------------------

    def _count(self, job: _Job) -> None:
        self.counts.done += 1
        self.counts.bytes_done += job.found.size
        self._last = job.found.path

    def _report(self) -> None:
        if self._progress is None:
            return
        c, seconds = self.counts, max(time.monotonic() - self._began, 1e-6)
        left = (self._bytes_total - c.bytes_done) * seconds / c.bytes_done if c.bytes_done else None
        self._progress(
            Progress(c.done, len(self.seen.found), c.heard_seconds / 3600, c.heard_seconds / seconds, left, c.failed, readable(self._last))
        )


def _same(known: Known, found: Found) -> bool:
    return (known.size, known.mtime_ns, known.inode) == (found.size, found.mtime_ns, found.inode)
