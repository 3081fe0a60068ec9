"""A model on disk: ``card.json``, ``config.json``, ONNX graphs, ``tokenizer.json`` and what else the architecture needs.

The folder is the unit: it is written whole or not at all, and nothing in it may point outside. ``card.files`` holds the sha256 of
every other file. The ``pipeline_id`` names weights and preprocessing together, so that vectors of two pipelines never mix.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from auricle.errors import ModelError
from auricle.models.card import ModelCard

FORMAT = 1
WEIGHT_SUFFIXES = (".onnx", ".onnx_data", ".data")
_AGAIN = "Pull or convert the model again."


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """An opened bundle: card and config read and checked, weights untouched."""

    path: Path
    config: Mapping[str, Any]
    card: ModelCard

    @classmethod
    def open(cls, path: str | os.PathLike[str], verify: bool = False) -> Bundle:
        """Read and check a bundle. ``verify`` also hashes every file.

        Raises ModelError: ``Missing`` (no bundle there), ``Damaged``, ``Unsupported`` (made for a newer auricle).
        """
        root = Path(path)
        if not (root / "card.json").is_file() or not (root / "config.json").is_file():
            raise ModelError("Missing", f"no model bundle at {root}: card.json and config.json are needed.", hint=_AGAIN)
        try:
            card = ModelCard.from_json((root / "card.json").read_bytes())
            config = _config((root / "config.json").read_bytes())
        except OSError as error:
            raise ModelError("Damaged", f"model bundle {root} cannot be read: {error.strerror}.", hint=_AGAIN) from None
        except ModelError as error:
            raise ModelError(error.kind, f"model bundle {root}: {error.message}", hint=error.hint or _AGAIN) from None  # type: ignore[arg-type]
        bundle = cls(root, config, card)
        for name in card.files:
            bundle.file(name)
        for name in bundle._named():
            if name not in card.files:
                raise ModelError("Damaged", f"model bundle {root}: {name} is in config.json but not in card.json.", hint=_AGAIN)
        if verify:
            bundle.verify()
        return bundle

    @property
    def name(self) -> str:
        return self.card.full_name

    @property
    def dim(self) -> int:
        return int(self.config["dim"])

    @property
    def pipeline_id(self) -> str:
        """``name@version:`` and 12 hex digits over the normalised config and the card's sha256 of graphs and tokenizer.

        How events are read (``detection``) is no part of it, as calibrations are none: vectors stay the same.
        """
        config = {key: value for key, value in self.config.items() if key != "detection"}
        digest = hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode())
        for name, sha in sorted(self.card.files.items()):
            if name.endswith((*WEIGHT_SUFFIXES, "tokenizer.json")):
                digest.update(f"\n{name}:{sha}".encode())
        return f"{self.name}:{digest.hexdigest()[:12]}"

    def has(self, name: str) -> bool:
        """Whether the card lists a file of that name."""
        return name in self.card.files

    def file(self, name: str) -> Path:
        """The path of a file of the bundle. Raises ModelError ``Damaged`` if it is absent or lies outside the folder."""
        path = _inside(self.path, name)
        if not path.is_file():
            raise ModelError("Damaged", f"model bundle {self.path} lacks {name}.", hint=_AGAIN)
        return path

    def graph(self, name: str) -> Path:
        """Like :meth:`file`, for an ONNX graph: its external data must lie in the folder too and be listed on the card."""
        path = self.file(name)
        for location in sorted(_external(path)):
            beside = str(PurePosixPath(name).parent / location)
            if beside not in self.card.files:
                message = f"model bundle {self.path}: {name} reads {location!r}, which is not a file of the bundle."
                raise ModelError("Damaged", message, hint="Do not use this model, or get it from its source again.")
            self.file(beside)
        return path

    def verify(self) -> None:
        """Hash every file against the card. Raises ModelError ``Damaged`` naming the first that differs."""
        for name, expected in self.card.files.items():
            if sha256(self.file(name)) != expected:
                raise ModelError("Damaged", f"model bundle {self.path}: {name} differs from its card (sha256).", hint=_AGAIN)
            if name.endswith(".onnx"):
                self.graph(name)

    @classmethod
    def write(
        cls,
        path: str | os.PathLike[str],
        config: Mapping[str, Any],
        card: ModelCard,
        files: Mapping[str, Path | bytes],
        *,
        overwrite: bool = False,
        link: bool = False,
    ) -> Bundle:
        """Make a bundle at ``path``: copied beside it, hashed, checked, and renamed into place at once.

        files: name within the bundle → a path to copy (``link``: where the disk allows, to share) or the content itself.
        ``card.files`` is filled in here.
        Raises ModelError: ``Unsupported`` (something is there and ``overwrite`` is off), ``Damaged`` (the result is no bundle).
        """
        target = Path(os.path.abspath(path))
        if os.path.lexists(target) and not overwrite:
            raise ModelError("Unsupported", f"{target} exists already.", hint="Name another folder, or remove it first.")
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            staging.chmod(0o755)
            digests = {name: _store(staging, name, content, link) for name, content in files.items()}
            text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
            digests["config.json"] = _store(staging, "config.json", text.encode())
            _store(staging, "card.json", replace(card, files=dict(sorted(digests.items()))).to_json().encode())
            made = cls.open(staging)
            for name in digests:
                if name.endswith(".onnx"):
                    made.graph(name)
            _move_into_place(staging, target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return cls.open(target)

    def _named(self) -> list[str]:
        """Files that the config needs."""
        names = []
        for part in ("audio", "text", "listen", "speak"):
            section = self.config.get(part)
            if isinstance(section, dict):
                names += [section[key] for key in ("file", "tokenizer") if isinstance(section.get(key), str)]
        return names


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _config(text: bytes) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ModelError("Damaged", f"config.json is not JSON: {error}.") from None
    if not isinstance(config, dict) or not isinstance(config.get("format"), int):
        raise ModelError("Damaged", "config.json does not say its format.")
    if config["format"] > FORMAT:
        message = f"made for a newer auricle (format {config['format']}, known is {FORMAT})."
        raise ModelError("Unsupported", message, hint="Upgrade with: pip install -U auricle")
    dim = config.get("dim")
    if not isinstance(config.get("architecture"), str) or not isinstance(dim, int) or dim < 1:
        raise ModelError("Damaged", "config.json lacks architecture or dim.")
    if dim % 16:
        raise ModelError("Damaged", f"dim {dim} is not a multiple of 16, which the search index needs.")
    return config


def _inside(root: Path, name: str) -> Path:
    pure = PurePosixPath(name)
    plain = bool(name) and not pure.is_absolute() and "\\" not in name and "\0" not in name and ".." not in pure.parts
    path = root / name if plain else root
    if not plain or not path.resolve().is_relative_to(root.resolve()):
        raise ModelError("Damaged", f"model bundle {root} names a file outside it: {name!r}.", hint="Do not use this model.")
    return path


def _external(path: Path) -> set[str]:
    from auricle.models.onnxfile import external_files

    try:
        return external_files(path)
    except ValueError as error:
        raise ModelError("Damaged", f"{path} is not an ONNX graph: {error}.", hint=_AGAIN) from None


def _store(root: Path, name: str, content: Path | bytes, link: bool = False) -> str:
    path = _inside(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if link and isinstance(content, Path):
        try:
            os.link(content.resolve(), path)
            return sha256(path)
        except OSError:  # another disk, or one without links
            pass
    with path.open("wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with Path(content).open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    return sha256(path)


def _move_into_place(staging: Path, target: Path) -> None:
    if os.path.lexists(target):
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
        os.replace(target, old / "bundle")
        os.replace(staging, target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(staging, target)
