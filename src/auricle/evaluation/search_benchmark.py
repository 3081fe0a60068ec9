"""How well does search find what people describe? Any model, on the recordings that ``recipes/search_benchmark`` builds.

    python -m auricle.evaluation.search_benchmark CORPUS --model tiny-towers --half dev

Four variants of one library: by sound only, by words only (names, tags, transcripts), fused, and by sound with the stored vectors
dealt out to the wrong windows (shuffled: what is left is chance). Choices are made on the development half; the test half measures.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import auricle
from auricle.errors import AuricleError
from auricle.evaluation.corpus import HALVES, Corpus, Half, Query, Recording
from auricle.evaluation.judging import Judge, Judged
from auricle.evaluation.metrics import EXCESS
from auricle.evaluation.ranking import MEASURES, HitLike, QueryScore, Ranked, score
from auricle.evaluation.search_report import as_document, table
from auricle.evaluation.statistics import bootstrap, permutation_test
from auricle.library.library import Library

PROTOCOL = 1  # raise it when a number would change for the same hits
LIMIT = 100  # hits asked for: enough for 50 places after the open recordings are passed over
SEED = 0
VARIANTS: dict[str, tuple[str, ...]] = {
    "sound": ("sound",),
    "words": ("words", "texts"),
    "fused": ("sound", "words", "texts"),
    "shuffled": ("sound",),
}
Searcher = Callable[[str, int], Sequence[HitLike]]


class Bench:
    """One half of a corpus with every recording judged for every query."""

    def __init__(self, corpus: Corpus, half: Half) -> None:
        self.corpus = corpus
        self.half: Half = half
        self.recordings = corpus.half(half)
        self.queries = corpus.asked(half)
        self._by_path = {os.path.realpath(corpus.folder / r.path): r for r in self.recordings}
        self.judged = [self._judge(query) for query in self.queries]

    def _judge(self, query: Query) -> dict[str, Judged]:
        judge = Judge(query.judgement, self.corpus.concepts)
        return {r.id: judge(r) for r in self.recordings}

    def unanswerable(self) -> list[Query]:
        """Queries that no recording of this half fully answers: a mistake in the queries."""
        return [q for q, judged in zip(self.queries, self.judged, strict=True) if not any(j.grade == 2 for j in judged.values())]

    def measure(self, searcher: Searcher) -> list[QueryScore]:
        scores = []
        for query, judged in zip(self.queries, self.judged, strict=True):
            ranked = [Ranked(self._find(hit.path), hit.start, hit.end) for hit in searcher(query.text, LIMIT)]
            scores.append(score(query, ranked, judged, self.recordings))
        return scores

    def _find(self, path: str) -> Recording | None:
        return self._by_path.get(os.path.realpath(path))


def run(
    corpus_dir: str | os.PathLike[str],
    model: Any,
    half: Half = "dev",
    *,
    variants: Sequence[str] = tuple(VARIANTS),
    library: str | os.PathLike[str] | None = None,
    progress: Callable[[Any], None] | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Index the half, ask every query in every variant; the report as a JSON-ready document (see ``report.as_document``).

    model: a name, a bundle's path or a loaded model. library: folder to index into, kept and reused; a temporary one when None.
    Raises UsageError (no corpus), ModelError, LibraryError.
    """
    bench = Bench(Corpus.load(Path(corpus_dir)), half)
    with tempfile.TemporaryDirectory(prefix="auricle-benchmark-") as scratch:
        folder = Path(library) if library is not None else Path(scratch) / "library"
        with Library(folder, model=model) as opened:
            summary = opened.index([bench.corpus.folder / half], progress=progress)
            scores = {}
            for variant in variants:
                if variant == "shuffled":
                    copy = shuffled_copy(opened, Path(scratch) / "shuffled", SEED)
                    with Library(copy, model=opened.model) as wrong:
                        scores[variant] = bench.measure(_searcher(wrong, VARIANTS[variant]))
                else:
                    scores[variant] = bench.measure(_searcher(opened, VARIANTS[variant]))
            protocol = _protocol(bench, opened, command) | {"windows": summary.windows, "failed": summary.failed}
    return as_document(protocol, scores, tests=_tests(scores))


def _searcher(library: Library, sources: Sequence[str]) -> Searcher:
    return lambda query, limit: library.search(query, limit=limit, sources=sources)


def shuffled_copy(library: Library, to: Path, seed: int) -> Path:
    """A copy of the library whose stored vectors are permuted among all windows: every score stays possible, none means anything."""
    import shutil

    from auricle.library.segments import segment_path
    from auricle.library.store import Store

    dim = library.model.dim
    library.close()  # so that what is copied is whole
    shutil.copytree(library.path, to, ignore=shutil.ignore_patterns("*.lock"))
    with Store.open(to, readonly=True) as store:
        rows = {segment: n for segment, n in sorted(store.layout().rows.items()) if n}
    maps = [np.memmap(segment_path(to, s), dtype="<f2", mode="r+", shape=(n, dim)) for s, n in rows.items()]
    everything = np.concatenate(maps)
    everything = everything[np.random.default_rng(seed).permutation(len(everything))]
    at = 0
    for mapped in maps:
        mapped[:] = everything[at : at + len(mapped)]
        mapped.flush()
        at += len(mapped)
    return to


def _protocol(bench: Bench, library: Library, command: str) -> dict[str, Any]:
    return {
        "benchmark": "auricle search benchmark",
        "protocol": PROTOCOL,
        "half": bench.half,
        "truth": bench.corpus.truth_hash,
        "audio": bench.corpus.audio_hash,
        "queries": bench.corpus.queries_hash,
        "recordings": len(bench.recordings),
        "asked": len(bench.queries),
        "hours": round(sum(r.duration for r in bench.recordings) / 3600, 2),
        "model": library.model.name,
        "pipeline_id": library.model.pipeline_id,
        "auricle": auricle.__version__,
        "excess_seconds": EXCESS,
        "limit": LIMIT,
        "seed": SEED,
        "interval": "95 %, bootstrap over queries within kinds; `by_subject`: over groups of queries about the same concept",
        "command": command,
    }


def _tests(scores: dict[str, list[QueryScore]]) -> list[dict[str, Any]]:
    """Paired permutation tests of nDCG@10 between fused and the others, and of sound against shuffled."""
    found = []
    for a, b in (("fused", "sound"), ("fused", "words"), ("sound", "shuffled")):
        if a in scores and b in scores:
            x = [s.values["ndcg@10"] for s in scores[a]]
            y = [s.values["ndcg@10"] for s in scores[b]]
            difference, p = permutation_test(x, y, seed=SEED)
            subjects = [s.query.subject for s in scores[a]]
            interval = bootstrap(np.subtract(x, y), clusters=subjects, seed=SEED)
            found.append({"a": a, "b": b, "difference": difference, "low": interval.low, "high": interval.high, "p": p})
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m auricle.evaluation.search_benchmark", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder that recipes/search_benchmark/build.py wrote")
    parser.add_argument("--model", default="tiny-towers", help="name or bundle (default: tiny-towers)")
    parser.add_argument("--half", choices=HALVES, default="dev", help="dev to choose by, test to report (default: dev)")
    parser.add_argument("--variants", nargs="+", choices=tuple(VARIANTS), default=tuple(VARIANTS), metavar="VARIANT")
    parser.add_argument("--library", type=Path, help="index here and keep it for the next run (default: a temporary folder)")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON document")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write that document to FILE")
    options = parser.parse_args(arguments)
    given = sys.argv[1:] if arguments is None else list(arguments)
    command = shlex.join(["python", "-m", "auricle.evaluation.search_benchmark", *given])
    try:
        document = run(
            options.corpus, options.model, options.half, variants=options.variants, library=options.library, command=command
        )  # fmt: skip
    except AuricleError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    text = json.dumps(document, ensure_ascii=False, indent=1)
    if options.write:
        options.write.write_text(text + "\n", "utf-8")
    if options.json:
        print(text)
    else:
        table(document, MEASURES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
