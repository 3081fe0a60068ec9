"""Records as they are written: YAML in which every key knows its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from auricle.errors import DataError


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a record, and where."""

    file: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message} {self.hint}".strip()

    def error(self) -> DataError:
        return DataError("Invalid", f"{self.file}:{self.line}: {self.message}", path=self.file, line=self.line, hint=self.hint)


@dataclass(slots=True)
class Written:
    """One entry of a file: plain values, and the line of every path of keys in it."""

    file: str  # relative to the folder of records
    line: int
    values: dict[str, Any]
    lines: dict[tuple[str | int, ...], int] = field(default_factory=dict)

    def line_of(self, *path: str | int) -> int:
        """The line of the nearest thing there is."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return self.line


def entries(folder: Path, problems: list[Problem]) -> Iterator[Written]:
    """Every entry of every file below ``folder``, in the order of names; what cannot be read is added to ``problems``."""
    for path in sorted(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(name, 1, f"cannot be read: {error}."))
            continue
        yield from parse(text, name, problems)


def parse(text: str, file: str, problems: list[Problem]) -> Iterator[Written]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem(file, mark.line + 1 if mark else 1, f"is not YAML: {getattr(error, 'problem', None) or error}."))
        return
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        problems.append(Problem(file, root.start_mark.line + 1, "a file of records is a list.", "Begin each record with `- id: …`."))
        return
    for node in root.value:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            problems.append(Problem(file, line, "a record is a mapping.", "Begin it with `- id: …`."))
            continue
        entry = Written(file, line, {})
        entry.values = _plain(node, (), entry, problems, loader)
        yield entry


def _plain(node: yaml.Node, path: tuple[str | int, ...], entry: Written, problems: list[Problem], loader: Any) -> Any:
    entry.lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in values:
                problems.append(Problem(entry.file, line, f"{key!r} stands twice."))
            values[key] = _plain(value_node, (*path, key), entry, problems, loader)
            entry.lines[(*path, key)] = line
        return values
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), entry, problems, loader) for i, item in enumerate(node.value)]
    try:
        value = loader.construct_object(node)
    except (ValueError, yaml.YAMLError):  # a date that is none, a tag that is unknown: told later, as text of the wrong form
        return str(node.value)
    if isinstance(value, bool):
        return str(node.value)  # "yes" is a word here
    return value.isoformat() if hasattr(value, "isoformat") else value  # dates are texts here
