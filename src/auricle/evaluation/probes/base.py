"""What a probe is: it asks a model one thing of held-out sounds and gives scores, curves and notes.

    audit = Overlap().run(model, Sounds(held), seed=0, told=print)
    audit.document(model)                    # as the results document holds it

A probe compares with chance or a control, and says so where its sound is composed or rendered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from auricle.errors import DataError
from auricle.evaluation.heldout import HeldOut
from auricle.evaluation.score import Score, digest
from auricle.evaluation.statistics import Interval


@dataclass(frozen=True)
class Sounds:
    """``held``: clips with truth that nothing was trained on. ``members``: the manifest of what was, for the probe that asks for it."""

    held: HeldOut
    members: str | os.PathLike[str] | None = None


@dataclass(frozen=True)
class Curve:
    """``y`` with its 95 % interval over ``x``."""

    name: str
    x_label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    y_label: str = ""

    @classmethod
    def of(cls, name: str, x_label: str, x: Sequence[float], rows: Sequence[Interval | Score], y_label: str = "") -> Curve:
        """A row for each x."""
        y, low, high = (tuple(float(getattr(row, part)) for row in rows) for part in ("value", "low", "high"))
        return cls(name, x_label, tuple(map(float, x)), y, low, high, y_label)

    def document(self) -> dict[str, Any]:
        """JSON-ready; what is not defined is null."""
        numbers = {part: [_number(value) for value in getattr(self, part)] for part in ("x", "y", "low", "high")}
        return {"name": self.name, "x_label": self.x_label, "y_label": self.y_label, **numbers}


@dataclass(frozen=True)
class Audit:
    """What one probe found of one model. The first score is the headline. ``synthetic``: composed or rendered sound."""

    probe: str
    title: str
    scores: tuple[Score, ...]
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    synthetic: bool = True

    @property
    def hash(self) -> str:
        """Of the protocols of all its scores."""
        return digest([score.how.hash for score in self.scores])

    def document(self, model: Any) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "probe": self.probe, "title": self.title, "model": model.name, "pipeline_id": model.pipeline_id, "synthetic": self.synthetic,
            "scores": [score.document() for score in self.scores], "curves": [curve.document() for curve in self.curves],
            "notes": list(self.notes), "protocol_hash": self.hash,
        }  # fmt: skip


class Probe(Protocol):
    """``needs``: capabilities of the model. ``told``: called with a line of what is going on."""

    name: str
    title: str
    needs: tuple[type, ...]

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit: ...


def too_few(probe: str, needed: str) -> DataError:
    """The sounds that were given cannot answer this."""
    return DataError("Missing", f"{probe}: the sounds given are too few; it needs {needed}.", hint="Give more sounds: --sounds FOLDER")


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
