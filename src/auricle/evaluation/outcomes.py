"""What became of each thing that was asked: an outcome an item, whatever happened, so that n is the task's own.

    outcome = Outcome("1-100032-A", truth="dog", answer="dog", value=1.0)
    columns([outcome])                                    # {"n": 1, "ok": 1, "unparsed": 0, …}

What is not ``ok`` has no value of its own: it counts as :data:`WRONG` and stands in its column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from auricle.evaluation.statistics import Floats

Status = Literal["ok", "unparsed", "refused", "skipped", "truncated", "failed"]
STATUSES: tuple[Status, ...] = get_args(Status)
WRONG = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """``id``: of the item, or of the item and what was asked of it. ``value``: what it adds to the metric; ``reason``: why it is not ok.

    ``given_seconds`` of sound were there, ``heard_seconds`` of it reached the model. ``audio``: where the sound lies, relative to the
    run's folder. ``truncated``: an answer that was cut off before its end and cannot be read.
    """

    id: str
    truth: Any
    answer: Any = None
    status: Status = "ok"
    value: float = WRONG
    given_seconds: float = 0.0
    heard_seconds: float = 0.0
    confidence: float | None = None
    audio: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"no such status: {self.status!r}")
        if self.status != "ok" and self.value != WRONG:
            raise ValueError(f"{self.id}: what is {self.status} gives no points, not {self.value}")
        if not np.isfinite(self.value):
            raise ValueError(f"{self.id}: its value is no number")

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "id": self.id, "audio": self.audio, "truth": self.truth, "answer": self.answer, "status": self.status,
            "value": round(self.value, 6), "confidence": None if self.confidence is None else round(self.confidence, 4),
            **({"reason": self.reason} if self.reason else {}),
        }  # fmt: skip


def columns(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """``n`` and how many of it have each status; they add up."""
    counts = Counter(outcome.status for outcome in outcomes)
    return {"n": len(outcomes), **{status: counts[status] for status in STATUSES}}


def values(outcomes: Iterable[Outcome]) -> Floats:
    """The value of each, float64 ``[n]``."""
    return np.array([outcome.value for outcome in outcomes], dtype=np.float64)


def seconds(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """``given`` and ``heard``, each sound counted once however often it was asked about."""
    given: dict[str, float] = {}
    heard: dict[str, float] = {}
    for outcome in outcomes:
        key = outcome.audio or outcome.id
        given[key] = max(given.get(key, 0.0), outcome.given_seconds)
        heard[key] = max(heard.get(key, 0.0), outcome.heard_seconds)
    return {"given": round(sum(given.values()), 3), "heard": round(sum(heard.values()), 3)}
