"""Folders of audio–language checkpoints of ``transformers``: which are known, which of their files are read, what they hash to.

Only safetensors and JSON are read: no pickled weights, and no code that comes with a checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from auricle.errors import ModelError
from auricle.models.bundle import FORMAT, sha256

ARCHITECTURE = "audio_lm"
FOLDER = "checkpoint"  # of a bundle: the files as they were published
INDEX = "model.safetensors.index.json"
WEIGHTS = "model.safetensors"

_SMALL = (
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "chat_template.json",
    "chat_template.jinja",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    INDEX,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of checkpoints. ``sounds``: how many sounds its processor takes in one prompt; None: any number."""

    model_type: str
    model: str  # names of classes of transformers
    processor: str
    sounds: int | None
    title: str


KINDS = {
    kind.model_type: kind
    for kind in (
        # Its feature extractor keeps the first 30 s of each sound; a prompt may hold many.
        Kind("qwen2_audio", "Qwen2AudioForConditionalGeneration", "Qwen2AudioProcessor", None, "Qwen2-Audio"),
        # Its processor cuts a sound into windows of 30 s, keeps the first 10 min of it, and takes one sound a prompt.
        Kind("audioflamingo3", "AudioFlamingo3ForConditionalGeneration", "AudioFlamingo3Processor", 1, "Audio Flamingo 3"),
    )
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An opened folder: its config read, its weights untouched."""

    folder: Path
    kind: Kind
    config: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Raises ModelError: ``Missing`` (no config, no tokenizer), ``Damaged``, ``Unsupported`` (of another kind, or pickled weights)."""
        config = document(folder / "config.json")
        found = cls(folder, kind_of(config, str(folder)), config)
        found.weights()
        return found

    @property
    def dim(self) -> int:
        """Numbers of a token's vector, as bundles tell it: a multiple of 16."""
        return dim_of(self.config)

    def weights(self) -> list[Path]:
        """The weight files. Raises ModelError."""
        names = sorted(shards(document(self.folder / INDEX))) if (self.folder / INDEX).is_file() else [WEIGHTS]
        if names == [WEIGHTS] and not (self.folder / WEIGHTS).is_file() and any(self.folder.glob("*.bin")):
            message = f"{self.folder} holds pickled weights, which can run code when they are read."
            raise ModelError("Unsupported", message, hint="Get the safetensors of this model, or save it again with save_pretrained.")
        for name in names:
            if not (self.folder / name).is_file():
                raise ModelError("Missing", f"{self.folder} lacks {name}.", hint="Download the whole checkpoint, or pull it again.")
        return [self.folder / name for name in names]

    def digest(self) -> str:
        """sha256 over what decides an answer: weights, config, tokenizer, processor. Reads every byte."""
        files = [self.folder / name for name in _SMALL if name != INDEX and (self.folder / name).is_file()] + self.weights()
        return digest({path.name: sha256(path) for path in files})


def kind_of(config: Mapping[str, Any], where: str) -> Kind:
    """Raises ModelError ``Unsupported``."""
    kind = KINDS.get(str(config.get("model_type")))
    if kind is None:
        known = ", ".join(f"{k.title} ({k.model_type})" for k in KINDS.values())
        message = f"{where} holds a {config.get('model_type')!r}, which auricle does not run."
        raise ModelError("Unsupported", message, hint=f"Audio–language checkpoints that it runs: {known}.")
    return kind


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds an audio–language checkpoint rather than a bundle."""
    if (folder / "card.json").is_file() or not (folder / "config.json").is_file():
        return False
    try:
        return document(folder / "config.json").get("model_type") in KINDS
    except ModelError:
        return False


def wanted(names: Iterable[str]) -> list[str]:
    """Of the files of a repository, the small ones to fetch; the weights are told by the index where there is one."""
    there = set(names)
    return [name for name in _SMALL if name in there] + ([WEIGHTS] if WEIGHTS in there and INDEX not in there else [])


def shards(index: Mapping[str, Any]) -> set[str]:
    """The weight files that ``model.safetensors.index.json`` names. Raises ModelError ``Damaged``."""
    named = index.get("weight_map")
    files = {str(name) for name in named.values()} if isinstance(named, dict) else set()
    if not files or any(not name.endswith(".safetensors") or PurePosixPath(name).name != name or "\\" in name for name in files):
        raise ModelError("Damaged", f"{INDEX} names no safetensors, or files outside its folder.", hint="Do not use this model.")
    return files


def bundle_config(config: Mapping[str, Any], digests: Mapping[str, str], where: str) -> dict[str, Any]:
    """config.json of the bundle that holds a checkpoint in ``FOLDER``. ``digests``: of its files, file → sha256."""
    kind = kind_of(config, where)
    about = {"folder": FOLDER, "model_type": kind.model_type, "sha256": digest({n: d for n, d in digests.items() if n != INDEX})}
    return {"format": FORMAT, "architecture": ARCHITECTURE, "dim": dim_of(config), "checkpoint": about}


def dim_of(config: Mapping[str, Any]) -> int:
    text = config.get("text_config")
    size = text.get("hidden_size", 4096) if isinstance(text, dict) else 4096  # transformers leaves out what is the default
    return -(-int(size) // 16) * 16


def digest(files: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(f"{name}:{sha}\n" for name, sha in sorted(files.items())).encode()).hexdigest()


def document(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ModelError ``Missing``, ``Damaged``."""
    try:
        value = json.loads(path.read_bytes())
    except OSError:
        raise ModelError("Missing", f"{path} is not there.", hint="Name the folder of a checkpoint, downloaded whole.") from None
    except ValueError as error:
        raise ModelError("Damaged", f"{path} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ModelError("Damaged", f"{path} does not hold an object.")
    return value
