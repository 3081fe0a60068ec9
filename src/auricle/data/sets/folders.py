"""Sounds in folders that are named after what is heard, with or without lists of splits. Speech Commands, GTZAN, packs of sounds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from pydantic import Field

from auricle.audio import SUFFIXES
from auricle.data.importers import SPLITS, words_of
from auricle.data.items import from_document
from auricle.data.saving import Found, missing
from auricle.data.sets.credits import credits_of, slug
from auricle.data.sets.layout import Place, Strict, parsed
from auricle.data.tables import filled, text_file
from auricle.errors import DataError


class Folders(Strict):
    """``label``: the last folder, all folders below ``base`` as words, or the words of the name.

    ``lists``: split → file that lists paths, every other sound is ``rest``. ``name``: pattern of file names whose groups templates use.
    """

    kind: Literal["folders"]
    base: tuple[str, ...] = ("",)  # the first that is there
    label: Literal["folder", "folders", "name", "none"] = "folder"
    split_folder: bool = False  # the first folder says the split
    lists: dict[str, str] = Field(default_factory=dict)
    rest: str = ""
    skip: tuple[str, ...] = ()  # folders
    relabel: dict[str, str] = Field(default_factory=dict)
    name: str = ""
    clip: str = ""
    caption: Literal["", "name", "folders"] = ""
    credits: str = ""  # a Markdown table in each folder, or above
    extra: tuple[str, ...] = ()

    def load(self, place: Place) -> Iterator[Found]:
        base = next((os.path.join(place.folder, b) for b in self.base if os.path.isdir(os.path.join(place.folder, b))), None)
        if base is None or not os.path.isdir(place.folder):
            raise missing(os.path.join(place.folder, self.base[0]))
        lists = {split: frozenset(text_file(os.path.join(base, name))) for split, name in self.lists.items()}
        return self._load(place, base, lists)

    def _load(self, place: Place, base: str, lists: dict[str, frozenset[str]]) -> Iterator[Found]:
        some = False
        for where, folders, files in os.walk(base):
            folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in self.skip)
            above = [part for part in os.path.relpath(where, base).split(os.sep) if part != "."]
            for file in sorted(files):
                if os.path.splitext(file)[1].lower() in SUFFIXES:
                    some = True
                    yield self._item(place, base, above, file, lists)
        if not some:
            raise DataError("Missing", f"{base}: holds no sound.", path=base, hint="Give the folder that the set was unpacked to.")

    def _item(self, place: Place, base: str, above: list[str], file: str, lists: dict[str, frozenset[str]]) -> Found:
        path, stem = "/".join([*above, file]), os.path.splitext(file)[0]
        split = next((s for s, names in lists.items() if path in names), self.rest)
        inner = above
        if self.split_folder and above:
            split, inner = SPLITS.get(above[0].lower(), above[0]), above[1:]
        told = {"folder": words_of(inner[-1]) if inner else "", "folders": " ".join(map(words_of, inner)), "name": words_of(stem)}
        label = self.relabel.get(inner[-1] if inner else stem, told.get(self.label, ""))
        row = {"path": path, "stem": stem, **({} if not self.name else parsed({"file": file}, {"file": self.name}))}
        credit = self._credit(base, above, file)
        caption = told.get(self.caption, "")
        document = {
            "id": path, "labels": [label] if label else [], "captions": [caption] if caption else [], "split": split,
            "clip": filled(self.clip, row), "licence": credit[0] or place.licence, "source": credit[1],
            "extra": {key: row[key] for key in self.extra},
        }  # fmt: skip
        return Found(replace(from_document(document, os.path.join(base, path)), set=place.set), os.path.join(base, *above, file))

    def _credit(self, base: str, above: list[str], file: str) -> tuple[str, str]:
        for depth in range(len(above), -1, -1) if self.credits else ():
            found = credits_of(os.path.join(base, *above[:depth], self.credits)).get(slug(file))
            if found is not None:
                return found.licence, found.source
        return "", ""
