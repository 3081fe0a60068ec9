"""Read the compiled field."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from auricle.landscape.schema import Edge, Fact, Figure, Landscape, Paper, Record

COMPILED = Path(__file__).with_name("landscape.json")


@lru_cache(maxsize=1)
def load() -> Landscape:
    """The field as shipped; read once a process."""
    return read(COMPILED)


def read(path: Path) -> Landscape:
    return from_document(json.loads(path.read_bytes()))


def from_document(document: dict[str, Any]) -> Landscape:
    records = {item["id"]: _record(item) for item in document["records"]}
    edges = tuple(Edge(**item) for item in document["edges"])
    return Landscape(records, edges, tuple(Figure(**item) for item in document["figures"]))


def _record(item: dict[str, Any]) -> Record:
    paper = item.pop("paper", None)
    facts = [Fact(**fact) for fact in item.pop("facts", ())]
    return Record(**item, facts=facts, paper=Paper(**paper) if paper else None)
