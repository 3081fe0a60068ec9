"""What a browser plays and draws: files and virtual WAVs by byte ranges, waveforms, spectrograms."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Literal, Protocol

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from auricle.audio import waveform
from auricle.audio.types import Audio
from auricle.errors import AudioError, UsageError
from auricle.library import peaks
from auricle.library.rows import Recording
from auricle.library.scan import problem
from auricle.library.store import Store
from auricle.results import readable
from auricle.service import asked, schemas
from auricle.service.wav import PIECE, Lru, VirtualWav

_TYPES = {
    "wav": "audio/wav", "flac": "audio/flac", "mp3": "audio/mpeg", "ogg": "audio/ogg", "mp4": "audio/mp4", "aac": "audio/aac",
    "aiff": "audio/aiff", "au": "audio/basic", "matroska": "audio/x-matroska", "caf": "audio/x-caf", "amr": "audio/amr",
}  # fmt: skip
# container → codecs that both Chromium and Firefox play and seek to the sample
_NATIVE = {
    "wav": frozenset({"pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_f32le"}),
    "flac": frozenset({"flac"}),
    "ogg": frozenset({"vorbis", "opus"}),
    "mp3": frozenset({"mp3"}),
    "mp4": frozenset({"aac"}),
}
_NATIVE_RATES = 8000, 96_000
_NATIVE_BYTES = 1 << 31
_MP3_BYTES = 8 << 20  # browsers guess where a moment of an MP3 is, by a table of a hundred places: fair for some minutes
_FINE_SECONDS = 600.0  # a span up to which a waveform is drawn from the file where the cache is too coarse
_AT_ONCE_SECONDS = 60.0  # recordings up to which a list has missing waveforms drawn,
_AT_ONCE_BUDGET = 1.0  # for so many seconds in all
_PICTURE_BYTES = 64 << 20
_QUICK_SECONDS = 900.0  # pictures of more wait for each other, and those of less do not wait for them
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


# -- bytes -----------------------------------------------------------------------------------------------------------------------


class Resource(Protocol):
    """Bytes that can be asked for by range."""

    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def modified(self) -> float: ...
    def chunks(self, first: int, end: int) -> AsyncIterator[bytes]: ...
    def close(self) -> None: ...


class LocalFile:
    """A regular file, opened once: size, etag and bytes are of the same file whatever happens to its name. Raises AudioError."""

    def __init__(self, path: str, media_type: str = "application/octet-stream") -> None:
        self.media_type = media_type
        try:
            # a pipe that took the place of the file would block for ever
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
            self._file = os.fdopen(descriptor, "rb", buffering=0)
        except OSError as error:
            said = problem(path, error)
            raise AudioError(said.kind, path, said.message) from None
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            self._file.close()
            raise AudioError("NotAudio", path, f"{readable(path)} is not a regular file.")
        self.size, self.modified = status.st_size, status.st_mtime
        self.etag = f'"{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ino:x}"'

    async def chunks(self, first: int, end: int) -> AsyncIterator[bytes]:
        from anyio import to_thread

        while first < end:
            data = await to_thread.run_sync(os.pread, self._file.fileno(), min(4 * PIECE, end - first), first)
            if not data:
                return  # the file shrank: the connection ends short of what was promised, which the client sees
            first += len(data)
            yield data

    def close(self) -> None:
        self._file.close()


class _Streamed(StreamingResponse):
    """Closes its resource when it is sent or the client is gone."""

    def __init__(self, resource: Resource, first: int, end: int, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(resource.chunks(first, end), status, headers, resource.media_type)
        self._resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._resource.close()


def ranged(resource: Resource, headers: Mapping[str, str], *, method: str = "GET", filename: str | None = None) -> Response:
    """The answer to a request for a resource: 200, 206, 304 or 416 (RFC 9110). headers: those of the request, any spelling of names.

    One range is served; several, or what is no range, get the whole, as a server may choose.
    """
    asked = {name.lower(): value for name, value in headers.items()}
    shared = {
        "accept-ranges": "bytes",
        "etag": resource.etag,
        "last-modified": formatdate(resource.modified, usegmt=True),
        "cache-control": "private, no-cache",
    }
    if filename is not None:
        shared["content-disposition"] = disposition("inline", filename)
    if _unchanged(asked, resource):
        resource.close()
        return Response(status_code=304, headers=shared)
    wanted: tuple[int, int] | Literal["none"] | None = None
    if method == "GET" and _range_applies(asked.get("if-range"), resource):
        wanted = byte_range(asked.get("range"), resource.size)
    if wanted == "none":
        resource.close()
        return Response(status_code=416, headers={**shared, "content-range": f"bytes */{resource.size}"})
    first, end = wanted or (0, resource.size)
    shared["content-length"] = str(end - first)
    if wanted is not None:
        shared["content-range"] = f"bytes {first}-{end - 1}/{resource.size}"
    if method == "HEAD":
        resource.close()
        return Response(status_code=200, headers=shared, media_type=resource.media_type)
    return _Streamed(resource, first, end, 200 if wanted is None else 206, shared)


def byte_range(header: str | None, size: int) -> tuple[int, int] | Literal["none"] | None:
    """First byte and one past the last; None: the whole (no range, or one that is to be ignored); "none": nothing of it exists."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        count = min(int(last), size)
        return (size - count, size) if count else "none"
    if last and int(last) < int(first):
        return None
    return (int(first), min(int(last) + 1 if last else size, size)) if int(first) < size else "none"


def _range_applies(condition: str | None, resource: Resource) -> bool:
    return condition is None or condition.strip() in (resource.etag, formatdate(resource.modified, usegmt=True))


def _unchanged(asked: Mapping[str, str], resource: Resource) -> bool:
    if (etags := asked.get("if-none-match")) is not None:
        return etags.strip() == "*" or resource.etag in (each.strip().removeprefix("W/") for each in etags.split(","))
    try:
        since = parsedate_to_datetime(asked["if-modified-since"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return False
    return int(resource.modified) <= since


def disposition(kind: Literal["inline", "attachment"], filename: str) -> str:
    """A Content-Disposition that any file name survives."""
    from urllib.parse import quote

    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(filename.encode('utf-8', 'replace'), safe='')}"


def file_response(path: str, headers: Mapping[str, str], *, method: str = "GET", format: str = "", filename: str | None = None) -> Response:
    """A recording's own bytes. format: its container, as the library names it. Raises AudioError."""
    return ranged(LocalFile(path, media_type(format)), headers, method=method, filename=filename)


def wav_response(recording: Recording, headers: Mapping[str, str], *, method: str = "GET", filename: str | None = None) -> Response:
    """A recording as a WAV that is decoded while it is sent. Raises AudioError, also where its first sound cannot be decoded."""
    virtual = VirtualWav.of(recording)
    if method == "GET" and virtual.frames:
        wanted = byte_range(headers.get("range"), virtual.size)
        first = wanted[0] if isinstance(wanted, tuple) else 0
        virtual.samples(max(0, first - 44) // (virtual.cell * virtual.channels * 2))
    return ranged(virtual, headers, method=method, filename=filename)


def media_type(format: str) -> str:
    """The type of a container, as browsers know it."""
    return _TYPES.get(format, "application/octet-stream")


def playable(format: str, codec: str, rate: int, channels: int, bytes: int) -> Literal["native", "wav"]:
    """Whether Chromium and Firefox both play a file itself and seek in it to the sample, or are better given it as a WAV."""
    least, most = _NATIVE_RATES
    fits = least <= rate <= most and channels <= 2 and bytes <= (_MP3_BYTES if codec == "mp3" else _NATIVE_BYTES)
    return "native" if fits and codec in _NATIVE.get(format, ()) else "wav"


# -- pictures --------------------------------------------------------------------------------------------------------------------


def waveform_of(store: Store, recording: Recording, start: float = 0.0, end: float | None = None, n: int = 1000) -> schemas.Waveform:
    """``n`` points of a stretch: from the cache, or from the file where that is too coarse. Raises AudioError, UsageError."""
    start, end = _span(recording, start, end)
    known = peaks.of(store.folder).get(recording.hash)
    if known is None and (end - start > _FINE_SECONDS or end - start > recording.duration / 2):
        known = peaks.ensure(store.folder, recording.path, recording.hash)
    if known is not None and (end - start > _FINE_SECONDS or (end - start) / n >= known.bucket):
        return _answered(recording.id, waveform.resample(known, start, end, n))
    try:
        return _answered(recording.id, _drawn(recording, start, end, n))
    except AudioError:
        if known is None:
            raise
        return _answered(recording.id, waveform.resample(known, start, end, n))  # coarse, but the file is gone


def waveforms_of(store: Store, items: Sequence[asked.Span], n: int) -> schemas.Peaks:
    """Whole waveforms of many recordings, with the loudness of the stretches asked. What is not kept and takes long is missing."""
    ids = json.dumps(sorted({item.recording_id for item in items}))
    rows: dict[int, tuple[str, str, float]] = {
        row[0]: (row[1], os.fsdecode(row[2]), row[3])
        for row in store.query(
            "SELECT r.id, c.hash, r.path, c.duration FROM json_each(?) j JOIN recordings r ON r.id = j.value "
            "JOIN contents c ON c.id = r.content_id",
            ids,
        )
    }
    known = peaks.of(store.folder).get_many(row[0] for row in rows.values())
    until, found, missing = time.monotonic() + _AT_ONCE_BUDGET, [], []
    for item in items:
        digest, path, duration = rows.get(item.recording_id, ("", "", 0.0))
        if digest and digest not in known and duration <= _AT_ONCE_SECONDS and time.monotonic() < until:
            try:
                known[digest] = peaks.ensure(store.folder, path, digest)
            except AudioError:
                rows.pop(item.recording_id)
        envelope = known.get(digest)
        if envelope is None:
            missing.append(item.recording_id)
            continue
        whole = waveform.resample(envelope, 0.0, envelope.seconds, n)
        end = min(envelope.seconds, item.end if item.end is not None else envelope.seconds)
        asked = waveform.resample(envelope, item.start, end, 1) if item.start < end else whole
        found.append(_answered(item.recording_id, whole, loudness=asked))
    return schemas.Peaks(data=found, missing=missing)


def _drawn(recording: Recording, start: float, end: float, n: int) -> waveform.Outline:
    from auricle import audio

    tracer, offset = None, start
    for block in _quietly(audio.blocks(recording.path, mono=True, start=start, end=end, seconds=10.0)):
        if tracer is None:
            tracer, offset = waveform.Tracer(block.rate, max(1, int((end - start) * block.rate / (4 * n)))), block.offset
        tracer.add(block.samples[0])
    if tracer is None:  # a file without sound is an AudioError; here the stretch is shorter than a sample
        raise UsageError(f"There is no sound between {start:g} and {end:g} seconds.", hint="Ask for a longer stretch.")
    shape = waveform.resample(tracer.finish(), start - offset, end - offset, n)
    return waveform.Outline(start, end, shape.min, shape.max, shape.rms, shape.loudness_db, shape.peak_db)


def _answered(identity: int, shape: waveform.Outline, loudness: waveform.Outline | None = None) -> schemas.Waveform:
    heard = loudness or shape
    return schemas.Waveform(
        recording_id=identity, start=shape.start, end=shape.end, min=shape.min.tolist(), max=shape.max.tolist(), rms=shape.rms.tolist(),
        loudness_db=round(heard.loudness_db, 2), peak_db=round(heard.peak_db, 2),
    )  # fmt: skip


def _span(recording: Recording, start: float, end: float | None) -> tuple[float, float]:
    end = recording.duration if end is None else min(end, recording.duration)
    if not 0 <= start < end:
        raise UsageError(f"There is no sound from {start:g} seconds on.", hint=f"The recording has {recording.duration:.3f} seconds.")
    if end - start < 0.5 / recording.rate:
        raise UsageError(f"There is no sound between {start:g} and {end:g} seconds.", hint="Ask for a longer stretch.")
    return start, end


def _quietly(blocks: Iterator[Audio]) -> Iterator[Audio]:
    """Blocks up to where a file breaks off."""
    some = False
    try:
        for block in blocks:
            some = True
            yield block
    except AudioError as error:
        if error.kind != "Truncated" or not some:
            raise


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and what it shows: seconds ``start`` to ``end``, 0 to ``max_hz`` on the mel scale."""

    png: bytes
    start: float
    end: float
    max_hz: float


def spectrogram_png(recording: Recording, start: float, end: float | None, width: int, height: int, max_hz: float | None = None) -> Picture:
    """The spectrogram of a stretch, from memory if it was asked before. Raises AudioError, UsageError."""
    from auricle import audio
    from auricle.audio import spectrogram

    start, end = _span(recording, start, end)
    top = spectrogram.top_hz(recording.rate, max_hz)
    key: tuple[Any, ...] = (recording.hash, start, end, width, height, top)
    known = _pictures.get(key)
    if known is None:
        with _quick if end - start <= _QUICK_SECONDS else _slow:
            known = _pictures.get(key)  # whoever came first may have drawn the same
            if known is None:
                layout = spectrogram.plan(recording.rate, start, end, width)
                first = max(0.0, start - layout.lead)
                blocks = audio.blocks(recording.path, mono=True, start=first, end=end + layout.lead, seconds=5.0)
                known = spectrogram.png(spectrogram.spectrogram(_quietly(_at(recording.rate, blocks)), layout, height, max_hz))
                _pictures.put(key, known)
    return Picture(known, start, end, top)


def _at(rate: int, blocks: Iterator[Audio]) -> Iterator[Audio]:
    """Blocks of a file whose rate is what the library says, whatever became of it since."""
    for block in blocks:
        yield block.at(rate)


_quick, _slow = threading.Lock(), threading.Lock()
_pictures = Lru(_PICTURE_BYTES)
