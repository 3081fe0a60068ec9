"""Captions in a table: one or several columns of them, a row a clip or a row a caption. AudioCaps, Clotho, MusicCaps, Song Describer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from auricle.data.saving import Found
from auricle.data.sets.layout import Document, Place, Row, Rows, items_of, texts


class CsvCaptions(Rows):
    kind: Literal["csv_captions"]
    captions: tuple[str, ...]
    group: bool = False  # rows of one id are captions of one clip

    def load(self, place: Place) -> Iterator[Found]:
        def content(row: Row, table: str, line: int) -> Document:
            return {"captions": texts(row, self.captions, table, line)}

        return items_of(self, place, content, need=self.captions, group=self.group)
