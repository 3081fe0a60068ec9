"""One file heard: its hash, header, metadata and window vectors. Runs in threads; touches no database."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from auricle import _faults
from auricle.audio.waveform import Envelope, Tracer
from auricle.errors import AudioError
from auricle.library.peaks import RATE_FACTOR
from auricle.library.rows import Content, Tag
from auricle.library.scan import Found, problem
from auricle.results import readable

if TYPE_CHECKING:
    from auricle.audio.types import Audio, AudioInfo, Metadata
    from auricle.models.capabilities import EmbedsAudio

MAX_TAG = 4000  # characters of one tag that are kept


class Stopped(Exception):
    """The run is ending; this file is left for the next."""


@dataclass(frozen=True, slots=True, eq=False)
class HeardFile:
    """``vectors``: float16 ``[n, d]``; ``starts``, ``ends``: seconds ``[n]``. ``broken``: where the file ended early; the rest is here.

    ``envelope``: its waveform, drawn in passing; None where the model hears too little of the recording's rate to draw it.
    """

    content: Content
    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float16]
    broken: AudioError | None
    envelope: Envelope | None = None


def hash_file(found: Found, stop: threading.Event) -> str:
    """The content hash. Raises AudioError, Stopped."""
    from auricle import audio

    if stop.is_set():
        raise Stopped
    try:
        _faults.point("hash.before")
        digest = audio.content_hash(found.path)
        _faults.point("hash.after")
    except OSError as error:
        raise _unreadable(found.path, error) from error
    return digest


def hear_file(found: Found, digest: str, model: EmbedsAudio, stop: threading.Event) -> HeardFile:
    """Decode and embed one file. Raises AudioError, Stopped. A truncated file gives what was heard before the break."""
    from auricle import audio
    from auricle.models.listening import listen

    if stop.is_set():
        raise Stopped
    try:
        _faults.point("hear.before")
        info = audio.probe(found.path)
        metadata = audio.metadata(found.path)
        stream = _Stream(found, model.rate, stop, Tracer(model.rate) if info.rate <= RATE_FACTOR * model.rate else None)
        starts, ends, vectors = [], [], [np.empty((0, model.dim), np.float16)]
        for heard in listen(stream.blocks(), model):
            starts.append(heard.starts)
            ends.append(heard.ends)
            vectors.append(heard.vectors.astype(np.float16))  # half the memory while a long file is heard
        _faults.point("hear.after")
        _check_unchanged(found)
    except OSError as error:
        raise _unreadable(found.path, error) from error
    if not starts:
        raise stream.broken or AudioError("Empty", found.path, f"{readable(found.path)} holds no sound.")
    content = _content(found, digest, info, metadata, stream.seconds)
    envelope = stream.tracer.finish() if stream.tracer is not None else None
    return HeardFile(content, np.concatenate(starts), np.concatenate(ends), np.concatenate(vectors), stream.broken, envelope)


class _Stream:
    """The blocks of a file; a truncation ends them quietly, so that the last windows before it are heard too.

    tracer: draws them as they pass.
    """

    def __init__(self, found: Found, rate: int, stop: threading.Event, tracer: Tracer | None = None) -> None:
        self._found, self._rate, self._stop, self.tracer = found, rate, stop, tracer
        self.seconds = 0.0
        self.broken: AudioError | None = None

    def blocks(self) -> Iterator[Audio]:
        from auricle import audio

        try:
            for block in audio.blocks(self._found.path, rate=self._rate, mono=True, limits=audio.Limits.stream()):
                if self._stop.is_set():
                    raise Stopped
                _faults.point("hear.block")
                self.seconds += block.duration
                if self.tracer is not None:
                    self.tracer.add(block.samples[0])
                yield block
        except AudioError as error:
            if error.kind != "Truncated":
                raise
            self.broken = error


def _content(found: Found, digest: str, info: AudioInfo, metadata: Metadata, seconds: float) -> Content:
    tags = [Tag(key, value.replace("\x00", " ").strip()[:MAX_TAG], "file") for key, value in sorted(metadata.tags.items())]
    return Content(
        hash=digest, duration=seconds, rate=info.rate, channels=info.channels, format=info.format, codec=info.codec, bytes=found.size,
        recorded_at=normal_date(metadata.recorded_at), latitude=metadata.latitude, longitude=metadata.longitude,
        tags=tuple(tag for tag in tags if tag.value), markers=metadata.markers,
    )  # fmt: skip


def normal_date(text: str | None) -> str | None:
    """ISO 8601 as the library compares it: UTC with Z when the zone is known, to the second; None for what is no date."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    except (ValueError, OverflowError):
        return None


def _check_unchanged(found: Found) -> None:
    """The hash, the sound and the stat must speak of the same bytes."""
    status = os.stat(found.path)
    if (status.st_size, status.st_mtime_ns) != (found.size, found.mtime_ns):
        raise AudioError("Unreadable", found.path, f"{readable(found.path)} changed while it was read.", hint="Index again.")


def _unreadable(path: str, error: OSError) -> AudioError:
    said = problem(path, error)
    return AudioError(said.kind, path, said.message)
