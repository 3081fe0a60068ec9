"""What the kinds of layout share: rows of a table joined with others, templates that name sounds, and items made of both."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from auricle.data.importers import SPLITS
from auricle.data.items import Item, from_document, has_words, invalid
from auricle.data.saving import Found
from auricle.data.tables import filled, inside, rows
from auricle.errors import DataError

Absent = Literal["fail", "drop", "text"]
Document = dict[str, Any]
Row = dict[str, str]
Content = Callable[[Row, str, int], Document]  # what a row holds; its table and line are for messages


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how to load. ``absent``: what becomes of an item whose sound is not there; ``lost`` is told its path."""

    folder: str
    set: str
    licence: str
    absent: Absent = "fail"
    exclude: str = ""  # name of one of the set's own lists of ids to leave out
    lost: Callable[[str], None] = lambda path: None


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Join(Strict):
    """Another table (CSV, or JSON of objects by id) whose columns are added by its cell of ``key``. May be missing if ``optional``."""

    table: tuple[str, ...]
    key: str
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    optional: bool = False


class Part(Strict):
    """One split: its table and its sounds, each by the first name that is there."""

    table: tuple[str, ...]
    audio: tuple[str, ...]
    join: tuple[Join, ...] = ()
    clip: str = ""
    split: str = ""  # what the items are called, where the part is named otherwise; may be a template


class Rows(Strict):
    """A set told by tables. ``parse``: column → pattern whose named groups become columns. Templates are ``{column}``."""

    parts: dict[str, Part]
    names: tuple[str, ...] = ()  # columns of tables without a head
    encoding: str = "utf-8"
    parse: dict[str, str] = Field(default_factory=dict)
    id: str
    clip: str = ""
    source: str = ""
    licence: str = ""
    start: str = ""
    seconds: float | None = None  # the length of an item that begins at ``start``
    cut: bool = False  # whether ``start`` is a place in the file at hand (else in the recording that it was cut from)
    duration: str = ""
    extra: tuple[str, ...] = ()


def items_of(layout: Rows, place: Place, content: Content, *, need: tuple[str, ...], group: bool = False) -> Iterator[Found]:
    """An item a row, or one of all rows with the same id (``group``). ``need``: columns that the table must have."""
    for name, part in layout.parts.items():
        table = first_file(place.folder, part.table)
        joined = [joined_table(place.folder, join) for join in part.join]
        lines = rows(table, need=[c for c in need if c not in layout.names], names=layout.names, encoding=layout.encoding)
        found = (_row(layout, part, name, place, table, line, row, joined, content) for line, row in lines)
        yield from merged(found) if group else found


def _row(
    layout: Rows, part: Part, name: str, place: Place, table: str, line: int, row: Row,
    joined: list[tuple[str, dict[str, Row]]], content: Content,
) -> Found:  # fmt: skip
    for on, others in joined:
        row = {**others.get(row.get(on, ""), {}), **row}
    return item_of(layout, part, name, place, table, line, row, content(row, table, line))


def item_of(layout: Rows, part: Part, name: str, place: Place, table: str, line: int, row: Row, content: Document) -> Found:
    """One item from its row; sounds are looked for below the set's folder."""
    try:
        row = parsed(row, layout.parse)
        document: Document = {"id": filled(layout.id, row), **content}
        split = filled(part.split or name, row)
        document["split"] = SPLITS.get(split.lower(), split)
        document["clip"] = _known(part.clip or layout.clip, row)
        document["source"] = _known(layout.source, row)
        document["licence"] = _known(layout.licence, row) or place.licence
        if layout.start and layout.cut:
            document["start"] = float(filled(layout.start, row))
            if layout.seconds is not None:
                document["end"] = document["start"] + layout.seconds
        if layout.duration and filled(layout.duration, row):
            document["duration"] = float(filled(layout.duration, row))
        extra = {column: row[column] for column in layout.extra if row.get(column)}
        if layout.start and not layout.cut:
            extra["recording_start"] = filled(layout.start, row)
        document["extra"] = {**document.get("extra", {}), **extra}
        audio = [filled(template, row) for template in part.audio]
    except ValueError as error:
        raise invalid(str(error), table, line, "Check that it is the right version of the set.") from None
    item = replace(from_document(document, table, line), set=place.set)
    return with_sound(item, place, audio, table, line)


def with_sound(item: Item, place: Place, names: list[str], table: str, line: int) -> Found:
    for name in names:
        path = inside(place.folder, name)
        if path is None:
            raise invalid(f"{name!r} leaves the set's folder", table, line)
        if os.path.isfile(path):
            return Found(item, path)
    path = os.path.join(place.folder, names[0]) if names else ""
    if place.absent == "fail":
        hint = "Give the folder that holds its sounds, or leave such items out with --absent drop (or keep their text: --absent text)."
        raise DataError("Missing", f"{table}:{line}: there is no {path}.", path=table, line=line, hint=hint)
    place.lost(path)
    return Found(item, "" if place.absent == "drop" else None)


def merged(found: Iterator[Found]) -> Iterator[Found]:
    """Items of the same id as one, in the order of the first."""
    whole: dict[str, Found] = {}
    for one in found:
        held = whole.get(one.item.id)
        if held is None:
            whole[one.item.id] = one
            continue
        a, b = held.item, one.item
        captions = tuple(dict.fromkeys([*a.captions, *b.captions]))
        extra = {**a.extra, **{k: [*a.extra[k], *v] for k, v in b.extra.items() if isinstance(v, list) and k in a.extra}}
        joined = replace(a, captions=captions, questions=a.questions + b.questions, events=a.events + b.events, extra=extra)
        whole[a.id] = replace(held, item=joined)
    yield from whole.values()


def parsed(row: Mapping[str, str], patterns: Mapping[str, str]) -> Row:
    """The row and what its cells hold by pattern. Raises ValueError where a cell is otherwise."""
    found = dict(row)
    for column, pattern in patterns.items():
        match = re.search(pattern, row.get(column, ""))
        if match is None:
            raise ValueError(f"{column} {row.get(column, '')!r} is not as the set writes it")
        found.update({key: value or "" for key, value in match.groupdict().items()})
    return found


def first_file(folder: str, names: tuple[str, ...]) -> str:
    """Raises DataError (Missing) that lists what was looked for."""
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    looked = " or ".join(names)
    raise DataError("Missing", f"{folder}: has no {looked}.", path=folder, hint="Give the folder that the set was unpacked to.")


def texts(row: Mapping[str, str], columns: tuple[str, ...], table: str, line: int) -> list[str]:
    """The cells that hold words; none at all is an error."""
    found = [row[column].strip() for column in columns if has_words(row.get(column, ""))]
    if not found:
        raise invalid(f"has no words in {' or '.join(columns)}", table, line)
    return found


def plain_label(name: str) -> str:
    """``Accelerating_and_revving_and_vroom`` → accelerating and revving and vroom."""
    return " ".join(name.replace("_", " ").split())


def _known(template: str, row: Mapping[str, str]) -> str:
    """A template filled, or "" where one of its columns is empty or was not joined."""
    columns = re.findall(r"\{([^{}]+)\}", template)
    return "" if any(not row.get(column, "").strip() for column in columns) else filled(template, row)


def joined_table(folder: str, join: Join) -> tuple[str, dict[str, Row]]:
    """The column to join by, and its cells → the columns that are added."""
    try:
        path = first_file(folder, join.table)
    except DataError:
        if join.optional:
            return join.key, {}
        raise
    if not path.endswith(".json"):
        others = rows(path, need=(join.key,), encoding=join.encoding)
        return join.key, {row[join.key]: {c: row[c] for c in join.columns if c in row} for _, row in others}
    document = json_file(path)
    if not isinstance(document, dict):
        raise invalid("is no object of objects", path, 0)
    return join.key, {str(k): {c: str(v[c]) for c in join.columns if c in v} for k, v in document.items() if isinstance(v, dict)}


def json_file(path: str) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (ValueError, RecursionError) as error:
        raise invalid(f"is no JSON ({error})", path, 0, "Copy it again.") from None
