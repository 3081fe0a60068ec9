"""A connected model at work: it implements ``GeneratesText`` and ``ScoresText`` about one sound, or none."""

from __future__ import annotations

import copy
import inspect
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from auricle import settings
from auricle.audio.types import Audio
from auricle.errors import ModelError, UsageError
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Cut
from auricle.models.card import ModelCard
from auricle.models.hearing import FrameSequence, hear
from auricle.models.two_towers import FrameTowers
from auricle.training import checkpoint
from auricle.training.connecting.connector import Connector
from auricle.training.connecting.language import open_language, quiet
from auricle.training.connecting.packing import Wording, batch_of, logits, prefix_of
from auricle.training.connecting.recipe import Language
from auricle.training.connecting.saving import language_of, parts_of
from auricle.training.connecting.sounds import Sound

WARMTH = 0.8  # temperature of seeds other than 0
PLAUSIBLE = float(np.log(0.1))  # below the likeliest: what contrast leaves out
ROOM = 32  # places that a prompt leaves for its answer


@dataclass(slots=True)
class _State:
    """After some tokens: the cache, how many there were, and log-probabilities of what comes next ``[v]``."""

    cache: Any
    position: int
    following: npt.NDArray[np.float64]


class Connected:
    """Made by :func:`open_connected`. The language model is read when it is first asked."""

    def __init__(
        self, bundle: Bundle, tower: FrameTowers, *, language: Path | None = None, half: bool = False, threads: int | None = None,
        device: str = "auto",
    ) -> None:  # fmt: skip
        self._bundle, self._tower, self._language, self._half, self._threads = bundle, tower, language, half, threads
        self._config = parts_of(bundle)
        if device == "cuda":
            raise ModelError("Unsupported", f"{bundle.name} runs on the CPU.", hint="Use device cpu.")
        self._made: tuple[Any, Wording, Connector] | None = None
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
        return float(self._config["seconds"])

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

    # ------------------------------------------------------------------------------------------------------------ speaking

    def generate(
        self, audios: Sequence[Audio], prompt: str, *, seed: int = 0, max_tokens: int = 256, contrast: float = 0.0
    ) -> Iterator[str]:
        """The answer, piece by piece. contrast: how much of what would be said without any sound is taken off, among the tokens that are
        at least a tenth as likely as the likeliest. Raises ModelError ``Unsupported`` for several sounds or too long a prompt."""
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
        words = self._loaded()[1].words
        said: list[int] = []
        told = ""
        while True:
            odds = state.following
            if deaf is not None:
                odds = np.where(odds >= odds.max() + PLAUSIBLE, (1 + contrast) * odds - contrast * deaf.following, -np.inf)
            token = int(odds.argmax()) if rng is None else int(rng.choice(odds.shape[0], p=_softmax(odds / WARMTH)))
            if token == words.eos_token_id:
                return
            said.append(token)
            text = words.decode(said, skip_special_tokens=True, clean_up_tokenization_spaces=False).lstrip()
            piece = text[len(told) :] if not text.endswith("\ufffd") else ""
            told += piece
            if len(said) == max_tokens or state.position >= self._places():
                yield Cut(piece)
                return
            if piece:
                yield piece
            state = self._read([token], state)
            deaf = None if deaf is None else self._read([token], deaf)

    def score(self, audios: Sequence[Audio], prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
        """The log-likelihood of each option as the whole answer. Raises ModelError like :meth:`generate`."""
        return self.score_heard(self._one(audios), prompt, options)

    def score_heard(self, heard: FrameSequence | None, prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
        """:meth:`score` about what :meth:`hear` gave: sound and prompt are read once."""
        model, wording, _ = self._loaded()
        ids = [wording.said(option) for option in options]
        if not ids:
            return np.zeros(0)
        state = self._asked(heard, prompt)
        longest = max(map(len, ids))
        if state.position + longest > self._places():
            raise ModelError("Unsupported", f"{self.name}: an option of {longest} tokens is too long.", hint="Give shorter options.")
        odds = np.tile(state.following, (len(ids), 1, 1))
        if longest > 1:  # what follows an option's end is not looked at, so that any token may fill it
            tokens = torch.tensor([row[:-1] + [0] * (longest - len(row)) for row in ids])
            cache = copy.deepcopy(state.cache)
            cache.batch_repeat_interleave(len(ids))
            positions = torch.arange(state.position, state.position + longest - 1).expand(len(ids), -1)
            with torch.inference_mode(), self._precision():
                found = model(input_ids=tokens, position_ids=positions, use_cache=True, **{_cached(model): cache}).logits
            odds = np.concatenate([odds, _log_softmax(found)], 1)
        return np.array([odds[row, np.arange(len(values)), values].sum() for row, values in enumerate(ids)])

    def score_many(
        self, heard: Sequence[FrameSequence | None], asked: Sequence[Sequence[tuple[str, Sequence[str]]]]
    ) -> list[list[npt.NDArray[np.float64]]]:
        """:meth:`score_heard` of several questions about each of several sounds, read at once: prompt and options, a sound's in a row."""
        model, wording, connector = self._loaded()
        none = np.zeros((1, connector.mean.shape[0]), np.float16)
        sounds = [Sound(none if h is None else np.concatenate([h.vectors, h.envelopes], 1), (), (), "") for h in heard]
        texts = [[(prompt, option) for prompt, options in some for option in options] for some in asked]
        batch = batch_of(sounds, texts, [h is not None for h in heard], wording)
        wanted = batch["target"] >= 0
        targets = batch["target"][wanted]
        with torch.inference_mode(), self._precision():
            odds = logits(model, connector, batch).float()
            each = (odds.gather(1, targets[:, None])[:, 0] - odds.logsumexp(1)).double().numpy()
        row = torch.arange(len(heard))[:, None].expand_as(wanted)[wanted].numpy()
        text = batch["texts"][wanted].numpy()
        found = []
        for i, some in enumerate(asked):
            sums = np.array([each[(row == i) & (text == n)].sum() for n in range(len(texts[i]))])
            found.append(np.split(sums, np.cumsum([len(options) for _, options in some])[:-1]))
        return found

    # ------------------------------------------------------------------------------------------------------------ listening

    def hear(self, audio: Audio) -> FrameSequence:
        """What the connector reads, up to ``longest`` seconds. Raises AudioError."""
        return hear(self._tower, audio.slice(0.0, self.longest))

    def _one(self, audios: Sequence[Audio]) -> FrameSequence | None:
        if len(audios) > 1:
            raise ModelError("Unsupported", f"{self.name} hears one sound at a time, not {len(audios)}.", hint="Ask about each by itself.")
        return self.hear(audios[0]) if audios else None

    def _asked(self, heard: FrameSequence | None, prompt: str) -> _State:
        model, wording, connector = self._loaded()
        ids = wording.asked(prompt)
        n = connector.mean.shape[0]
        frames = np.zeros((1, n), np.float32) if heard is None else np.concatenate([heard.vectors, heard.envelopes], 1).astype(np.float32)
        if frames.shape[1] != n:
            message = f"{self.name} reads frames of {n} numbers; {self._tower.name} gives {frames.shape[1]}."
            raise ModelError("Damaged", message, hint="Train it again on this tower.")
        mask = torch.full((1, len(frames)), heard is not None)
        with torch.inference_mode(), self._precision():
            start = torch.tensor([wording.start], dtype=torch.long)
            prefix, there = prefix_of(model, connector, start, torch.from_numpy(frames).unsqueeze(0), mask)
            vectors = torch.cat([prefix[there].unsqueeze(0), model.get_input_embeddings()(torch.tensor([ids]))], 1)
            t = vectors.shape[1]
            if t > self._places() - ROOM:
                message = f"{self.name} reads up to {self._places() - ROOM} tokens, sound and question together; this has {t}."
                raise ModelError("Unsupported", message, hint="Ask in fewer words.")
            found = model(inputs_embeds=vectors, use_cache=True, logits_to_keep=1)
        return _State(found[_cached(model)], t, _log_softmax(found.logits[:, -1])[0])

    def _read(self, tokens: list[int], state: _State) -> _State:
        model = self._loaded()[0]
        with torch.inference_mode(), self._precision():
            found = model(input_ids=torch.tensor([tokens]), use_cache=True, **{_cached(model): state.cache})
        return _State(found[_cached(model)], state.position + len(tokens), _log_softmax(found.logits[:, -1])[0])

    def _places(self) -> int:
        return int(getattr(self._loaded()[0].config, "max_position_embeddings", 2048))

    def _precision(self) -> Any:
        return torch.autocast("cpu", torch.bfloat16, enabled=self._half)

    def _loaded(self) -> tuple[Any, Wording, Connector]:
        with self._lock:
            if self._made is None:
                torch.set_num_threads(self._threads or settings.threads())
                config = self._config
                language = Language(folder="", **{key: config["lm"][key] for key in ("before", "after", "lead")})
                folder = language_of(self._bundle, self._language)
                model, words = open_language(folder, dtype=torch.bfloat16 if self._half else torch.float32)
                made = {key: value for key, value in config["connector"].items() if key != "file"}
                connector = Connector(width=self._bundle.dim, **made)
                try:
                    connector.load_state_dict(checkpoint.load(self._bundle.file(config["connector"]["file"])))
                except RuntimeError as error:
                    raise ModelError("Damaged", f"{self._bundle.path}: the connector is another: {str(error).splitlines()[0]}") from None
                if config["lora"] is not None:
                    model = self._with_updates(model, config["lora"]["folder"])
                self._made = model, Wording(words, language), connector.eval()
            return self._made

    def _with_updates(self, model: Any, folder: str) -> Any:
        from peft import PeftModel

        for name in ("adapter_config.json", "adapter_model.safetensors"):
            self._bundle.file(f"{folder}/{name}")
        with quiet():
            updated = PeftModel.from_pretrained(model, str(self._bundle.path / folder), local_files_only=True)
        return (updated if self._half else updated.merge_and_unload()).eval()  # merged into halves, small updates would be lost


def open_connected(
    bundle: Bundle | str | os.PathLike[str], *, tower: FrameTowers | None = None, language: Path | None = None, half: bool = False,
    threads: int | None = None, device: str = "auto",
) -> Connected:  # fmt: skip
    """The model of a bundle, with the tower and the language model that it names (or those given).

    half: read and multiply in half precision, as in training: several times as fast for :meth:`Connected.score_many`, and slower for
    few tokens at a time. Raises ModelError: ``Missing``, ``Damaged``, ``Unsupported``.
    """
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    wanted = parts_of(opened)["tower"]
    if tower is None:
        from auricle.models import hub

        found = hub.load(wanted["name"], threads=threads, device=device)
        if not isinstance(found, FrameTowers):
            raise ModelError("Damaged", f"{opened.name} hears with {wanted['name']}, which gives no frames.")
        tower = found
    if tower.pipeline_id != wanted["pipeline_id"]:
        message = f"{opened.name} was trained on what {wanted['pipeline_id']} hears, and {tower.pipeline_id} hears otherwise."
        raise ModelError("Unsupported", message, hint="Get the tower that it names.")
    return Connected(opened, tower, language=language, half=half, threads=threads, device=device)


def _cached(model: Any) -> str:
    """What this transformers calls the cache."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "cache" if "cache" in inspect.signature(plain.forward).parameters else "past_key_values"


def _log_softmax(logits: Tensor) -> npt.NDArray[np.float64]:
    return np.asarray(logits.double().log_softmax(-1).numpy())


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum())
