"""Search large libraries: a cold command over 100,000 windows, and warm queries over a million, exact and with the index.

    python speed/search.py                                  # about five minutes, 3 GB of temporary disk
    python speed/search.py --like SOME.library              # jitter the embeddings of a library of your own

The vectors are real embeddings of real sounds (the demo sounds, or ``--like``), each jittered to a cosine of about 0.9 with its
original until there are enough. Queries are texts, and windows that were not stored.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from auricle import Library
from auricle.demo import SOUNDS
from auricle.library.bulk import bulk_insert
from auricle.library.search import search
from auricle.library.store import Store

TEXTS = (
    "a dog barking", "rain on a tin roof", "someone walking on gravel", "slow piano", "crowd cheering", "glass breaking",
    "a woman speaking", "engine idling", "birds in a forest", "church bells", "thunder rolling far away", "drum loop",
    "door creaking open", "waves on a beach", "telephone ringing", "baby crying", "train passing by", "violin solo",
    "wind howling", "people laughing",
)  # fmt: skip
JITTER = 0.48  # norm of the noise added to a unit vector: cosine about 0.9
HELD_OUT = 80


def jittered(real: np.ndarray, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n, real.shape[1]), dtype=np.float32) * np.float32(JITTER / np.sqrt(real.shape[1]))
    found = real[rng.integers(0, len(real), n)] + noise
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def timed(queries: list[np.ndarray], ask: Callable[[np.ndarray], Any]) -> tuple[float, float, list[Any]]:
    """Median and 95th percentile in ms, and the answers."""
    spent, answers = [], []
    for query in queries:
        start = time.perf_counter()
        answers.append(ask(query))
        spent.append((time.perf_counter() - start) * 1e3)
    return float(np.median(spent)), float(np.percentile(spent, 95)), answers


def recall(found: list[Any], exact: list[Any], k: int) -> float:
    return float(np.mean([len(set(a[1][0, :k]) & set(b[1][0, :k])) / k for a, b in zip(found, exact, strict=True)]))


def cold(library: Path, runs: int = 5) -> list[float]:
    """Seconds of the whole command, from start to exit."""
    command = [sys.executable, "-m", "auricle.cli.main", "search", "a dog barking", "--library", str(library), "--json"]
    spent = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - start)
    return spent[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--like", type=Path, help="a library whose embeddings are jittered; the demo sounds when left out")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with Library(arguments.like or folder / "demo") as library:
            if arguments.like is None:
                library.index([SOUNDS])
            model = library.model
            real = np.concatenate([vectors for _, vectors in library.store.all_vectors()])
        held = np.random.default_rng(1).permutation(len(real))
        asked = list(jittered(real[held[:HELD_OUT]], HELD_OUT, seed=2)) + list(model.embed_text(TEXTS))
        kept = real[held[HELD_OUT:]] if len(real) > 4 * HELD_OUT else real
        for name, n in (("small", arguments.small), ("large", arguments.large)):
            with Store.create(folder / name, model=model) as store, store.writing() as writer:
                for at in range(0, n, 100_000):
                    part = jittered(kept, min(100_000, n - at), seed=100 + at)
                    bulk_insert(writer, part, path=lambda i, at=at: f"/fabricated/{at}/{i // 1000}/recording {i}.wav")
        spent = cold(folder / "small")
        figures["cold"] = {"windows": arguments.small, "median_s": float(np.median(spent)), "max_s": max(spent)}
        print(f"cold `auricle search`, {arguments.small} windows: {np.median(spent):.2f} s (max {max(spent):.2f})", flush=True)
        with Store.open(folder / "large") as store:
            store.nearest(asked[0], 10)
            median, high, exact = timed(asked, lambda q: store.nearest(q, 10, exact=True))
            figures["exact"] = {"windows": arguments.large, "median_ms": median, "p95_ms": high}
            print(f"exact, {arguments.large} windows, 10 nearest: {median:.0f} ms (p95 {high:.0f})", flush=True)
            median, high, _ = timed(list(TEXTS), lambda t: search(store, model, t))
            print(f"a whole search before the index: {median:.0f} ms (p95 {high:.0f})", flush=True)
            start = time.perf_counter()
            store.build_index(threshold=1)
            figures["build_s"] = time.perf_counter() - start
            store.nearest(asked[0], 10)
            median, high, found = timed(asked, lambda q: store.nearest(q, 10))
            sounds, texts = recall(found[:HELD_OUT], exact[:HELD_OUT], 10), recall(found[HELD_OUT:], exact[HELD_OUT:], 10)
            figures["index"] = {"median_ms": median, "p95_ms": high, "recall_sounds": sounds, "recall_texts": texts}
            print(f"with the index ({figures['build_s']:.0f} s to build): {median:.1f} ms (p95 {high:.1f}), ", end="")
            print(f"recall@10 {sounds:.3f} of sounds, {texts:.3f} of texts", flush=True)
            median, high, _ = timed(list(TEXTS), lambda t: search(store, model, t))
            figures["search"] = {"median_ms": median, "p95_ms": high}
            print(f"a whole search with the index, embedding and words included: {median:.0f} ms (p95 {high:.0f})")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
