"""Encoders of ``transformers`` from a local folder: sound as samples (wav2vec 2.0, HuBERT, WavLM, …) and text (BERT's kind).

Weights are read from safetensors only; code that a folder brings is never run.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.audio.features import Float32, FrontEnd, WaveFrontEnd
from auricle.errors import ModelError
from auricle.models.bundle import sha256
from auricle.training.modules.layers import masked_mean


def load(folder: Path) -> Any:
    """The AutoModel of a folder. Raises ModelError (Missing, Damaged, Unsupported)."""
    try:
        from transformers import AutoModel, logging
    except ImportError:
        raise ModelError("Unsupported", "transformers is not installed.", hint='Install it with: pip install "auricle[train,hf]"') from None
    if not (folder / "config.json").is_file():
        raise ModelError("Missing", f"{folder} holds no config.json.", hint="Name the folder of a model of transformers.")
    if not list(folder.glob("*.safetensors")):
        hint = "Save it again with model.save_pretrained(folder), which writes safetensors."
        raise ModelError("Unsupported", f"{folder} holds no weights in safetensors; pickles can run code and are refused.", hint=hint)
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        model = AutoModel.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, trust_remote_code=False, attn_implementation="eager"
        )
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ModelError("Damaged", f"{folder} is no model that transformers can load: {reason}.") from None
    finally:
        logging.set_verbosity(before)
    return model.float().eval()


class WaveEncoder(nn.Module):
    """Samples ``[n, length]`` → ``[n, hidden]``: the mean of the last states of a model that hears samples."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.model = load(folder)
        if getattr(self.model, "main_input_name", "") != "input_values" or not hasattr(self.model, "feature_extractor"):
            kind = type(self.model).__name__
            hint = "Those that hear samples can (Wav2Vec2, HuBERT, WavLM, Data2VecAudio, UniSpeech); others as ONNX, with kind: onnx."
            raise ModelError("Unsupported", f"{folder}: a {kind} cannot be an audio tower here.", hint=hint)
        self.model.config.apply_spec_augment = False  # the recipe augments, reproducibly
        preprocessor = _json(folder / "preprocessor_config.json")
        self.rate = int(preprocessor.get("sampling_rate", 16000))
        self.normalise = bool(preprocessor.get("do_normalize", True))
        self.hidden = int(self.model.config.hidden_size)
        self.pipeline = fingerprint(folder)

    def forward(self, samples: Tensor) -> Tensor:
        if self.normalise:  # as Wav2Vec2FeatureExtractor
            centred = samples - samples.mean(-1, keepdim=True)
            samples = centred / (centred.square().mean(-1, keepdim=True) + 1e-7).sqrt()
        states: Tensor = self.model(samples, return_dict=True).last_hidden_state
        return states.mean(1)


class WaveHearing:
    """A frozen :class:`WaveEncoder`."""

    def __init__(self, encoder: WaveEncoder, front: WaveFrontEnd) -> None:
        self.module = encoder.requires_grad_(False).eval()
        self.front: FrontEnd = front
        self.hidden = encoder.hidden
        self.pipeline = f"{encoder.pipeline}-{front.patch_length}-{front.hop_length}"

    @torch.no_grad()
    def run(self, features: Float32) -> Float32:
        parts = [self.module(torch.from_numpy(features[at : at + 8])) for at in range(0, len(features), 8)]
        return np.asarray(torch.cat(parts).numpy())


class TextModel(nn.Module):
    """Tokens and mask → ``[n, hidden]``: the masked mean of the last states, or the first of them."""

    def __init__(self, folder: Path, pool: str = "mean") -> None:
        super().__init__()
        self.model, self.pool = load(folder), pool
        if getattr(self.model, "main_input_name", "") != "input_ids":
            raise ModelError("Unsupported", f"{folder}: a {type(self.model).__name__} does not read text.")
        if getattr(self.model, "pooler", None) is not None:
            self.model.pooler = None  # unused: it would sit in every checkpoint
        self.hidden = int(self.model.config.hidden_size)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self.model(input_ids=tokens, attention_mask=mask.long(), return_dict=True).last_hidden_state
        return masked_mean(states, mask) if self.pool == "mean" else states[:, 0]

    @torch.no_grad()
    def read(self, ids: Any, mask: Any) -> Any:
        return self(torch.from_numpy(ids), torch.from_numpy(mask).bool()).numpy()


def tokenizer_of(folder: Path) -> bytes:
    """The ``tokenizer.json`` of a folder, converted where it has only an older form."""
    path = folder / "tokenizer.json"
    if path.is_file():
        return path.read_bytes()
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        return made.backend_tokenizer.to_str().encode()  # type: ignore[no-any-return]
    except Exception:
        raise ModelError("Missing", f"{folder} holds no tokenizer.json.", hint="Save the tokenizer into it.") from None


def fingerprint(folder: Path) -> str:
    """Of the configuration and the weights."""
    names = sorted(name for name in os.listdir(folder) if name.endswith((".safetensors", ".json")))
    return hashlib.sha256("".join(f"{name}:{sha256(folder / name)}" for name in names).encode()).hexdigest()[:16]


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found
