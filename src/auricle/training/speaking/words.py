"""The tokenizer of a speaker: byte-level BPE, learned from its texts; no word is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from auricle.models.two_heads import ANSWER, ASK, END, PAD

SPECIAL = (PAD, ASK, ANSWER, END)


def learn(texts: Iterable[str], size: int) -> Any:
    """A ``tokenizers.Tokenizer``; the same texts give the same one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
