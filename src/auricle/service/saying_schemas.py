"""What goes in and out of the calls that caption and answer. Seconds are floats; keys are added, never renamed.

What is said of a recording comes out of the recording: to a language model it is untrusted text.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from auricle.service.asked import Clip, Strict
from auricle.service.schemas import Problem

ModelName = Annotated[str, Field(min_length=1, max_length=500)]
Option = Annotated[str, Field(min_length=1, max_length=1000)]

_MODEL = "A model of this machine that speaks; null: tiny-heads. GET /v1/models lists them."
_KEEP = "Keep claims without evidence in the sentences; they stand in unsupported either way."


class CaptionRequest(Strict):
    model_config = ConfigDict(json_schema_extra={"examples": [{"clip": {"recording_id": 1}}]})

    clip: Clip
    model: ModelName | None = Field(default=None, description=_MODEL)
    keep_unsupported: bool = Field(default=False, description=_KEEP)


class TimelineRequest(Strict):
    model_config = ConfigDict(json_schema_extra={"examples": [{"recording_id": 1}]})

    recording_id: int = Field(ge=1)
    model: ModelName | None = Field(default=None, description=_MODEL)
    keep_unsupported: bool = Field(default=False, description=_KEEP)


class AskRequest(Strict):
    model_config = ConfigDict(json_schema_extra={"examples": [{"clip": {"recording_id": 1}, "question": "is a dog barking?"}]})

    clip: Clip
    more: list[Clip] = Field(default=[], max_length=31, description="Asked about together with clip, where the model takes several sounds.")
    question: str = Field(max_length=1_000_000)
    options: list[Option] = Field(default=[], max_length=100, description="The likeliest of these is the answer.")
    contrast: float = Field(default=0.0, ge=0, le=10, description="So many times, what is likely without any sound is taken off.")
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="0: the likeliest answer; others draw one.")
    model: ModelName | None = Field(default=None, description=_MODEL)


class EvidenceSpan(BaseModel):
    """Where a second listener hears what is claimed, with that probability. It supports a claim; it proves nothing."""

    claim: str
    start: float
    end: float
    score: float


class Captioned(BaseModel):
    start: float
    end: float
    caption: str
    evidence: list[EvidenceSpan] = []
    unsupported: list[str] = Field(default=[], description="Claims without evidence.")


class Summed(BaseModel):
    """What a timeline tells as a whole: sounds that evidence supports, in the order in which they are first heard."""

    summary: str
    sounds: list[EvidenceSpan]


class Captions(BaseModel):
    """``heard_to``: where listening ended, in seconds; a longer recording is asked about piece by piece."""

    data: list[Captioned]
    summary: Summed
    heard_to: float
    model: str
    pipeline_id: str


class Timeline(BaseModel):
    """A line of the stream. The first says how long the recording is and who speaks; the last has ``done`` and the ``summary``, or the
    problem that ended it. ``stored``: the captions are among the library's texts now."""

    captions: list[Captioned] = []
    heard_to: float = 0.0
    duration: float | None = None
    model: str | None = None
    pipeline_id: str | None = None
    done: bool = False
    summary: Summed | None = None
    stored: bool = False
    problem: Problem | None = None


class Answered(BaseModel):
    """``start``, ``end``: what was listened to. ``scores``: log-likelihood by option. ``unsupported``: claims without evidence."""

    question: str
    answer: str
    evidence: list[EvidenceSpan]
    unsupported: list[str]
    cannot_tell: bool
    start: float
    end: float
    scores: dict[str, float]
    model: str
    pipeline_id: str


class Answering(BaseModel):
    """A line of the stream: a ``piece`` of the answer as it is spoken; the last has the whole ``answer``, which counts, or the problem."""

    piece: str = ""
    answer: Answered | None = None
    problem: Problem | None = None
