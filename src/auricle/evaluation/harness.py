"""Measure models on benchmarks: look at the task first, ask with the sound and with controls, say what it cost.

runs = [measure(model, load(get("esc10"), folder)) for model in models]
documents.write("results.json", documents.document(runs=[run.document() for run in runs], differences=compared(runs)))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auricle.evaluation.benchmark import Benchmark, Finding
from auricle.evaluation.outcomes import Outcome, columns, seconds
from auricle.evaluation.score import Score


@dataclass(frozen=True)
class Cost:
    """None: not known. ``computed`` and ``cached``: answers that were worked out now, and those that were kept from before."""

    seconds_per_audio_hour: float | None = None
    peak_memory_bytes: int | None = None
    model_bytes: int | None = None
    cached_items: int = 0
    computed_items: int = 0

    def document(self) -> dict[str, Any]:
        rate = self.seconds_per_audio_hour
        return {
            "seconds_per_audio_hour": None if rate is None else round(rate, 2), "peak_memory_bytes": self.peak_memory_bytes,
            "model_bytes": self.model_bytes, "cached_items": self.cached_items, "computed_items": self.computed_items,
        }  # fmt: skip


@dataclass(frozen=True)
class Gain:
    """What hearing is worth: the score with the sound − the best without it, paired over items."""

    value: float
    low: float
    high: float
    best_control: str

    def document(self) -> dict[str, Any]:
        return {**{k: round(getattr(self, k), 4) for k in ("value", "low", "high")}, "best_control": self.best_control}


@dataclass(frozen=True)
class Run:
    """One model on one benchmark. ``scores``: the headline first. ``folder``: where the items' audio lies."""

    benchmark: Benchmark
    model: str
    pipeline_id: str
    scores: tuple[Score, ...]
    outcomes: tuple[Outcome, ...]
    controls: Mapping[str, Score] = field(default_factory=dict)
    gain: Gain | None = None
    alarms: tuple[str, ...] = ()
    lint: tuple[Finding, ...] = ()
    cost: Cost = Cost()
    details: Mapping[str, Any] = field(default_factory=dict)
    leakage: Mapping[str, Any] | None = None
    folder: str = ""

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        b, how = self.benchmark, self.scores[0].how
        return {
            "benchmark": b.name, "title": b.title, "kind": b.kind, "model": self.model, "pipeline_id": self.pipeline_id,
            "protocol": how.document(), "protocol_hash": how.hash, "synthetic": b.synthetic,
            "scores": [score.document() for score in self.scores], "columns": columns(self.outcomes), "seconds": seconds(self.outcomes),
            "controls": {name: score.document() for name, score in self.controls.items()},
            "audio_gain": self.gain.document() if self.gain else None, "alarms": list(self.alarms),
            "lint": [finding.document() for finding in self.lint], "leakage": self.leakage, "cost": self.cost.document(),
            "details": dict(self.details), "folder": self.folder, "items": [outcome.document() for outcome in self.outcomes],
        }  # fmt: skip
