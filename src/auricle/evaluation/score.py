"""A score that says what it is: value, interval, n, sources, the protocol it was measured by, the weights that were measured.

    score = measured("accuracy", Mean.of(right, ids, sources), protocol, model, baselines={"chance": 0.1})
    better = difference(score, other)              # paired over the same items, resampled over the same sources

Two scores are compared only where their protocols and items are the same. ``Score.document()`` is what is written down.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from auricle.errors import UsageError
from auricle.evaluation.statistics import (
    FEWEST,
    ROUNDS,
    Counts,
    Difference,
    Floats,
    bootstrap,
    numbered,
    paired,
    resampled,
    resampled_difference,
)
from auricle.models.card import Result


@dataclass(frozen=True)
class How:
    """The protocol of a score: all that another measurement must share to be compared with it, and nothing of the model.

    task:    what is measured, e.g. ``instruments, zero-shot``; ``version`` goes up when a number would change for the same answers
    data:    in words; ``data_hash``: of ids, sound and truth
    metric:  e.g. ``accuracy``
    details: prompts, classes, folds, windowing, tolerance, … JSON values
    """

    task: str
    data: str
    data_hash: str
    metric: str
    details: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1

    @property
    def hash(self) -> str:
        return digest(self.document())

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "task": self.task, "version": self.version, "data": self.data, "data_hash": self.data_hash, "metric": self.metric,
            "details": dict(self.details),
        }  # fmt: skip

    def differs(self, other: How) -> list[str]:
        """The names of what is not the same; of details, each by its own name."""
        a, b = self.document(), other.document()
        mine, others = a.pop("details"), b.pop("details")
        inner = [name for name in dict.fromkeys([*mine, *others]) if mine.get(name) != others.get(name)]
        return [*(name for name in a if a[name] != b[name]), *inner]


class Sample(Protocol):
    """What was measured, item by item: enough to measure it again on any resampling. ``items`` are ids, ``clusters`` their sources."""

    @property
    def items(self) -> Sequence[str]: ...

    @property
    def clusters(self) -> Sequence[str]: ...

    def at(self, counts: Counts) -> float: ...  # the statistic where item i was drawn counts[i] times; NaN where it is not defined


@dataclass(frozen=True)
class Mean:
    """A mean over items: accuracy, precision, …"""

    values: Floats
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    @classmethod
    def of(cls, values: Any, items: Sequence[str], clusters: Sequence[str]) -> Mean:
        return cls(np.asarray(values, dtype=np.float64), tuple(items), tuple(clusters))

    def at(self, counts: Counts) -> float:
        return float(counts @ self.values / counts.sum())


@dataclass(frozen=True)
class Ratio:
    """A ratio of sums over items: F1 is 2·tp / (2·tp + fp + fn). ``over`` and ``under``: what each item adds to the sums."""

    over: Floats
    under: Floats
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        below = float(counts @ self.under)
        return float(counts @ self.over) / below if below else float("nan")


@dataclass(frozen=True)
class MeanRecall:
    """Balanced accuracy: the mean over classes of the share of their items that are right. Classes that were not drawn are left out."""

    right: Floats
    classes: tuple[str, ...]  # of each item
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    @cached_property
    def _numbers(self) -> npt.NDArray[np.intp]:
        return numbered(self.classes)

    def at(self, counts: Counts) -> float:
        drawn = np.bincount(self._numbers, weights=counts)
        right = np.bincount(self._numbers, weights=counts * self.right)
        return float(np.mean(right[drawn > 0] / drawn[drawn > 0]))


@dataclass(frozen=True)
class Area:
    """Area under the ROC curve of scores: how often a positive stands above a negative. Chance is one half."""

    scores: Floats
    truth: tuple[bool, ...]
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        truth = np.array(self.truth)
        weights = counts.astype(np.float64)
        if not (weights @ truth) or not (weights @ ~truth):
            return float("nan")
        _, place = np.unique(self.scores, return_inverse=True)
        positive, negative = (np.bincount(place, weights=weights * own) for own in (truth, ~truth))
        below = np.cumsum(negative) - negative
        return float(positive @ (below + negative / 2) / (positive.sum() * negative.sum()))


@dataclass(frozen=True)
class Score:
    """``clusters``: independent sources. ``baselines``: chance, majority, a control. ``notes``: what a reader must know."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    clusters: int
    how: How
    model: str
    pipeline_id: str
    baselines: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sample: Sample | None = field(default=None, compare=False, repr=False)

    def document(self) -> dict[str, Any]:
        """JSON-ready, without the sample."""
        return {
            "metric": self.metric, "value": _round(self.value), "low": _round(self.low), "high": _round(self.high), "n": self.n,
            "sources": self.clusters, "baselines": {k: _round(v) for k, v in self.baselines.items()}, "notes": list(self.notes),
            "model": self.model, "pipeline_id": self.pipeline_id, "protocol": self.how.document(), "protocol_hash": self.how.hash,
        }  # fmt: skip

    def result(self, command: str) -> Result:
        """As a row of a model's card."""
        told = [f"{self.clusters} sources", *(f"{name} {value:.3f}" for name, value in self.baselines.items()), *self.notes]
        protocol = f"{self.how.data}; {'; '.join(told)}; protocol {self.how.hash}"
        value, low, high = (_round(x) for x in (self.value, self.low, self.high))
        return Result(self.metric, value or 0.0, low, high, self.n, protocol, command)


def measured(
    metric: str,
    sample: Sample,
    how: How,
    model: Any,
    *,
    baselines: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Score:
    """The score of a sample with its interval, resampled over the sample's sources. ``model``: anything with name and pipeline_id."""
    if isinstance(sample, Mean):
        found = bootstrap(sample.values, clusters=sample.clusters, seed=seed)
    else:
        found = resampled(sample.at, sample.clusters, rounds=rounds, seed=seed)
    sources = len(set(sample.clusters))
    few = [f"only {sources} sources: the interval is too narrow"] if sources < FEWEST else []
    return Score(
        metric, found.value, found.low, found.high, found.n, sources, how, model.name, model.pipeline_id,
        dict(baselines or {}), (*notes, *few), sample,
    )  # fmt: skip


def difference(a: Score, b: Score, *, anyway: bool = False, rounds: int = ROUNDS, seed: int = 0) -> Difference:
    """``a − b``, paired over items. Raises UsageError where protocols or items differ; ``anyway`` forgives protocols, never items."""
    if not anyway and a.how.hash != b.how.hash:
        raise UsageError(
            f"the two scores of {a.metric!r} were measured differently: {', '.join(a.how.differs(b.how))}.",
            hint="Measure both by the same protocol.",
        )  # fmt: skip
    if a.sample is None or b.sample is None or tuple(a.sample.items) != tuple(b.sample.items):
        raise UsageError(f"the two scores of {a.metric!r} are not of the same items.", hint="Measure both on the same data.")
    if isinstance(a.sample, Mean) and isinstance(b.sample, Mean):
        return paired(a.sample.values, b.sample.values, clusters=a.sample.clusters, seed=seed)
    return resampled_difference(a.sample.at, b.sample.at, a.sample.clusters, rounds=rounds, seed=seed)


def difference_document(a: Score, b: Score, found: Difference) -> dict[str, Any]:
    """JSON-ready."""
    return {
        "metric": a.metric, "a": a.model, "b": b.model, "a_pipeline": a.pipeline_id, "b_pipeline": b.pipeline_id,
        "a_value": _round(a.value), "b_value": _round(b.value), "difference": _round(found.value), "low": _round(found.low),
        "high": _round(found.high), "p": found.p, "n": found.n, "sources": found.clusters, "protocol_hash": a.how.hash,
    }  # fmt: skip


def digest(value: Any) -> str:
    """A short hash of a JSON value."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True, ensure_ascii=False).encode(), digest_size=6).hexdigest()


def _round(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
