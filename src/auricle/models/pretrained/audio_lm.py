"""Audio–language checkpoints of ``transformers`` as they are: Qwen2-Audio (Chu et al. 2024, arXiv 2407.10759) and Audio Flamingo 3
(Goel et al. 2025, arXiv 2507.08128).

Needs ``auricle[hf]``; torch and transformers are imported when a model is first used. Sound, chat format and token counts are those of
the checkpoint's own processor. Nothing is fetched, and no code that comes with a checkpoint is run.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import os
import queue
import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle import settings
from auricle.audio.types import Audio
from auricle.errors import AudioError, AuricleError, ModelError, UsageError
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Cut
from auricle.models.card import ModelCard
from auricle.models.pretrained.checkpoint import ARCHITECTURE, FOLDER, Checkpoint
from auricle.models.pretrained.needing import line, silent, torch_module, transformers_class
from auricle.models.session import DEVICES
from auricle.models.streaming import mono

WARMTH, MASS = 0.8, 0.95  # of seeds other than 0: temperature, and the share of the likeliest tokens that is drawn from
ROOM = 32  # tokens that a prompt leaves for its answer
BATCH = 8  # options scored at a time
SHORTEST = 0.1  # seconds; a shorter sound is filled up with silence, as less gives the encoder no token


class AudioLM:
    """Implements ``GeneratesText`` and ``ScoresText``. Make one with :func:`open_bundle` or :func:`open_folder`."""

    def __init__(self, checkpoint: Checkpoint, card: ModelCard, pipeline: Callable[[], str], *, threads: int | None, device: str) -> None:
        if device not in DEVICES:
            raise UsageError(f"unknown device {device!r}.", hint=f"Use one of: {', '.join(DEVICES)}.")
        self._checkpoint, self._card, self._pipeline = checkpoint, card, pipeline
        self._threads, self._device = threads, device
        self._made: Any = None
        self._model: Any = None
        self._id = ""
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def name(self) -> str:
        return self._card.full_name

    @property
    def pipeline_id(self) -> str:
        """Of a folder that was not pulled: reads every byte of its weights, once."""
        with self._lock:
            self._id = self._id or self._pipeline()
            return self._id

    @property
    def card(self) -> ModelCard:
        return self._card

    @property
    def rate(self) -> int:
        return int(self._processor().feature_extractor.sampling_rate)

    @property
    def sounds(self) -> int | None:
        """How many sounds a prompt may hold; None: any number."""
        return self._checkpoint.kind.sounds

    @property
    def longest(self) -> float:
        """Seconds of a sound that its processor keeps."""
        processor = self._processor()
        return float(getattr(processor, "max_audio_len", None) or processor.feature_extractor.chunk_length)

    # ------------------------------------------------------------------------------------------------------------ speaking

    def generate(self, audios: Sequence[Audio], prompt: str, *, seed: int = 0, max_tokens: int = 256) -> Iterator[str]:
        """The answer, piece by piece. Raises ModelError ``Unsupported`` for more sounds or a longer prompt than it takes in."""
        if max_tokens < 1:
            raise UsageError(f"max_tokens must be at least 1, got {max_tokens}.")
        asked = self._asked(audios, prompt)
        room = self._places() - asked["input_ids"].shape[1]
        return self._generate(asked, seed, min(max_tokens, room))

    def _generate(self, asked: Any, seed: int, limit: int) -> Iterator[str]:
        tokenizer, ends = self._processor().tokenizer, self._ends()
        said: list[int] = []
        told = ""
        with contextlib.closing(self._tokens(asked, seed, limit)) as tokens:
            for token in tokens:
                if token in ends:
                    return
                said.append(token)
                text = tokenizer.decode(said, skip_special_tokens=True, clean_up_tokenization_spaces=False)
                piece = text[len(told) :] if not text.endswith("\ufffd") else ""  # half a character: the rest is to come
                told += piece
                if len(said) == limit:
                    yield Cut(piece)
                elif piece:
                    yield piece

    def _tokens(self, asked: Any, seed: int, limit: int) -> Generator[int, None, None]:
        """Tokens as ``model.generate`` finds them in a thread of its own, which ends when this iterator is closed."""
        from transformers import StoppingCriteriaList

        model, ends = self._loaded(), sorted(self._ends())
        config = copy.deepcopy(model.generation_config)
        config.update(do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None, max_length=None, max_new_tokens=limit)
        config.eos_token_id = ends
        config.pad_token_id = ends[0] if config.pad_token_id is None else config.pad_token_id
        stopped = threading.Event()
        found = _Found()

        def run() -> None:
            try:
                model.generate(
                    **asked,
                    generation_config=config,
                    streamer=found,
                    logits_processor=_drawing(seed),
                    stopping_criteria=StoppingCriteriaList([lambda ids, scores, **_: _flags(ids, stopped.is_set())]),
                )
                found.end()
            except Exception as error:
                found.values.put(self._failed(error))

        worker = threading.Thread(target=run, daemon=True, name="auricle-generate")
        worker.start()
        try:
            while (value := found.values.get()) is not None:
                if isinstance(value, BaseException):
                    raise value
                yield value
        finally:
            stopped.set()
            worker.join()

    def score(self, audios: Sequence[Audio], prompt: str, options: Sequence[str]) -> npt.NDArray[np.float64]:
        """The log-likelihood of each option as the whole answer. The sound and the prompt are read once. Raises ModelError."""
        if not options:
            return np.zeros(0)
        asked = self._asked(audios, prompt)
        tokenizer, end = self._processor().tokenizer, self._end()
        ids = [[*tokenizer(self._plain(option), add_special_tokens=False)["input_ids"], end] for option in options]
        longest = max(map(len, ids))
        if asked["input_ids"].shape[1] + longest > self._places():
            raise ModelError("Unsupported", f"{self.name}: an option of {longest} tokens is too long.", hint="Give shorter options.")
        try:
            return self._score(asked, ids)
        except Exception as error:
            raise self._failed(error) from None

    def _score(self, asked: Any, ids: list[list[int]]) -> npt.NDArray[np.float64]:
        import torch

        model = self._loaded()
        cached = "cache" if "cache" in inspect.signature(model.model.forward).parameters else "past_key_values"
        found: list[float] = []
        with torch.inference_mode():
            heard = model.model(**asked, use_cache=True)
            first = _log_softmax(model.lm_head(heard.last_hidden_state[:, -1:]))
            for at in range(0, len(ids), BATCH):
                part = ids[at : at + BATCH]
                width = max(map(len, part))
                tokens = torch.tensor([row + [0] * (width - len(row)) for row in part], device=model.device)
                odds = first.expand(len(part), -1, -1)
                if width > 1:
                    cache = copy.deepcopy(heard[cached])
                    cache.batch_repeat_interleave(len(part))
                    given = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in part], device=model.device)
                    mask = torch.cat([asked["attention_mask"].expand(len(part), -1), given[:, :-1]], 1)
                    read = model.model(input_ids=tokens[:, :-1], attention_mask=mask, use_cache=True, **{cached: cache})
                    odds = torch.cat([odds, _log_softmax(model.lm_head(read.last_hidden_state))], 1)
                picked = odds.gather(2, tokens[..., None])[..., 0].double().cpu().numpy()
                found += [float(picked[row, : len(values)].sum()) for row, values in enumerate(part)]
        return np.asarray(found)

    # ------------------------------------------------------------------------------------------------------------ listening

    def _asked(self, audios: Sequence[Audio], prompt: str) -> Any:
        """What the model reads, by its own processor."""
        if self.sounds is not None and len(audios) > self.sounds:
            message = f"{self.name} hears {self.sounds} sound at a time, not {len(audios)}."
            hint = (
                "Ask about each by itself, or use a model that hears several: hf:Qwen/Qwen2-Audio-7B-Instruct, openai:http://host/v1#model."
            )
            raise ModelError("Unsupported", message, hint=hint)
        processor = self._processor()
        heard = [self._samples(audio) for audio in audios]
        content = [{"type": "audio"}] * len(heard) + [{"type": "text", "text": self._plain(prompt)}]
        text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False)
        rest: dict[str, Any] = {"audio": heard, "sampling_rate": self.rate} if heard else {}
        try:
            inputs = processor(text=[text], return_tensors="pt", **rest)
        except Exception as error:
            raise self._failed(error) from None
        length, places = inputs["input_ids"].shape[1], self._places()
        if length > places - ROOM:
            message = f"{self.name} reads up to {places - ROOM} tokens, sound and question together; this has {length}."
            raise ModelError("Unsupported", message, hint="Ask in fewer words, or about fewer sounds.")
        model = self._loaded()
        return {key: value.to(model.device, model.dtype if value.is_floating_point() else None) for key, value in inputs.items()}

    def _samples(self, audio: Audio) -> npt.NDArray[np.float32]:
        samples = mono(audio.slice(0.0, self.longest).mono().at(self.rate))
        if not samples.shape[0]:
            raise AudioError("Empty", audio.source, f"{audio.source}: no sound to hear.")
        return np.pad(samples, (0, max(0, round(SHORTEST * self.rate) - samples.shape[0])))

    def _plain(self, text: str) -> str:
        """Text without tokens that mean something else to the model: a question cannot end its turn or add a sound."""
        processor = self._processor()
        tokens = {token.content for token in processor.tokenizer.added_tokens_decoder.values()} | {processor.audio_token}
        pattern = "|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True) if token.strip())
        return re.sub(pattern, " ", text.encode("utf-8", "replace").decode("utf-8"))

    def _places(self) -> int:
        return int(self._loaded().config.text_config.max_position_embeddings)

    def _ends(self) -> set[int]:
        """Tokens that end an answer."""
        stated = self._loaded().generation_config.eos_token_id
        ends = set(stated if isinstance(stated, list | tuple) else [] if stated is None else [stated])
        return ends | {self._processor().tokenizer.eos_token_id} - {None}

    def _end(self) -> int:
        """The token after which the chat format ends an answer, if the model ends answers with it."""
        processor, mark = self._processor(), "auricle"
        turns = [{"role": role, "content": [{"type": "text", "text": mark}]} for role in ("user", "assistant")]
        tail = processor.apply_chat_template(turns, tokenize=False).rpartition(mark)[2]
        ids = processor.tokenizer(tail, add_special_tokens=False)["input_ids"]
        return int(ids[0]) if ids and ids[0] in self._ends() else min(self._ends())

    # ------------------------------------------------------------------------------------------------------------ loading

    def _processor(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._read(transformers_class(self._checkpoint.kind.processor).from_pretrained)
            return self._made

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                torch = torch_module()
                device = "cuda" if self._device == "cuda" or (self._device == "auto" and torch.cuda.is_available()) else "cpu"
                if device == "cpu":
                    self._fits()
                    torch.set_num_threads(self._threads or settings.threads())
                elif not torch.cuda.is_available():
                    raise ModelError("Unsupported", "this torch finds no CUDA device.", hint="Use device cpu.")
                made = self._read(transformers_class(self._checkpoint.kind.model).from_pretrained, use_safetensors=True, dtype="auto")
                try:
                    self._model = made.to(device).eval()
                except Exception as error:
                    raise self._failed(error) from None
            return self._model

    def _read(self, read: Any, **options: Any) -> Any:
        try:
            with silent():
                return read(self._checkpoint.folder, local_files_only=True, trust_remote_code=False, **options)
        except AuricleError:
            raise
        except Exception as error:
            message = f"{self._checkpoint.folder} cannot be loaded by transformers: {line(error)}"
            raise ModelError("Damaged", message, hint="Pull or download the checkpoint again.") from None

    def _fits(self) -> None:
        """Said before the machine begins to swap. Raises ModelError."""
        weights = sum(path.stat().st_size for path in self._checkpoint.weights())
        names = getattr(os, "sysconf_names", {})
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if "SC_PHYS_PAGES" in names else weights
        if weights > memory:
            message = f"{self.name} needs {weights / 1e9:.1f} GB of memory; this machine has {memory / 1e9:.1f} GB."
            hint = "Serve it on a larger machine and name it openai:http://host/v1#model, or use tiny-heads."
            raise ModelError("Unsupported", message, hint=hint)

    def _failed(self, error: Exception) -> Exception:
        """What transformers raised, in a line."""
        if isinstance(error, AuricleError):
            return error
        if "memory" in str(error).lower() and isinstance(error, MemoryError | RuntimeError):
            return ModelError("Unsupported", f"{self.name}: not enough memory.", hint="Ask about shorter or fewer sounds.")
        return ModelError("Unsupported", f"{self.name} cannot take this in: {line(error)}")


def open_bundle(bundle: Bundle, *, threads: int | None = None, device: str = "auto") -> AudioLM:
    """The model of a pulled bundle. Raises ModelError."""
    if bundle.config["architecture"] != ARCHITECTURE:
        raise ModelError("Unsupported", f"{bundle.name} is of architecture {bundle.config['architecture']!r}, not {ARCHITECTURE}.")
    checkpoint = Checkpoint.open(bundle.path / FOLDER)
    return AudioLM(checkpoint, bundle.card, lambda: bundle.pipeline_id, threads=threads, device=device)


def open_folder(folder: str | os.PathLike[str], *, threads: int | None = None, device: str = "auto") -> AudioLM:
    """The model of a folder that ``save_pretrained`` wrote or that was downloaded. Raises ModelError."""
    from auricle.models.pretrained.clap import licence_of

    path = Path(folder)
    checkpoint = Checkpoint.open(path)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", path.resolve().name).strip("-._") or checkpoint.kind.model_type
    card = ModelCard(plain, "local", "two-heads", f"{checkpoint.kind.title} from a folder.", licence_of(path / "README.md"))
    return AudioLM(checkpoint, card, lambda: f"{card.full_name}:{checkpoint.digest()[:12]}", threads=threads, device=device)


class _Found:
    """What ``generate`` streams into: first the prompt, then tokens; None at the end."""

    def __init__(self) -> None:
        self.values: queue.SimpleQueue[int | Exception | None] = queue.SimpleQueue()
        self._prompted = False

    def put(self, tokens: Any) -> None:
        if self._prompted:
            for token in tokens.flatten().tolist():
                self.values.put(token)
        self._prompted = True

    def end(self) -> None:
        self.values.put(None)


def _drawing(seed: int) -> Any:
    """Nothing for seed 0. Else noise by which the likeliest token becomes a draw (Gumbel): no global random state is touched."""
    import torch
    from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

    if not seed:
        return LogitsProcessorList()
    rng = np.random.default_rng(seed)

    def noisy(ids: Any, scores: Any) -> Any:
        return scores + torch.from_numpy(rng.gumbel(size=tuple(scores.shape))).to(scores)

    return LogitsProcessorList([TemperatureLogitsWarper(WARMTH), TopPLogitsWarper(MASS), noisy])


def _flags(ids: Any, stop: bool) -> Any:
    import torch

    return torch.full((ids.shape[0],), stop, dtype=torch.bool, device=ids.device)


def _log_softmax(logits: Any) -> Any:
    return logits.float().log_softmax(-1)
