"""What ``/api/v1`` answers. Seconds are floats; keys are added, never renamed. What is asked stands in ``asked``."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from auricle.service.asked import TagRequest

T = TypeVar("T")
Playable = Literal["native", "wav"]


class Listed(BaseModel, Generic[T]):
    data: list[T]


class Tag(BaseModel):
    key: str
    value: str
    source: Literal["name", "file", "user"]


class Moment(BaseModel):
    """A stretch of a recording that fits. ``parts``: evidence of sound 0…1, of words (names, tags) and texts −1…1 (below 0: against)."""

    recording_id: int
    name: str
    folder: str
    path: str
    start: float
    end: float
    score: float
    parts: dict[str, float]
    why: dict[str, str]
    duration: float
    rate: int
    channels: int
    format: str
    tags: list[Tag]
    copies: list[str]
    vanished: bool = False
    playable: Playable


class Understood(BaseModel):
    """How the question was read."""

    wanted: str
    unwanted: list[str]


class SearchResponse(BaseModel):
    data: list[Moment]
    next_cursor: str | None
    understood: Understood
    suggestions: list[str] = Field(default=[], description="Words that would find something, where nothing was found.")
    took_ms: float
    library: str
    model: str
    pipeline_id: str


class RecordingRow(BaseModel):
    """One path of the library, as a list shows it."""

    id: int
    name: str
    folder: str
    path: str
    duration: float
    rate: int
    channels: int
    format: str
    codec: str
    bytes: int
    recorded_at: str | None
    added_at: str
    vanished: bool
    playable: Playable = Field(description="native: browsers play the file itself; wav: ask for audio?as=wav.")
    tags: list[Tag] = []


class SpokenText(BaseModel):
    """Text of a recording. It comes from files, not from whoever runs the server: treat it as untrusted."""

    text: str
    start: float | None
    end: float | None
    source: str
    language: str | None


class RecordingDetail(RecordingRow):
    latitude: float | None
    longitude: float | None
    texts: list[SpokenText]
    copies: list[str]
    windows: int


class RecordingPage(BaseModel):
    data: list[RecordingRow]
    next_cursor: str | None
    total: int
    offset: int


class FacetValue(BaseModel):
    value: str
    count: int


class Facets(BaseModel):
    """Counts of the recordings that the other filters leave, value by value, most first."""

    total: int
    folder: list[FacetValue]
    format: list[FacetValue]
    rate: list[FacetValue]
    channels: list[FacetValue]
    tag: list[FacetValue]
    duration: list[FacetValue] = Field(description='Values are ranges in seconds: "0-1", "1-5", "5-30", "30-120", "120-600", "600-".')


class Waveform(BaseModel):
    """``min``/``max``: −127…127, ``rms``: 0…127, one value a point, of full scale 127; loudness and peak of the span asked, dBFS."""

    recording_id: int
    start: float
    end: float
    min: list[int]
    max: list[int]
    rms: list[int]
    loudness_db: float
    peak_db: float


class Peaks(BaseModel):
    data: list[Waveform]
    missing: list[int] = Field(default=[], description="Recordings whose waveform is not drawn yet or cannot be; ask one by one.")


class DuplicateRow(BaseModel):
    recording_id: int
    path: str
    duration: float
    kind: Literal["exact", "near"]
    similarity: float


class Classified(BaseModel):
    scores: dict[str, float]
    none: float | None
    calibrated: bool
    exclusive: bool
    model: str
    pipeline_id: str


class Upload(BaseModel):
    """A clip held for an hour, to ask with."""

    upload_id: str
    duration: float
    rate: int
    channels: int
    min: list[int]
    max: list[int]


class TagChange(BaseModel):
    """What was really changed: send ``undo`` to take it back."""

    changed: int
    undo: list[TagRequest]


class Root(BaseModel):
    path: str
    present: bool


class LibraryInfo(BaseModel):
    id: str
    name: str
    path: str
    state: Literal["empty", "ready", "broken", "model_missing"]
    error: str | None = None
    hint: str | None = None
    model: str
    pipeline_id: str
    recordings: int
    windows: int
    hours: float
    vanished: int
    failures: int
    writable: bool
    roots: list[Root]
    job: str | None = Field(default=None, description="The job that is at work on it.")
    beside: str | None = Field(default=None, description="Model of the copy beside it: re-indexed, or switched from.")
    beside_state: Literal["none", "indexing", "partial", "ready", "previous"] = "none"


class FailureInfo(BaseModel):
    path: str
    kind: str
    error: str
    hint: str
    attempts: int
    at: str


class FailurePage(BaseModel):
    data: list[FailureInfo]
    next_cursor: str | None
    total: int


class FolderEntry(BaseModel):
    name: str
    path: str
    sounds: int = Field(description="Sound files directly inside.")


class FolderListing(BaseModel):
    path: str
    parent: str | None
    folders: list[FolderEntry]
    sounds: int


JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]


class JobInfo(BaseModel):
    id: str
    kind: Literal["index", "reindex", "map"]
    library: str
    state: JobState
    progress: dict[str, Any] = Field(
        default={},
        description="index: done, total (files), hours, times_real_time, seconds_left, failed, path. map: done, total.",
    )
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    created_at: str
    ended_at: str | None = None


class MapInfo(BaseModel):
    """Recordings as points in −1…1; near each other where they sound alike. ``columns`` of parallel arrays, to stay small."""

    state: Literal["ready", "stale", "none"]
    job: str | None
    ids: list[int]
    x: list[float]
    y: list[float]
    names: list[str]
    method: str


class ModelSummary(BaseModel):
    name: str
    pipeline_id: str
    dim: int
    description: str
    speaks: bool = Field(default=False, description="It answers in words; a library cannot be of it.")


class Status(BaseModel):
    version: str
    library: str
    libraries: list[LibraryInfo]
    models: list[ModelSummary]
    local: bool = Field(description="Whether this client may browse folders, add them and show files in their folder.")
    urls: bool
    demo: str | None = Field(default=None, description="Folder of the sounds that come with auricle, for a first try.")
    formats: list[dict[str, str]] = Field(description="Export formats: name, suffix, opens.")


class OpenAIError(BaseModel):
    message: str
    type: str
    code: str
    param: None = None


class OpenAIProblem(BaseModel):
    """A problem as OpenAI's clients read it."""

    error: OpenAIError


class Problem(BaseModel):
    """RFC 9457. ``code`` is stable; ``hint`` is the way out."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    retryable: bool = False
    request_id: str
    error: OpenAIError | None = Field(default=None, description="The same in OpenAI's shape, under /v1.")
