"""The field as data: models, sets, benchmarks, objectives, tasks, encoders and how they hang together, each statement with its source.

    from auricle import landscape
    field = landscape.load()
    field.records["wavcaps"], field.out("wavcaps", "derived-from")

Records are YAML below ``records/``; ``compile`` validates them into the one JSON that ships. A leaf: imports nothing of ours but errors.
"""

from __future__ import annotations

from auricle.landscape.loading import load
from auricle.landscape.schema import Edge, Fact, Figure, Landscape, Paper, Record

__all__ = ["Edge", "Fact", "Figure", "Landscape", "Paper", "Record", "load"]
