"""What names and tags mean, not only which words they hold: a sentence vector a phrase, so that “kitty” finds ``cat_meow_03``.

A recording's phrase is the words of its name (without numbers) and its tags; recordings share phrases. Vectors come from the text
encoder of the library's model, where it keeps sentence embeddings; without them words are matched by letters alone.
All of it is derived: a phrase without a vector waits for the next index run.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auricle.library.names import split_words

if TYPE_CHECKING:
    from auricle.library.writer import Writer

Floats = npt.NDArray[np.float32]

LONGEST = 200  # characters of a phrase
_BATCH = 256  # phrases embedded between two looks at the clock and at `stop`
_MOST = 2000  # phrases that a query may touch


def phrase_of(name: str, tags: str) -> str:
    """The words that a person would read: no numbers, no separators, each once; lower case."""
    words = [w.lower() for w in split_words(name) if not w.isdigit() and (len(w) > 1 or not w.isascii())]
    return " ".join([*dict.fromkeys(words), tags.replace(" · ", ", ")]).strip()[:LONGEST]


def put(connection: sqlite3.Connection, recording: int, name: str, tags: str) -> None:
    """(Re)write which phrase a recording has."""
    phrase = phrase_of(name, tags)
    connection.execute("DELETE FROM recording_phrases WHERE recording_id = ?", (recording,))
    if phrase:
        connection.execute("INSERT OR IGNORE INTO phrases (phrase) VALUES (?)", (phrase,))
        connection.execute("INSERT INTO recording_phrases SELECT ?, id FROM phrases WHERE phrase = ?", (recording, phrase))


def fill(writer: Writer, model: Any, stop: threading.Event) -> int:
    """Embed the phrases that have no vector yet, in batches that are kept; gives how many. Nothing for a model without sentences."""
    if not getattr(model, "has_sentences", False):
        return 0
    with writer.unit():
        writer.db.execute("DELETE FROM phrases WHERE id NOT IN (SELECT phrase_id FROM recording_phrases)")
    done = 0
    while not stop.is_set():
        waiting = writer.db.execute("SELECT id, phrase FROM phrases WHERE vector IS NULL ORDER BY id LIMIT ?", (_BATCH,)).fetchall()
        if not waiting:
            break
        vectors = model.sentence([phrase for _, phrase in waiting]).astype(np.float16)
        with writer.unit():
            for (identity, _), vector in zip(waiting, vectors, strict=True):
                writer.db.execute("UPDATE phrases SET vector = ? WHERE id = ?", (vector.tobytes(), identity))
        writer.commit_if_due()
        done += len(waiting)
    return done


def read(connection: sqlite3.Connection) -> tuple[npt.NDArray[np.int64], Floats]:
    """Ids int64 ``[n]`` and vectors float32 ``[n, d]`` of all phrases that have one."""
    rows = connection.execute("SELECT id, vector FROM phrases WHERE vector IS NOT NULL ORDER BY id").fetchall()
    ids = np.fromiter((row[0] for row in rows), dtype=np.int64, count=len(rows))
    if not rows:
        return ids, np.zeros((0, 0), np.float32)
    return ids, np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float16).reshape(len(rows), -1).astype(np.float32)


def near(connection: sqlite3.Connection, ids: npt.NDArray[np.int64], vectors: Floats, query: Floats, least: float) -> dict[int, float]:
    """Content → cosine of its best phrase with a unit query vector, for those of at least ``least``."""
    if not len(ids):
        return {}
    cosine = vectors @ query
    best = np.flatnonzero(cosine >= least)
    best = best[np.argsort(-cosine[best], kind="stable")][:_MOST]
    value = dict(zip(ids[best].tolist(), cosine[best].tolist(), strict=True))
    found: dict[int, float] = {}
    for content, phrase in connection.execute(
        "SELECT r.content_id, p.phrase_id FROM json_each(?) j JOIN recording_phrases p ON p.phrase_id = j.value "
        "JOIN recordings r ON r.id = p.recording_id",
        (json.dumps(list(value)),),
    ):
        found[content] = max(found.get(content, 0.0), value[phrase])
    return found


def nearest(connection: sqlite3.Connection, ids: npt.NDArray[np.int64], vectors: Floats, query: Floats, k: int) -> list[str]:
    """The ``k`` phrases nearest to a unit query vector, best first."""
    if not len(ids):
        return []
    best = np.argsort(-(vectors @ query), kind="stable")[:k]
    chosen = json.dumps(ids[best].tolist())
    rows = dict(connection.execute("SELECT id, phrase FROM phrases WHERE id IN (SELECT value FROM json_each(?))", (chosen,)))
    return [rows[i] for i in ids[best].tolist() if i in rows]
