"""Probes: each asks a model one thing that a benchmark does not, of held-out sounds, with a control beside it. One file a probe.

    get("overlap").run(model, Sounds(held), seed=0, told=print)          # imports the one that is asked for

``auricle.evaluation.probes.audit`` runs several and says what could not be asked.
"""

from __future__ import annotations

from importlib import import_module

from auricle.errors import UsageError
from auricle.evaluation.probes.base import Audit, Curve, Probe, Sounds

_HOME = {  # in the order in which an audit asks
    "hallucination": ("hallucination", "Hallucination"),
    "counterfactuals": ("counterfactuals", "Counterfactuals"),
    "negation": ("negation", "Negation"),
    "invariance": ("invariance", "Invariance"),
    "overlap": ("overlap", "Overlap"),
    "needle": ("needle", "NeedleInAnHour"),
    "calibration": ("unknown", "Unknown"),
    "injection": ("injection", "Injection"),
    "sweep": ("sweep", "Sweep"),
    "spoofing": ("spoofing", "Spoofing"),
    "linkability": ("linkability", "Linkability"),
    "membership": ("membership", "Membership"),
}
NAMES = tuple(_HOME)

__all__ = ["NAMES", "Audit", "Curve", "Probe", "Sounds", "get"]


def get(name: str) -> Probe:
    """Raises UsageError for a probe that there is not."""
    if name not in _HOME:
        raise UsageError(f"there is no probe {name!r}.", hint=f"There are {', '.join(_HOME)}.")
    module, kind = _HOME[name]
    probe: Probe = getattr(import_module(f"{__name__}.{module}"), kind)()
    return probe
