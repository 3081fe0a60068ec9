"""What listens and speaks. Names are loaded when first asked for: importing this package imports no model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auricle.models.bundle import Bundle
    from auricle.models.card import ModelCard
    from auricle.models.hub import ModelInfo, installed, load, pull, resolve, verify
    from auricle.models.listening import Heard, hear, listen
    from auricle.models.two_towers import FrameTowers, TwoTowers

_HOME = {
    "Bundle": "bundle",
    "FrameTowers": "two_towers",
    "Heard": "listening",
    "ModelCard": "card",
    "ModelInfo": "hub",
    "TwoTowers": "two_towers",
    "hear": "listening",
    "installed": "hub",
    "listen": "listening",
    "load": "hub",
    "pull": "hub",
    "resolve": "hub",
    "verify": "hub",
}

__all__ = [
    "Bundle",
    "FrameTowers",
    "Heard",
    "ModelCard",
    "ModelInfo",
    "TwoTowers",
    "hear",
    "installed",
    "listen",
    "load",
    "pull",
    "resolve",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
