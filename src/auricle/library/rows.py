"""Rows of the library as values: what goes in, what comes out."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from auricle.audio.types import Marker


@dataclass(frozen=True, slots=True)
class Tag:
    key: str  # lower case; "name": words of the file's name; "ucs.category", "artist", "bext.description", …
    value: str
    source: str  # "name" or "file"


@dataclass(frozen=True, slots=True)
class Text:
    """Words with or without times (seconds)."""

    text: str
    start: float | None = None
    end: float | None = None
    source: str = ""  # "srt", "vtt", "txt", "json", "marker"
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A sound, whatever its paths: what goes into ``contents`` beside the windows."""

    hash: str
    duration: float  # seconds, as heard
    rate: int
    channels: int
    format: str
    codec: str
    bytes: int
    recorded_at: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    tags: tuple[Tag, ...] = ()
    markers: tuple[Marker, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A path and what a stat said: what goes into ``recordings``."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    sidecars: str = ""  # changes when a sidecar changes
    tags: tuple[Tag, ...] = ()
    texts: tuple[Text, ...] = ()
    root_id: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One window, with all that a hit shows."""

    window_id: int
    recording_id: int
    content_id: int
    path: str
    start: float
    end: float
    duration: float
    rate: int
    channels: int
    format: str
    codec: str
    recorded_at: str | None
    vanished: bool
    tags: tuple[Tag, ...] = ()
    copies: tuple[str, ...] = ()  # other paths of the same content


@dataclass(frozen=True, slots=True)
class Recording:
    """One path of the library."""

    id: int
    content_id: int
    path: str
    duration: float
    rate: int
    channels: int
    format: str
    codec: str
    bytes: int
    hash: str
    windows: int
    recorded_at: str | None
    latitude: float | None
    longitude: float | None
    added_at: str
    vanished_at: str | None
    tags: tuple[Tag, ...] = field(default=())
    texts: tuple[Text, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a path, before it is looked at again."""

    recording_id: int
    content_id: int
    size: int
    mtime_ns: int
    inode: int
    sidecars: str
    heard: bool
    vanished: bool


@dataclass(frozen=True, slots=True)
class FailureRow:
    path: str
    kind: str
    error: str
    hint: str
    size: int
    mtime_ns: int
    attempts: int
    quarantined: bool
    at: str


@dataclass(frozen=True, slots=True)
class Stats:
    recordings: int
    contents: int
    windows: int
    hours: float  # of distinct sound
    vanished: int
    failures: int
    to_hear: int  # contents whose windows were lost; the next index run hears them again
    vector_bytes: int
    dead_windows: int


def window_rows(connection: sqlite3.Connection, windows: Sequence[int], prefer: frozenset[int] = frozenset()) -> list[Row]:
    """The rows of window ids, in their order; ids that are gone are left out. ``prefer``: recordings to show before their copies."""
    ids = json.dumps([int(w) for w in windows])
    found = {
        row[0]: row
        for row in connection.execute(
            'SELECT w.id, w.content_id, w.start, w."end", c.duration, c.rate, c.channels, c.format, c.codec, c.recorded_at '
            "FROM json_each(?) j JOIN windows w ON w.id = j.value JOIN contents c ON c.id = w.content_id",
            (ids,),
        )
    }
    contents = sorted({row[1] for row in found.values()})
    places = _places(connection, contents, prefer)
    tags = tags_of(connection, contents, [p[0][0] for p in places.values()])
    rows = []
    for window in windows:
        row = found.get(int(window))
        if row is None or row[1] not in places:
            continue
        (recording, path, vanished), *others = places[row[1]]
        said = tags.get(("r", recording), ()) + tags.get(("c", row[1]), ())
        _, content, start, end, duration, rate, channels, format_, codec, recorded_at = row
        copies = tuple(p for _, p, _ in others)
        rows.append(
            Row(
                int(window), recording, content, path, start, end, duration, rate, channels, format_, codec, recorded_at,
                vanished, said, copies,
            )
        )  # fmt: skip
    return rows


def _places(connection: sqlite3.Connection, contents: Sequence[int], prefer: frozenset[int]) -> dict[int, list[tuple[int, str, bool]]]:
    """content → (recording, path, vanished), the one to show first."""
    places: dict[int, list[tuple[int, str, bool]]] = defaultdict(list)
    for content, recording, path, vanished in connection.execute(
        "SELECT r.content_id, r.id, r.path, r.vanished_at IS NOT NULL FROM json_each(?) j "
        "JOIN recordings r ON r.content_id = j.value ORDER BY r.vanished_at IS NOT NULL, r.id",
        (json.dumps(list(contents)),),
    ):
        places[content].append((recording, os.fsdecode(path), bool(vanished)))
    for each in places.values():
        each.sort(key=lambda place: place[0] not in prefer)
    return places


def tags_of(connection: sqlite3.Connection, contents: Iterable[int], recordings: Iterable[int]) -> dict[tuple[str, int], tuple[Tag, ...]]:
    """Tags by ("c", content id) and ("r", recording id)."""
    found: dict[tuple[str, int], list[Tag]] = defaultdict(list)
    for kind, column, ids in (("c", "content_id", contents), ("r", "recording_id", recordings)):
        for owner, key, value, source in connection.execute(
            f"SELECT t.{column}, t.key, t.value, t.source FROM json_each(?) j JOIN tags t ON t.{column} = j.value ORDER BY t.id",
            (json.dumps(sorted(ids)),),
        ):
            found[kind, owner].append(Tag(key, value, source))
    return {owner: tuple(tags) for owner, tags in found.items()}


def texts_of(connection: sqlite3.Connection, content: int, recording: int | None = None) -> tuple[Text, ...]:
    """Texts of a content, in time; of one recording of it when named (with those of the content itself)."""
    return tuple(
        Text(text, start, end, source, language)
        for text, start, end, source, language in connection.execute(
            'SELECT text, start, "end", source, language FROM texts WHERE content_id = ? '
            "AND (? IS NULL OR recording_id IS NULL OR recording_id = ?) ORDER BY start IS NOT NULL, start, id",
            (content, recording, recording),
        )
    )


SELECT_RECORDINGS = (
    "SELECT r.id, r.content_id, r.path, c.duration, c.rate, c.channels, c.format, c.codec, c.bytes, c.hash, c.windows, "
    "c.recorded_at, c.latitude, c.longitude, r.added_at, r.vanished_at "
    "FROM recordings r JOIN contents c ON c.id = r.content_id"
)


def to_recording(row: Sequence[Any], tags: tuple[Tag, ...] = (), texts: tuple[Text, ...] = ()) -> Recording:
    """A row of :data:`SELECT_RECORDINGS` as a value."""
    plain: tuple[Any, ...] = (*row[:2], os.fsdecode(row[2]), *row[3:])
    return replace(Recording(*plain), tags=tags, texts=texts)


def to_failure(row: Sequence[Any]) -> FailureRow:
    path, kind, error, hint, size, mtime_ns, attempts, quarantined, at = row
    return FailureRow(os.fsdecode(path), kind, error, hint, size, mtime_ns, attempts, bool(quarantined), at)
