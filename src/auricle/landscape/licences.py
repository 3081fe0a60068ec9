"""What a licence allows as far as its name tells, and what a model inherits. For people to read, not legal advice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from auricle.landscape.loading import load
from auricle.landscape.names import resolve
from auricle.landscape.schema import DESIGN, Edge, Fact, Kind, Landscape, Record

Use = Literal["free", "own terms", "none stated", "non-commercial", "closed", "unknown"]
STRICTER: Final[tuple[Use, ...]] = ("free", "unknown", "own terms", "none stated", "non-commercial", "closed")
LICENSED: Final[tuple[Kind, ...]] = ("model", "set", "benchmark", "encoder")

_RULES: tuple[tuple[Use, str], ...] = (
    ("none stated", r"^none\b"),
    ("non-commercial", r"non-?\s?commercial|noncommercial|academic|research( use)? only|\bby-nc\b|3b research only"),
    ("closed", r"\bclosed\b|copyright of"),
    ("own terms", r"community|nvidia|tongyi|gemma|glm-4|\bsam\b|by form|own (terms|licence|text)|terms of|adobe"),
    ("own terms", r"not distributed|per (track|clip)"),
    ("free", r"\bapache\b|\bmit\b|\bbsd\b|\bisc\b|\bcc0\b|\bcc by(-sa)?\b(?!-)|\bodbl\b|\bl?gpl\b|\bagpl\b|creative commons"),
)


def use_of(text: str) -> Use:
    """``CC BY-NC 4.0`` → ``non-commercial``; what the name does not tell is ``unknown``."""
    said = text.casefold()
    return next((use for use, pattern in _RULES if re.search(pattern, said)), "unknown")


def strictest(uses: list[Use]) -> Use:
    return max(uses, key=STRICTER.index, default="unknown")


@dataclass(frozen=True, slots=True)
class Link:
    """One licence on the way to a model: whose, of what, by which relations."""

    record: str
    fact: Fact
    use: Use
    via: list[Edge]


@dataclass(frozen=True, slots=True)
class Terms:
    """``stated``: what the weights are said to be under; ``use``: the strictest of that and of all that they were made of."""

    record: Record
    stated: list[Link]
    inherited: list[Link]  # only those that are not free
    use: Use
    silent: list[str]  # what they were made of and of which no licence is recorded

    @property
    def stated_use(self) -> Use:
        return strictest([link.use for link in self.stated])

    @property
    def conflict(self) -> bool:
        """The statements about the weights differ, or something below is stricter than what is stated."""
        differing = len({link.use for link in self.stated if link.fact.key == self.stated[0].fact.key}) > 1 if self.stated else False
        return differing or STRICTER.index(self.use) > STRICTER.index(self.stated_use)


def terms(name: str, *, field: Landscape | None = None) -> Terms:
    """The licences of a model or a set, and of all it was trained on, derived from and built on."""
    field = field or load()
    record = resolve(field, name, *LICENSED)
    keys = ("licence-weights",) if record.kind in ("model", "encoder") else ("licence-text", "licence-audio")
    own = [Link(record.id, fact, use_of(str(fact.value)), []) for key in keys for fact in record.said(key)]
    inherited, silent = _below(field, record.id)
    strict = [link for link in inherited if link.use not in ("free", "unknown")]
    return Terms(record, own, strict, strictest([link.use for link in (*own, *strict)] or ["unknown"]), silent)


def _below(field: Landscape, start: str) -> tuple[list[Link], list[str]]:
    """The licences of what a record was made of. Who states a licence for weights answers for what lies below them."""
    chains: dict[str, list[Edge]] = {start: []}
    line, found, silent = [start], [], []
    while line:
        here = line.pop(0)
        for edge in field.out(here, "trained-on", "derived-from", "builds-on"):
            id = edge.object
            if id in chains or edge.part == DESIGN:
                continue
            chains[id] = [*chains[here], edge]
            record = field.records[id]
            facts = [fact for key in ("licence-weights", "licence-text", "licence-audio") for fact in record.said(key)]
            found += [Link(id, fact, use_of(str(fact.value)), chains[id]) for fact in facts]
            if not facts:
                silent.append(id)
            if not record.said("licence-weights"):
                line.append(id)
    return found, silent
