"""Two Towers: an audio encoder and a text encoder that meet in one space, run by ONNX Runtime from a bundle.

``TwoTowers`` hears windows; ``FrameTowers``, for front ends of short patches on a grid, gives a vector a patch as well.
``config.json`` of such a bundle::

    {"format": 1, "architecture": "two_towers", "dim": 384, "window": {"seconds": 5.0, "hop": 2.5},
     "audio": {"file": "audio.onnx", "frontend": {"kind": "yamnet", …}, "pool": "mean", "batch": 32, "output": "frames"},
     "text": {"file": "text.onnx", "tokenizer": "tokenizer.json", "max_length": 128, "pad_id": 0, "output": "text"}}

``detection``, where there is one: how frames become events (``models.detecting``).
``pool``: a window is the mean of its inputs' raw vectors (``mean``) or of their unit vectors (``unit_mean``); then unit norm.
Graphs that give fewer than ``dim`` numbers are filled with zeros: dot products stay.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.audio.features import ClapFrontEnd, Float32, FrontEnd, front_end
from auricle.audio.types import Audio
from auricle.errors import AudioError, ModelError
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Frames, Vectors, Windowing
from auricle.models.card import ModelCard
from auricle.models.detecting import DEFAULT, Detecting
from auricle.models.heads import Calibration
from auricle.models.session import Session
from auricle.models.streaming import SampleStream, mono


@dataclass(frozen=True, slots=True)
class AudioConfig:
    file: str
    pool: str = "mean"
    batch: int = 32  # inputs (patches or windows) in one run of the graph
    output: str = ""  # "": the first output


@dataclass(frozen=True, slots=True)
class TextConfig:
    file: str
    tokenizer: str = "tokenizer.json"
    max_length: int = 128  # tokens, special ones included; a longer text is cut
    pad_id: int = 0
    lower: bool = False
    batch: int = 16
    output: str = ""
    sentence: str = "sentence"  # the output before the shared space; "": there is none, and nobody need load the graph to know


class TwoTowers:
    """A model that implements ``EmbedsAudio`` and ``EmbedsText``. Make one with :func:`open_towers` or ``hub.load``."""

    has_frames = False

    def __init__(self, bundle: Bundle, *, threads: int | None = None, device: str = "auto") -> None:
        self._bundle = bundle
        config = _checked(bundle)
        self._windowing, self._audio, self._text, self._front, self._detecting = config
        self._audio_session = Session(lambda: bundle.graph(self._audio.file), threads=threads, device=device)
        self._text_session = Session(lambda: bundle.graph(self._text.file), threads=threads, device=device)
        self._tokenizer: Any = None
        self._calibrations: dict[str, Calibration | None] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pipeline_id}>"

    @property
    def name(self) -> str:
        return self._bundle.name

    @property
    def pipeline_id(self) -> str:
        return self._bundle.pipeline_id

    @property
    def rate(self) -> int:
        return self._front.rate

    @property
    def dim(self) -> int:
        return self._bundle.dim

    @property
    def windowing(self) -> Windowing:
        return self._windowing

    @property
    def card(self) -> ModelCard:
        return self._bundle.card

    @property
    def bundle(self) -> Bundle:
        return self._bundle

    @property
    def calibration(self) -> Calibration | None:
        """What turns similarities into probabilities; None where the bundle has none."""
        return self._calibration_of(Calibration.FILE)

    @property
    def frame_calibration(self) -> Calibration | None:
        """The same for frames, averaged as ``detecting`` says; detection prefers it. None where the bundle has none."""
        return self._calibration_of(Calibration.FRAMES)

    def _calibration_of(self, name: str) -> Calibration | None:
        if name not in self._calibrations:
            self._calibrations[name] = Calibration.load(self._bundle.file(name)) if self._bundle.has(name) else None
        return self._calibrations[name]

    @property
    def detecting(self) -> Detecting:
        """How its frames become events."""
        return self._detecting

    @property
    def batch(self) -> int:
        """Inputs that one run of the audio graph takes."""
        return self._audio.batch

    def warm(self, *, audio: bool = True, text: bool = True) -> None:
        """Begin to load towers in the background; what fails there is raised when the tower is used."""
        for session in [self._audio_session] * audio + [self._text_session] * text:
            threading.Thread(target=session.warm, daemon=True).start()

    # ------------------------------------------------------------------------------------------------------------ audio

    def embed_audio(self, windows: Sequence[Audio]) -> Vectors:
        """float32 ``[n, dim]``, unit norm: a vector a window, whatever its rate, channels and length.

        A window shorter than one input is filled as the bundle says; a longer one is the mean over its inputs.
        Raises AudioError ``Empty`` or ``NonFinite`` naming the window's source.
        """
        sums = np.zeros((len(windows), self.dim))
        waiting: list[Float32] = []
        owners: list[int] = []
        for index, features in self._inputs(windows):
            waiting.append(features)
            owners += [index] * features.shape[0]
            while len(owners) >= self._audio.batch:
                ready = np.concatenate(waiting)
                self._pool(ready[: self._audio.batch], owners[: self._audio.batch], sums)
                waiting, owners = [ready[self._audio.batch :]], owners[self._audio.batch :]
        if owners:
            self._pool(np.concatenate(waiting), owners, sums)
        return unit(sums)

    def _inputs(self, windows: Sequence[Audio]) -> Iterator[tuple[int, Float32]]:
        for index, window in enumerate(windows):
            samples = mono(window.mono().at(self.rate))
            if not samples.shape[0]:
                raise AudioError("Empty", window.source, f"{window.source}: no sound to hear.")
            cuts = self._front.cuts(samples.shape[0])
            for at in range(0, len(cuts), self._audio.batch):
                yield index, self._front.features(samples, cuts[at : at + self._audio.batch])

    def _pool(self, features: Float32, owners: Sequence[int], sums: np.ndarray[Any, Any]) -> None:
        np.add.at(sums, owners, self._raw(features))

    def _raw(self, features: Float32) -> Vectors:
        """What the audio graph gives for prepared inputs, ``[n, dim]``, ready to be averaged."""
        session = self._audio_session
        feeds: dict[str, Any] = {name: features for name in session.inputs if name != "is_longer"}
        if "is_longer" in session.inputs:
            longer = isinstance(self._front, ClapFrontEnd) and self._front.is_longer
            feeds["is_longer"] = np.full((features.shape[0], 1), longer)
        raw = self._fit(session.run(self._audio.output or session.outputs[0], feeds), features.shape[0])
        return unit(raw) if self._audio.pool == "unit_mean" else raw

    # ------------------------------------------------------------------------------------------------------------ text

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        """float32 ``[n, dim]``, unit norm. Empty texts are allowed; long ones are cut to the model's length."""
        return unit(self._fit(self._run_text(texts, self._text.output), len(texts)))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens that the text tower reads of each text, special ones included."""
        return [len(ids) for ids in self._tokenise(texts)]

    def sentence(self, texts: Sequence[str]) -> Vectors:
        """What the text encoder itself gives, before the shared space, unit norm: for matching words with words.

        Raises ModelError ``Capability`` where the bundle does not keep it.
        """
        if not self.has_sentences:
            raise ModelError("Capability", f"{self.name} keeps no sentence embeddings.", hint="Use embed_text.")
        return unit(self._run_text(texts, self._text.sentence))

    @property
    def has_sentences(self) -> bool:
        return bool(self._text.sentence) and self._text.sentence in self._text_session.outputs

    def _run_text(self, texts: Sequence[str], output: str) -> Vectors:
        session = self._text_session
        output = output or session.outputs[0]
        ids = self._tokenise(texts)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # texts of like length share a batch: little padding
        found: list[tuple[int, Vectors]] = []
        for at in range(0, len(order), self._text.batch):
            batch = order[at : at + self._text.batch]
            vectors = session.run(output, _token_feeds([ids[i] for i in batch], self._text.pad_id, session.inputs))
            found += zip(batch, vectors, strict=True)
        found.sort(key=lambda item: item[0])
        return np.stack([vector for _, vector in found]) if found else np.zeros((0, self.dim), np.float32)

    def _tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        plain = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]  # a lone surrogate is no Unicode
        if self._text.lower:
            plain = [text.lower() for text in plain]
        return [encoding.ids for encoding in self._encoder().encode_batch(plain)]

    def _encoder(self) -> Any:
        with self._lock:
            if self._tokenizer is None:
                from tokenizers import Tokenizer

                path = self._bundle.file(self._text.tokenizer)
                try:
                    tokenizer = Tokenizer.from_file(str(path))
                except Exception as error:
                    raise ModelError("Damaged", f"{path} is no tokenizer: {error}.") from None
                tokenizer.no_padding()
                tokenizer.enable_truncation(self._text.max_length)
                self._tokenizer = tokenizer
            return self._tokenizer

    def _fit(self, vectors: Vectors, n: int) -> Vectors:
        if vectors.ndim != 2 or vectors.shape[0] != n or vectors.shape[1] > self.dim:
            raise ModelError("Damaged", f"{self.name}: a graph gave {vectors.shape} where [{n}, {self.dim}] was meant.")
        missing = self.dim - vectors.shape[1]
        return np.pad(vectors, ((0, 0), (0, missing))) if missing else vectors


class FrameTowers(TwoTowers):
    """Two Towers with ``EmbedsFrames``: each patch of the front end has a vector and times of its own."""

    has_frames = True

    @property
    def frame_hop(self) -> float:
        """Seconds from one frame to the next."""
        return (self._front.hop or 0) / self.rate

    @property
    def shares_frames(self) -> bool:
        """Whether windows of this bundle's windowing are exact pools of frames on the recording's grid."""
        grid = self._front.hop or 1
        length, hop = round(self._windowing.seconds * self.rate), round(self._windowing.hop * self.rate)
        whole = hop % grid == 0 and length >= self._front.length + grid and self._front.cuts(length)[-1][0] % grid == 0
        return whole and self._audio.pool == "mean"

    def frames(self, blocks: Iterable[Audio]) -> Iterator[Frames]:
        """Unit-norm frame embeddings with times, streamed: memory does not grow with the recording."""
        for part in self.raw_frames(blocks):
            yield Frames(unit(part.vectors), part.starts, part.ends)

    def raw_frames(self, blocks: Iterable[Audio]) -> Iterator[Frames]:
        """Like :meth:`frames`, before normalisation: the mean of a window's raw frames is, unit norm, the window."""
        stream = SampleStream(blocks, self.rate)
        held = np.zeros(0, np.float32)  # from sample `base` on; base is where the last finished patch began
        base = done = 0
        new: list[Float32] = []
        size = 0
        for chunk in stream:
            new.append(chunk)
            size += chunk.shape[0]
            if held.shape[0] + size < self._needed(done):
                continue
            held, new, size = np.concatenate([held, *new]), [], 0
            while held.shape[0] >= self._needed(done):
                cuts = self._front.cuts(self._needed(done))[min(done, 1) :]
                yield self._timed(held, cuts, base, stream.offset)
                done, last = done + len(cuts), cuts[-1][0]
                held, base = held[last:], base + last
        held = np.concatenate([held, *new])
        if held.shape[0] and (cuts := self._front.cuts(held.shape[0])[min(done, 1) :]):
            yield self._timed(held, cuts, base, stream.offset)

    def patches(self, samples: Float32) -> Iterator[tuple[list[tuple[int, int]], Float32, Vectors]]:
        """Mono samples at the model's rate → where patches lie, what the front end made of them, and their raw frames, batchwise."""
        cuts = self._front.cuts(samples.shape[0])
        for at in range(0, len(cuts), self._audio.batch):
            part = cuts[at : at + self._audio.batch]
            features = self._front.features(samples, part)
            yield part, features, self._raw(features)

    def _needed(self, done: int) -> int:
        """Samples from ``base`` on that hold one batch of whole patches, besides the finished one that begins there."""
        return self._front.length + (self._front.hop or 0) * (self._audio.batch - (0 if done else 1))

    def _timed(self, samples: Float32, cuts: Sequence[tuple[int, int]], base: int, offset: float) -> Frames:
        parts = [cuts[at : at + self._audio.batch] for at in range(0, len(cuts), self._audio.batch)]
        raw = np.concatenate([self._raw(self._front.features(samples, part)) for part in parts])
        times = (np.asarray(cuts, dtype=np.float64) + base) / self.rate + offset
        return Frames(raw, times[:, 0].copy(), times[:, 1].copy())


def open_towers(bundle: Bundle | str | os.PathLike[str], *, threads: int | None = None, device: str = "auto") -> TwoTowers | FrameTowers:
    """The model of a bundle; graphs are loaded when first used. Raises ModelError."""
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    front = _checked(opened)[3]
    return (FrameTowers if front.hop else TwoTowers)(opened, threads=threads, device=device)


def unit(vectors: np.ndarray[Any, Any]) -> Vectors:
    """Rows at unit norm, float32; a row of zeros stays zeros."""
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(norm > 0, norm, 1.0), dtype=np.float32)


def _token_feeds(ids: Sequence[Sequence[int]], pad_id: int, inputs: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    longest = max(1, max(len(row) for row in ids))
    tokens = np.full((len(ids), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(tokens)
    for row, values in enumerate(ids):
        tokens[row, : len(values)] = values
        mask[row, : len(values)] = 1
    feeds = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
    return {name: feeds[name] for name in inputs}


def _checked(bundle: Bundle) -> tuple[Windowing, AudioConfig, TextConfig, FrontEnd, Detecting]:
    config = bundle.config
    if config["architecture"] != "two_towers":
        message = f"{bundle.name} is of architecture {config['architecture']!r}, not two_towers."
        raise ModelError("Unsupported", message, hint="Upgrade with: pip install -U auricle")
    try:
        audio = dict(config["audio"])
        front = front_end(audio.pop("frontend"))
        audio_config, text_config = AudioConfig(**audio), TextConfig(**config["text"])
        window = Windowing(**{key: float(value) for key, value in config.get("window", {}).items()})
        _check_numbers(window, audio_config, text_config)
        detecting = Detecting.of(config["detection"]) if "detection" in config else DEFAULT
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError("Damaged", f"{bundle.path / 'config.json'}: {_reason(error)}.") from None
    return window, audio_config, text_config, front, detecting


def _check_numbers(window: Windowing, audio: AudioConfig, text: TextConfig) -> None:
    if not 0 < window.hop <= window.seconds:
        raise ValueError(f"window needs 0 < hop ≤ seconds, got {window.hop} and {window.seconds}")
    if audio.pool not in ("mean", "unit_mean"):
        raise ValueError(f"unknown pool {audio.pool!r}")
    for name, value in (("audio.batch", audio.batch), ("text.batch", text.batch), ("text.max_length", text.max_length)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a positive whole number, got {value!r}")


def _reason(error: Exception) -> str:
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
