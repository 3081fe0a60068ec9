"""Hear and see: the sound itself by byte ranges, waveforms, spectrograms."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from auricle.results import readable
from auricle.service import media
from auricle.service.asked import PeaksRequest
from auricle.service.context import Lib
from auricle.service.problems import ServiceError
from auricle.service.routes.recordings import recording_of
from auricle.service.schemas import Peaks, Waveform

router = APIRouter(prefix="/api/v1", tags=["sound"])

_SOUND: dict[int | str, dict[str, object]] = {
    200: {"content": {"audio/*": {}}, "description": "The whole sound."},
    206: {"content": {"audio/*": {}}, "description": "The bytes of the range asked."},
    304: {"description": "It has not changed."},
    416: {"description": "There is nothing in the range asked."},
}  # fmt: skip


@router.head("/recordings/{recording_id}/audio", include_in_schema=False)
@router.get("/recordings/{recording_id}/audio", response_class=Response, responses=_SOUND)
def get_audio(
    request: Request,
    lib: Lib,
    recording_id: int,
    as_: Annotated[Literal["file", "wav"], Query(alias="as", description="wav: decoded, as 16-bit PCM, whatever the file is.")] = "file",
) -> Response:
    """The sound of a recording. Takes one byte range, so that a player may begin anywhere."""
    recording = recording_of(lib, recording_id)
    name = readable(recording.path).rpartition("/")[2]
    if as_ == "wav":
        return media.wav_response(recording, request.headers, method=request.method, filename=f"{name}.wav")
    return media.file_response(recording.path, request.headers, method=request.method, format=recording.format, filename=name)


@router.get("/recordings/{recording_id}/peaks")
def get_peaks(
    lib: Lib,
    recording_id: int,
    start: Annotated[float, Query(ge=0)] = 0.0,
    end: Annotated[float | None, Query(gt=0)] = None,
    n: Annotated[int, Query(ge=8, le=8192, description="Points.")] = 1000,
) -> Waveform:
    """The waveform of a stretch, as points to draw."""
    return media.waveform_of(lib.store, recording_of(lib, recording_id), start, end, n)


@router.post("/peaks")
def post_peaks(asked: PeaksRequest, lib: Lib) -> Peaks:
    """Whole waveforms of many recordings, for the rows of a list, with the loudness of the stretches asked."""
    return media.waveforms_of(lib.store, asked.items, asked.n)


@router.get(
    "/recordings/{recording_id}/spectrogram",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}, "description": "Headers X-Start, X-End (seconds) and X-Max-Hz say what it shows."}},
)
def get_spectrogram(
    lib: Lib,
    recording_id: int,
    start: Annotated[float, Query(ge=0)] = 0.0,
    end: Annotated[float | None, Query(gt=0)] = None,
    width: Annotated[int, Query(ge=16, le=4096)] = 800,
    height: Annotated[int, Query(ge=16, le=1024)] = 256,
    max_hz: Annotated[float | None, Query(gt=0, le=384_000)] = None,
) -> Response:
    """A picture: time from left to right, mel frequency from bottom to top, 80 dB from dark to bright."""
    recording = recording_of(lib, recording_id)
    if end is not None and end <= start:
        raise ServiceError(422, "invalid_request", "The end is not after the start.")
    picture = media.spectrogram_png(recording, start, end, width, height, max_hz)
    headers = {
        "X-Start": f"{picture.start:.6f}",
        "X-End": f"{picture.end:.6f}",
        "X-Max-Hz": f"{picture.max_hz:g}",
        "Cache-Control": "private, max-age=3600",
    }
    return Response(picture.png, media_type="image/png", headers=headers)
