"""Which of all sounds is meant by a text, and which of all texts by a sound: both ways, over the captions of a set.

A caption that several clips have is asked once, and all of them are right; so is a text for every clip that has it. R@k: one of the right
is among the first k. What scores alike is ranked with the right ones last, so that a model that says the same to all finds nothing.
A clip without an answer is ranked nowhere, and asking with it is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from auricle.data.items import Item
from auricle.data.texts import normal
from auricle.errors import DataError, ModelError
from auricle.evaluation import linter
from auricle.evaluation.benchmark import Finding, Task
from auricle.evaluation.cache import packed, unpacked
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.kinds.base import WINDOWS, Answers, Heard, Measured, heard_vectors, need, outcome_of, settings
from auricle.evaluation.metrics import average_precision_at, hit_at, recall_at, relevance_ranked
from auricle.evaluation.outcomes import Outcome, Status
from auricle.evaluation.probing import DECIMALS
from auricle.evaluation.score import Mean, Score, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText, Vectors

METRICS = ("R@1", "R@5", "R@10", "recall@10", "mAP@10")
WAYS = ("text to audio", "audio to text")
SIGNATURES = {
    "R": "r@k|v1|relevant:many,any|ties:wrong-first|captions:merged-when-alike",
    "recall": "recall@k|v1|relevant:many,share-of-min(k,all)|ties:wrong-first|captions:merged-when-alike",
    "mAP": "map@k|v1|relevant:many,over-min(k,all)|ties:wrong-first|captions:merged-when-alike",
}
BATCH = 256  # texts


@dataclass(frozen=True)
class Asked:
    """``texts``: each once, with the first spelling; ``clips``: places of the items that have it; ``of``: places of an item's texts."""

    texts: tuple[str, ...]
    clips: tuple[tuple[int, ...], ...]
    of: tuple[tuple[int, ...], ...]


class Retrieval:
    name = "retrieval"
    controls: tuple[Control, ...] = ("silence", "noise", "other")

    def check(self, model: Any) -> None:
        need(model, EmbedsAudio, EmbedsText, why="retrieval")

    def lint(self, task: Task) -> list[Finding]:
        settings(task, {})
        if task.benchmark.metric not in METRICS:
            message = f"{task.benchmark.name}: retrieval has no metric {task.benchmark.metric!r}."
            raise DataError("Invalid", message, hint=f"It has {', '.join(METRICS)}.")
        silent = [item.id for item in task.items if not item.captions]
        found = [linter.error("captions", f"{len(silent)} of {len(task.items)} clips have no caption ({silent[0]} …)")] if silent else []
        captions = [text for item in task.items for text in item.captions]
        return [*found, *linter.of_texts(captions, captions)]

    def answer(self, model: Any, task: Task, hearing: Hearing) -> Answers:
        asked = merged(task.items)
        heard = heard_vectors(hearing, task.items)
        text = texts_vectors(model, hearing, asked.texts)
        scores = np.round(heard.vectors @ text.T, DECIMALS).astype(np.float64)
        scores[[row for row, why in enumerate(heard.failed) if why is not None]] = -np.inf
        metric = task.benchmark.metric
        outcomes: list[Outcome] = []
        table: list[dict[str, float]] = []
        for query, clips in enumerate(asked.clips):
            found = _measures(scores[:, query], clips)
            first = task.items[clips[0]]
            best = task.items[int(np.argmax(scores[:, query]))].id
            truth = [task.items[clip].id for clip in clips]
            id = f"{first.id}#{asked.of[clips[0]].index(query) + 1}"
            outcomes.append(outcome_of(hearing, first, truth, _lost(heard, clips), best, found[metric], id=id))
            table.append(found)
        for row, item in enumerate(task.items):
            found = _measures(scores[row], asked.of[row])
            best = asked.texts[int(np.argmax(scores[row]))]
            truth = [asked.texts[place] for place in asked.of[row]]
            outcomes.append(outcome_of(hearing, item, truth, heard.failed[row], best, found[metric]))
            table.append(found)
        ok = [outcome.status == "ok" for outcome in outcomes]
        kept = {name: np.array([one[name] if good else 0.0 for one, good in zip(table, ok, strict=True)]) for name in METRICS}
        return Answers(tuple(outcomes), {**kept, "control": hearing.condition})

    def score(self, model: Any, task: Task, answers: Answers) -> Measured:
        asked = merged(task.items)
        n = len(asked.texts)
        sources = _components(task, asked)
        clusters = [*(sources[clips[0]] for clips in asked.clips), *sources]
        parts = {WAYS[0]: slice(0, n), WAYS[1]: slice(n, n + len(task.items))}
        first = task.benchmark.metric
        scores = []
        also = [] if answers.kept["control"] else [m for m in METRICS if m != first]  # of a control the headline is all that is asked for
        for metric in (first, *also):
            for way, part in parts.items():
                scores.append(self._score(model, task, asked, answers, clusters, metric, way, part))
        return Measured(tuple(scores), {"texts": n, "clips": len(task.items), "way": list(WAYS)})

    def _score(
        self, model: Any, task: Task, asked: Asked, answers: Answers, clusters: Sequence[str], metric: str, way: str, part: slice
    ) -> Score:  # fmt: skip
        b = task.benchmark
        truth = [[task.items[clip].id for clip in clips] for clips in asked.clips]
        details = {"way": way, "signature": signature(metric), "texts": len(asked.texts), "audio": WINDOWS}
        how = task.how(f"{b.title}, {way}", metric, [list(asked.texts), truth], details)
        kept: Floats = answers.kept[metric]
        sample = Mean.of(kept[part], [outcome.id for outcome in answers.outcomes[part]], list(clusters[part]))
        kind, _, k = metric.partition("@")
        of = [len(clips) for clips in asked.clips] if way == WAYS[0] else [len(texts) for texts in asked.of]
        among = len(task.items) if way == WAYS[0] else len(asked.texts)
        chance = {"chance": float(np.mean([_luck(among, right, int(k)) for right in of]))} if kind == "R" else {}
        return measured(f"{b.name} {way} {metric}", sample, how, model, baselines=chance)


def merged(items: Sequence[Item]) -> Asked:
    """Captions that are the same but for case, spacing and punctuation are one text."""
    place: dict[str, int] = {}
    texts: list[str] = []
    clips: list[list[int]] = []
    of = []
    for row, item in enumerate(items):
        own: dict[int, None] = {}
        for caption in item.captions:
            key = normal(caption)
            if key not in place:
                place[key] = len(texts)
                texts.append(caption)
                clips.append([])
            own[place[key]] = None
        for number in own:
            clips[number].append(row)
        of.append(tuple(own))
    return Asked(tuple(texts), tuple(map(tuple, clips)), tuple(of))


def signature(metric: str) -> str:
    return SIGNATURES[metric.partition("@")[0]].replace("@k", "@" + metric.partition("@")[2])


def _measures(scores: Floats, right: Sequence[int]) -> dict[str, float]:
    """All of ``METRICS`` for one query. What has no score is not ranked, and counts as right all the same."""
    relevant = np.zeros(len(scores), bool)
    relevant[list(right)] = True
    known = np.isfinite(scores)
    ranked = relevance_ranked(scores[known], relevant[known])
    if not right:
        return dict.fromkeys(METRICS, 0.0)
    return {
        **{f"R@{k}": hit_at(ranked, k, 1) for k in (1, 5, 10)},
        "recall@10": recall_at(ranked, len(right), 10, 1), "mAP@10": average_precision_at(ranked, len(right), 10),
    }  # fmt: skip


def texts_vectors(model: Any, hearing: Hearing, texts: Sequence[str]) -> Vectors:
    """Vectors of the texts, kept as those of sounds are. Raises ModelError for a model that gives no numbers."""
    rows = []
    for start in range(0, len(texts), BATCH):
        part = list(texts[start : start + BATCH])

        def work(part: list[str] = part) -> dict[str, Any]:
            return packed(np.asarray(model.embed_text(part), np.float32))

        rows.append(unpacked(hearing.all("", {"texts": digest(part)}, work, len(part))))
    found = np.concatenate(rows) if rows else np.zeros((0, model.dim), np.float32)
    if not np.isfinite(found).all():
        raise ModelError("Damaged", f"{model.name} gives no numbers (NaN) for texts.", hint="Its weights or its export are broken.")
    return found


def _lost(heard: Heard, clips: Sequence[int]) -> tuple[Status, str] | None:
    """Why a text cannot be asked: none of its clips could be heard."""
    why = [heard.failed[clip] for clip in clips]
    return why[0] if all(one is not None for one in why) else None


def _components(task: Task, asked: Asked) -> list[str]:
    """The source of each item; sources that share a caption are one, as what is found for it counts for all."""
    parent = {task.source(item): task.source(item) for item in task.items}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in _pairs(task, asked):
        parent[root(b)] = root(a)
    return [root(task.source(item)) for item in task.items]


def _pairs(task: Task, asked: Asked) -> Iterator[tuple[str, str]]:
    for clips in asked.clips:
        for clip in clips[1:]:
            yield task.source(task.items[clips[0]]), task.source(task.items[clip])


def _luck(among: int, right: int, k: int) -> float:
    """How often one of the right is among the first ``k`` of a random order."""
    return 1.0 if among - right < k else 1 - comb(among - right, k) / comb(among, k)
