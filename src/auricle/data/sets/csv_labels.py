"""One label a clip in a table, with or without folds. ESC-50, UrbanSound8K, VGGSound, FSDKaggle2018."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.items import invalid
from auricle.data.saving import Found
from auricle.data.sets.layout import Document, Place, Row, Rows, items_of, plain_label


class CsvLabels(Rows):
    """``fold``: the column of the official folds; item.split is then ``fold3`` and extra.fold is 3."""

    kind: Literal["csv_labels"]
    label: str
    fold: str = ""

    def load(self, place: Place) -> Iterator[Found]:
        def content(row: Row, table: str, line: int) -> Document:
            document: Document = {"labels": [plain_label(row[self.label])]}
            if self.fold:
                if not row[self.fold].strip().isdigit():
                    raise invalid(f"{self.fold} {row[self.fold]!r} is no number", table, line)
                document["extra"] = {"fold": int(row[self.fold])}
            return document

        return items_of(self, place, content, need=(self.label, *filter(None, [self.fold])))
