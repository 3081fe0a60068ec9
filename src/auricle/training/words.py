"""Words to numbers: the tokenizer of a run, a given one or one learned from the captions."""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from auricle.errors import ModelError

PAD, UNKNOWN, START, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Words:
    """``document``: the content of ``tokenizer.json``."""

    document: bytes
    max_length: int
    pad_id: int = 0

    @cached_property
    def tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        try:
            made = Tokenizer.from_str(self.document.decode("utf-8"))
        except Exception as error:  # tokenizers raises plain Exceptions
            raise ModelError(
                "Damaged", f"this is no tokenizer: {error}.", hint="Give a tokenizer.json of the tokenizers library."
            ) from None
        made.no_padding()
        made.enable_truncation(self.max_length)
        return made

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids or [self.pad_id] for encoding in self.tokenizer.encode_batch(list(texts))]

    @property
    def size(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    def id(self, *names: str) -> int:
        """The number of the first of these tokens that there is, else that of padding."""
        found = (self.tokenizer.token_to_id(name) for name in names)
        return next((number for number in found if number is not None), self.pad_id)


def read(path: Path, max_length: int, pad_id: int | None = None) -> Words:
    """Raises ModelError (Missing, Damaged)."""
    try:
        document = path.read_bytes()
    except OSError as error:
        raise ModelError("Missing", f"{path}: {error.strerror}.", hint="Name a tokenizer.json.") from None
    words = Words(document, max_length)
    return Words(document, max_length, words.id(PAD, "<pad>", "<s>") if pad_id is None else pad_id)


def learn(texts: Iterable[str], size: int, max_length: int) -> Words:
    """A WordPiece tokenizer: letters, digits, all signs that occur, and the most frequent words (ties by the alphabet).

    The same texts give the same bytes.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)))
    signs = sorted({sign for word in counts for sign in word} | set(string.ascii_lowercase + string.digits))
    vocabulary = [*SPECIAL, *signs, *(f"##{sign}" for sign in signs)]
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary += [word for word in frequent if len(word) > 1][: max(0, size - len(vocabulary))]
    numbers = {token: number for number, token in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.post_processor = processors.BertProcessing((END, numbers[END]), (START, numbers[START]))
    document = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, sort_keys=True)
    return Words(document.encode(), max_length, numbers[PAD])
