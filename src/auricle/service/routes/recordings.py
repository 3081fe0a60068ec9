"""Look through the library: recordings, facets, tags, duplicates, and where a file lies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from auricle.library import browse, tagging
from auricle.library import projection as version_of
from auricle.library.rows import Recording
from auricle.library.rows import Tag as TagRow
from auricle.results import readable
from auricle.service import media
from auricle.service.asked import TagRequest
from auricle.service.context import Ctx, Lib, digest, from_cursor, require_local, to_cursor
from auricle.service.problems import ServiceError
from auricle.service.schemas import (
    DuplicateRow,
    Facets,
    FacetValue,
    Listed,
    RecordingDetail,
    RecordingPage,
    RecordingRow,
    SpokenText,
    Tag,
    TagChange,
)

router = APIRouter(prefix="/api/v1", tags=["library"])

Value = Annotated[str, Query(max_length=1000)]


def filters(
    folder: Annotated[list[Value], Query(description="The folder itself or one below it; repeat for alternatives.")] = [],  # noqa: B006
    format: Annotated[list[Value], Query()] = [],  # noqa: B006
    rate: Annotated[list[int], Query()] = [],  # noqa: B006
    channels: Annotated[list[int], Query()] = [],  # noqa: B006
    tag: Annotated[list[Value], Query(description="All of them must be there.")] = [],  # noqa: B006
    min_duration: Annotated[float | None, Query(ge=0)] = None,
    max_duration: Annotated[float | None, Query(ge=0)] = None,
    where: Annotated[str | None, Query(max_length=4000)] = None,
    name: Annotated[str | None, Query(max_length=1000, description="Letters that the file's name holds.")] = None,
) -> browse.Filter:
    return browse.Filter(
        folder=folder[:50], format=format[:50], rate=rate[:50], channels=channels[:50], tag=[t for t in tag[:50] if t],
        min_duration=min_duration, max_duration=max_duration, where=where, name=name,
    )  # fmt: skip


Chosen = Annotated[browse.Filter, Depends(filters)]


@router.get("/recordings")
def list_recordings(
    lib: Lib,
    chosen: Chosen,
    sort: Annotated[str, Query(max_length=20, examples=["path", "-added", "duration"])] = "path",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, lt=10**9, description="Where to begin, for a list that is scrolled; a cursor goes before it.")] = 0,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    id: Annotated[list[int], Query(max_length=500, description="Just these, in this order; ids that are gone are left out.")] = [],  # noqa: B006
) -> RecordingPage:
    """Recordings that fit the filters, a page at a time; none where nothing has been indexed yet."""
    if not lib.exists:
        return RecordingPage(data=[], next_cursor=None, total=0, offset=0)
    if id:
        known = browse.recordings(lib.store, id)
        return RecordingPage(data=[row_of(r) for r in known], next_cursor=None, total=len(known), offset=0)
    question = digest(lib.id, lib.generation, version_of.version(lib.store), chosen, sort)
    at = from_cursor(cursor, question) if cursor is not None else offset
    found, total = browse.page(lib.store, chosen, sort=sort, offset=at, limit=limit)
    more = at + len(found) < total and bool(found)
    return RecordingPage(
        data=[row_of(r) for r in found], next_cursor=to_cursor(at + len(found), question) if more else None, total=total, offset=at
    )


@router.get("/recordings/{recording_id}")
def get_recording(lib: Lib, recording_id: int) -> RecordingDetail:
    """All that is known of one recording."""
    recording = recording_of(lib, recording_id)
    copies = lib.store.query(
        "SELECT display FROM recordings WHERE content_id = ? AND id <> ? ORDER BY display LIMIT 100", recording.content_id, recording.id
    )
    return RecordingDetail(
        **row_of(recording).model_dump(), latitude=recording.latitude, longitude=recording.longitude,
        texts=[SpokenText(text=t.text, start=t.start, end=t.end, source=t.source, language=t.language) for t in recording.texts[:5000]],
        copies=[row[0] for row in copies], windows=recording.windows,
    )  # fmt: skip


@router.get("/recordings/{recording_id}/duplicates")
def get_duplicates(lib: Lib, recording_id: int, threshold: Annotated[float, Query(ge=0.9, le=1.0)] = 0.995) -> Listed[DuplicateRow]:
    """Recordings that hold the same sound: the same bytes, or nearly the same vectors all along."""
    from auricle.library.duplicates import duplicates_of

    recording = recording_of(lib, recording_id)
    return Listed[DuplicateRow](
        data=[
            DuplicateRow(recording_id=i, path=readable(path), duration=duration, kind=kind, similarity=similarity)
            for i, path, duration, kind, similarity in duplicates_of(lib.store, recording, threshold=threshold)
        ]
    )


@router.post("/recordings/{recording_id}/reveal", status_code=204, dependencies=[Depends(require_local)])
def post_reveal(lib: Lib, recording_id: int) -> Response:
    """Show the file in its folder, on the server's own screen."""
    path = recording_of(lib, recording_id).path
    if not os.path.exists(path):
        raise ServiceError(410, "gone", "The file is not there any more.", hint="Check that its drive is mounted, or index again.")
    command = reveal_command(path, sys.platform)
    try:
        quiet = subprocess.DEVNULL
        shown = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    except OSError:
        raise ServiceError(
            501, "no_file_manager", f"This machine has no {command[0]} to show folders with.", hint=f"The file is {readable(path)}."
        ) from None
    threading.Thread(target=shown.wait, daemon=True).start()  # or it would stay as a zombie
    return Response(status_code=204)


def reveal_command(path: str, platform: str) -> list[str]:
    """What shows a file in its folder. Arguments go to the program as they are; no shell reads them."""
    if platform == "darwin":
        return ["open", "-R", path]
    if platform == "win32":
        return ["explorer", f"/select,{path}"]
    return ["xdg-open", os.path.dirname(path)]


@router.get("/facets")
def get_facets(lib: Lib, chosen: Chosen) -> Facets:
    """How many recordings each further filter would leave."""
    found = browse.facets(lib.store, chosen) if lib.exists else browse.Facets(0, {})

    def values(field: str) -> list[FacetValue]:
        return [FacetValue(value=readable(value), count=n) for value, n in found.fields.get(field, [])]

    return Facets(
        total=found.total, folder=values("folder"), format=values("format"), rate=values("rate"), channels=values("channels"),
        tag=values("tag"), duration=values("duration"),
    )  # fmt: skip


@router.get("/tags")
def list_tags(
    lib: Lib, prefix: Annotated[str, Query(max_length=200)] = "", limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[FacetValue]:
    """Tags that people gave, the commonest first."""
    return [FacetValue(value=readable(value), count=n) for value, n in tagging.given(lib.store, prefix, limit)]


@router.post("/tags")
def post_tags(asked: TagRequest, ctx: Ctx, lib: Lib) -> TagChange:
    """Give and take tags. ``undo`` holds the requests that take back what was really changed."""
    if not asked.add and not asked.remove:
        raise ServiceError(422, "invalid_request", "There is no tag to add or to remove.")
    changes = tagging.change(lib.store, asked.recordings, add=asked.add, remove=asked.remove, model=ctx.embedder(lib))
    undo = [TagRequest(recordings=list(c.added), remove=[c.tag]) for c in changes if c.added]
    undo += [TagRequest(recordings=list(c.removed), add=[c.tag]) for c in changes if c.removed]
    return TagChange(changed=len({i for c in changes for i in (*c.added, *c.removed)}), undo=undo)


def recording_of(lib: Lib, recording_id: int) -> Recording:
    """Raises LibraryError NotFound."""
    return lib.store.recording(recording_id)


def tag_of(tag: TagRow) -> Tag:
    source: Literal["name", "file", "user"] = "user" if tag.source == "user" else "name" if tag.source == "name" else "file"
    return Tag(key=tag.key, value=readable(tag.value), source=source)


def row_of(recording: Recording) -> RecordingRow:
    path = readable(recording.path)
    folder, _, name = path.rpartition("/")
    return RecordingRow(
        id=recording.id, name=name, folder=folder or "/", path=path, duration=recording.duration, rate=recording.rate,
        channels=recording.channels, format=recording.format, codec=recording.codec, bytes=recording.bytes,
        recorded_at=recording.recorded_at, added_at=recording.added_at, vanished=recording.vanished_at is not None,
        tags=[tag_of(t) for t in recording.tags],
        playable=media.playable(recording.format, recording.codec, recording.rate, recording.channels, recording.bytes),
    )  # fmt: skip
