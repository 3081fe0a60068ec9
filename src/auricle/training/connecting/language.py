"""Any causal language model of ``transformers`` that reads vectors and takes a mask of its own; LoRA by ``peft``.

LoRA: Hu 2021, arXiv 2106.09685. Only safetensors are read, and no code that comes with a model.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auricle.errors import ModelError
from auricle.models.bundle import sha256
from auricle.training.connecting.recipe import Lora

NEVER = -1e9  # what a mask adds where nothing is to be seen


def open_language(folder: Path, *, dtype: torch.dtype = torch.float32) -> tuple[Any, Any]:
    """Model and tokenizer of a folder. Raises ModelError: ``Missing``, ``Unsupported``, ``Damaged``."""
    from auricle.models.pretrained.needing import silent

    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise ModelError("Unsupported", "transformers is not installed.", hint='Install it with: pip install "auricle[train,hf]"') from None
    if not (folder / "config.json").is_file():
        raise ModelError("Missing", f"{folder} holds no language model: config.json is not there.", hint="Save one with save_pretrained.")
    if not any(folder.glob("*.safetensors")):
        raise ModelError("Unsupported", f"{folder} holds no safetensors.", hint="Save the model again with save_pretrained.")
    try:
        with silent():
            model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=dtype)
            words: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        said = str(error).strip().partition("\n")[0].rstrip(".")
        raise ModelError("Damaged", f"{folder} cannot be loaded by transformers: {said}.", hint="Download or save it again.") from None
    if not getattr(words, "is_fast", False) or words.eos_token_id is None:
        raise ModelError("Unsupported", f"{folder} has no tokenizer.json with an end of text.", hint="Save it with a fast tokenizer.")
    words.split_special_tokens = True  # a question cannot end its turn: marks in it are plain text
    model.requires_grad_(False)
    model.config.use_cache = True
    return model.eval(), words


def digest(folder: Path) -> str:
    """sha256 over the weights and what reads text; every byte is read."""
    import hashlib

    names = sorted(p for p in folder.iterdir() if p.suffix == ".safetensors" or p.name in ("config.json", "tokenizer.json"))
    return hashlib.sha256("\n".join(f"{p.name}:{sha256(p)}" for p in names).encode()).hexdigest()


def adapted(model: Any, lora: Lora) -> Any:
    """The model with updates beside every linear map but the last. Raises ModelError where peft is not installed."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise ModelError("Unsupported", "peft is not installed.", hint='Install it with: pip install "auricle[train]"') from None
    conv = any(type(module).__name__ == "Conv1D" for module in model.modules())  # GPT-2: weights lie the other way round
    config = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules="all-linear", bias="none", task_type="CAUSAL_LM",
        fan_in_fan_out=conv,
    )  # fmt: skip
    with quiet():
        return get_peft_model(model, config)


@contextmanager
def quiet() -> Iterator[None]:
    """Without what peft's calls of transformers are warned about: names that will change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def spread(model: Any, words: Any) -> float:
    """How far the model's words lie from nothing, a number: what it is used to read."""
    with torch.no_grad():
        ids = torch.arange(0, len(words), max(1, len(words) // 2000))
        return float(model.get_input_embeddings()(ids).float().std())


def wide(model: Any) -> int:
    """Numbers of a word's vector."""
    return int(model.get_input_embeddings().weight.shape[1])


@contextmanager
def only(model: Any, wanted: Tensor) -> Iterator[None]:
    """Inside, ``model(…).logits`` are ``[1, n, v]`` of the ``n`` places that ``wanted`` [b, t] marks: a large vocabulary is dear."""

    def pick(_: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (args[0][wanted].unsqueeze(0), *args[1:])

    hook = model.get_output_embeddings().register_forward_pre_hook(pick)
    try:
        yield
    finally:
        hook.remove()


def added(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """``[b, q, k]``, true where it is seen → what attention adds, ``[b, 1, q, k]``."""
    return torch.where(seen, 0.0, NEVER).to(dtype).unsqueeze(1)
