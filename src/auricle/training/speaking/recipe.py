"""The recipe of a speaker: one YAML file a stage, which begins from the weights of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auricle.errors import DataError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Size(_Part):
    vocabulary: int = Field(default=2048, ge=300)
    width: int = Field(default=192, multiple_of=16, ge=16)
    layers: int = Field(default=6, ge=1)
    heads: int = Field(default=6, ge=1)
    listener: int = Field(default=2, ge=0)
    places: int = Field(default=320, ge=64)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class Stage(_Part):
    """``loss``: the answers; the whole texts with their prompts; or only the kinds of sound that each frame holds.

    ``told``: the chance that a batch is not heard but told which kinds each frame holds, with errors: words teach words.
    """

    scenes: list[str]  # folders of composed scenes
    texts: list[str] = Field(default_factory=list)  # CSV files of captions; only the language stage reads them
    init: str | None = None  # folder of the stage before
    ears: str | None = None  # folder of a stage whose ears are taken: all but the decoder
    frozen: bool = False  # ears as they are: only what reads them learns
    tower: str = "tiny-towers@2"  # whose text tower knows the names of the kinds
    size: Size = Size()
    loss: Literal["answers", "whole", "kinds"] = "answers"
    told: float = Field(default=0.0, ge=0, le=1)
    kinds: float = Field(default=0.3, ge=0)  # weight of what the frames hold beside what is said
    focus: list[str] = Field(default_factory=list)  # kinds of question: half of a batch are scenes that allow one of them
    captions: int = Field(default=3, ge=0)  # of a scene, each time it is heard
    questions: int = Field(default=8, ge=0)
    deaf: float = Field(default=0.1, ge=0, le=1)  # chance that a scene is not heard; 1: a language stage
    noise: float = Field(default=0.0, ge=0)  # added to a scene's frames, up to so much, in units of their spread
    batch: int = Field(default=16, ge=1)  # scenes
    steps: int = Field(default=1000, ge=1)
    rate: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=50, ge=0)
    end: float = Field(default=0.05, ge=0, le=1)
    decay: float = Field(default=0.05, ge=0)
    clip: float = Field(default=1.0, gt=0)
    bfloat16: bool = True  # products in half precision: several times as fast where the processor has them
    seed: int = 0
    save_every: int = Field(default=100, ge=1)
    log_every: int = Field(default=10, ge=1)


def load(path: Path, changes: Sequence[str] = ()) -> Stage:
    """changes: ``key=value``, in place of what the file says. Raises DataError (Missing, Invalid)."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise DataError("Missing", f"{path}: {error.strerror}.", path=str(path), hint="Check the path.") from None
    for change in changes:
        key, _, value = change.partition("=")
        document[key] = yaml.safe_load(value)
    try:
        return Stage.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError("Invalid", f"{path}: {where}: {first['msg']}.", path=str(path), hint="Correct the recipe.") from None
