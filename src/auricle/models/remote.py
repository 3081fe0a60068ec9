"""A model of a server of the OpenAI chat kind (vLLM, SGLang, vendors): ``openai:http://host/v1#model``.

The sounds that it is asked about are sent to that server, as WAV, and nowhere else. What it answers is text: nothing here obeys it.
The weights belong to the server, so ``pipeline_id`` names the server and how sound is sent, and cannot tell when they change.
"""

from __future__ import annotations

import base64
import io
import math
import wave
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle.audio.types import Audio
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models.capabilities import Cut
from auricle.models.chat_server import SECONDS, SOUNDS, Address, ChatServer, Limits, told
from auricle.models.streaming import mono

RATE = 16_000
WARMTH = 0.8  # temperature of seeds other than 0
LETTERS = "ABCDEFGHIJKLMNOPQRST"  # servers tell at most 20 log-probabilities a token


class RemoteModel:
    """Implements ``GeneratesText``, and ``ScoresText`` where the server tells log-probabilities. Make one with :func:`open_remote`."""

    def __init__(self, address: Address, limits: Limits, key: str | None) -> None:
        self._address, self._limits = address, limits
        self._server = ChatServer(address, limits, key)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def name(self) -> str:
        return self._address.name

    @property
    def pipeline_id(self) -> str:
        return f"{self.name}:wav{RATE}"

    @property
    def rate(self) -> int:
        return RATE

    @property
    def longest(self) -> float:
        """Seconds of a sound that are sent (``AURICLE_OPENAI_SECONDS``); all sounds of a question together may have 8 times as many."""
        return self._limits.seconds

    lists_options = True  # below the question, by itself

    @property
    def sounds(self) -> int | None:
        """As many as the server takes: it says so itself."""
        return None

    def generate(self, audios: Sequence[Audio], prompt: str, *, seed: int = 0, max_tokens: int = 256) -> Iterator[str]:
        """The answer, piece by piece. Raises ModelError."""
        if max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, got {max_tokens}.")
        warmth = {"temperature": WARMTH if seed else 0.0, "seed": seed}
        return self._generate({**self._body(audios, prompt), **warmth, "max_tokens": max_tokens, "stream": True}, max_tokens)

    def _generate(self, body: dict[str, Any], max_tokens: int) -> Iterator[str]:
        for event in self._server.events(body, max_tokens):
            piece, end = told(event)
            if end == "content_filter":
                raise self._server.error("Unsupported", "withholds its answer (content_filter)")
            if end == "length":
                yield Cut(piece)
                return
            if piece:
                yield piece

    def score(self, audios: Sequence[Audio], prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
        """The log-likelihood of each option's letter as the first token of an answer, for options listed as A, B, ….

        A letter that is not among the tokens that the server tells has at most the likelihood of the least of these.
        Raises ModelError: ``Unsupported`` (too many options), ``Capability`` (the server tells no log-probabilities, or of no letter).
        """
        if not options:
            return np.zeros(0)
        letters = LETTERS[: len(options)]
        if len(options) > len(letters):
            message = f"{self.name} chooses among up to {len(LETTERS)} options, not {len(options)}."
            raise ModelError("Unsupported", message, hint="Give fewer options.")
        lines = "\n".join(f"{letter}. {option}" for letter, option in zip(letters, options, strict=True))
        body = self._body(audios, f"{prompt}\n{lines}\nAnswer with the letter alone.")
        wanted = {"temperature": 0.0, "seed": 0, "max_tokens": 1, "logprobs": True, "top_logprobs": len(LETTERS), "stream": False}
        (event,) = self._server.events({**body, **wanted}, len(LETTERS) * 4)
        return self._letters(event, letters)

    def _letters(self, event: dict[str, Any], letters: str) -> npt.NDArray[np.float64]:
        hint = "Ask without options, or use a model that scores them: tiny-heads, hf:Qwen/Qwen2-Audio-7B-Instruct."
        try:
            top = [
                (str(item["token"]).strip(), float(item["logprob"]))
                for item in event["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
            ]
        except (LookupError, TypeError, ValueError):
            top = []
        if not top:
            raise ModelError("Capability", f"{self.name} tells no log-probabilities, so it cannot choose by likelihood.", hint=hint)
        found = {letter: [odds for token, odds in top if token.rstrip(".):") == letter] for letter in letters}
        if not any(found.values()):
            raise ModelError("Capability", f"{self.name} answers with none of the letters of the options.", hint=hint)
        left = 1.0 - sum(math.exp(min(odds, 0.0)) for _, odds in top)
        least = min(min(odds for _, odds in top), math.log(max(left, 1e-30)))
        return np.array([float(np.logaddexp.reduce(odds)) if odds else least for odds in found.values()])

    def _body(self, audios: Sequence[Audio], prompt: str) -> dict[str, Any]:
        text = prompt.encode("utf-8", "replace").decode("utf-8")
        seconds, most = sum(min(audio.duration, self.longest) for audio in audios), self.longest * SOUNDS
        if seconds > most + 1e-6:
            message = f"{self.name}: {seconds:.0f} s of sound in one question are more than the {most:g} s that are sent at once."
            raise ModelError("Unsupported", message, hint=f"Ask about fewer sounds, or set {SECONDS}.")
        sent = [{"type": "input_audio", "input_audio": {"data": self._wav(audio), "format": "wav"}} for audio in audios]
        content: Any = [*sent, {"type": "text", "text": text}] if sent else text
        return {"model": self._address.model, "messages": [{"role": "user", "content": content}]}

    def _wav(self, audio: Audio) -> str:
        samples = mono(audio.slice(0.0, self.longest).mono().at(RATE))
        if not samples.shape[0]:
            raise AudioError("Empty", audio.source, f"{audio.source}: no sound to hear.")
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(RATE)
            writer.writeframes((np.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes())
        return base64.b64encode(file.getvalue()).decode()


def open_remote(name: str) -> RemoteModel:
    """The model of a server; nothing is asked before it is used. Limits and the key come from the environment. Raises UsageError."""
    address = Address.parse(name)
    return RemoteModel(address, Limits.from_environment(), address.key())
