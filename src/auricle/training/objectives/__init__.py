"""What is learned, one short file each. A recipe sums them: ``objectives: [{kind: infonce, weight: 1}, {kind: tagging, weight: 0.2}]``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes

KINDS = {
    "infonce": "InfoNCE",
    "sigmoid": "Sigmoid",
    "hard_negatives": "HardNegatives",
    "frame_text": "FrameText",
    "masked_spectrogram": "MaskedSpectrogram",
    "captioning": "Captioning",
    "masked_language": "MaskedLanguage",
    "matching": "Matching",
    "tagging": "Tagging",
    "named_labels": "NamedLabels",
    "frame_events": "FrameEvents",
    "distillation": "Distillation",
}

__all__ = ["KINDS", "Loss", "Objective", "Outputs", "Sizes", "make", "of_kind"]


def of_kind(kind: str) -> type[Objective]:
    """Raises ValueError where there is none."""
    if kind not in KINDS:
        raise ValueError(f"there is no objective {kind!r}; choose one of: {', '.join(KINDS)}")
    found: type[Objective] = getattr(import_module(f"{__name__}.{kind}"), KINDS[kind])
    return found


def make(kind: str, weight: float = 1.0, options: Mapping[str, Any] | None = None) -> Objective:
    """An objective of a recipe. Raises ValueError on an unknown kind or option, or a value that cannot be."""
    options = dict(options or {})
    cls = of_kind(kind)
    known = [name for name in inspect.signature(cls.__init__).parameters if name not in ("self", "weight")]
    if unknown := sorted(set(options) - set(known)):
        raise ValueError(f"{kind} has no option {unknown[0]!r}; it has: {', '.join(known) or 'none'}")
    hints = get_type_hints(cls.__init__)
    return cls(weight, **{name: _checked(kind, name, hints[name], value) for name, value in options.items()})


def _checked(kind: str, name: str, hint: Any, value: Any) -> Any:
    try:
        found = TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"]
        raise ValueError(f"{kind}.{name}: {message[:1].lower()}{message[1:]}, got {value!r}") from None
    if hint is int and found < 1:
        raise ValueError(f"{kind}.{name} must be at least 1, got {value!r}")
    return found
