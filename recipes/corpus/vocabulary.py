"""The words of the corpus: every label by its id, its plain name, other words for it, what it is a kind of, its name in AudioSet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from auricle.evaluation.corpus import Concepts


@dataclass(frozen=True)
class Label:
    """``under``: ids of the labels that are heard wherever this one is."""

    id: str
    name: str
    also: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    audioset: str = ""


class Vocabulary:
    """labels.yaml over the search benchmark's tree: a concept of the tree keeps its name, and what it is a kind of, from there."""

    def __init__(self, document: Mapping[str, Any], tree: Concepts) -> None:
        entries: dict[str, Mapping[str, Any]] = {key: value or {} for key, value in document["labels"].items()}
        self.labels: dict[str, Label] = {}
        for key, entry in entries.items():
            above = [entry["under"]] if isinstance(entry.get("under"), str) else entry.get("under", [])
            if key in tree and "under" not in entry:
                above = [next((p for p in list(tree.line(key))[1:] if p in entries), "")]
            name = entry.get("name") or (tree.names[key] if key in tree else key.replace("-", " "))
            self.labels[key] = Label(key, name, tuple(entry.get("also", ())), tuple(filter(None, above)), entry.get("audioset", ""))
        self._line_of = {key: tuple(self._line(key)) for key in self.labels}
        self._below: dict[str, list[str]] = {}
        for key in self.labels:
            above = {*self._line_of[key][1:], *(list(tree.line(key))[1:] if key in tree else ())}
            for group in above:
                self._below.setdefault(group, []).append(key)

    def __contains__(self, key: object) -> bool:
        return key in self.labels

    def _line(self, key: str) -> Iterator[str]:
        if key not in self.labels:
            raise ValueError(f"labels.yaml has no label {key!r}")
        yield key
        for above in self.labels[key].under:
            yield from self._line(above)

    def names(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The plain names of these labels and of all that they are kinds of; the most special first, none twice."""
        lines = [self._line_of[key] for key in keys]
        ordered = [line[0] for line in lines] + [above for line in lines for above in line[1:]]
        return tuple(dict.fromkeys(self.labels[key].name for key in ordered))

    def open(self, labels: Iterable[str], maybe: Iterable[str]) -> tuple[str, ...]:
        """The names of what may be heard besides ``labels``: what is said to be perhaps there, and the kinds of all that is stated."""
        stated = [key for key in maybe if key in self.labels]
        kinds = [below for key in (*maybe, *labels) for below in self._below.get(key, ())]
        sure = self.names(labels)
        return tuple(name for name in self.names([*stated, *kinds]) if name not in sure)


def words_of(name: str) -> str:
    """``DoorOpen_old-02`` -> ``door open old``: what rules for words look at."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.sub(r"[^a-z']+", " ", split.lower()).split())
