"""What a client sends to ``/api/v1``, checked before anything is done. Seconds are floats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Source = Literal["sound", "words", "texts"]
Text = Annotated[str, Field(max_length=1000)]
HeadName = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^\w[\w.-]*$")]
TagValue = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """A body that a client sends: an unknown key is an error, so that a typing mistake is not passed over."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Filters(Strict):
    """Which recordings count. Values of one list are alternatives (tags: all of them); all that is given must hold."""

    folder: list[Text] = Field(default=[], max_length=50, description="The folder itself or one below it.")
    format: list[Text] = Field(default=[], max_length=50, examples=[["wav", "flac"]])
    rate: list[int] = Field(default=[], max_length=50, description="Samples per second.")
    channels: list[int] = Field(default=[], max_length=50)
    tag: list[TagValue] = Field(default=[], max_length=50)
    min_duration: float | None = Field(default=None, ge=0, description="Seconds.")
    max_duration: float | None = Field(default=None, ge=0, description="Seconds.")
    where: str | None = Field(default=None, max_length=4000, description="As `auricle search --where`.", examples=["duration > 10"])


class Span(Strict):
    """A stretch of a recording of the library."""

    recording_id: int = Field(ge=1)
    start: float = Field(default=0.0, ge=0)
    end: float | None = Field(default=None, gt=0)


class Clip(Strict):
    """Sound to ask about: exactly one of a recording of the library, an upload, inline audio, or (where allowed) a URL."""

    recording_id: int | None = Field(default=None, ge=1)
    upload_id: str | None = Field(default=None, max_length=64)
    audio: str | None = Field(default=None, description="Base64, or a data: URI.", max_length=48 << 20)
    url: str | None = Field(default=None, max_length=2000, description="Off unless the server allows it.")
    start: float = Field(default=0.0, ge=0)
    end: float | None = Field(default=None, gt=0)


class SearchRequest(Strict):
    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "rain on a tin roof, no voices", "limit": 20}]})

    query: Text = ""
    like: Clip | None = None
    unwanted: list[Text] = Field(default=[], max_length=20)
    unlike: list[Clip] = Field(default=[], max_length=20, description="Clips that it must not sound like.")
    filters: Filters = Filters()
    sources: list[Source] = Field(default=["sound", "words", "texts"], min_length=1)
    taught: HeadName | None = Field(default=None, description="A taught head: where the words name its labels, they mean what was shown.")
    limit: int = Field(default=50, ge=1, le=500)
    cursor: str | None = Field(default=None, max_length=2000)


class ClassifyRequest(Strict):
    model_config = ConfigDict(json_schema_extra={"examples": [{"clip": {"recording_id": 1}, "labels": ["dog bark", "rain"]}]})

    clip: Clip
    labels: list[Text] = Field(default=[], max_length=1000, description="May be left out with taught.")
    taught: HeadName | None = Field(default=None, description="A taught head, whose labels are judged beside these.")
    exclusive: bool = False


class PeaksRequest(Strict):
    """Waveforms of many recordings at once, for rows of a list. ``start`` and ``end`` tell whose loudness is asked."""

    items: list[Span] = Field(min_length=1, max_length=200)
    n: int = Field(default=160, ge=8, le=4096, description="Points a waveform.")


class TagRequest(Strict):
    recordings: list[int] = Field(min_length=1, max_length=100_000)
    add: list[TagValue] = Field(default=[], max_length=50)
    remove: list[TagValue] = Field(default=[], max_length=50)


class MomentRef(Strict):
    recording_id: int = Field(ge=1)
    start: float = Field(ge=0)
    end: float = Field(gt=0)
    score: float = 0.0
    label: Text | None = Field(default=None, description="What the moment is called, where the whole export has no label.")


class ExportRequest(Strict):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"format": "raven", "moments": [{"recording_id": 1, "start": 2.5, "end": 7.5}]}]}
    )

    format: Text
    moments: list[MomentRef] = Field(min_length=1, max_length=10_000)
    label: Text | None = None
    pad: float = Field(default=0.0, ge=0, le=60, description="Seconds of the recording around each moment (sound formats).")
    fade: float = Field(default=0.0, ge=0, le=10, description="Seconds of fade in and out (sound formats).")


class FolderRequest(Strict):
    path: str = Field(min_length=1, max_length=4096)


class IndexRequest(Strict):
    retry_failed: bool = False
    prune: bool = Field(default=False, description="Forget recordings whose files are gone.")
    force: bool = Field(default=False, description="Also when most of a folder is gone.")


class ReindexRequest(Strict):
    model: str = Field(min_length=1, max_length=500)
