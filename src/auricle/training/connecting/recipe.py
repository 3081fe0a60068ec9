"""The recipe of a connector: one YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auricle.errors import DataError
from auricle.training.connecting.connector import Body


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Part):
    """``scenes``: a folder of composed scenes. ``slam``, ``ltu``, ``messages``: a file of that layout (layouts.py)."""

    path: str
    format: Literal["scenes", "slam", "ltu", "messages"] = "scenes"
    audio: str | None = None  # folder that the file's audio paths are relative to; its own by default
    most: int | None = Field(default=None, ge=1)  # scenes or sounds


class Language(_Part):
    """A causal language model of ``transformers``: a folder, relative to the recipe, or a name that is in the local cache."""

    name: str
    gguf: str | None = None  # file in that folder, where the weights are in that format
    licence: str = ""  # goes on the card
    before: str = ""  # written before the sound
    after: str = "\n{prompt}\nAnswer:"  # and after it; the answer follows a space


class Ears(_Part):
    body: Body = "mlp"
    hidden: int = Field(default=512, ge=8, multiple_of=8)
    stack: int = Field(default=1, ge=1)  # frames side by side: linear, mlp
    queries: int = Field(default=16, ge=1)  # vectors: qformer, prefix
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=8, ge=1)


class Lora(_Part):
    rank: int = Field(default=8, ge=0)  # 0: the language model stays as it is
    alpha: float = Field(default=16, gt=0)


class Recipe(_Part):
    data: list[Data] = Field(min_length=1)
    tower: str = "tiny-towers@2"
    language: Language
    connector: Ears = Ears()
    lora: Lora = Lora()
    captions: int = Field(default=1, ge=0)  # of a scene, each time it is heard
    questions: int = Field(default=6, ge=0)
    longest: int = Field(default=96, ge=8)  # tokens of a prompt and its answer; a longer text is passed over
    seconds: float = Field(default=30.0, gt=0)  # of a sound; what is beyond is not heard
    deaf: float = Field(default=0.1, ge=0, lt=1)  # chance that a scene is not heard
    batch: int = Field(default=4, ge=1)  # scenes
    steps: int = Field(default=500, ge=1)
    rate: float = Field(default=1e-3, gt=0)
    lora_rate: float = Field(default=3e-4, gt=0)
    warmup: int = Field(default=20, ge=0)
    end: float = Field(default=0.05, ge=0, le=1)
    decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    bfloat16: bool = True
    seed: int = 0
    save_every: int = Field(default=50, ge=1)
    log_every: int = Field(default=5, ge=1)


def load(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """changes: ``key=value``, in place of what the file says. Raises DataError (Missing, Invalid)."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise DataError("Missing", f"{path}: {error.strerror}.", path=str(path), hint="Check the path.") from None
    except yaml.YAMLError as error:
        raise DataError("Invalid", f"{path} is no YAML: {error}.", path=str(path), hint="Correct the recipe.") from None
    try:
        if isinstance(document, dict):
            for change in changes:
                key, _, value = change.partition("=")
                document[key] = yaml.safe_load(value)
        return Recipe.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError("Invalid", f"{path}: {where}: {first['msg']}.", path=str(path), hint="Correct the recipe.") from None
