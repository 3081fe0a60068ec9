"""What a world is made of and how its scenes are, as one YAML file. An unknown key or impossible value is an error that names its line.

    manifests: [corpus/manifest.jsonl]   # relative to this file
    rate: 16000
    seconds: [8, 12]
    beds: [rain, wind]

Every key has a default but ``manifests``; :class:`WorldConfig` says what each means.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from auricle.errors import DataError

Chance = Annotated[float, Field(ge=0.0, le=1.0)]
Room = Literal["dry", "room", "hall", "outdoors"]

_ROOMS: Mapping[Room, float] = {"dry": 0.4, "room": 0.25, "hall": 0.15, "outdoors": 0.2}


class WorldConfig(BaseModel):
    """How scenes are. Chances are from 0 to 1; pairs are the least and the most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifests: tuple[str, ...] = ()  # relative to the file's folder
    name: str = Field(default="world", min_length=1, max_length=80, pattern=r"^[\w.@-]+$")  # of the set that is written
    seed: int = Field(default=0, ge=0, lt=1 << 63)
    rate: int = Field(default=16000, ge=4000, le=192_000)  # samples per second
    channels: Literal[1, 2] = 1
    seconds: tuple[float, float] = (8.0, 12.0)  # of a scene
    labels: tuple[str, ...] = ()  # the sounds to use; none: all that the items have
    beds: tuple[str, ...] = ()  # those that may lie under a whole scene; none: what the lexicon calls a bed
    min_clips: int = Field(default=5, ge=1)  # source clips that a label needs on each side of a split
    short_labels: Literal["refuse", "drop", "allow"] = "refuse"  # what to do about labels with fewer
    sounds: tuple[int, int] = (1, 4)  # kinds of sound in the foreground; fewer where they do not fit
    event_seconds: tuple[float, float] = (0.05, 6.0)  # of one event
    overlap: Chance = 0.35  # that a sound begins while the one before it is heard
    repeat: Chance = 0.35  # that a countable sound comes several times
    repeats: tuple[int, int] = (2, 4)
    speech: Chance = 0.35  # that someone speaks, where there are items with a transcript
    music: Chance = 0.25  # that an instrument plays, where there are items that name one
    background: Chance = 0.6  # that a bed lies under the scene
    snr: tuple[float, float] = (0.0, 24.0)  # of an event over the background, dB of active level
    background_level: tuple[float, float] = (-48.0, -32.0)  # active level of the bed, dB of full scale
    near: Chance = 0.25  # that a sound is near
    far: Chance = 0.25  # that it is far away
    rooms: Mapping[Room, float] = _ROOMS  # weights
    captions: int = Field(default=6, ge=0, le=50)  # of a scene, at most
    counterfactuals: int = Field(default=6, ge=0, le=50)
    questions: int = Field(default=8, ge=0, le=50)
    cache_mb: int = Field(default=256, ge=1)  # of decoded clips held in memory

    @model_validator(mode="after")
    def _sane(self) -> WorldConfig:
        for name in ("seconds", "sounds", "event_seconds", "repeats", "snr", "background_level"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: the least ({low}) is more than the most ({high})")
        if self.seconds[0] < 0.5 or self.seconds[1] > 600:
            raise ValueError("seconds: a scene lasts from 0.5 to 600 seconds")
        if self.sounds[0] < 0 or self.sounds[1] > 12:
            raise ValueError("sounds: a scene has from 0 to 12 kinds of sound")
        if self.event_seconds[0] <= 0:
            raise ValueError("event_seconds: an event lasts more than 0 seconds")
        if self.repeats[0] < 2 or self.repeats[1] > 10:
            raise ValueError("repeats: a sound is repeated from 2 to 10 times")
        if self.near + self.far > 1:
            raise ValueError("near: near and far are chances of the same sound: together at most 1")
        if any(w < 0 for w in self.rooms.values()) or not sum(self.rooms.values()) > 0:
            raise ValueError("rooms: weights are not negative, and one is more than 0")
        return self

    @property
    def fingerprint(self) -> str:
        """Of all that a scene depends on besides the clips and the seed; where the files lie and what is cached is no part of it."""
        values = self.model_dump(mode="json", exclude={"manifests", "cache_mb", "seed", "name"})
        return hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=6).hexdigest()


def load(path: str | os.PathLike[str]) -> WorldConfig:
    """Read a world's file. Raises DataError (Missing, Invalid), which names file and line."""
    import yaml

    name = os.fspath(path)
    try:
        text = Path(name).read_text("utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise DataError("Missing", f"{name}: there is no such file.", path=name, hint="Check the path.") from None
    except UnicodeDecodeError:
        raise DataError("Invalid", f"{name}: is not UTF-8.", path=name, hint="Save it as UTF-8.") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "is no YAML"
        raise _invalid(name, mark.line + 1 if mark else 1, f"is no YAML: {problem}") from None
    if not isinstance(document, dict):
        raise _invalid(name, 1, "holds no keys")
    if not document.get("manifests"):
        raise _invalid(name, 1, "names no manifests", "Add `manifests: [corpus/manifest.jsonl]`.")
    return parse(document, name, root)


def parse(document: Mapping[str, Any], path: str = "", node: Any = None) -> WorldConfig:
    """A checked configuration. ``node``: the YAML nodes, for the line of what is wrong. Raises DataError (Invalid)."""
    try:
        return WorldConfig.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = [str(part) for part in first["loc"]]
        text = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            known = ", ".join(WorldConfig.model_fields)
            raise _invalid(path, _line(node, where), f"unknown key {where[-1]!r}", f"Known are {known}.") from None
        if not where:
            where = [text.partition(":")[0]]  # a check of the whole begins with the key it is about
            raise _invalid(path, _line(node, where), text) from None
        raise _invalid(path, _line(node, where), f"{'.'.join(where)}: {text[:1].lower()}{text[1:]}") from None


def _invalid(path: str, line: int, what: str, hint: str = "Correct it there.") -> DataError:
    where = f"{path}:{line}: " if path else ""
    return DataError("Invalid", f"{where}{what}.", path=path, line=line, hint=hint)


def _line(node: Any, where: list[str]) -> int:
    """The line of the key that ``where`` leads to, or of the last part that is there."""
    line = node.start_mark.line + 1 if node is not None else 0
    for part in where:
        value = getattr(node, "value", None)
        if not isinstance(value, list):
            break
        for index, child in enumerate(value):
            if isinstance(child, tuple) and child[0].value == part:
                line, node = child[0].start_mark.line + 1, child[1]
                break
            if not isinstance(child, tuple) and str(index) == part:
                line, node = child.start_mark.line + 1, child
                break
    return line
