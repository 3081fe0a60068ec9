"""A tiny language model, made on the spot, and sounds that differ in one number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from auricle.data.items import Question
from auricle.models.hearing import BANDS, STEPS
from auricle.training.connecting import recipe
from auricle.training.connecting.sounds import Sound

FRAMES = 384 + STEPS * BANDS  # as tiny-towers@2 hears
TEXTS = ["Is there a dog?", "Which comes first?", "Answer: yes no rain dog", "Sound: Question: (A) (B)", "What is heard?"]


def language(folder: Path, kind: str = "llama") -> Path:
    """A random causal language model of a real class of transformers, with a tokenizer that knows every byte."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
    from transformers import PreTrainedTokenizerFast as Words

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = ["<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    inner.train_from_iterator(TEXTS, trainer)
    start = {} if kind == "gpt2" else {"bos_token": "<s>"}
    Words(tokenizer_object=inner, eos_token="</s>", **start).save_pretrained(folder)
    torch.manual_seed(0)
    size = inner.get_vocab_size()
    common: dict[str, Any] = {"vocab_size": size, "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.3}
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": 256}
    if kind == "gpt2":
        model: Any = GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=256, **common))
    elif kind == "gemma3":
        model = Gemma3ForCausalLM(
            Gemma3TextConfig(head_dim=16, num_key_value_heads=1, sliding_window=128, pad_token_id=0, **small, **common)
        )
    else:
        model = LlamaForCausalLM(LlamaConfig(num_key_value_heads=1, **small, **common))
    model.save_pretrained(folder)
    return folder


def sounds(n: int = 2) -> list[Sound]:
    """Every other one has a dog, which is one direction; each has its own length."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(n):
        frames = rng.standard_normal((4 + 3 * (index % 3), FRAMES)) / 10
        frames[:, index % 2] += 3
        dog = index % 2 == 1
        asked = (Question("Is there a dog?", "yes" if dog else "no", ("yes", "no"), "presence"),)
        found.append(Sound(frames.astype(np.float16), ("a dog" if dog else "rain",), asked, str(index)))
    return found


def stage(folder: Path, lm: Path, more: dict[str, Any] | None = None, **changes: Any) -> recipe.Stage:
    values = {
        "lm": {"folder": str(lm)}, "scenes": ["unused"], "connector": {"hidden": 32, "heads": 2, "queries": 2, "window": 4, "layers": 1},
        "lora": {"rank": 4, "alpha": 8}, "captions": 1, "questions": 2, "batch": 2, "steps": 40, "rate": 5e-3, "lora_rate": 5e-3,
        "warmup": 3, "deaf": 0.0, "bfloat16": False, "save_every": 1000, "log_every": 5,
    }  # fmt: skip
    path = folder / "recipe.yaml"
    path.write_text(json.dumps({**values, **changes, **(more or {})}))
    return recipe.load(path)
