"""Words of a query against names, tags and texts: how much of what was asked stands there, 0…1."""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from auricle.library.words import tokens

# Words that say nothing about which recording is meant. Small on purpose: FTS ranks, this only drops what every query holds.
STOP_WORDS = frozenset(
    """
    a an and are as at audio be being by can clip clips could did do does file files find for from get had has have he
    hear heard hearing her his i in into is it its kind like me my near noise noises of off on one or our out over
    please recording recordings she show some somebody someone something sound sounds than that the their them then
    there these they this those to under up want was we were what when where which while who will with you your
    """.split()  # noqa: SIM905
)
# Words that ask for speech; a transcript does not hold them.
CARRIERS = frozenset(
    """
    about announces announcing asks asking caller guy heard lady man mention mentions message person prompt said say saying says speak
    speaker speaking speaks talk talking talks tell telling tells voice voices woman word words
    """.split()  # noqa: SIM905
)
# What people call speech when they want none of it.
SPEECH = frozenset(
    "chatter dialogue human narration people person speech speaking spoken talk talking voice voiceover voices words".split()  # noqa: SIM905
)
MAX_TERMS = 32


@dataclass(slots=True)
class NameMatches:
    """Contents whose names or tags hold terms of the query. ``coverage``: content → 0…1; ``terms``: which ones, for people."""

    coverage: dict[int, float] = field(default_factory=dict)
    terms: dict[int, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextMatch:
    """One text that holds terms of the query; without times it belongs to the whole content."""

    content: int
    start: float | None
    end: float | None
    coverage: float
    text: str


def content_terms(query: str) -> list[str]:
    """The words of a query that can tell recordings apart, in order, each once."""
    words = [w.casefold() for w in tokens(query)]
    kept = [w for w in words if w not in STOP_WORDS and (len(w) > 1 or w.isdigit())]
    return list(dict.fromkeys(kept or words))[:MAX_TERMS]


def spoken_terms(query: str) -> list[str]:
    """The words of a query that may be said in a recording; those that only ask for speech are left out, unless nothing else is there."""
    terms = content_terms(query)
    return [t for t in terms if t not in CARRIERS] or terms


def means_speech(phrase: str) -> bool:
    """Whether a phrase names voices as such, as "voices", "people talking" or "human speech" do, and nothing besides."""
    terms = content_terms(phrase)
    return bool(terms) and set(terms) <= SPEECH


def in_names(connection: sqlite3.Connection, terms: Sequence[str]) -> NameMatches:
    """Weigh each term by its rarity (idf) among recordings; coverage is the weight found over the weight asked."""
    total = connection.execute("SELECT count(*) FROM recordings").fetchone()[0]
    found: dict[int, dict[str, float]] = defaultdict(dict)
    asked = 0.0
    for term in terms:
        rows = connection.execute(
            "SELECT r.content_id FROM names_index JOIN recordings r ON r.id = names_index.rowid WHERE names_index MATCH ?",
            (f'"{term}"',),
        ).fetchall()
        weight = _idf(total, len(rows))
        asked += weight
        for (content,) in rows:
            found[content][term] = weight
    matches = NameMatches()
    for content, weights in found.items():
        matches.coverage[content] = sum(weights.values()) / asked
        matches.terms[content] = list(weights)
    return matches


def in_texts(connection: sqlite3.Connection, terms: Sequence[str], limit: int = 2000) -> list[TextMatch]:
    """Texts by coverage, best first, at most ``limit``."""
    total = connection.execute("SELECT count(*) FROM texts").fetchone()[0]
    if not total:
        return []
    found: dict[int, float] = defaultdict(float)
    asked = 0.0
    for term in terms:
        rows = connection.execute("SELECT rowid FROM texts_index WHERE texts_index MATCH ?", (f'"{term}"',)).fetchall()
        weight = _idf(total, len(rows))
        asked += weight
        for (text,) in rows:
            found[text] += weight
    best = sorted(found, key=lambda text: (-found[text], text))[:limit]
    matches = []
    for text in best:
        row = connection.execute('SELECT content_id, start, "end", text FROM texts WHERE id = ?', (text,)).fetchone()
        if row is not None:
            matches.append(TextMatch(row[0], row[1], row[2], found[text] / asked, row[3]))
    return matches


def _idf(total: int, holding: int) -> float:
    """Robertson–Spärck Jones, kept positive."""
    return math.log(1.0 + (total - holding + 0.5) / (holding + 0.5))
