"""Full-text search over names, tags and texts (SQLite FTS5, Porter stems, bm25). What a user types never reaches FTS syntax raw."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auricle.library import phrases

Field = Literal["name", "folder", "tags", "texts"]
FIELDS: tuple[Field, ...] = ("name", "folder", "tags", "texts")

MAX_TERMS = 64
_TOKEN = re.compile(r"[^\W_]+", re.UNICODE)
# A name says more than the folder that it lies in.
_NAME_WEIGHTS = {"name": 2.0, "folder": 1.0, "tags": 1.5}


@dataclass(frozen=True, slots=True)
class WordHit:
    """Where words were found. ``start``/``end`` (seconds) are None where the words belong to the whole recording.

    score: bm25, higher is better; comparable within names-and-tags and within texts, not across.
    field: "texts", or the field of names-and-tags in which the snippet was found.
    snippet: the words around, matches in […].
    """

    content_id: int
    recording_id: int | None
    start: float | None
    end: float | None
    score: float
    field: Field
    snippet: str


def tokens(text: str) -> list[str]:
    """Letters and digits in runs, as FTS5's unicode61 would cut them."""
    return _TOKEN.findall(text)


def expression(terms: str | Sequence[str], *, match: Literal["any", "all"] = "any") -> str:
    """An FTS5 expression of quoted strings only; empty when there is nothing to look for.

    A string is cut into its words; in a sequence, an item of several words is a phrase.
    """
    items = tokens(terms) if isinstance(terms, str) else list(terms)
    phrases = dict.fromkeys(" ".join(tokens(item)).casefold() for item in items)
    quoted = [f'"{phrase}"' for phrase in phrases if phrase][:MAX_TERMS]
    return (" OR " if match == "any" else " AND ").join(quoted)


def find(
    connection: sqlite3.Connection,
    terms: str | Sequence[str],
    *,
    fields: Sequence[Field] = FIELDS,
    match: Literal["any", "all"] = "any",
    limit: int = 1000,
) -> list[WordHit]:
    """Hits in names-and-tags, then in texts, each best first and at most ``limit`` of each."""
    wanted = expression(terms, match=match)
    if not wanted:
        return []
    hits: list[WordHit] = []
    columns = [f for f in FIELDS[:3] if f in fields]
    if columns:
        hits += _find_names(connection, wanted, columns, limit)
    if "texts" in fields:
        hits += _find_texts(connection, wanted, limit)
    return hits


def _find_names(connection: sqlite3.Connection, wanted: str, columns: Sequence[Field], limit: int) -> list[WordHit]:
    weights = ", ".join(str(_NAME_WEIGHTS[f]) for f in FIELDS[:3])
    marked = ", ".join(f"snippet(names_index, {i}, char(2), char(3), '…', 12)" for i in range(3))
    # Rank first: a snippet costs more than a match.
    rows = connection.execute(
        f"SELECT r.content_id, r.id, best.score, {marked} FROM names_index "
        f"JOIN (SELECT rowid AS id, bm25(names_index, {weights}) AS score FROM names_index WHERE names_index MATCH ?1 "
        "ORDER BY score LIMIT ?2) best ON best.id = names_index.rowid "
        "JOIN recordings r ON r.id = best.id WHERE names_index MATCH ?1 ORDER BY best.score, r.id",
        (f"{{{' '.join(columns)}}} : ({wanted})", limit),
    )
    hits = []
    for content, recording, score, *snippets in rows:
        field = next((f for f, s in zip(FIELDS, snippets, strict=False) if f in columns and "\x02" in s), columns[0])
        hits.append(WordHit(content, recording, None, None, -score, field, _shown(snippets[FIELDS.index(field)])))
    return hits


def _find_texts(connection: sqlite3.Connection, wanted: str, limit: int) -> list[WordHit]:
    rows = connection.execute(
        "SELECT t.content_id, t.recording_id, t.start, t.\"end\", best.score, snippet(texts_index, 0, char(2), char(3), '…', 16) "
        "FROM texts_index JOIN (SELECT rowid AS id, bm25(texts_index) AS score FROM texts_index WHERE texts_index MATCH ?1 "
        "ORDER BY score LIMIT ?2) best ON best.id = texts_index.rowid "
        "JOIN texts t ON t.id = best.id WHERE texts_index MATCH ?1 ORDER BY best.score, t.id",
        (wanted, limit),
    )
    return [WordHit(c, r, start, end, -score, "texts", _shown(snippet)) for c, r, start, end, score, snippet in rows]


def _shown(snippet: str) -> str:
    return snippet.replace("\x02", "[").replace("\x03", "]").strip()


def index_name(connection: sqlite3.Connection, recording: int, name: str, folder: str, tags: str) -> None:
    """(Re)write the full-text row of one recording, and its phrase."""
    connection.execute("DELETE FROM names_index WHERE rowid = ?", (recording,))
    connection.execute("INSERT INTO names_index (rowid, name, folder, tags) VALUES (?, ?, ?, ?)", (recording, name, folder, tags))
    phrases.put(connection, recording, name, tags)
