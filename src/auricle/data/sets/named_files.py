"""Sounds whose file names say everything, in a folder or a tar. FSDD, CREMA-D, RAVDESS, LibriCount."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from pydantic import Field

from auricle.audio import SUFFIXES
from auricle.data.items import from_document
from auricle.data.saving import Found
from auricle.data.sets.layout import Place, Strict, parsed
from auricle.data.tables import filled
from auricle.data.tars import index
from auricle.errors import DataError


class Rule(Strict):
    """The split of files whose group ``where`` is one of ``values`` or a number from ``first`` to ``last``."""

    split: str
    where: str = ""
    values: tuple[str, ...] = ()
    first: int = 0
    last: int = -1

    def holds(self, row: dict[str, str]) -> bool:
        if not self.where:
            return True
        value = row.get(self.where, "")
        return value in self.values or (value.isdigit() and self.first <= int(value) <= self.last)


class NamedFiles(Strict):
    """``pattern``: of the path below ``at``; files that do not fit are passed over. ``names``: group → value → what it means."""

    kind: Literal["named_files"]
    at: tuple[str, ...] = ("",)  # folders or tars, the first that is there
    pattern: str
    names: dict[str, dict[str, str]] = Field(default_factory=dict)
    words: tuple[str, ...] = ()  # groups whose underscores are spaces
    id: str = "{path}"
    labels: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    clip: str = ""
    splits: tuple[Rule, ...] = ()
    extra: tuple[str, ...] = ()

    def load(self, place: Place) -> Iterator[Found]:
        for name in self.at:
            path = os.path.join(place.folder, name) if name else place.folder
            if os.path.isfile(path) and path.endswith(".tar"):
                return self._all(place, sorted(index(path)), path + "#")
            if os.path.isdir(path):
                return self._all(place, _below(path), os.path.join(path, ""))
        looked = " or ".join(self.at)
        raise DataError("Missing", f"{place.folder}: has no {looked}.", path=place.folder, hint="Give the folder that holds it.")

    def _all(self, place: Place, paths: list[str], before: str) -> Iterator[Found]:
        some = False
        for path in paths:
            if os.path.splitext(path)[1].lower() not in SUFFIXES:
                continue
            try:
                row = parsed({"path": path}, {"path": f"^{self.pattern}$"})
            except ValueError:
                continue
            some = True
            yield self._item(place, path, row, before + path)
        if not some:
            message = f"{before.rstrip('#/')}: no sound there is called as the set calls them."
            raise DataError("Missing", message, path=before.rstrip("#/"), hint="Give the folder that holds it.")

    def _item(self, place: Place, path: str, row: dict[str, str], sound: str) -> Found:
        plain = dict(row)
        for group, meanings in self.names.items():
            row[group] = meanings.get(row[group], row[group])
        for group in self.words:
            row[group] = " ".join(row[group].replace("_", " ").split())
        document = {
            "id": filled(self.id, row), "labels": [filled(t, row) for t in self.labels],
            "captions": [filled(t, row) for t in self.captions],
            "split": next((rule.split for rule in self.splits if rule.holds(plain)), ""), "clip": filled(self.clip, plain),
            "licence": place.licence, "extra": {group: row[group] for group in self.extra},
        }  # fmt: skip
        return Found(replace(from_document(document, sound), set=place.set), sound)


def _below(top: str) -> list[str]:
    found = []
    for where, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [os.path.relpath(os.path.join(where, name), top).replace(os.sep, "/") for name in files]
    return sorted(found)
