"""Captions in JSON files, one a source, with the set's own lists of ids to leave out. WavCaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from auricle.data.items import invalid
from auricle.data.saving import Found
from auricle.data.sets.layout import Place, Row, Rows, first_file, item_of, json_file, texts
from auricle.errors import UsageError


class JsonCaptions(Rows):
    """``list_key``: where the list of clips stands. ``excludes``: name → file of ids by source; ``sources``: part → key in those files."""

    kind: Literal["json_captions"]
    list_key: str
    captions: tuple[str, ...]
    excludes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    sources: dict[str, str] = Field(default_factory=dict)

    def load(self, place: Place) -> Iterator[Found]:
        if place.exclude and place.exclude not in self.excludes:
            known = ", ".join(self.excludes) or "none"
            raise UsageError(f"--exclude: {place.set} has no list {place.exclude!r}.", hint=f"It has {known}.")
        return self._load(place)

    def _load(self, place: Place) -> Iterator[Found]:
        out = _ids(json_file(first_file(place.folder, self.excludes[place.exclude]))) if place.exclude else {}
        for name, part in self.parts.items():
            table = first_file(place.folder, part.table)
            document = json_file(table)
            listed = document.get(self.list_key) if isinstance(document, dict) else None
            if not isinstance(listed, list):
                raise invalid(f"holds no list {self.list_key!r}", table, 0, "Copy it again.")
            unwanted = out.get(self.sources.get(name, name), frozenset())
            for number, entry in enumerate(listed, 1):
                if not isinstance(entry, dict):
                    raise invalid("is no object", f"{table}, entry", number)
                row: Row = {"part": name, **{k: "" if v is None else str(v) for k, v in entry.items() if not isinstance(v, (dict, list))}}
                if _bare(row.get("id", "")) in unwanted:
                    continue
                where = f"{table}, entry"
                yield item_of(self, part, name, place, where, number, row, {"captions": texts(row, self.captions, where, number)})


def _ids(document: Any) -> Mapping[str, frozenset[str]]:
    if not isinstance(document, dict):
        return {}
    return {key: frozenset(_bare(str(i)) for i in ids) for key, ids in document.items() if isinstance(ids, list)}


def _bare(id: str) -> str:
    """Ids with or without a suffix, e.g. ``Yb0RFKhbpFJA.wav``."""
    stem, dot, suffix = id.rpartition(".")
    return stem if dot and suffix in ("wav", "flac", "mp3") else id
