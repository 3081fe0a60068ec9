"""Encoders that are not trained: any ONNX graph, run by onnxruntime. Audio ones are heard once and kept on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from auricle.audio.features import Float32, FrontEnd, front_end
from auricle.errors import ModelError
from auricle.models import hub
from auricle.models.bundle import Bundle, sha256
from auricle.models.session import Session
from auricle.training.schema import Grown, OnnxAudio, OnnxText


class Hears(Protocol):
    """A frozen audio encoder: features of cuts → a vector a cut."""

    front: FrontEnd
    hidden: int
    pipeline: str

    def run(self, features: Float32) -> Float32: ...


class OnnxHearing:
    """An ONNX graph whose first output (or ``output``) is ``[n, hidden]``, or ``[n, t, hidden]``, of which the mean is taken."""

    def __init__(self, graph: Path, frontend: dict[str, Any], output: str = "", batch: int = 32) -> None:
        try:
            self.front = front_end(frontend)
        except ValueError as error:
            raise ModelError("Unsupported", f"model.audio.frontend: {error}.") from None
        self.graph, self.frontend, self.batch = graph, frontend, batch
        self.session = Session(lambda: graph)
        self.output = output or self.session.outputs[0]
        self.pipeline = hashlib.sha256(f"{sha256(graph)}|{sorted(frontend.items())}|{self.output}".encode()).hexdigest()[:16]
        silence = np.zeros(self.front.length, np.float32)
        self.hidden = int(self.run(self.front.features(silence, self.front.cuts(len(silence)))).shape[1])

    def run(self, features: Float32) -> Float32:
        parts = [self._run(features[at : at + self.batch]) for at in range(0, len(features), self.batch)]
        return np.concatenate(parts)

    def _run(self, features: Float32) -> Float32:
        feeds: dict[str, Any] = {name: features for name in self.session.inputs if name != "is_longer"}
        if "is_longer" in self.session.inputs:
            feeds["is_longer"] = np.zeros((len(features), 1), bool)
        found = self.session.run(self.output, feeds)
        return found if found.ndim == 2 else found.mean(axis=tuple(range(1, found.ndim - 1)), dtype=np.float32)


def hear(encoder: Hears, samples: Float32) -> Float32:
    """``[t, hidden]``: a vector a cut on the front end's grid. A tail that the bundle would hear by a cut off the grid is left out."""
    cuts = encoder.front.cuts(len(samples))
    if encoder.front.hop and len(cuts) > 1 and cuts[-1][0] % encoder.front.hop:
        cuts = cuts[:-1]
    return encoder.run(encoder.front.features(samples, cuts))


class Heard:
    """What an encoder heard, on disk: by content hash, stretch and pipeline."""

    def __init__(self, folder: Path, pipeline: str) -> None:
        self.folder = folder / pipeline

    def get(self, key: str) -> Float32 | None:
        try:
            found: Float32 = np.load(self._path(key), allow_pickle=False)
        except (OSError, ValueError, EOFError):  # absent, or cut short by a full disk: heard again
            return None
        return found

    def put(self, key: str, vectors: Float32) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, vectors, allow_pickle=False)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:34]}.npy"


class FrozenAudio(nn.Module):
    """Stands for a frozen encoder in ``Towers``: the batch brings its frames."""

    def __init__(self, encoder: Hears) -> None:
        super().__init__()
        self.__dict__["encoder"] = encoder  # no submodule: its weights are not the run's
        self.hidden = encoder.hidden

    def forward(self, features: Tensor) -> Tensor:
        return torch.from_numpy(self.__dict__["encoder"].run(features.numpy(force=True)))


class FrozenText(nn.Module):
    """Tokens and mask → ``[n, hidden]`` by a frozen encoder (``reader``: token arrays → vectors); each text is read once."""

    def __init__(self, reader: Any, hidden: int) -> None:
        super().__init__()
        self.__dict__["reader"] = reader
        self.hidden = hidden
        self._read: dict[bytes, Tensor] = {}

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        rows = [row[keep] for row, keep in zip(tokens.numpy(force=True), mask.numpy(force=True).astype(bool), strict=True)]
        keys = [row.tobytes() for row in rows]
        new = {key: row for key, row in zip(keys, rows, strict=True) if key not in self._read}
        if new:
            self._read.update(zip(new, self._vectors(list(new.values())), strict=True))
        return torch.stack([self._read[key] for key in keys]).to(tokens.device)

    def _vectors(self, rows: Sequence[Any]) -> list[Tensor]:
        found = []
        for row in rows:  # one by one: a text's vector depends on no other
            ids = np.asarray(row if len(row) else [0], np.int64)[None]
            found.append(torch.from_numpy(np.array(self.__dict__["reader"](ids, np.ones_like(ids))[0], np.float32)))
        return found


def graph_of(spec: Grown | OnnxAudio, path: Any) -> tuple[Path, dict[str, Any]]:
    """The ONNX graph that a recipe's ``model.audio`` names, and the front end that it needs."""
    if spec.model is None:
        assert spec.file is not None
        assert spec.frontend is not None
        return _graph(path(spec.file)), dict(spec.frontend)
    audio = (bundle := _bundle(spec.model, path)).config["audio"]
    return bundle.graph(audio["file"]), dict(audio["frontend"])


def open_hearing(spec: OnnxAudio, path: Any) -> OnnxHearing:
    """What a recipe's ``model.audio`` of kind ``onnx`` names; ``path`` finds files from the recipe."""
    graph, frontend = graph_of(spec, path)
    if spec.model is None:
        return OnnxHearing(graph, frontend, spec.output)
    audio = _bundle(spec.model, path).config["audio"]
    return OnnxHearing(graph, frontend, spec.output or audio.get("output", ""), audio.get("batch", 32))


@torch.no_grad()
def open_reading(spec: OnnxText, path: Any) -> tuple[FrozenText, Path, int, int]:
    """The frozen text encoder of a recipe, its tokenizer, how many tokens it takes, and the number of padding."""
    if spec.model is None:
        assert spec.file is not None
        assert spec.tokenizer is not None
        graph, tokenizer, output, longest, pad = _graph(path(spec.file)), path(spec.tokenizer), spec.output, spec.max_length, spec.pad_id
    else:
        text = (bundle := _bundle(spec.model, path)).config["text"]
        graph, tokenizer = bundle.graph(text["file"]), bundle.file(text.get("tokenizer", "tokenizer.json"))
        longest, pad = text.get("max_length", 128), text.get("pad_id", 0)
        output = spec.output
    session = Session(lambda: graph)
    output = output or ("sentence" if "sentence" in session.outputs else session.outputs[0])
    if output not in session.outputs:
        raise ModelError("Unsupported", f"{graph} has no output {output!r}; it has: {', '.join(session.outputs)}.")

    def read(ids: Any, mask: Any) -> Any:
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        found = session.run(output, {name: feeds[name] for name in session.inputs})
        return found if found.ndim == 2 else found.mean(axis=1)

    ids = np.full((1, 3), pad, np.int64)
    frozen = FrozenText(read, int(read(ids, np.ones_like(ids)).shape[1]))
    frozen.__dict__["graph"], frozen.__dict__["output"] = graph, output
    return frozen, tokenizer, longest, pad


def _bundle(name: str, path: Any) -> Bundle:
    local = path(name)
    return Bundle.open(local if (local / "card.json").is_file() else hub.resolve(name))


def _graph(path: Path) -> Path:
    if not path.is_file():
        raise ModelError("Missing", f"there is no graph at {path}.", hint="Name an .onnx file.")
    return path
