"""Take moments out: lists that other programs open, and the moments themselves as sound files."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from auricle import formats
from auricle.errors import AudioError
from auricle.formats.moment import SOUNDS, export_moment, targets
from auricle.library import browse
from auricle.results import Hit, readable
from auricle.service.asked import ExportRequest
from auricle.service.context import Lib
from auricle.service.media import disposition
from auricle.service.problems import ServiceError

router = APIRouter(prefix="/api/v1", tags=["export"])

MOST_SOUNDS = 500  # sound files of one export
MOST_SECONDS = 4 * 3600.0  # of sound in one export
_TYPES = {
    ".csv": "text/csv", ".jsonl": "application/jsonl", ".m3u8": "audio/x-mpegurl", ".vtt": "text/vtt", ".wav": "audio/wav",
    ".flac": "audio/flac", ".ogg": "audio/ogg", ".zip": "application/zip", ".parquet": "application/vnd.apache.parquet",
}  # fmt: skip


@router.post(
    "/exports",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file, or a zip of several."}},
)
def post_export(asked: ExportRequest, lib: Lib) -> StreamingResponse:
    """Moments in any format of ``auricle export``; several files come as one zip, with ``failed.txt`` for what could not be heard."""
    hits = _hits(asked, lib)
    folder = tempfile.TemporaryDirectory(prefix="auricle-export-")
    try:
        files, failed = _sounds(asked, hits, Path(folder.name)) if asked.format in SOUNDS else (_lists(asked, hits, Path(folder.name)), [])
        if len(files) == 1 and not failed:
            return _send(files[0], folder)
        return _send(_zipped(files, failed, Path(folder.name)), folder)
    except BaseException:
        folder.cleanup()
        raise


def _hits(asked: ExportRequest, lib: Lib) -> list[Hit]:
    """Moments of recordings that the library holds; nothing else can be asked for."""
    rows = {row.id: row for row in browse.recordings(lib.store, sorted({m.recording_id for m in asked.moments}))}
    hits = []
    for moment in asked.moments:
        row = rows.get(moment.recording_id)
        if row is None:
            raise ServiceError(404, "not_found", f"Recording {moment.recording_id} is not in this library.", hint="Search again.")
        if moment.end <= moment.start:
            raise ServiceError(422, "invalid_request", "A moment ends before it starts.")
        hits.append(
            Hit(
                path=row.path, start=moment.start, end=moment.end, score=moment.score, parts={}, recording_id=row.id, duration=row.duration,
                rate=row.rate, channels=row.channels, tags=tuple(dict.fromkeys(t.value for t in row.tags)), copies=(), why={},
                model=lib.store.model, pipeline_id=lib.store.pipeline_id,
            )
        )  # fmt: skip
    return hits


def _lists(asked: ExportRequest, hits: list[Hit], folder: Path) -> list[Path]:
    named = [hit if m.label is None else {**asdict(hit), "label": m.label} for hit, m in zip(hits, asked.moments, strict=True)]
    return formats.write(asked.format, named, folder / f"moments{formats.suffix(asked.format)}", label=asked.label)


def _sounds(asked: ExportRequest, hits: list[Hit], folder: Path) -> tuple[list[Path], list[str]]:
    seconds = sum(hit.end - hit.start + 2 * asked.pad for hit in hits)
    if len(hits) > MOST_SOUNDS or seconds > MOST_SECONDS:
        raise ServiceError(
            413, "export_too_large", f"An export holds {MOST_SOUNDS} sounds and {MOST_SECONDS / 3600:g} hours at most.",
            hint="Export fewer moments at a time, or use `auricle export`.",
        )  # fmt: skip
    files, failed = [], []
    for hit, path in zip(hits, targets(hits, folder, asked.format), strict=True):
        try:
            files.append(export_moment(hit, path, format=asked.format, pad=asked.pad, fade=asked.fade))
        except AudioError as error:
            if len(hits) == 1:
                raise
            failed.append(f"{readable(hit.path)} {hit.start:.3f}-{hit.end:.3f}: {error.message}")
    if not files:
        raise ServiceError(422, "audio_unreadable", "None of the moments could be heard.", hint=failed[0] if failed else "")
    return files, failed


def _zipped(files: list[Path], failed: list[str], folder: Path) -> Path:
    path = folder / "moments.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            archive.write(
                file, file.name, zipfile.ZIP_DEFLATED if file.suffix in (".wav", ".csv", ".txt", ".srt", ".vtt") else zipfile.ZIP_STORED
            )
            file.unlink()
        if failed:
            archive.writestr("failed.txt", "\n".join(failed) + "\n")
    return path


def _send(path: Path, folder: tempfile.TemporaryDirectory[str]) -> StreamingResponse:
    """The file, then nothing of it is left on the server."""
    size = path.stat().st_size
    file = path.open("rb")
    headers = {
        "Content-Length": str(size), "Content-Disposition": disposition("attachment", readable(path.name)),
        "Cache-Control": "no-store",
    }  # fmt: skip
    return StreamingResponse(_chunks(file, folder), media_type=_TYPES.get(path.suffix, "text/plain"), headers=headers)


def _chunks(file: BinaryIO, folder: tempfile.TemporaryDirectory[str]) -> Iterator[bytes]:
    try:
        with file:
            while piece := file.read(1 << 18):
                yield piece
    finally:
        folder.cleanup()
