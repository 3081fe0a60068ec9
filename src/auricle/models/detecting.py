"""How what a model hears becomes events: constants that belong to the model, in the section ``detection`` of a bundle's ``config.json``.

    "detection": {"averaged": 2.5, "scale": 1.46, "shift": -2.17, "threshold": 0.4, "low": 0.5, "merge": 2.0}

What is left out is as for ``tiny-towers@1``. ``recipes/tiny_towers/detection.py`` chooses them on composed scenes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Detecting:
    """The defaults were chosen for tiny-towers@1 on the development half's scenes (1.5 hours, 90 labels); docs/teach.md tells how.

    averaged:  seconds of frames that are averaged before they are read; 0: each frame stands for itself.
    scale, shift: log-odds of the calibration, which knows windows, → log-odds of frames so averaged. A bundle with a calibration of
               frames (``frames.npz``) needs neither, and they are left aside.
    taught_scale, taught_shift: the same for taught heads, which know windows too.
    threshold, low, min_duration, merge: as in ``tasks.detect.Rules``, where the person says nothing else.
    """

    averaged: float = 2.5
    scale: float = 1.46
    shift: float = -2.17
    taught_scale: float = 1.0
    taught_shift: float = -1.95
    threshold: float = 0.4
    low: float = 0.5
    min_duration: float = 0.0
    merge: float = 2.0

    @classmethod
    def of(cls, section: object) -> Detecting:
        """Of the section as JSON gave it. Raises ValueError that names what is wrong."""
        if not isinstance(section, Mapping):
            raise ValueError("detection is not an object")
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(section) - set(known)):
            raise ValueError(f"detection.{unknown[0]} is unknown; known are {', '.join(known)}")
        return cls(**{name: _number(name, value) for name, value in section.items()})

    def __post_init__(self) -> None:
        for name, good, what in (
            ("threshold", 0 < self.threshold < 1, "between 0 and 1"),
            ("low", 0 < self.low <= 1, "above 0 and at most 1"),
            ("scale", self.scale > 0, "above 0"),
            ("taught_scale", self.taught_scale > 0, "above 0"),
            *((name, 0 <= getattr(self, name) <= 3600, "from 0 to 3600 seconds") for name in ("averaged", "min_duration", "merge")),
        ):
            if not good:
                raise ValueError(f"detection.{name} must be {what}, got {getattr(self, name):g}")


DEFAULT = Detecting()


def detecting(model: Any) -> Detecting:
    """Those of a model; the defaults where it says nothing of detection."""
    found = getattr(model, "detecting", None)
    return found if isinstance(found, Detecting) else DEFAULT


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"detection.{name} must be a number, got {value!r}")
    return float(value)
