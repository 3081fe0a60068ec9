"""Two Heads: a tower's frames → connector → a small causal language model, run by ONNX Runtime with a key–value cache.

``config.json`` of such a bundle::

    {"format": 1, "architecture": "two_heads", "dim": 128, "tower": {"name": "tiny-towers@2", "pipeline_id": "tiny-towers@2:…"},
     "listen": {"file": "listen.onnx", "seconds": 12.0},
     "speak": {"file": "speak.onnx", "tokenizer": "tokenizer.json", "places": 320, "layers": 4, "heads": 4, "kinds": 215}}

``listen.onnx``: ``frames`` [n, d + e], ``times`` [n] → ``prefix`` [1, n, dim], ``slots`` [1, kinds, dim]. ``speak.onnx``: ``prefix``
[b, f, dim], ``slots`` [1, kinds, dim], ``tokens`` and ``positions`` [b, t], ``bias`` [f + t, p + f + t],
``past`` [2·layers, b, heads, p, dim/heads] → ``logits`` [b, f + t, v], ``present``.
A text is ``ASK prompt ANSWER answer END``. The tower is a bundle of its own: one listening serves search, detection and speech.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio
from auricle.errors import ModelError, UsageError
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Cut
from auricle.models.card import ModelCard
from auricle.models.hearing import FrameSequence, hear
from auricle.models.session import Session
from auricle.models.two_towers import FrameTowers

PAD, ASK, ANSWER, END = "<pad>", "<ask>", "<answer>", "<end>"
WARMTH = 0.8  # temperature of seeds other than 0
PLAUSIBLE = float(np.log(0.1))  # below the likeliest: what contrast leaves out
ROOM = 32  # places that a prompt leaves for its answer
ARCHITECTURE = "two_heads"

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class ListenConfig:
    file: str
    seconds: float  # of a sound; what is beyond is not heard


@dataclass(frozen=True, slots=True)
class SpeakConfig:
    file: str
    places: int  # tokens of a text, prompt and answer together
    layers: int
    heads: int
    kinds: int  # of sound, each of which has a slot
    tokenizer: str = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class _State:
    """The cache after some tokens: keys and values, tokens read, log-probabilities of what comes next."""

    past: Array
    slots: Array
    position: int
    following: npt.NDArray[np.float64]  # [b, v]


class TwoHeads:
    """A model that implements ``GeneratesText`` and ``ScoresText`` about one sound, or none. Make one with :func:`open_heads`."""

    def __init__(self, bundle: Bundle, tower: FrameTowers, *, threads: int | None = None, device: str = "auto") -> None:
        self._bundle, self._tower = bundle, tower
        self._listen, self._speak = _checked(bundle)
        self._listen_session = Session(lambda: bundle.graph(self._listen.file), threads=threads, device=device)
        self._speak_session = Session(lambda: bundle.graph(self._speak.file), threads=threads, device=device)
        self._words: Any = None
        self._last: tuple[Audio, FrameSequence] | None = None  # one sound is asked about more than once
        self._lock = threading.Lock()

    sounds = 1  # at a time

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
        return self._tower.rate

    @property
    def longest(self) -> float:
        return self._listen.seconds

    @property
    def card(self) -> ModelCard:
        return self._bundle.card

    @property
    def bundle(self) -> Bundle:
        return self._bundle

    @property
    def tower(self) -> FrameTowers:
        """What it hears with: the same frames serve search and detection."""
        return self._tower

    def warm(self) -> None:
        """Begin to load in the background; what fails there is raised when it is used."""
        self._tower.warm(text=False)
        for session in (self._listen_session, self._speak_session):
            threading.Thread(target=session.warm, daemon=True).start()

    # ------------------------------------------------------------------------------------------------------------ speaking

    def generate(
        self, audios: Sequence[Audio], prompt: str, *, seed: int = 0, max_tokens: int = 256, contrast: float = 0.0
    ) -> Iterator[str]:
        """The answer, piece by piece. Raises ModelError ``Unsupported`` for several sounds or too long a prompt.

        contrast: how much of what would be said without any sound is taken off (contrastive decoding: Li 2023, arXiv 2210.15097;
        against a silent input: Hsu 2025, arXiv 2506.07233), among the tokens that are at least a tenth as likely as the likeliest.
        """
        return self.generate_heard(self._one(audios), prompt, seed=seed, max_tokens=max_tokens, contrast=contrast)

    def generate_heard(
        self, heard: FrameSequence | None, prompt: str, *, seed: int = 0, max_tokens: int = 256, contrast: float = 0.0
    ) -> Iterator[str]:
        """:meth:`generate` about what :meth:`hear` gave: one listening serves many questions."""
        if max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, got {max_tokens}.")
        deaf = self._asked(None, prompt) if contrast else None
        return self._generate(self._asked(heard, prompt), np.random.default_rng(seed) if seed else None, max_tokens, deaf, contrast)

    def _generate(
        self, state: _State, rng: np.random.Generator | None, max_tokens: int, deaf: _State | None, contrast: float
    ) -> Iterator[str]:
        words = self._tokenizer()
        end, special = words.token_to_id(END), [words.token_to_id(name) for name in (PAD, ASK, ANSWER)]
        said: list[int] = []
        told = ""
        while True:
            odds = state.following[0].copy()
            if deaf is not None:
                odds = np.where(odds >= odds.max() + PLAUSIBLE, (1 + contrast) * odds - contrast * deaf.following[0], -np.inf)
            odds[special] = -np.inf
            token = int(odds.argmax()) if rng is None else int(rng.choice(odds.shape[0], p=_softmax(odds / WARMTH)))
            if token == end:
                return
            said.append(token)
            text = words.decode(said)
            piece = text[len(told) :] if not text.endswith("\ufffd") else ""
            told += piece
            if len(said) == max_tokens or state.position >= self._speak.places:
                yield Cut(piece)
                return
            if piece:
                yield piece
            state = self._step(np.array([[token]]), state)
            deaf = None if deaf is None else self._step(np.array([[token]]), deaf)

    def score(self, audios: Sequence[Audio], prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
        """The log-likelihood of each option as the whole answer. Raises ModelError like :meth:`generate`."""
        return self.score_heard(self._one(audios), prompt, options)

    def score_heard(self, heard: FrameSequence | None, prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
        """:meth:`score` about what :meth:`hear` gave."""
        state = self._asked(heard, prompt)
        words = self._tokenizer()
        ids = [[*encoding.ids, words.token_to_id(END)] for encoding in words.encode_batch(list(options))]
        found = np.zeros(len(ids))
        if not ids:
            return found
        longest = max(map(len, ids))
        if state.position + longest - 1 > self._speak.places:
            raise ModelError("Unsupported", f"{self.name}: an option of {longest} tokens is too long.", hint="Give shorter options.")
        tokens = np.full((len(ids), longest), words.token_to_id(PAD))
        for row, values in enumerate(ids):
            tokens[row, : len(values)] = values
        many = _State(np.repeat(state.past, len(ids), axis=1), state.slots, state.position, np.repeat(state.following, len(ids), axis=0))
        logits = many.following[:, None]
        if longest > 1:
            logits = np.concatenate([logits, self._run(tokens[:, :-1], many)[0]], 1)
        for row, values in enumerate(ids):
            found[row] = logits[row, np.arange(len(values)), values].sum()
        return found

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as it reads them."""
        return [len(encoding.ids) for encoding in self._tokenizer().encode_batch([t.encode("utf-8", "replace").decode() for t in texts])]

    # ------------------------------------------------------------------------------------------------------------ listening

    def hear(self, audio: Audio) -> FrameSequence:
        """What :meth:`read` takes, up to ``longest`` seconds. Raises AudioError."""
        last = self._last
        if last is None or last[0] is not audio:
            last = self._last = audio, hear(self._tower, audio.slice(0.0, self.longest))
        return last[1]

    def read(self, heard: FrameSequence) -> tuple[Array, Array]:
        """What the language model reads: frames ``[1, n, dim]``, and slots ``[1, kinds, dim]`` of what is known of each kind of sound."""
        frames = np.concatenate([heard.vectors, heard.envelopes], 1).astype(np.float32)
        prefix, slots = self._listen_session.run_all(("prefix", "slots"), {"frames": frames, "times": heard.starts.astype(np.float32)})
        return prefix, slots

    def _one(self, audios: Sequence[Audio]) -> FrameSequence | None:
        if len(audios) > 1:
            raise ModelError("Unsupported", f"{self.name} hears one sound at a time, not {len(audios)}.", hint="Ask about each by itself.")
        return self.hear(audios[0]) if audios else None

    def _asked(self, heard: FrameSequence | None, prompt: str) -> _State:
        words = self._tokenizer()
        plain = prompt.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no Unicode
        ids = [words.token_to_id(ASK), *words.encode(plain).ids, words.token_to_id(ANSWER)]
        if len(ids) > self._speak.places - ROOM:
            message = f"{self.name} reads questions of up to {self._speak.places - ROOM - 2} tokens; this one has {len(ids) - 2}."
            raise ModelError("Unsupported", message, hint="Ask in fewer words.")
        width = self._bundle.dim // self._speak.heads
        dim = self._bundle.dim
        none = np.zeros((1, 0, dim), np.float32), np.zeros((1, self._speak.kinds, dim), np.float32)
        prefix, slots = none if heard is None else self.read(heard)
        empty = _State(np.zeros((2 * self._speak.layers, 1, self._speak.heads, 0, width), np.float32), slots, 0, np.zeros((1, 0)))
        return self._step(np.array([ids]), empty, prefix)

    def _step(self, tokens: Array, state: _State, prefix: Array | None = None) -> _State:
        logits, past = self._run(tokens, state, prefix)
        return _State(past, state.slots, state.position + tokens.shape[1], logits[:, -1])

    def _run(self, tokens: Array, state: _State, prefix: Array | None = None) -> tuple[npt.NDArray[np.float64], Array]:
        """Log-probabilities after each of the tokens, ``[b, t, v]``, and the cache."""
        b, t = tokens.shape
        heard = np.zeros((b, 0, self._bundle.dim), np.float32) if prefix is None else prefix
        f, p = heard.shape[1], state.past.shape[3]
        bias = np.where(np.arange(p + f + t)[None] <= p + np.arange(f + t)[:, None], 0.0, -1e9).astype(np.float32)
        positions = np.broadcast_to(np.arange(state.position, state.position + t), (b, t)).astype(np.int64)
        feeds = {
            "prefix": heard, "slots": state.slots, "tokens": tokens.astype(np.int64), "positions": positions, "bias": bias,
            "past": state.past,
        }  # fmt: skip
        logits, past = self._speak_session.run_all(("logits", "present"), feeds)
        return _log_softmax(logits[:, f:].astype(np.float64)), past

    def _tokenizer(self) -> Any:
        with self._lock:
            if self._words is None:
                from tokenizers import Tokenizer

                path = self._bundle.file(self._speak.tokenizer)
                try:
                    self._words = Tokenizer.from_file(str(path))
                except Exception as error:
                    raise ModelError("Damaged", f"{path} is no tokenizer: {error}.") from None
            return self._words


def open_heads(
    bundle: Bundle | str | os.PathLike[str], *, tower: FrameTowers | None = None, threads: int | None = None, device: str = "auto"
) -> TwoHeads:
    """The model of a bundle, with the tower that it names. Raises ModelError: ``Missing`` (no such tower), ``Damaged``, ``Unsupported``."""
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    _checked(opened)
    wanted = opened.config["tower"]
    if tower is None:
        from auricle.models import hub

        found = hub.load(wanted["name"], threads=threads, device=device)
        if not isinstance(found, FrameTowers):
            raise ModelError("Damaged", f"{opened.name} hears with {wanted['name']}, which gives no frames.")
        tower = found
    if tower.pipeline_id != wanted["pipeline_id"]:
        message = f"{opened.name} was trained on what {wanted['pipeline_id']} hears, and {tower.pipeline_id} hears otherwise."
        raise ModelError("Unsupported", message, hint="Get the tower that it names.")
    return TwoHeads(opened, tower, threads=threads, device=device)


def _checked(bundle: Bundle) -> tuple[ListenConfig, SpeakConfig]:
    config = bundle.config
    if config["architecture"] != ARCHITECTURE:
        message = f"{bundle.name} is of architecture {config['architecture']!r}, not {ARCHITECTURE}."
        raise ModelError("Unsupported", message, hint="Upgrade with: pip install -U auricle")
    try:
        listen, speak = ListenConfig(**config["listen"]), SpeakConfig(**config["speak"])
        if not all(isinstance(config["tower"][key], str) for key in ("name", "pipeline_id")):
            raise ValueError("tower needs name and pipeline_id")
        counts = (speak.places, speak.layers, speak.heads, speak.kinds)
        if not listen.seconds > 0 or not all(isinstance(n, int) and n > 0 for n in counts) or bundle.dim % speak.heads:
            raise ValueError(f"numbers that cannot be in {listen} or {speak}")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError("Damaged", f"{bundle.path / 'config.json'}: {error}.") from None
    return listen, speak


def _log_softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())
