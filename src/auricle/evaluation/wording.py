"""How near is a text to those that people wrote? CIDEr-D and ROUGE-L written here, BLEU by sacrebleu, WER by jiwer (the ``eval`` extra).

    of("CIDEr-D")(candidates, references).sample(items, clusters)      # a sample: its score and interval
    signature("CIDEr-D")                                               # what another must have done alike

Every text is cut into the same :func:`tokens`. CIDEr-D (Vedantam et al. 2015) and ROUGE-L (Lin 2004) give what coco-caption gives for
the same tokens: tests/evaluation/golden holds its values.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from itertools import chain
from typing import Any

import numpy as np

from auricle.errors import UsageError
from auricle.evaluation.score import Mean, Ratio, Sample
from auricle.evaluation.statistics import Counts, Floats

TOKENIZER = "words-1"  # what `tokens` does; another number when it does otherwise
LONGEST = 4  # words of an n-gram
SIGMA = 6.0  # of CIDEr-D's penalty for length
BETA = 1.2  # of ROUGE-L: recall counts more than precision

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)
Gram = tuple[str, ...]
Vector = dict[Gram, float]


def tokens(text: str) -> list[str]:
    """Words in lower case, without punctuation; a hyphen or an apostrophe within a word stays."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).replace("’", "'").casefold())


# ----------------------------------------------------------------------------------------------------------------- CIDEr-D


def cider_d(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """float64 ``[n]``, 0 to 10: how alike the n-grams of a candidate and of its references are, rare ones counting more.

    Rare is what few items' references hold, so that the same text is worth another value in another set. One item alone gives 0.
    """
    said = [[_grams(tokens(text)) for text in texts] for texts in references]
    frequency = Counter(chain.from_iterable({gram for one in texts for gram in one} for texts in said))
    rare = {gram: float(np.log(len(said)) - np.log(count)) for gram, count in frequency.items()}
    new = float(np.log(len(said))) if said else 0.0
    values = []
    for text, texts in zip(candidates, said, strict=True):
        own = _weighted(_grams(tokens(text)), rare, new)
        values.append(10.0 * sum(_alike(own, _weighted(other, rare, new)) for other in texts) / len(texts))
    return np.array(values, dtype=np.float64)


def _grams(words: Sequence[str]) -> Counter[Gram]:
    return Counter(tuple(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1))


@dataclass(frozen=True)
class _Weighted:
    """``vectors``: by length of n-gram. ``length``: pairs of words, as coco-caption counts it."""

    vectors: tuple[Vector, ...]
    norms: tuple[float, ...]
    length: int


def _weighted(grams: Counter[Gram], rare: dict[Gram, float], new: float) -> _Weighted:
    vectors: tuple[Vector, ...] = tuple({} for _ in range(LONGEST))
    for gram, count in grams.items():
        vectors[len(gram) - 1][gram] = count * rare.get(gram, new)
    norms = tuple(float(np.sqrt(sum(value * value for value in vector.values()))) for vector in vectors)
    return _Weighted(vectors, norms, sum(count for gram, count in grams.items() if len(gram) == 2))


def _alike(candidate: _Weighted, reference: _Weighted) -> float:
    """Cosine with counts clipped at the reference's, averaged over lengths of n-grams, less for another length of text."""
    total = 0.0
    for own, other, a, b in zip(candidate.vectors, reference.vectors, candidate.norms, reference.norms, strict=True):
        if a and b:
            total += sum(min(value, other[gram]) * other[gram] for gram, value in own.items() if gram in other) / (a * b)
    return total / LONGEST * float(np.exp(-((candidate.length - reference.length) ** 2) / (2 * SIGMA**2)))


# ------------------------------------------------------------------------------------------------------------------ ROUGE-L


def rouge_l(candidate: str, references: Sequence[str]) -> float:
    """0 to 1: the longest common subsequence of words, the best precision and the best recall over the references."""
    words = tokens(candidate)
    cut = [tokens(text) for text in references]
    common = [(_longest_common(words, other), len(other)) for other in cut if other]
    if not words or not common:
        return 0.0
    precision = max(n for n, _ in common) / len(words)
    recall = max(n / length for n, length in common)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision) if precision else 0.0


def _longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]


# --------------------------------------------------------------------------------------------------------- BLEU and WER


@dataclass(frozen=True)
class Bleu:
    """BLEU-4 of any resampling of items: matched and all n-grams ``[n, 4]``, lengths of candidates and of the nearest references."""

    matched: Counts
    grams: Counts
    length: Counts
    reference: Counts
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        found = _sacrebleu().BLEU.compute_bleu(
            correct=(counts @ self.matched).tolist(), total=(counts @ self.grams).tolist(),
            sys_len=int(counts @ self.length), ref_len=int(counts @ self.reference), smooth_method="exp", effective_order=False,
        )  # fmt: skip
        return float(found.score) / 100


@dataclass(frozen=True)
class Worded:
    """A metric on texts. ``each``: what an item adds; ``sample``: ids and sources → the sample of all."""

    each: Floats
    sample: Callable[[Sequence[str], Sequence[str]], Sample]


def of(metric: str) -> Callable[[Sequence[str], Sequence[Sequence[str]]], Worded]:
    """A metric by its name. Raises UsageError for one that there is not, or whose package is not installed."""
    known = {"CIDEr-D": _cider_d, "ROUGE-L": _rouge_l, "BLEU-4": _bleu, "WER": _wer}
    if metric not in known:
        raise UsageError(f"there is no metric of texts {metric!r}.", hint=f"There are {', '.join(known)}.")
    return known[metric]


def signature(metric: str) -> str:
    """What another must have done alike to be compared: metric, version, tokenizer, constants, package."""
    if metric == "CIDEr-D":
        return f"cider-d|v1|tokenizer:{TOKENIZER}|n:{LONGEST}|sigma:{SIGMA:g}|idf:references|scale:10"
    if metric == "ROUGE-L":
        return f"rouge-l|v1|tokenizer:{TOKENIZER}|beta:{BETA:g}|references:max"
    if metric == "BLEU-4":
        _sacrebleu()
        return f"bleu-4|v1|tokenizer:{TOKENIZER}|smooth:exp|references:closest|scale:1|sacrebleu:{version('sacrebleu')}"
    if metric == "WER":
        _package("jiwer")
        return f"wer|v1|tokenizer:{TOKENIZER}|reference:first|over:words|jiwer:{version('jiwer')}"
    raise UsageError(f"there is no metric of texts {metric!r}.", hint="There are CIDEr-D, ROUGE-L, BLEU-4, WER.")


def _cider_d(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Worded:
    each = cider_d(candidates, references)
    return Worded(each, lambda items, clusters: Mean.of(each, items, clusters))


def _rouge_l(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Worded:
    each = np.array([rouge_l(text, texts) for text, texts in zip(candidates, references, strict=True)], dtype=np.float64)
    return Worded(each, lambda items, clusters: Mean.of(each, items, clusters))


def _bleu(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Worded:
    """Of the whole corpus. sacrebleu cuts nothing: it is given our tokens."""
    counted, each = [], []
    metric = _sacrebleu().BLEU(tokenize="none", force=True, effective_order=True)  # of a sentence; of all, see Bleu.at
    for text, texts in zip(candidates, references, strict=True):
        found = metric.sentence_score(" ".join(tokens(text)), [" ".join(tokens(other)) for other in texts])
        counted.append((found.counts, found.totals, found.sys_len, found.ref_len))
        each.append(found.score / 100)
    matched, grams, length, reference = (np.array(column, dtype=np.int64) for column in zip(*counted, strict=True))
    own = np.array(each, dtype=np.float64)
    return Worded(own, lambda items, clusters: Bleu(matched, grams, length, reference, tuple(items), tuple(clusters)))


def _wer(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> Worded:
    """Errors over words of the first reference; above 1 where too much was written. Lower is better."""
    process = _package("jiwer").process_words
    errors, words = [], []
    for text, texts in zip(candidates, references, strict=True):
        reference = tokens(texts[0])
        if reference:
            found = process(" ".join(reference), " ".join(tokens(text)))
            errors.append(found.substitutions + found.deletions + found.insertions)
        else:
            errors.append(len(tokens(text)))
        words.append(len(reference))
    over, under = np.array(errors, dtype=np.float64), np.array(words, dtype=np.float64)
    each = over / np.maximum(under, 1)
    return Worded(each, lambda items, clusters: Ratio(over, under, tuple(items), tuple(clusters)))


def _sacrebleu() -> Any:
    return _package("sacrebleu").metrics


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(f"{name} is not installed.", hint='Install it: pip install "auricle[eval]".') from None
