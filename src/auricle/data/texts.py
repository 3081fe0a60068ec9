"""Captions that are the same, or nearly: exact after normalising, and by MinHash over words and pairs of words.

MinHash (A. Broder, 1997) with banding finds pairs that are alike without comparing all; the exact Jaccard similarity then decides.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

NEAR = 0.75  # Jaccard similarity of words and pairs of words
_BANDS, _ROWS = 20, 5  # finds 99 % of pairs at 0.75, 5 % of those at 0.3
_PRIME = np.uint64((1 << 31) - 1)
_MOST = 50  # texts of a bucket that each is compared with
_MOST_BETWEEN = 1000
_WORDS = re.compile(r"[^\W_]+", re.UNICODE)


def normal(text: str) -> str:
    """Words alone, lower case: without punctuation, accents of width, and differences of spacing."""
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))


def near_pairs(texts: Sequence[str], *, near: float = NEAR) -> Iterator[tuple[int, int, float]]:
    """(i, j, similarity) with i < j of different normal texts that are nearly the same."""
    parts = [shingles(text) for text in texts]
    signed = _signatures(parts)
    seen: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        rows = np.ascontiguousarray(signed[:, band * _ROWS : (band + 1) * _ROWS])
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for i in range(len(texts)):
            if parts[i]:
                buckets[rows[i].tobytes()].append(i)
        for bucket in buckets.values():
            for place, j in enumerate(bucket):
                for i in bucket[max(0, place - _MOST) : place]:
                    if (i, j) not in seen:
                        seen.add((i, j))
                        similarity = len(parts[i] & parts[j]) / len(parts[i] | parts[j])
                        if similarity >= near:
                            yield i, j, round(similarity, 4)


def near_between(left: Sequence[str], right: Sequence[str], *, near: float = NEAR) -> Iterator[tuple[int, int, float]]:
    """(i of left, j of right, similarity) of different normal texts that are nearly the same; no side is compared with itself."""
    mine, theirs = [shingles(text) for text in left], [shingles(text) for text in right]
    signed, asked = _signatures(mine), _signatures(theirs)
    found: dict[tuple[int, int], float] = {}
    for band in range(_BANDS):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for i, row in enumerate(np.ascontiguousarray(signed[:, band * _ROWS : (band + 1) * _ROWS])):
            if mine[i]:
                buckets[row.tobytes()].append(i)
        for j, row in enumerate(np.ascontiguousarray(asked[:, band * _ROWS : (band + 1) * _ROWS])):
            for i in buckets.get(row.tobytes(), ())[:_MOST_BETWEEN] if theirs[j] else ():
                if (i, j) not in found and left[i] != right[j]:
                    found[i, j] = len(mine[i] & theirs[j]) / len(mine[i] | theirs[j])
    yield from ((i, j, round(similarity, 4)) for (i, j), similarity in found.items() if similarity >= near)


def shingles(text: str) -> frozenset[int]:
    """Hashes of the words and of the pairs of neighbours of a normal text."""
    words = text.split()
    return frozenset(zlib.crc32(piece.encode()) for piece in [*words, *map(" ".join, pairwise(words))])


def _signatures(parts: Sequence[frozenset[int]]) -> npt.NDArray[np.uint32]:
    a, b = _coefficients()
    signed = np.zeros((len(parts), _BANDS * _ROWS), np.uint32)
    for first in range(0, len(parts), 1024):
        some = [(i, p) for i, p in enumerate(parts[first : first + 1024], first) if p]
        if not some:
            continue
        flat = np.fromiter((h for _, p in some for h in sorted(p)), np.uint64)[:, None] % _PRIME
        starts = np.cumsum([0, *(len(p) for _, p in some[:-1])])
        signed[[i for i, _ in some]] = np.minimum.reduceat((flat * a + b) % _PRIME, starts, axis=0)
    return signed


@lru_cache(maxsize=1)
def _coefficients() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Always the same."""
    rng = np.random.default_rng(20250115177)
    a, b = rng.integers(1, int(_PRIME), (2, _BANDS * _ROWS), dtype=np.uint64)
    return a, b
