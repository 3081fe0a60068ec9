"""What each tool is asked: limits and descriptions are written for a language model, which reads them as JSON Schema."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_HITS = 50
MAX_ID = (1 << 63) - 1
Label = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(ge=0, le=10_000_000)]


class Asked(BaseModel):
    """An unknown key is an error, so that a misspelt one is not passed over in silence."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Input(Asked):
    library: str | None = Field(
        default=None, max_length=100, description="Id of a library, as audio_status lists them. Leave it out for the first one."
    )


class Part(Asked):
    """A recording of the library, or seconds start to end of it."""

    recording_id: int = Field(ge=1, le=MAX_ID, description="Id of a recording, as audio_search gives it. Paths and names are not taken.")
    start: Seconds = Field(default=0.0, description="Seconds from the beginning of the recording.")
    end: Seconds | None = Field(default=None, description="Seconds from the beginning of the recording; leave it out for its end.")

    @model_validator(mode="after")
    def _in_order(self) -> Part:
        if self.end is not None and self.end <= self.start:
            raise ValueError("end must be greater than start")
        return self


class PartInput(Input, Part):
    pass


class Search(Input):
    query: str = Field(
        default="", max_length=1000,
        description='The sound in plain words, e.g. "rain on a tin roof". "no X" or "without X" pushes X away: "street, no voices". '
        "Also finds words of file names, tags and transcripts. May be empty only with like or unwanted.",
    )  # fmt: skip
    unwanted: list[Label] = Field(default=[], max_length=20, description="Sounds that must not be heard, one an item.")
    like: Part | None = Field(
        default=None, description="A recording of the same library, or a part of it, to sound like; with a query both count."
    )
    where: str | None = Field(
        default=None, max_length=1000,
        description='Only recordings that fit a filter, e.g. "duration > 10 and format = wav", "tag ~ rain", "rate >= 48000".',
    )  # fmt: skip
    limit: int = Field(default=10, ge=1, le=MAX_HITS, description="How many moments at most.")


class Similar(PartInput):
    limit: int = Field(default=10, ge=1, le=MAX_HITS, description="How many moments at most.")


class Describe(PartInput):
    top: int = Field(default=8, ge=1, le=30, description="How many labels at most.")


class Get(Input):
    recording_id: int = Field(ge=1, le=MAX_ID, description="Id of a recording, as audio_search gives it. Paths and names are not taken.")
    texts_from: int = Field(default=0, ge=0, le=10_000_000, description="First text to show, from 0; a cut answer names the next one.")
    texts_limit: int = Field(default=20, ge=0, le=50, description="How many texts (transcript lines, markers) at most.")


class Classify(PartInput):
    labels: list[Label] = Field(
        min_length=1, max_length=100, description='What it may be, in plain words, e.g. ["dog bark", "rain", "speech"].'
    )
    exclusive: bool = Field(default=False, description="True: exactly one label, or none of them, holds; probabilities then sum to 1.")


class Caption(PartInput):
    pass


class Ask(PartInput):
    question: str = Field(min_length=1, max_length=2000, description='About what is heard, e.g. "what happens after the bell?".')
    options: list[Label] = Field(
        default=[], max_length=20, description="Answers to choose from, by likelihood; leave it out for one in words."
    )


class View(PartInput):
    width: int = Field(default=1024, ge=64, le=2048, description="Pixels.")
    height: int = Field(default=384, ge=64, le=1024, description="Pixels.")


class Status(Asked):
    failures: int = Field(default=5, ge=0, le=20, description="How many files that could not be heard to name, a library.")


def schema_of(model: type[BaseModel], *, asked: bool = True) -> dict[str, Any]:
    """JSON Schema without references or titles: many clients show or check nothing behind a ``$ref``. asked: for what a client sends."""
    document = model.model_json_schema(mode="validation" if asked else "serialization")
    shared = document.pop("$defs", {})

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            beside = {k: v for k, v in value.items() if k != "$ref"}
            return plain({**shared[value["$ref"].rsplit("/", 1)[1]], **beside})
        options = [option for option in value.get("anyOf", ()) if option != {"type": "null"}]
        if asked and len(options) == 1 and value.get("default", 0) is None:  # left out is how "none" is said
            return plain({**options[0], **{k: v for k, v in value.items() if k not in ("anyOf", "default")}})
        named = {k: {name: plain(v) for name, v in inner.items()} for k, inner in value.items() if k == "properties"}
        return {k: named.get(k, plain(v)) for k, v in value.items() if k != "title" or not isinstance(v, str)}

    made: dict[str, Any] = plain(document)
    return made
