"""What must hold of records: of one, and of all together."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from auricle.landscape.schema import FAMILIES, KINDS, Edge, Fact, Figure, Kind, Record, RelationType

if TYPE_CHECKING:
    from auricle.landscape.compile import Book
    from auricle.landscape.yamls import Written

T = TypeVar("T", Record, Fact, Edge, Figure)
Path = tuple[str | int, ...]
_ID = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATA: tuple[Kind, ...] = ("set", "benchmark")
# relation → the kinds it may go from, and to
ENDS: dict[RelationType, tuple[tuple[Kind, ...], tuple[Kind, ...]]] = {
    "trained-on": (("model", "encoder"), _DATA),
    "evaluated-on": (("model",), _DATA),
    "derived-from": (_DATA, _DATA),
    "overlaps-with": (_DATA, _DATA),
    "builds-on": (("model", "encoder"), ("model", "encoder")),
    "uses-objective": (("model", "encoder"), ("objective",)),
    "solves-task": (("model", "set", "benchmark"), ("task",)),
    "promotes": (KINDS, KINDS),
    "constrains": (KINDS, KINDS),
    "critiques": (KINDS, KINDS),
}


def known_keys(book: Book, entry: Written, path: Path, values: dict[str, Any], known: Collection[str]) -> bool:
    unknown = [key for key in values if key not in known]
    for key in unknown:
        near = difflib.get_close_matches(key, known, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."
        book.problem(entry, (*path, key), f"there is no key {key!r}.", hint)
    return not unknown


def identifier(book: Book, entry: Written, id: object) -> bool:
    if isinstance(id, str) and _ID.fullmatch(id):
        return True
    said = "a record needs an id." if id is None else f"{id!r} is no id."
    book.problem(entry, ("id",), said, "Small letters, digits, - and . between them.")
    return False


@cache
def _adapters() -> dict[str, Any]:
    from pydantic import TypeAdapter

    return {kind.__name__: TypeAdapter(kind) for kind in (Record, Fact, Edge, Figure)}


def typed(book: Book, entry: Written, path: Path, kind: type[T], values: dict[str, Any]) -> T | None:
    """The values as a ``kind``, or None and each problem at its line."""
    from pydantic import ValidationError

    try:
        made: T = _adapters()[kind.__name__].validate_python(values)
        return made
    except ValidationError as error:
        for one in error.errors():
            where: Path = tuple(one["loc"])
            name = ".".join(map(str, where)) or "it"
            name = "to" if (kind is Edge and name == "object") else name
            if one["type"] == "missing" or one["input"] is None:
                message, hint = f"{name} is missing.", _HINTS.get(name, "")
            else:
                message, hint = f"{name}: {one['msg'][0].lower()}{one['msg'][1:]}, got {one['input']!r}.", ""
            book.problem(entry, (*path, *where), message, hint)
    return None


_HINTS = {
    "source": "Say where it stands (a paper, a page, a file), here or once for the whole record.",
    "mark": "checked, abstract or unverified, here or once for the whole record.",
    "date": "The day it was learnt, as YYYY-MM-DD, here or once for the whole record.",
}


def cited(book: Book, entry: Written, path: Path, said: Fact | Edge | Figure) -> None:
    if not said.source.strip():
        book.problem(entry, path, "the source is empty.", _HINTS["source"])
    try:
        day = datetime.date.fromisoformat(said.date) if _DATE.fullmatch(said.date) else None
    except ValueError:
        day = None
    if day is None:
        book.problem(entry, path, f"{said.date!r} is no date.", "Write it as YYYY-MM-DD.")
    elif day > _today():
        book.problem(entry, path, f"the date {said.date} lies in the future.")
    if isinstance(said, Figure):
        _year(book, entry, said.year)
    if isinstance(said, Edge):
        if said.share is not None and not 0 <= said.share <= 1:
            book.problem(entry, path, f"share is {said.share}, and must lie between 0 and 1.")
        if said.count is not None and (said.count < 0 or (said.out_of is not None and said.count > said.out_of)):
            book.problem(entry, path, f"count is {said.count}, and must lie between 0 and {said.out_of or 'all'}.")
        if said.subject == said.object and (said.type != "overlaps-with" or said.part == said.object_part):
            book.problem(entry, path, f"{said.subject} is related to itself.")


def record(book: Book, entry: Written, made: Record) -> None:
    allowed = FAMILIES.get(made.kind, ())
    if made.family not in allowed:
        said = f"{made.family!r} is no family of {made.kind}s." if made.family else "a record needs a family."
        book.problem(entry, ("family",), said, f"Choose from {', '.join(allowed)}.")
    _year(book, entry, made.year)
    if made.paper:
        _year(book, entry, made.paper.year, "paper")
    if not made.name.strip():
        book.problem(entry, ("name",), "the name is empty.")


def _year(book: Book, entry: Written, year: int, *path: str) -> None:
    if year and year > _today().year:
        book.problem(entry, (*path, "year"), f"the year {year} lies in the future.")
    elif year and year < 1900:
        book.problem(entry, (*path, "year"), f"the year {year} is before there was anything to record.")


def _today() -> datetime.date:
    return datetime.date.today()


def whole(book: Book) -> None:
    """What only all records together can get wrong: names that lead nowhere, relations between the wrong kinds, circles."""
    from auricle.landscape.yamls import Problem

    def tell(key: tuple[str, ...], message: str, hint: str = "") -> None:
        file, line = book.lines[key]
        book.problems.append(Problem(file, line, message, hint))

    def exists(id: str, key: tuple[str, ...], kinds: tuple[Kind, ...]) -> None:
        if id not in book.records:
            near = difflib.get_close_matches(id, book.records, 1)
            tell(key, f"there is no record {id!r}.", f"Did you mean {near[0]!r}?" if near else "")
        elif book.records[id].kind not in kinds:
            tell(key, f"{id!r} is a {book.records[id].kind}, and {' or '.join(kinds)} is meant.")

    for edge in book.edges:
        key = ("edge", edge.type, edge.subject, edge.object)
        starts, ends = ENDS[edge.type]
        exists(edge.subject, key, starts)
        exists(edge.object, key, ends)
        for id in edge.without:
            exists(id, key, _DATA)
    for figure in book.figures:
        exists(figure.model, ("figure", figure.id), ("model",))
        exists(figure.benchmark, ("figure", figure.id), _DATA)
    relation: RelationType
    for relation in ("derived-from", "builds-on"):
        for circle in circles([e for e in book.edges if e.type == relation]):
            tell(("edge", relation, circle[0], circle[1]), f"{relation} runs in a circle: {' → '.join(circle)}.", "One of these is wrong.")


def circles(edges: list[Edge]) -> Iterator[list[str]]:
    """Each closed walk once, as found from the first of its members in the order of the edges."""
    onward: dict[str, list[str]] = {}
    for edge in edges:
        onward.setdefault(edge.subject, []).append(edge.object)
    done: set[str] = set()
    for start in onward:
        walk: list[str] = [start]
        branches = [iter(onward[start])] if start not in done else []
        while branches:
            step = next(branches[-1], None)
            if step is None:
                done.add(walk.pop())
                branches.pop()
            elif step in walk:
                yield [*walk[walk.index(step) :], step]
            elif step not in done:
                walk.append(step)
                branches.append(iter(onward.get(step, ())))
