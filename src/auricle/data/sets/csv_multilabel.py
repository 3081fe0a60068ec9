"""Several labels a clip in one cell of a table. FSD50K."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.saving import Found
from auricle.data.sets.layout import Document, Place, Row, Rows, items_of, plain_label


class CsvMultilabel(Rows):
    kind: Literal["csv_multilabel"]
    labels: str
    separator: str = ","

    def load(self, place: Place) -> Iterator[Found]:
        def content(row: Row, table: str, line: int) -> Document:
            return {"labels": [plain_label(name) for name in row[self.labels].split(self.separator) if name.strip()]}

        return items_of(self, place, content, need=(self.labels,))
