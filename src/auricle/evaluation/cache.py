"""Answers that are kept, so that nothing is computed twice: append-only lines of JSON, one file a pipeline.

    cache = Cache(folder, model.pipeline_id)
    value, seconds, known = cache.once(key_of(audio, model.pipeline_id, "vector"), work)

The key holds the decoded samples and their rate, the weights and what was asked: a changed file, model or question is another key. A line
is written whole or, where the process dies in it, ignored. Any number of processes may write at once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle import _faults
from auricle.audio import Audio
from auricle.errors import UsageError


def sound_of(audio: Audio) -> str:
    """A name for what can be heard: SHA-256 of the decoded samples with their rate and shape."""
    found = hashlib.sha256(f"{audio.rate}:{audio.samples.shape}:".encode())
    found.update(np.ascontiguousarray(audio.samples, dtype=np.float32).data)
    return found.hexdigest()


def key_of(sound: str, pipeline_id: str, asked: Any) -> str:
    """``asked``: JSON; all else that the answer depends on."""
    return hashlib.sha256(json.dumps([sound, pipeline_id, asked], sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class Cache:
    """``folder`` None: kept in memory only. ``hits`` and ``computed`` count what was asked of it."""

    def __init__(self, folder: Path | None, pipeline_id: str) -> None:
        self.folder = folder
        self._known: dict[str, tuple[Any, float]] = {}
        self._path: Path | None = None
        self.hits = self.computed = 0
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{folder}: no cache can be kept there ({error.strerror}).", hint="Give another --cache folder.") from None
        name = re.sub(r"[^\w.@-]+", "-", pipeline_id)[:80]
        self._path = folder / f"{name}-{hashlib.sha256(pipeline_id.encode()).hexdigest()[:8]}.jsonl"
        if self._path.is_file():
            self._read(self._path)

    def _read(self, path: Path) -> None:
        with open(path, "rb") as file:
            for line in file:
                with suppress(ValueError, KeyError, TypeError):  # torn by a kill: it will be computed again
                    document = json.loads(line)
                    self._known[document["key"]] = (document["value"], float(document["seconds"]))

    def once(self, key: str, work: Callable[[], Any]) -> tuple[Any, float, bool]:
        """The value (JSON), the seconds that it took when it was computed, and whether it was known. What ``work`` raises is not kept."""
        if key in self._known:
            self.hits += 1
            return *self._known[key], True
        began = time.perf_counter()
        text = json.dumps(work(), ensure_ascii=False)
        took = time.perf_counter() - began
        self.put(key, text, took)
        self.computed += 1
        return *self._known[key], False

    def get(self, key: str) -> Any:
        """The value, or None."""
        return self._known.get(key, (None, 0.0))[0]

    def put(self, key: str, text: str, took: float = 0.0) -> None:
        """``text``: the value as JSON; what is kept is what reading it gives, so that a first run and a second one are alike."""
        self._known[key] = (json.loads(text), round(took, 6))
        if self._path is None:
            return
        from filelock import FileLock

        line = f'{{"key": "{key}", "seconds": {took:.6f}, "value": {text}}}\n'.encode()
        with FileLock(f"{self._path}.lock"), open(self._path, "ab+") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # another run died here
                    line = b"\n" + line
            _faults.point("evaluation.cache.before")
            file.write(line)
            file.flush()
        _faults.point("evaluation.cache.after")


def packed(array: npt.NDArray[Any]) -> dict[str, Any]:
    """An array as JSON, bit for bit."""
    whole = np.ascontiguousarray(array)
    return {"shape": list(whole.shape), "type": whole.dtype.str, "data": base64.b64encode(whole.tobytes()).decode("ascii")}


def unpacked(document: dict[str, Any]) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = np.frombuffer(base64.b64decode(document["data"]), dtype=document["type"]).reshape(document["shape"])
    return found
