"""What the routes of one server share, and how they come by it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request

from auricle.audio.types import Audio, Limits
from auricle.library.browse import Filter
from auricle.service.asked import Clip, Filters
from auricle.service.config import ServiceConfig
from auricle.service.embedding import Embedder, Embedders
from auricle.service.jobs import Jobs
from auricle.service.libraries import Libraries, Served
from auricle.service.metrics import Metrics
from auricle.service.problems import ServiceError
from auricle.service.speakers import Speakers
from auricle.service.uploads import Uploads

# What the gate lets in through a request: a clip to ask with, not a collection.
CLIP_LIMITS = Limits(bytes=64 << 20, seconds=900.0, decoded_bytes=256 << 20, channels=32, stall_seconds=20.0)


@dataclass(slots=True)
class Context:
    config: ServiceConfig
    libraries: Libraries
    jobs: Jobs
    embedders: Embedders
    uploads: Uploads
    metrics: Metrics
    found: dict[str, Any] = field(default_factory=dict)  # last searches, for their next pages
    closing: threading.Event = field(default_factory=threading.Event)
    speakers: Speakers = field(init=False)

    def __post_init__(self) -> None:
        self.speakers = Speakers(self.closing)

    def embedder(self, served: Served) -> Embedder:
        """The shared model of a library. Raises ModelError when it is not on this machine."""
        return self.embedders.of(served.model())

    def warm(self) -> None:
        """Ask the first library something, so that its model, its vectors and its names are in memory. Never raises."""
        from auricle.library.search import search

        with suppress(Exception):  # whoever asks next is told what is wrong
            served = self.libraries.get()
            if served.exists:
                search(served.store, self.embedder(served), "a sound", limit=1)

    def default_model(self) -> Any:
        from auricle.models import hub

        return hub.load(hub.DEFAULT)


def context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


def served(request: Request, library: str | None = None) -> Served:
    """``?library=ID``, or the first."""
    return context(request).libraries.get(library)


Ctx = Annotated[Context, Depends(context)]
Lib = Annotated[Served, Depends(served)]


def local(request: Request) -> bool:
    """Whether the client sits at this machine: it may see folders, add them and open them."""
    caller = getattr(request.state, "caller", None)
    return bool(getattr(caller, "local", False))


def require_local(request: Request) -> None:
    if not local(request):
        raise ServiceError(403, "local_only", "Only someone at the server's own machine may do this.")


def filter_of(filters: Filters) -> Filter:
    return Filter(
        folder=filters.folder, format=filters.format, rate=filters.rate, channels=filters.channels, tag=filters.tag,
        min_duration=filters.min_duration, max_duration=filters.max_duration, where=filters.where,
    )  # fmt: skip


def sound_of(clip: Clip, served: Served, ctx: Context) -> Audio:
    """The sound that a clip names, cut to its seconds. Raises ServiceError, AudioError."""
    from auricle import audio

    given = [name for name in ("recording_id", "upload_id", "audio", "url") if getattr(clip, name) is not None]
    if len(given) != 1:
        raise ServiceError(422, "invalid_request", "A clip names exactly one of recording_id, upload_id, audio and url.")
    if clip.end is not None and clip.end <= clip.start:
        raise ServiceError(422, "invalid_request", "The end of a clip is not after its start.")
    if clip.recording_id is not None:
        recording = served.store.recording(clip.recording_id)
        end = clip.end if clip.end is not None else clip.start + CLIP_LIMITS.seconds
        return audio.open(recording.path, start=clip.start, end=end, limits=Limits.stream())
    if clip.upload_id is not None:
        held = ctx.uploads.get(clip.upload_id)
        cut = held.slice(clip.start, clip.end)
        if not cut.samples.shape[1]:
            raise ServiceError(422, "audio_empty", "The clip ends before the seconds asked.")
        return cut
    data = from_base64(clip.audio) if clip.audio is not None else fetched(str(clip.url), ctx)
    return audio.open(data, start=clip.start, end=clip.end, limits=CLIP_LIMITS)


def from_base64(text: str) -> bytes:
    """Bytes of base64 or of a ``data:`` URI. Raises ServiceError ``invalid_audio``."""
    if text[:5].lower() == "data:":
        head, comma, text = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise ServiceError(422, "invalid_audio", "The data: URI is not base64.", hint="Write data:audio/wav;base64,…")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise ServiceError(422, "invalid_audio", "The audio is not base64.", hint="Send the bytes of a sound file in base64.") from None
    if not data:
        raise ServiceError(422, "audio_empty", "The audio holds no bytes.")
    return data


def fetched(url: str, ctx: Context) -> bytes:
    """Bytes of a URL, where the server allows that. Raises ServiceError."""
    from auricle.service.fetch import fetch

    return fetch(url, ctx.config).data


def digest(*parts: Any) -> str:
    """A short name for a question, to tell whether a cursor belongs to it."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def to_cursor(offset: int, question: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, question]).encode()).decode().rstrip("=")


def from_cursor(cursor: str | None, question: str) -> int:
    """The offset that a cursor stands for; 0 without one. Raises ServiceError ``invalid_cursor``, ``stale_cursor``."""
    if cursor is None:
        return 0
    try:
        offset, made_for = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset < 10**9 or not isinstance(made_for, str):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ServiceError(400, "invalid_cursor", "That cursor is none of this server's.", hint="Take next_cursor as it came.") from None
    if made_for != question:
        raise ServiceError(
            409, "stale_cursor", "The list has changed since that page.", hint="Ask again without the cursor.", retryable=True
        )
    return offset
