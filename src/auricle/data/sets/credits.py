"""Who made a sound and under which licence, from the Markdown tables that packs of sounds carry."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache

_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
_ADDRESS = re.compile(r"https?://[^\s|)]+")


@dataclass(frozen=True, slots=True)
class Credit:
    licence: str
    source: str


@lru_cache(maxsize=256)
def credits_of(path: str) -> dict[str, Credit]:
    """Slug of the file's name → credit; nothing where there is no such table."""
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [line.strip().strip("|").split("|") for line in file if line.count("|") >= 2]
    head: dict[str, int] = {}
    found: dict[str, Credit] = {}
    for cells in (list(map(str.strip, line)) for line in lines):
        names = [cell.lower() for cell in cells]
        if any(name in ("license", "licence") for name in names):
            head = {name: i for i, name in enumerate(names)}
            continue
        at = head.get("license", head.get("licence", -1))
        if at < 0 or at >= len(cells) or not cells[0] or set(cells[0]) <= set(":- "):
            continue
        link = _LINK.search(cells[0])
        name = link[1] if link else cells[0].strip("*` ")
        address = link[2] if link else (_ADDRESS.search(" ".join(cells)) or [""])[0]
        found[slug(name)] = Credit(_LINK.sub(r"\1", cells[at]).strip("*` "), address)
    return found


def slug(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return re.sub(r"[^a-z0-9]+", "-", (stem if len(suffix) in (4, 5) else name).lower()).strip("-")
