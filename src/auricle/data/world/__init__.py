"""Scenes composed from real clips, with exact truth: what is heard, when, how loud, how far, and in which words that may be said.

    from auricle.data.world import World, load
    world = World(read("corpus/manifest.jsonl"), load("world.yaml"), folder="corpus")
    scene = world.scene(0)

Nothing is imported until it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auricle.data.world.claims import Claim, holds
    from auricle.data.world.config import WorldConfig, load
    from auricle.data.world.scene import Scene
    from auricle.data.world.world import World
    from auricle.data.world.writing import gather, write

_HOME = {
    **dict.fromkeys(("Claim", "holds"), "claims"),
    **dict.fromkeys(("WorldConfig", "load"), "config"),
    "Scene": "scene",
    "World": "world",
    **dict.fromkeys(("gather", "write"), "writing"),
}

__all__ = ["Claim", "Scene", "World", "WorldConfig", "gather", "holds", "load", "write"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
