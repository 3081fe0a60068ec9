"""The libraries and their long work: folders, indexing, another model, the map, jobs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from auricle import __version__, formats
from auricle.audio.reading import SUFFIXES
from auricle.demo import SOUNDS
from auricle.library import beside, projection
from auricle.library.ingest import Progress
from auricle.library.library import Library
from auricle.models import hub
from auricle.models.capabilities import EmbedsAudio
from auricle.results import as_json, readable
from auricle.service.asked import FolderRequest, IndexRequest, ReindexRequest
from auricle.service.context import Context, Ctx, Lib, digest, from_cursor, local, require_local, to_cursor
from auricle.service.jobs import ACTIVE, Job
from auricle.service.libraries import Served
from auricle.service.problems import ServiceError
from auricle.service.schemas import (
    FailureInfo,
    FailurePage,
    FolderEntry,
    FolderListing,
    JobInfo,
    LibraryInfo,
    Listed,
    MapInfo,
    ModelSummary,
    Status,
)
from auricle.service.speakers import speaks

router = APIRouter(prefix="/api/v1", tags=["libraries"])

_PING = 15.0  # seconds between signs of life on a stream of events
_FOLDERS = 2000  # of one listing


def by_id(ctx: Ctx, library_id: str) -> Served:
    return ctx.libraries.get(library_id)


One = Annotated[Served, Depends(by_id)]


@router.get("/status")
def get_status(request: Request, ctx: Ctx) -> Status:
    """What this server is and holds: the first thing that a page asks."""
    return Status(
        version=__version__, library=ctx.libraries.get().id, libraries=[lib.info(ctx.jobs) for lib in ctx.libraries.all()],
        models=[
            ModelSummary(name=m.name, pipeline_id=m.pipeline_id, dim=m.dim, description=m.description, speaks=speaks(m))
            for m in hub.installed()
            if not m.error
        ],
        local=local(request), demo=str(SOUNDS) if local(request) else None, urls=ctx.config.allow_urls, formats=formats.described(),
    )  # fmt: skip


@router.get("/libraries")
def list_libraries(ctx: Ctx) -> list[LibraryInfo]:
    return [lib.info(ctx.jobs) for lib in ctx.libraries.all()]


@router.get("/libraries/{library_id}")
def get_library(ctx: Ctx, lib: One) -> LibraryInfo:
    return lib.info(ctx.jobs)


@router.post("/libraries/{library_id}/folders", status_code=202, dependencies=[Depends(require_local)])
def post_folder(asked: FolderRequest, ctx: Ctx, lib: One, response: Response) -> JobInfo:
    """Add a folder (or a file) of the server's machine and hear what is in it."""
    path = Path(asked.path).expanduser()
    if "\x00" in asked.path or not path.is_absolute():
        raise ServiceError(422, "invalid_request", "The folder is not written from the root on.", hint="Give a path like /home/you/Sounds.")
    if not path.exists():
        raise ServiceError(404, "not_found", f"{readable(str(path))} is not there.", hint="Check the path and that the drive is mounted.")
    return _started(ctx.jobs.start("index", lib.id, _indexing(lib, [str(path)], IndexRequest())), response)


@router.delete("/libraries/{library_id}/folders", dependencies=[Depends(require_local)])
def delete_folder(asked: FolderRequest, ctx: Ctx, lib: One) -> LibraryInfo:
    """Take a folder and its recordings out of the library; the files stay where they are."""
    from auricle.library.departures import forget_root

    if active := ctx.jobs.active(lib.id):
        raise ServiceError(
            409, "job_running", f"The library is at work ({active.kind}).", hint="Wait for it, or cancel it.", retryable=True
        )
    with Library(lib.path) as library, library.store.writing() as writer:
        if not forget_root(writer, asked.path):
            raise ServiceError(404, "not_found", "The library has no such folder.")
    return lib.info(ctx.jobs)


@router.post("/libraries/{library_id}/index", status_code=202)
def post_index(asked: IndexRequest, ctx: Ctx, lib: One, response: Response) -> JobInfo:
    """Look again at all folders of the library: what is new is heard, what is unchanged costs a look."""
    roots = beside.roots(lib.store)
    if not roots:
        raise ServiceError(409, "library_empty", "The library has no folders yet.", hint="Add one first.")
    return _started(ctx.jobs.start("index", lib.id, _indexing(lib, roots, asked)), response)


@router.post("/libraries/{library_id}/reindex", status_code=202)
def post_reindex(asked: ReindexRequest, ctx: Ctx, lib: One, response: Response) -> JobInfo:
    """Hear everything with another model, beside the library as it is, which answers meanwhile. Then switch."""
    model = hub.load(asked.model)
    if not isinstance(model, EmbedsAudio):
        raise ServiceError(422, "model_capability", f"{asked.model} makes no vectors to search by.", hint="Choose another model.")
    if model.pipeline_id == lib.store.pipeline_id:
        raise ServiceError(409, "conflict", f"The library is of {model.name} already.", hint="Choose another model.")

    def work(job: Job, report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        report({"model": model.name})
        return _summary(beside.reindex(lib.path, model, progress=lambda p: report({**_progress(p), "model": model.name}), stop=job.stop))

    return _started(ctx.jobs.start("reindex", lib.id, work), response)


@router.post("/libraries/{library_id}/switch")
def post_switch(ctx: Ctx, lib: One) -> LibraryInfo:
    """Swap the library with the copy beside it; once more, and it is as before."""
    if active := ctx.jobs.active(lib.id):
        raise ServiceError(
            409, "job_running", f"The library is at work ({active.kind}).", hint="Wait for it, or cancel it.", retryable=True
        )
    if beside.state(lib.path)[1] not in ("ready", "previous"):
        raise ServiceError(409, "conflict", "There is no finished copy beside this library.", hint="Re-index it with another model first.")
    lib.switch()
    return lib.info(ctx.jobs)


@router.get("/libraries/{library_id}/failures")
def list_failures(
    lib: One, limit: Annotated[int, Query(ge=1, le=500)] = 100, cursor: Annotated[str | None, Query(max_length=2000)] = None
) -> FailurePage:
    """Files that could not be heard, each with the reason."""
    failures = lib.store.failures() if lib.exists else []
    question = digest(lib.id, lib.generation, len(failures))
    at = from_cursor(cursor, question)
    page = failures[at : at + limit]
    return FailurePage(
        data=[
            FailureInfo(path=readable(f.path), kind=f.kind, error=readable(f.error), hint=f.hint, attempts=f.attempts, at=f.at)
            for f in page
        ],
        next_cursor=to_cursor(at + limit, question) if at + limit < len(failures) else None, total=len(failures),
    )  # fmt: skip


@router.get("/folders", dependencies=[Depends(require_local)])
def list_folders(path: Annotated[str | None, Query(max_length=4096)] = None) -> FolderListing:
    """Folders of the server's machine, to choose from. Hidden ones are left out."""
    at = Path(path).expanduser() if path else Path.home()
    if (path and "\x00" in path) or not at.is_absolute():
        raise ServiceError(422, "invalid_request", "The folder is not written from the root on.")
    try:
        folders, sounds = [], 0
        with os.scandir(at) as entries:
            for entry in entries:
                if entry.is_dir() and not entry.name.startswith("."):
                    folders.append(entry)
                elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                    sounds += 1
        folders.sort(key=lambda entry: entry.name.casefold())
        listed = [FolderEntry(name=readable(e.name), path=readable(e.path), sounds=_sounds_in(e.path)) for e in folders[:_FOLDERS]]
    except FileNotFoundError:
        raise ServiceError(404, "not_found", f"{readable(str(at))} is not there.") from None
    except NotADirectoryError:
        raise ServiceError(422, "invalid_request", f"{readable(str(at))} is not a folder.") from None
    except PermissionError:
        raise ServiceError(403, "forbidden", f"{readable(str(at))} may not be read.", hint="Check its permissions.") from None
    parent = None if at.parent == at else readable(str(at.parent))
    return FolderListing(path=readable(str(at)), parent=parent, folders=listed, sounds=sounds)


def _sounds_in(path: str) -> int:
    try:
        with os.scandir(path) as entries:
            return sum(os.path.splitext(entry.name)[1].lower() in SUFFIXES for entry in entries)
    except OSError:
        return 0


@router.get("/map")
def get_map(ctx: Ctx, lib: Lib) -> MapInfo:
    """Recordings as points, as last computed."""
    found = projection.load(lib.store)
    active = ctx.jobs.active(lib.id)
    job = active.id if active is not None and active.kind == "map" else None
    if found is None:
        return MapInfo(state="none", job=job, ids=[], x=[], y=[], names=[], method="")
    place = {int(content): i for i, content in enumerate(found.contents)}
    rows = [row for row in lib.store.query("SELECT id, content_id, name FROM recordings ORDER BY id") if row[1] in place]
    at = [place[row[1]] for row in rows]
    return MapInfo(
        state="ready" if found.version == projection.version(lib.store) else "stale", job=job, ids=[row[0] for row in rows],
        x=[round(float(found.points[i, 0]), 4) for i in at], y=[round(float(found.points[i, 1]), 4) for i in at],
        names=[row[2] for row in rows], method=found.method,
    )  # fmt: skip


@router.post("/map", status_code=202)
def post_map(ctx: Ctx, lib: Lib, response: Response) -> JobInfo:
    """Compute the map anew."""
    _ = lib.store

    def work(job: Job, report: Callable[[dict[str, Any]], None]) -> dict[str, Any] | None:
        with Library(lib.path) as library:
            made = projection.make(library.store, progress=lambda done, total: report({"done": done, "total": total}), stop=job.stop)
        return None if made is None else {"recordings": len(made.contents)}

    return _started(ctx.jobs.start("map", lib.id, work), response)


# -- jobs ------------------------------------------------------------------------------------------------------------------------


@router.get("/jobs")
def list_jobs(ctx: Ctx, library: Annotated[str | None, Query(max_length=200)] = None) -> Listed[JobInfo]:
    """Jobs at work and ended, the newest first. One that a crash cut short says "interrupted": index again to go on."""
    return Listed[JobInfo](data=[job.info() for job in ctx.jobs.all(library)])


@router.get("/jobs/{job_id}")
def get_job(ctx: Ctx, job_id: str) -> JobInfo:
    return ctx.jobs.get(job_id).info()


@router.delete("/jobs/{job_id}")
def cancel_job(ctx: Ctx, job_id: str) -> JobInfo:
    """Ask a job to end. What it has done stays."""
    return ctx.jobs.cancel(job_id).info()


@router.get("/jobs/{job_id}/events", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
def job_events(request: Request, ctx: Ctx, job_id: str) -> StreamingResponse:
    """Server-sent events: ``progress`` with the job as data whenever it says something, ``end`` when it has ended."""
    job = ctx.jobs.get(job_id)
    return StreamingResponse(_events(request, ctx, job), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(request: Request, ctx: Context, job: Job) -> AsyncIterator[str]:
    version, quiet = -1, 0.0
    while True:
        ended = job.state not in ACTIVE
        if job.version > version or ended:
            version, quiet = job.version, 0.0
            yield f"event: {'end' if ended else 'progress'}\ndata: {job.info().model_dump_json()}\n\n"
        if ended or ctx.closing.is_set() or await request.is_disconnected():
            return
        await asyncio.sleep(0.2)  # also the pace: progress comes oftener than anyone can read
        quiet += 0.2
        if quiet >= _PING:
            quiet = 0.0
            yield ": still here\n\n"


def _started(job: Job, response: Response) -> JobInfo:
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job.info()


def _indexing(lib: Served, paths: list[str], asked: IndexRequest) -> Callable[[Job, Callable[[dict[str, Any]], None]], dict[str, Any]]:
    def work(job: Job, report: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        with Library(lib.path) as library:  # a writer of its own: readers see what is committed
            summary = library.index(
                paths,
                prune=asked.prune,
                force=asked.force,
                retry_failed=asked.retry_failed,
                progress=lambda p: report(_progress(p)),
                stop=job.stop,
            )
        return _summary(summary)

    return work


def _progress(at: Progress) -> dict[str, Any]:
    return {
        "done": at.files_done, "total": at.files_total, "hours": round(at.hours, 4), "times_real_time": round(at.times_real_time, 1),
        "seconds_left": None if at.seconds_left is None else round(at.seconds_left, 1), "failed": at.failed, "path": readable(at.path),
    }  # fmt: skip


def _summary(summary: object) -> dict[str, Any]:
    return as_json(summary)
