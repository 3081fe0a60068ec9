"""Sounds and texts that belong together one to one, a row a group of two or three. CompA."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.items import has_words, invalid
from auricle.data.saving import Found
from auricle.data.sets.layout import Place, Rows, Strict, first_file, item_of, texts
from auricle.data.tables import rows


class Member(Strict):
    """``file``: the columns that may name its sound, the first that the table has. ``optional``: some groups lack it."""

    file: tuple[str, ...]
    caption: str
    optional: bool = False


class CsvPairs(Rows):
    """``members``: name → its columns. Templates know ``{file}``, ``{member}``, ``{group}`` (place of the row); ``none``: no entry."""

    kind: Literal["csv_pairs"]
    members: dict[str, Member]
    none: str = "-"

    def load(self, place: Place) -> Iterator[Found]:
        for name, part in self.parts.items():
            table = first_file(place.folder, part.table)
            need = [member.caption for member in self.members.values() if not member.optional]
            for group, (line, row) in enumerate(rows(table, need=need, encoding=self.encoding), 1):
                for key, member in self.members.items():
                    column = next((c for c in member.file if c in row), None)
                    file = row[column].strip() if column else ""
                    if file in ("", self.none) or not has_words(row.get(member.caption, "")):
                        if member.optional:
                            continue
                        raise invalid(f"has no {key}", table, line, "Copy it again.")
                    own = {**row, "file": file, "member": key, "group": str(group)}
                    content = {"captions": texts(own, (member.caption,), table, line), "extra": {"group": str(group), "member": key}}
                    yield item_of(self, part, name, place, table, line, own, content)
