"""What goes in and out of the calls that teach and detect. Seconds are floats; keys are added, never renamed."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from auricle.service.asked import Clip, HeadName, Span, Strict, Text
from auricle.service.schemas import Moment, Problem

Label = Annotated[str, Field(min_length=1, max_length=200)]


class Kind(Strict):
    """Moments of the library that are of a label, and such that are not."""

    yes: list[Span] = Field(default=[], max_length=1000)
    no: list[Span] = Field(default=[], max_length=1000)


class TeachRequest(Strict):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "my-dogs", "labels": {"bark": {"yes": [{"recording_id": 1, "start": 0.4, "end": 4.5}]}}, "replace": True}]
        }
    )

    name: HeadName
    labels: dict[Label, Kind] = Field(min_length=1, max_length=50)
    replace: bool = Field(default=False, description="Take the place of one of that name.")


class AnswerRequest(Strict):
    """``yes`` null takes back what was said of that moment and label."""

    recording_id: int = Field(ge=1)
    start: float = Field(ge=0)
    end: float = Field(gt=0)
    label: Label
    yes: bool | None


class DetectRequest(Strict):
    model_config = ConfigDict(json_schema_extra={"examples": [{"clip": {"recording_id": 1}, "labels": ["dog bark", "speech"]}]})

    clip: Clip
    labels: list[Text] = Field(default=[], max_length=200)
    taught: HeadName | None = Field(default=None, description="Labels that were taught, beside those in words.")
    threshold: float | None = Field(default=None, gt=0, lt=1, description="Probability from which an event counts; null: the model's.")
    min_duration: float | None = Field(default=None, ge=0, le=3600, description="Seconds; null: the model's.")
    merge: float | None = Field(
        default=None, ge=0, le=3600, description="Events of one label with no more seconds between them are one; null: the model's."
    )


class ListenRequest(Strict):
    """``thresholds``: events are read at each of them, from one listening; none: at the model's own."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"recording_id": 1, "labels": ["dog bark", "speech"], "thresholds": [0.2, 0.4]}]}
    )

    recording_id: int = Field(ge=1)
    labels: list[Text] = Field(default=[], max_length=200)
    taught: HeadName | None = Field(default=None, description="Labels that were taught, beside those in words.")
    thresholds: list[Annotated[float, Field(gt=0, lt=1)]] = Field(default=[], max_length=32)
    min_duration: float | None = Field(default=None, ge=0, le=3600, description="Seconds; null: the model's.")
    merge: float | None = Field(default=None, ge=0, le=3600, description="Seconds; null: the model's.")


class TaughtLabel(BaseModel):
    """``score``: how often a held-back example stands above a sound that is not of the label (chance is 0.5), ``low`` to ``high`` at
    95 %; null where there are too few distinct examples. ``found``, ``false_alarms``: shares with a probability above one half."""

    label: str
    examples: int
    distinct: int
    rejected: int
    score: float | None
    low: float | None
    high: float | None
    found: float | None
    false_alarms: float | None


class TaughtStanding(BaseModel):
    examples: int
    score: float | None
    low: float | None
    high: float | None


class TaughtExample(BaseModel):
    """``recording_id`` is null where the library does not hold the recording (any more)."""

    recording_id: int | None
    name: str
    start: float
    end: float
    labels: dict[str, bool]


class TaughtInfo(BaseModel):
    name: str
    labels: list[TaughtLabel]
    standing: TaughtStanding
    history: list[TaughtStanding] = Field(description="The score after each time it was fitted, the latest last.")
    warnings: list[str]
    background: str = Field(description="The ordinary sounds that it was held against.")
    usable: bool = Field(description="Whether the library's model is the one that it was taught on.")
    model: str
    pipeline_id: str


class TaughtDetail(TaughtInfo):
    examples: list[TaughtExample]


class UncertainMoment(Moment):
    """A moment whose answer would teach most. ``probability``: that it is of the label."""

    label: str
    probability: float


class DetectedEvent(BaseModel):
    start: float
    end: float
    label: str
    score: float


class ListenedEvent(DetectedEvent):
    threshold: float


class Listened(BaseModel):
    """A line of the stream: ``events`` that are over by ``heard_to`` (seconds), in the order in which they ended.

    The first line has no events and says what is listened for; ``threshold`` is the model's own. The last has ``done``, or the problem
    that ended it.
    """

    events: list[ListenedEvent] = []
    heard_to: float = 0.0
    duration: float | None = None
    labels: list[str] | None = None
    threshold: float | None = None
    model: str | None = None
    pipeline_id: str | None = None
    done: bool = False
    problem: Problem | None = None


class Detected(BaseModel):
    """``heard_to``: where listening ended, in seconds; a longer recording is asked about piece by piece."""

    data: list[DetectedEvent]
    heard_to: float
    model: str
    pipeline_id: str
