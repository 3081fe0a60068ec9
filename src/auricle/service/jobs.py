"""Long work: one thread a job, one job a library at a time, state and progress for whoever asks.

Jobs are kept in ``jobs.db`` in the user's folder, so that after a crash the page can say what was cut short and go on with it. What a job
has done lies in the library; the record here only tells of it.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from auricle.errors import AuricleError
from auricle.library.store import now
from auricle.service.problems import ServiceError
from auricle.service.schemas import JobInfo, JobState

log = logging.getLogger("auricle.jobs")

Kind = Literal["index", "reindex", "map"]
KEPT = 200  # ended jobs that are remembered
ACTIVE = ("queued", "running")


@dataclass(slots=True)
class Job:
    """``work`` takes the job, reports through :meth:`report`, looks at ``stop``, and gives the result."""

    id: str
    kind: Kind
    library: str
    created_at: str
    state: JobState = "queued"
    progress: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    ended_at: str | None = None
    version: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    def info(self) -> JobInfo:
        return JobInfo(
            id=self.id, kind=self.kind, library=self.library, state=self.state, progress=self.progress, result=self.result,
            error=self.error, created_at=self.created_at, ended_at=self.ended_at,
        )  # fmt: skip


Work = Callable[[Job, Callable[[dict[str, Any]], None]], dict[str, Any] | None]


class Jobs:
    """Start, watch and cancel jobs. Safe to share between threads."""

    def __init__(self, database: Path) -> None:
        self._changed = threading.Condition()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._threads: dict[str, threading.Thread] = {}
        self._database = database
        self._read()

    def start(self, kind: Kind, library: str, work: Work) -> Job:
        """Raises ServiceError ``job_running`` when a job is at work on this library."""
        with self._changed:
            if running := self.active(library):
                raise ServiceError(
                    409,
                    "job_running",
                    f"The library is at work already ({running.kind}).",
                    hint="Wait for it, or cancel it.",
                    retryable=True,
                )
            job = Job(secrets.token_hex(8), kind, library, now())
            self._jobs[job.id] = job
            self._trim()
            self._save(job)
            thread = threading.Thread(target=self._run, args=(job, work), name=f"auricle-{kind}", daemon=True)
            self._threads[job.id] = thread
            thread.start()
        return job

    def active(self, library: str) -> Job | None:
        with self._changed:
            return next((job for job in self._jobs.values() if job.library == library and job.state in ACTIVE), None)

    def get(self, identity: str) -> Job:
        """Raises ServiceError ``not_found``."""
        with self._changed:
            job = self._jobs.get(identity)
        if job is None:
            raise ServiceError(404, "not_found", "There is no such job.", hint="GET /api/v1/jobs lists those that are remembered.")
        return job

    def all(self, library: str | None = None) -> list[Job]:
        """Newest first."""
        with self._changed:
            return [job for job in reversed(self._jobs.values()) if library in (None, job.library)]

    def cancel(self, identity: str) -> Job:
        """Ask a job to end; what it has done stays. One that has ended is left as it is."""
        job = self.get(identity)
        if job.state in ACTIVE:
            job.stop.set()
        return job

    def wait(self, job: Job, version: int, timeout: float) -> bool:
        """Until the job says something newer than ``version``, has ended, or ``timeout`` seconds are over. True when it did."""
        with self._changed:
            return self._changed.wait_for(lambda: job.version > version or job.state not in ACTIVE, timeout)

    def close(self) -> None:
        """End all work in good order."""
        for job in self.all():
            if job.state in ACTIVE:
                job.stop.set()
        for thread in list(self._threads.values()):
            thread.join(timeout=30.0)

    # -- inside --------------------------------------------------------------------------------------------------------------

    def _run(self, job: Job, work: Work) -> None:
        def report(progress: dict[str, Any]) -> None:
            with self._changed:
                job.progress = progress
                job.version += 1
                self._changed.notify_all()

        with self._changed:
            job.state = "running"
            self._save(job)
        result: dict[str, Any] | None = None
        error: dict[str, Any] | None = None
        try:
            result = work(job, report)
            state: JobState = "cancelled" if job.stop.is_set() else "done"
        except AuricleError as failure:
            state, error = "failed", {"code": failure.kind, "detail": failure.message, "hint": failure.hint}
        except BaseException as failure:
            log.exception("job %s failed", job.id)
            state, error = (
                "failed",
                {"code": "internal", "detail": f"{type(failure).__name__}: {failure}"[:500], "hint": "See the server's log."},
            )
        with self._changed:
            job.state, job.result, job.error, job.ended_at = state, result, error, now()
            job.version += 1
            self._threads.pop(job.id, None)
            self._save(job)
            self._changed.notify_all()

    def _trim(self) -> None:
        ended = [identity for identity, job in self._jobs.items() if job.state not in ACTIVE]
        for identity in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[identity]

    def _connect(self) -> sqlite3.Connection:
        self._database.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._database, timeout=5.0)
        db.execute("CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, document TEXT NOT NULL)")
        return db

    def _save(self, job: Job) -> None:
        """Best effort: work must not end because its record cannot be written."""
        with suppress(sqlite3.Error, OSError):
            db = self._connect()
            try:
                with db:
                    db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)", (job.id, job.created_at, job.info().model_dump_json()))
                    db.execute(
                        "DELETE FROM jobs WHERE id NOT IN (SELECT id FROM jobs ORDER BY created_at DESC, rowid DESC LIMIT ?)", (KEPT,)
                    )
            finally:
                db.close()

    def _read(self) -> None:
        """Jobs of earlier runs. One that still says it runs was cut short."""
        for document in self._documents():
            with suppress(ValueError, KeyError, TypeError):
                kept = json.loads(document)
                job = Job(kept["id"], cast(Kind, kept["kind"]), kept["library"], kept["created_at"], kept["state"])
                job.progress, job.result, job.error, job.ended_at = kept["progress"], kept["result"], kept["error"], kept["ended_at"]
                if job.state in ACTIVE:
                    job.state = "interrupted"
                self._jobs[job.id] = job

    def _documents(self) -> Iterator[str]:
        with suppress(sqlite3.Error, OSError):
            if self._database.is_file():
                db = self._connect()
                try:
                    yield from [row[0] for row in db.execute("SELECT document FROM jobs ORDER BY created_at, rowid")]
                finally:
                    db.close()
