"""Timed events in a table, one a row; the rows of a file are one item, and a row without times is a file without events. DESED."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.items import invalid
from auricle.data.saving import Found
from auricle.data.sets.layout import Document, Place, Row, Rows, items_of, plain_label


class CsvEvents(Rows):
    kind: Literal["csv_events"]
    onset: str
    offset: str
    label: str

    def load(self, place: Place) -> Iterator[Found]:
        def content(row: Row, table: str, line: int) -> Document:
            if not row[self.onset].strip() and not row[self.label].strip():
                return {}
            try:
                start, end = float(row[self.onset]), float(row[self.offset])
            except ValueError:
                raise invalid(f"{row[self.onset]!r} to {row[self.offset]!r} are no times", table, line) from None
            return {"events": [{"start": start, "end": end, "label": plain_label(row[self.label])}]}

        return items_of(self, place, content, need=(self.onset, self.offset, self.label), group=True)
