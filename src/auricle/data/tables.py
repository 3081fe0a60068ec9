"""CSV and TSV tables read by row, with the line of each; templates such as ``audio/fold{fold}/{slice_file_name}`` filled from a row."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

from auricle.data.items import invalid
from auricle.errors import DataError

MAX_CELL = 1 << 20

_FIELD = re.compile(r"\{([^{}]+)\}")


def rows(
    path: str, *, need: Sequence[str] = (), names: Sequence[str] = (), encoding: str = "utf-8", separator: str = ""
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) of a table; an empty cell is "".

    need:  columns that must be there. names: those of a table without a head. separator: by default tab for .tsv, else comma.
    Raises DataError (Missing, Invalid) that names file, line and column.
    """
    csv.field_size_limit(MAX_CELL)
    try:
        file = open(path, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")  # noqa: SIM115 - closed below
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise DataError("Missing", f"{path}: could not be opened ({reason}).", path=path, hint="Check the path.") from None
    with closing(file):
        reader = csv.reader(file, delimiter=separator or ("\t" if path.lower().endswith(".tsv") else ","), skipinitialspace=True)
        try:
            head = list(names) or next(reader, [])
            lacking = [name for name in need if name not in head]
            if lacking:
                there = ", ".join(head) or "nothing"
                raise invalid(f"has no column {lacking[0]!r} (it has {there})", path, 1, "Check that it is the right table.")
            for cells in reader:
                if not cells or (len(cells) == 1 and not cells[0].strip()):
                    continue
                if len(cells) != len(head):
                    raise invalid(f"has {len(cells)} cells, not {len(head)}", path, reader.line_num)
                yield reader.line_num, dict(zip(head, cells, strict=True))
        except UnicodeDecodeError:
            raise invalid(f"is not {encoding.upper()}", path, reader.line_num + 1, "Save it as UTF-8, or name its encoding.") from None
        except csv.Error as error:
            raise invalid(f"is no table ({error})", path, reader.line_num, "Check that it is the right table.") from None


def filled(template: str, row: Mapping[str, str]) -> str:
    """``{column}`` replaced by the row's cell. Raises ValueError for a column that is not there."""

    def cell(match: re.Match[str]) -> str:
        if match[1] not in row:
            raise ValueError(f"no column {match[1]!r} (there are {', '.join(row)})")
        return row[match[1]].strip()

    return _FIELD.sub(cell, template)


def columns_of(template: str) -> list[str]:
    return _FIELD.findall(template)


def inside(folder: str, name: str) -> str | None:
    """A path below ``folder``; None where ``name`` would leave it."""
    from auricle.data.items import check_relative

    try:
        check_relative(name)
    except ValueError:
        return None
    return os.path.join(folder, *name.split("/"))


def text_file(path: str) -> list[str]:
    """The lines of a list of names. Raises DataError."""
    try:
        with open(path, encoding="utf-8") as file:
            return [line.strip() for line in file if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise DataError("Missing", f"{path}: could not be read.", path=path, hint="Check that the set is whole.") from None
