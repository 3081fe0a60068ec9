"""A run on disk: ``checkpoints/step-00000100/`` holds weights and optimiser as safetensors and the rest as JSON.

A checkpoint is written beside its place and renamed when it is whole, so the newest folder of that name is always good. No pickle is
read or written.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auricle import _faults
from auricle.training.errors import TrainingError

FORMAT = 1
WEIGHTS, AVERAGE, OPTIMISER, STATE = "model.safetensors", "average.safetensors", "optimiser.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{8})")
_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")


@dataclass(frozen=True)
class Checkpoint:
    path: Path
    step: int
    state: Mapping[str, Any]


def save(folder: Path, step: int, tensors: Mapping[str, Mapping[str, Any]], state: Mapping[str, Any], keep: int) -> Path:
    """Write a checkpoint; ``tensors``: file name → name → tensor. Older ones than the last ``keep`` go.

    Raises TrainingError ``DiskFull``, with the last good checkpoint intact.
    """
    root = folder / "checkpoints"
    target, staging = root / f"step-{step:08d}", root / f".step-{step:08d}.new"
    try:
        root.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        for name, content in tensors.items():
            _write(staging / name, _bytes(content))
        _write(staging / STATE, json.dumps({"format": FORMAT, "step": step, **state}, indent=1).encode())
        _sync(staging)
        if target.exists():
            shutil.rmtree(target)
        os.replace(staging, target)
        _sync(root)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            last = newest(folder)
            good = f"the last good one, of step {last.step}, is intact" if last else "there is none yet"
            hint = "Free some space, then go on with --resume." if last else "Free some space, or name another --out."
            raise TrainingError(
                "DiskFull", f"{target}: the disk is full; no checkpoint of step {step} was written, {good}.", hint=hint
            ) from None
        raise
    for old in _all(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def newest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint. Raises TrainingError ``Damaged`` where it cannot be read."""
    found = _all(folder)
    return read(found[-1]) if found else None


def read(path: Path) -> Checkpoint:
    try:
        state = json.loads((path / STATE).read_bytes())
        step = int(state["step"])
    except (OSError, ValueError, KeyError, TypeError):
        raise TrainingError("Damaged", f"{path} is no checkpoint: {STATE} is missing or broken.", hint=_AWAY) from None
    if state.get("format") != FORMAT:
        raise TrainingError("Damaged", f"{path} is of format {state.get('format')}, known is {FORMAT}.", hint="Upgrade auricle.")
    return Checkpoint(path, step, state)


def load(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file. Raises TrainingError (Pickle, Damaged)."""
    from safetensors.torch import load_file

    refuse_pickle(path)
    try:
        tensors: dict[str, Any] = load_file(str(path))
    except OSError as error:
        raise TrainingError("Damaged", f"{path}: {error.strerror or error}.", hint=_AWAY) from None
    except Exception as error:  # safetensors has an error class of its own, a plain Exception
        raise TrainingError("Damaged", f"{path} is no safetensors file: {str(error).strip().rstrip('.')}.", hint=_AWAY) from None
    return tensors


def refuse_pickle(path: Path) -> None:
    """Raises TrainingError ``Pickle`` for weights in a form that can run code, by name or by content."""
    hint = "Convert it to safetensors where you trust it; auricle never opens one."
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(4)
    if path.suffix.lower() in _PICKLES or head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or head == b"PK\x03\x04":
        raise TrainingError("Pickle", f"{path} is a pickle: opening it could run code, so it is refused.", hint=hint)


def weights_of(path: Path) -> Path:
    """The weights that ``model.init`` names: a file, a run's folder or a checkpoint. Averaged weights are preferred."""
    if not path.is_dir():
        return path
    last = newest(path)
    inner = last.path if last else path
    return inner / AVERAGE if (inner / AVERAGE).is_file() else inner / WEIGHTS


_AWAY = "Remove it: the run goes on from the one before."


def _all(folder: Path) -> list[Path]:
    root = folder / "checkpoints"
    return sorted(path for path in root.iterdir() if _NAME.fullmatch(path.name)) if root.is_dir() else []


def _bytes(tensors: Mapping[str, Any]) -> bytes:
    from safetensors.torch import save as packed

    return bytes(packed({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}))


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        half = len(content) // 2
        file.write(content[:half])
        _faults.point("training.save")
        file.write(content[half:])
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
