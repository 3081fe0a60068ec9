"""What a task may ask of a model. A task names the protocol that it needs; a model has it or has not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio
from auricle.errors import ModelError

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Windowing:
    """How a model cuts a recording: windows of ``seconds`` every ``hop`` seconds; a shorter clip is one window."""

    seconds: float = 5.0
    hop: float = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Consecutive frame embeddings of one recording.

    vectors: float32 ``[n, d]``, unit norm, in the space of ``embed_text``.
    starts, ends: seconds, float64 ``[n]``; what each frame heard.
    """

    vectors: Vectors
    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]


class Model(Protocol):
    """What every model says about itself."""

    @property
    def name(self) -> str: ...  # as the user named it, canonical: "tiny-towers@1"

    @property
    def pipeline_id(self) -> str: ...  # weights + preprocessing, e.g. "tiny-towers@1:3f2a9c0d1b7e"

    @property
    def rate(self) -> int: ...  # Hz; the mono rate at which it hears


@runtime_checkable
class EmbedsAudio(Model, Protocol):
    """Sound → vectors; unit norm, d a multiple of 16, compared by dot product."""

    @property
    def dim(self) -> int: ...

    @property
    def windowing(self) -> Windowing: ...

    def embed_audio(self, windows: Sequence[Audio]) -> Vectors: ...


@runtime_checkable
class EmbedsText(Model, Protocol):
    """Text → vectors in the same space."""

    @property
    def dim(self) -> int: ...

    def embed_text(self, texts: Sequence[str]) -> Vectors: ...


@runtime_checkable
class EmbedsFrames(Model, Protocol):
    """Sound → a vector a frame, with times, from blocks of one recording in order (any block sizes)."""

    def frames(self, blocks: Iterable[Audio]) -> Iterator[Frames]: ...


class LogOdds(Protocol):
    """A calibration: unit vectors of sounds ``[n, d]`` and of texts ``[k, d]`` → log-odds ``[n, k]`` that each text applies."""

    def log_odds(self, audio: Vectors, text: Vectors) -> npt.NDArray[np.float64]: ...


@runtime_checkable
class Calibrated(Model, Protocol):
    """Scores → probabilities that mean what they say, on the sets that the card names. ``calibration`` is None where there is none."""

    @property
    def calibration(self) -> LogOdds | None: ...


class Cut(str):
    """The last piece of an answer that ``max_tokens`` ended; it may be empty."""

    __slots__ = ()


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def with_options(question: str, options: Sequence[str]) -> str:
    """A question as models are used to see it: below it a line an option, (A) one, (B) another. At most 26."""
    return "\n".join([question, *(f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False))])


@runtime_checkable
class GeneratesText(Model, Protocol):
    """Sounds and a prompt → text, piece by piece. Without sounds it is asked by the prompt alone.

    Each sound comes at its own rate. The same for the same ``seed``; seed 0 is the likeliest text where a model can say which that is.
    The last piece is a :class:`Cut` where ``max_tokens`` ended it. Raises ModelError for a sound that it cannot take in.
    """

    @property
    def longest(self) -> float | None: ...  # seconds of a sound that it takes in, what is beyond is not heard; None: all of it

    def generate(self, audios: Sequence[Audio], prompt: str, *, seed: int = 0, max_tokens: int = 256) -> Iterator[str]: ...


@runtime_checkable
class ScoresText(Model, Protocol):
    """Sounds, a prompt and what could follow it → float64 ``[options]``: the log-likelihood of each option, summed over its tokens."""

    @property
    def longest(self) -> float | None: ...

    def score(self, audios: Sequence[Audio], prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]: ...


def check_vectors(model: Model) -> None:
    """Raises ModelError ``Capability`` for a model that speaks only."""
    if not hasattr(model, "embed_audio") and not hasattr(model, "embed_text"):
        raise ModelError("Capability", f"{model.name} speaks, but gives no vectors.", hint="Use tiny-towers, or a CLAP.")
