"""The recipe of a connector: one YAML file says what hears, what speaks, what stands between them and what it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from auricle.errors import DataError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Middle(_Part):
    """``stack``: frames side by side (linear, mlp). ``queries``: of a window (qformer) or of the sound (prefix)."""

    body: Literal["linear", "mlp", "qformer", "prefix"] = "mlp"
    hidden: int = Field(default=256, multiple_of=16, ge=16)
    stack: int = Field(default=1, ge=1)
    queries: int = Field(default=4, ge=1)
    window: int = Field(default=8, ge=1)  # frames (qformer)
    layers: int = Field(default=2, ge=1)  # qformer, prefix
    heads: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _splits(self) -> Middle:
        if self.hidden % self.heads:
            raise ValueError(f"hidden {self.hidden} does not split over {self.heads} heads")
        return self


class Lora(_Part):
    rank: int = Field(default=8, ge=1)
    alpha: float = Field(default=16.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class Language(_Part):
    """``folder``: a causal language model as ``save_pretrained`` writes it. What stands around sound and prompt goes into the bundle."""

    folder: str
    licence: str = "unknown"  # for the card
    source: str = ""  # package==version, repository@commit
    before: str = ""  # what stands before the sound
    after: str = "\n{prompt}\nAnswer:"  # and after it, where the answer follows
    lead: str = " "  # what an answer begins with

    @model_validator(mode="after")
    def _asks(self) -> Language:
        if self.after.count("{prompt}") != 1:
            raise ValueError("after needs {prompt} once")
        return self


class Stage(_Part):
    """Paths are relative to the recipe."""

    name: str = Field(default="connected", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*")
    version: str = Field(default="1", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*")
    lm: Language
    tower: str = "tiny-towers@2"  # an audio bundle whose frames are heard
    connector: Middle = Middle()
    lora: Lora | None = Lora()  # null: the language model stays as it is
    scenes: list[str] = Field(default_factory=list)  # folders of composed scenes, heard by the tower already
    manifests: list[str] = Field(default_factory=list)  # manifests whose items have questions or captions
    split: str | None = "train"  # of the manifests; null: all
    kinds: list[str] = Field(default_factory=list)  # of questions; none: all
    seconds: float = Field(default=12.0, gt=0)  # of a sound; what is beyond is not heard
    captions: int = Field(default=0, ge=0)  # of a sound, each time it is heard
    questions: int = Field(default=8, ge=0)
    deaf: float = Field(default=0.1, ge=0, le=1)  # chance that a sound is not heard: what is likely without it
    batch: int = Field(default=8, ge=1)  # sounds
    steps: int = Field(default=1000, ge=1)
    rate: float = Field(default=1e-3, gt=0)  # of the connector
    lora_rate: float = Field(default=2e-4, gt=0)
    warmup: int = Field(default=20, ge=0)
    end: float = Field(default=0.05, ge=0, le=1)
    decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    bfloat16: bool = True
    seed: int = 0
    save_every: int = Field(default=50, ge=1)
    keep: int = Field(default=2, ge=1)
    log_every: int = Field(default=5, ge=1)
    licence: str = "unknown"  # of the bundle
    description: str = ""
    limits: str = ""

    @model_validator(mode="after")
    def _learns(self) -> Stage:
        if not self.scenes and not self.manifests:
            raise ValueError("scenes or manifests: one of them is needed")
        if not self.captions and not self.questions:
            raise ValueError("captions or questions: one of them must be more than 0")
        return self


def load(path: Path, changes: Sequence[str] = ()) -> Stage:
    """changes: ``key=value`` or ``key.inner=value``, in place of what the file says. Raises DataError (Missing, Invalid)."""
    import yaml

    def wrong(what: str) -> DataError:
        return DataError("Invalid", f"{path}: {what}.", path=str(path), hint="Correct the recipe.")

    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise DataError("Missing", f"{path}: {error.strerror}.", path=str(path), hint="Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise wrong(f"is no YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(document, dict):
        raise wrong("holds no keys")
    for change in changes:
        key, equals, value = change.partition("=")
        *above, last = key.split(".")
        at = document
        for name in above:
            at = at.setdefault(name, {})
            if not isinstance(at, dict):
                raise wrong(f"{key}: {name} holds no keys")
        if not equals:
            raise wrong(f"{change!r} is no KEY=VALUE")
        at[last] = yaml.safe_load(value)
    try:
        return Stage.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise wrong(f"{where}: {first['msg']}" if where else first["msg"]) from None
