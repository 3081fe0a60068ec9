"""Everything that a model of sound and text is measured by, part by part, and one model beside another.

    parts = {"search": search(folder, model, "test"), "rows": …}
    found = compared(scores_of_mine, scores_of_the_other)          # every score that both have, paired

Each part takes any model that ``auricle.load`` gives and yields scores; two models that went through the same part are comparable. Scenes
are composed once and heard by all models in turn: :func:`on_scenes`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from auricle.data.manifest import read
from auricle.errors import DataError
from auricle.evaluation import counterfactual, events, search_benchmark
from auricle.evaluation.corpus import Half
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.scenes import HeldWorlds, Truth
from auricle.evaluation.score import How, Mean, Score, difference, difference_document, measured

Told = Callable[[int, int], None]
SEARCHED = ("sound", "words", "fused")  # variants; the shuffled control is in the benchmark's own report
MEASURES = ("ndcg@10", "hit@1", "hit@5")


def search(
    corpus: str | os.PathLike[str], model: Any, half: Half, *, document: dict[str, Any] | None = None,
    variants: Sequence[str] = SEARCHED, names: Mapping[str, str] | None = None,
) -> Iterator[Score]:  # fmt: skip
    """The search benchmark, a score a variant and measure; queries about the same concept vary together.

    document: the benchmark's own report, where it was run before. Its intervals are over queries; these are over concepts.
    names: what a variant is called in the score's protocol, where that is not its own name.
    """
    report = document or search_benchmark.run(corpus, model, half, variants=variants)
    p = report["protocol"]
    data = f"search benchmark, {half} half, {p['recordings']} recordings, {p['asked']} queries, truth {p['truth']}"
    for variant in variants:
        name = (names or {}).get(variant, variant)
        queries = report["variants"][variant]["queries"]
        for metric in MEASURES:
            values = [float("nan") if q[metric] is None else q[metric] for q in queries]
            sample = Mean.of(values, [q["text"] for q in queries], [q["subject"] for q in queries])
            details = {"limit": p["limit"], "excess_seconds": p["excess_seconds"], "audio": p["audio"], "queries": p["queries"]}
            how = How(f"search, {name}", data, p["truth"], metric, {**details, "interval": "95 %, bootstrap over subjects of queries"})
            yield measured(f"search {metric}, {name}", sample, how, model)


def on_scenes(models: Sequence[Any], worlds: HeldWorlds, *, told: Told | None = None) -> list[list[Score]]:
    """Event detection and counterfactuals for each model, over the same scenes. told: called with (scenes heard, scenes)."""
    truths: list[Truth] = []
    pairs: list[counterfactual.Pair] = []
    readers = [events.reader_for(worlds.labels, model) for model in models]
    heard: list[list[events.Heard]] = [[] for _ in models]
    vectors: list[dict[str, Any]] = [{} for _ in models]
    matched: list[list[counterfactual.Aligned]] = [[] for _ in models]
    for number, held in enumerate(worlds, 1):
        truths.append(held.truth(worlds.labels))
        asked = counterfactual.pairs_of(held)
        pairs += asked
        for at, (model, (reader, calibrated)) in enumerate(zip(models, readers, strict=True)):
            heard[at].append(events.listen(held.scene.audio, reader, model, calibrated=calibrated))
            vectors[at][held.id] = counterfactual.scene_vector(model, held.scene.audio)
            matched[at].append(counterfactual.aligned(asked, held.scene.audio, model))
        if told:
            told(number, len(worlds))
    there = {e[2] for t in truths for e in t.events}
    labels = [label for label in worlds.labels if label in there]
    name = f"{worlds.name}, {len(labels)} labels asked at once, {worlds.hash}"
    found: list[list[Score]] = []
    for at, model in enumerate(models):
        scores = list(events.psds_scores(name, truths, heard[at], labels, model))
        if readers[at][1]:
            scores += events.f1_scores(name, truths, heard[at], labels, model)
        scores += counterfactual.scores(name, pairs, vectors[at], model)
        found.append([*scores, *counterfactual.aligned_scores(name, pairs, matched[at], model)])
    return found


def compared(mine: Iterable[Score], other: Iterable[Score]) -> list[dict[str, Any]]:
    """Mine − other for every score that both have by the same protocol, JSON-ready, in my order."""
    known: Mapping[tuple[str, str], Score] = {(s.metric, s.how.hash): s for s in other}
    found = []
    for score in mine:
        match = known.get((score.metric, score.how.hash))
        if match is not None:
            found.append(difference_document(score, match, difference(score, match)))
    return found


def check_unseen(held: HeldOut, train: Path) -> int:
    """Raises DataError where a source of the held-out clips is in the training manifest; gives the number of sources compared.

    By name of the source clip; likeness of sound is compared where the corpus is built.
    """
    sources = {item.clip for item in held.items if item.clip}
    files = {item.source for item in held.items if item.source}
    for item in read(train):
        if item.clip in sources or (item.source and item.source in files):
            raise DataError(
                "Invalid", f"{item.clip} is held out in {held.name}, and stands in {train}.", path=str(train),
                hint="Measure on what was not trained on.",
            )  # fmt: skip
    return len(sources)
