"""Records to one JSON: ``python -m auricle.landscape.compile`` validates ``records/`` and writes what ships.

Nothing passes half: each problem is named with file and line, and a field with problems is not written.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any

from auricle.landscape import checks
from auricle.landscape.loading import COMPILED
from auricle.landscape.schema import FIGURES, FOLDERS, RELATIONS, Edge, Fact, Figure, Landscape, Paper, Record
from auricle.landscape.yamls import Problem, Written, entries

RECORDS = Path(__file__).with_name("records")
_KIND_OF = {folder: kind for kind, folder in FOLDERS.items()}
_CITED = ("source", "mark", "date")
_RECORD_KEYS = {f.name for f in fields(Record)} - {"kind", "file", "line"} | set(RELATIONS) | set(_CITED)
_FACT_KEYS = {f.name for f in fields(Fact)} - {"key"}
_EDGE_KEYS = {f.name for f in fields(Edge)} - {"type", "subject", "object"} | {"to"}
_FIGURE_KEYS = {f.name for f in fields(Figure)} - {"id"}
_PAPER_KEYS = {f.name for f in fields(Paper)}


class Book:
    """What has been read so far, with the lines that problems are told by."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.records: dict[str, Record] = {}
        self.edges: list[Edge] = []
        self.figures: list[Figure] = []
        self.stems: Counter[str] = Counter()
        self.told: set[Figure] = set()
        self.lines: dict[tuple[str, ...], tuple[str, int]] = {}  # ("record", id), ("edge", type, subject, object), ("figure", id)

    def problem(self, entry: Written, path: tuple[str | int, ...], message: str, hint: str = "") -> None:
        self.problems.append(Problem(entry.file, entry.line_of(*path), message, hint))

    def add(self, entry: Written) -> None:
        folder = entry.file.split("/")[0]
        if folder == FIGURES:
            self._figure(entry)
        elif folder in _KIND_OF:
            self._record(entry, folder)
        else:
            self.problem(entry, (), f"there is no kind {folder!r}.", f"Folders: {', '.join([*_KIND_OF, FIGURES])}.")

    def _record(self, entry: Written, folder: str) -> None:
        values = entry.values
        if not checks.known_keys(self, entry, (), values, _RECORD_KEYS):
            return
        if not checks.identifier(self, entry, values.get("id")):
            return
        cited = {key: values[key] for key in _CITED if key in values}
        own = {key: values[key] for key in values if key not in {*_CITED, *RELATIONS, "facts", "paper"}}
        record = checks.typed(
            self, entry, (), Record,
            {**own, "kind": _KIND_OF[folder], "file": entry.file, "line": entry.line, "paper": self._paper(entry),
             "facts": [asdict(fact) for fact in self._facts(entry, cited)]},
        )  # fmt: skip
        if record is None:
            return
        if record.id in self.records:
            other = self.records[record.id]
            self.problem(entry, ("id",), f"the id {record.id!r} is taken by {other.file}:{other.line}.", "Ids are unique over all kinds.")
            return
        self.records[record.id] = record
        self.lines["record", record.id] = (entry.file, entry.line)
        checks.record(self, entry, record)
        for relation in RELATIONS:
            self._relations(entry, relation, record.id, cited)

    def _paper(self, entry: Written) -> dict[str, Any] | None:
        paper = entry.values.get("paper")
        if paper is None:
            return None
        if not isinstance(paper, dict):
            self.problem(entry, ("paper",), "paper is a mapping of title, authors, year, arxiv, …")
            return None
        return paper if checks.known_keys(self, entry, ("paper",), paper, _PAPER_KEYS) else None

    def _facts(self, entry: Written, cited: dict[str, Any]) -> list[Fact]:
        facts = entry.values.get("facts") or {}
        if not isinstance(facts, dict):
            self.problem(entry, ("facts",), "facts are a mapping of key to value.")
            return []
        found = []
        for key, said in facts.items():
            several = isinstance(said, list) and bool(said) and all(isinstance(item, dict) for item in said)
            for i, one in enumerate(said if several else [said]):
                path: tuple[str | int, ...] = ("facts", key, i) if several else ("facts", key)
                statement = one if isinstance(one, dict) else {"value": one}
                if checks.known_keys(self, entry, path, statement, _FACT_KEYS):
                    fact = checks.typed(self, entry, path, Fact, {**cited, **statement, "key": key})
                    if fact is not None:
                        checks.cited(self, entry, path, fact)
                        found.append(fact)
        return found

    def _relations(self, entry: Written, relation: str, subject: str, cited: dict[str, Any]) -> None:
        targets = entry.values.get(relation, [])
        if not isinstance(targets, list):
            self.problem(entry, (relation,), f"{relation} is a list of ids, or of mappings with `to`.")
            return
        for i, target in enumerate(targets):
            said = target if isinstance(target, dict) else {"to": target}
            path = (relation, i)
            if not checks.known_keys(self, entry, path, said, _EDGE_KEYS):
                continue
            rest = {key: value for key, value in said.items() if key != "to"}
            edge = checks.typed(self, entry, path, Edge, {**cited, **rest, "type": relation, "subject": subject, "object": said.get("to")})
            if edge is None:
                continue
            checks.cited(self, entry, path, edge)
            self.edges.append(edge)
            self.lines["edge", relation, subject, edge.object] = (entry.file, entry.line_of(*path))

    def _figure(self, entry: Written) -> None:
        values = entry.values
        if not checks.known_keys(self, entry, (), values, _FIGURE_KEYS):
            return
        names = [str(values.get(key, "")) for key in ("model", "variant", "benchmark", "split", "version", "metric", "by")]
        stem = "/".join(name.replace("/", "-").replace(" ", "-") for name in names if name)
        taken = self.stems[stem]
        self.stems[stem] += 1
        figure = checks.typed(self, entry, (), Figure, {**values, "id": f"{stem}/{taken + 1}" if taken else stem})
        if figure is None:
            return
        same = replace(figure, id="")
        if same in self.told:
            self.problem(entry, (), f"this figure of {figure.model} on {figure.benchmark} stands twice.")
        self.told.add(same)
        checks.cited(self, entry, (), figure)
        self.figures.append(figure)
        self.lines["figure", figure.id] = (entry.file, entry.line)


def study(folder: Path = RECORDS) -> tuple[Landscape, list[Problem]]:
    """All records below ``folder``, and everything that is wrong with them."""
    book = Book()
    for entry in entries(folder, book.problems):
        book.add(entry)
    checks.whole(book)
    edges = [*book.edges, *_evaluated(book.edges, book.figures)]
    return Landscape(dict(book.records), tuple(edges), tuple(book.figures)), sorted(book.problems, key=lambda p: (p.file, p.line))


def build(folder: Path = RECORDS) -> Landscape:
    """Raises DataError for the first problem."""
    field, problems = study(folder)
    if problems:
        raise problems[0].error()
    return field


def _evaluated(edges: Iterable[Edge], figures: Iterable[Figure]) -> list[Edge]:
    """A figure says that its model was measured there; nobody should have to write it twice."""
    seen = {(edge.subject, edge.object) for edge in edges if edge.type == "evaluated-on"}
    found = []
    for figure in figures:
        if (figure.model, figure.benchmark) not in seen:
            seen.add((figure.model, figure.benchmark))
            found.append(Edge("evaluated-on", figure.model, figure.benchmark, figure.source, figure.mark, figure.date))
    return found


def document(field: Landscape) -> dict[str, Any]:
    """The compiled form: what says nothing is left out."""
    return {
        "version": 1,
        "records": [_lean(record) for record in field.records.values()],
        "edges": [_lean(edge) for edge in field.edges],
        "figures": [_lean(figure) for figure in field.figures],
    }


def _lean(item: Record | Edge | Figure | Fact | Paper) -> dict[str, Any]:
    lean: dict[str, Any] = {}
    for spec in fields(item):
        value = getattr(item, spec.name)
        if isinstance(value, Paper):
            value = _lean(value)
        elif spec.name == "facts":
            value = [_lean(fact) for fact in value]
        empty = value is None or value == [] or (spec.default is not MISSING and value == spec.default)
        if not empty:
            lean[spec.name] = value
    return lean


def text(field: Landscape) -> str:
    """The compiled file: JSON with a line a record, so that changes can be read."""
    parts = document(field)
    lists = [f'"{name}":[\n' + ",\n".join(_line(item) for item in parts[name]) + "\n]" for name in ("records", "edges", "figures")]
    return f'{{"version":{parts["version"]},\n' + ",\n".join(lists) + "}\n"


def _line(item: dict[str, Any]) -> str:
    return json.dumps(item, ensure_ascii=False, separators=(",", ":"))


def write(field: Landscape, path: Path = COMPILED) -> None:
    path.write_text(text(field), "utf-8")


def main() -> int:
    field, problems = study()
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    write(field)
    print(f"{COMPILED.name}: {len(field.records)} records, {len(field.edges)} edges, {len(field.figures)} figures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
