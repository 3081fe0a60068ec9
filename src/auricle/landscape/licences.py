"""What a licence allows as far as its name tells, and what a model inherits. For people to read, not legal advice.

Answers rest on claims and relations that somebody read in their source; the others are told beside them, and counted only when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as made
from typing import Final, Literal

from auricle.landscape.loading import load
from auricle.landscape.names import resolve
from auricle.landscape.schema import DESIGN, Edge, Fact, Kind, Landscape, Record

WEIGHTS: Final = ("licence-weights",)
DATA: Final = ("licence-text", "licence-audio")
UNREAD: Final = "not read in its source"
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


def use_of_claims(record: Record, keys: Sequence[str], *, unverified: bool = False) -> Use:
    """The strictest of what is claimed, all ``keys`` together. A key of which nobody read a claim in its source is unknown."""
    uses: list[Use] = []
    for key in keys:
        claims = record.said(key)
        read = [fact for fact in claims if unverified or fact.mark == "checked"]
        uses += [use_of(str(fact.value)) for fact in read] or (["unknown"] if claims else [])
    return strictest(uses)


def unread(record: Record, keys: Sequence[str]) -> list[Fact]:
    """The claims that nobody read in their source."""
    return [fact for key in keys for fact in record.said(key) if fact.mark != "checked"]


def worded(fact: Fact) -> str:
    """A claim as it is told to people: one that was not read in its source is told as that."""
    return str(fact.value) if fact.mark == "checked" else f"{UNREAD} (claimed: {fact.value})"


@dataclass(frozen=True, slots=True)
class Link:
    """One licence on the way to a model: whose, of what, by which relations."""

    record: str
    fact: Fact
    use: Use
    via: list[Edge]


@dataclass(frozen=True, slots=True)
class Terms:
    """``stated``: what the weights are said to be under; ``use``: the strictest of that and of all that they were made of.

    ``unread`` and ``left_out``: claims and relations that nobody read in their source. They are in none of the rest, unless asked for.
    """

    record: Record
    stated: list[Link]
    inherited: list[Link]  # only those that are not free
    use: Use
    silent: list[str]  # what they were made of and of which no licence is recorded
    unread: list[Link] = made(default_factory=list)
    left_out: list[Edge] = made(default_factory=list)

    @property
    def stated_use(self) -> Use:
        return strictest([link.use for link in self.stated])

    @property
    def conflict(self) -> bool:
        """The statements about the weights differ, or something below is stricter than what is stated."""
        differing = len({link.use for link in self.stated if link.fact.key == self.stated[0].fact.key}) > 1 if self.stated else False
        return differing or STRICTER.index(self.use) > STRICTER.index(self.stated_use)


def terms(name: str, *, unverified: bool = False, field: Landscape | None = None) -> Terms:
    """The licences of a model or a set, and of all it was trained on, derived from and built on.

    unverified: also count claims and relations that nobody read in their source.
    """
    field = field or load()
    record = resolve(field, name, *LICENSED)
    keys = WEIGHTS if record.kind in ("model", "encoder") else DATA
    own = [Link(record.id, fact, use_of(str(fact.value)), []) for key in keys for fact in record.said(key)]
    below, silent, left_out = _below(field, record.id, unverified)
    counted = [link for link in own if unverified or link.fact.mark == "checked"]
    strict = [link for link in below if link.use not in ("free", "unknown") and (unverified or link.fact.mark == "checked")]
    apart = [] if unverified else [link for link in (*own, *below) if link.fact.mark != "checked"]
    use = strictest([link.use for link in (*counted, *strict)] or ["unknown"])
    return Terms(record, counted, strict, use, silent, apart, left_out)


def _below(field: Landscape, start: str, unverified: bool) -> tuple[list[Link], list[str], list[Edge]]:
    """The licences of what a record was made of. Who states a licence for weights answers for what lies below them."""
    chains: dict[str, list[Edge]] = {start: []}
    line, found, silent, left_out = [start], [], [], []
    while line:
        here = line.pop(0)
        for edge in field.out(here, "trained-on", "derived-from", "builds-on"):
            id = edge.object
            if edge.part == DESIGN:
                continue
            if edge.mark != "checked" and not unverified:
                left_out.append(edge)
                continue
            if id in chains:
                continue
            chains[id] = [*chains[here], edge]
            record = field.records[id]
            facts = [fact for key in (*WEIGHTS, *DATA) for fact in record.said(key)]
            found += [Link(id, fact, use_of(str(fact.value)), chains[id]) for fact in facts]
            if not facts:
                silent.append(id)
            if not any(unverified or fact.mark == "checked" for fact in record.said("licence-weights")):
                line.append(id)
    return found, silent, left_out
