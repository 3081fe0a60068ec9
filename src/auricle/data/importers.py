"""What people have, as items: a folder of sounds, a table, a Hugging Face data set, WebDataset shards.

    save(folder("Sounds"), "Sounds/manifest.jsonl")

Each importer yields :class:`~auricle.data.saving.Found`, in an order that is the same every time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import Any

from auricle.audio import SUFFIXES
from auricle.data import webdataset
from auricle.data.items import Item, from_document, invalid, parts_of
from auricle.data.saving import Found, missing
from auricle.data.tables import inside, rows
from auricle.errors import DataError, UsageError

SPLITS = {
    "train": "train", "training": "train", "dev": "dev", "development": "dev", "val": "dev", "valid": "dev", "validation": "dev",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip

_PIECES = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-zà-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])")


def words_of(name: str) -> str:
    """The words of a file's or folder's name: ``RainOnTin_take02`` → rain on tin take."""
    return " ".join(word.lower() for piece in _PIECES.findall(name) for word in _CAMEL.split(piece))


# ---------------------------------------------------------------------------------------------------------------- a folder


def folder(path: str | os.PathLike[str], *, captions: bool = False, set: str = "", licence: str = "", source: str = "") -> Iterator[Found]:
    """Every sound below a folder. The sub-folder it lies in is its label; a first folder called train, dev, test … is its split.

    captions: the words of a file's name become its caption.
    """
    top = os.path.abspath(os.fspath(path))
    if not os.path.isdir(top):
        raise missing(os.fspath(path))
    return _folder(top, captions, {"set": set or os.path.basename(top), "licence": licence, "source": source})


def _folder(top: str, captions: bool, common: Mapping[str, Any]) -> Iterator[Found]:
    for where, folders, files in os.walk(top):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() not in SUFFIXES or name.startswith("."):
                continue
            above = [part for part in os.path.relpath(where, top).split(os.sep) if part != "."]
            split = SPLITS.get(above[0].lower(), "") if above else ""
            label = words_of(above[-1]) if len(above) > bool(split) else ""
            said = words_of(stem) if captions else ""
            item = Item(
                id="/".join([*above, name]), labels=(label,) if label else (), captions=(said,) if said else (), split=split, **common
            )
            yield Found(item, os.path.join(where, name))


# ---------------------------------------------------------------------------------------------------------------- tables


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what. Several columns may hold captions, labels or options; what is named in ``extra`` is kept as it is."""

    id: str = ""
    audio: str = ""
    captions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    question: str = ""
    answer: str = ""
    options: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    duration: str = ""
    split: str = ""
    clip: str = ""
    source: str = ""
    licence: str = ""
    extra: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Columns:
        """``audio=filename,captions=caption_1+caption_2``. Raises UsageError."""
        several = {f.name for f in fields(cls) if f.default == ()}
        known = [f.name for f in fields(cls)]
        found: dict[str, Any] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, equals, columns = part.partition("=")
            if name not in known or not equals or not columns:
                raise UsageError(f"--columns: {part!r} maps nothing.", hint=f"Write FIELD=COLUMN; fields are {', '.join(known)}.")
            found[name] = tuple(columns.split("+")) if name in several else columns
        return cls(**found)

    @property
    def named(self) -> list[str]:
        """Every column that must be there."""
        values = [getattr(self, f.name) for f in fields(self)]
        return [c for value in values for c in (value if isinstance(value, tuple) else (value,)) if c]


def table(
    path: str | os.PathLike[str],
    columns: Columns,
    *,
    audio: str = "",
    separator: str = "",
    set: str = "",
    licence: str = "",
    source: str = "",
) -> Iterator[Found]:
    """The rows of a CSV or TSV with a head.

    audio: the folder that the names in the audio column are relative to; the table's own by default. A name without a suffix is looked for
           with that of any sound. separator: what stands between several labels in one cell.
    """
    name = os.fspath(path)
    if not columns.named:
        raise UsageError("--columns says nothing about the table.", hint="Give e.g. --columns audio=filename,labels=category.")
    top = os.path.abspath(audio or os.path.dirname(os.path.abspath(name)))
    common = {"set": set or os.path.splitext(os.path.basename(name))[0], "licence": licence, "source": source}
    return _table(name, columns, top, separator, common)


def _table(name: str, columns: Columns, top: str, separator: str, common: Mapping[str, Any]) -> Iterator[Found]:
    for line, row in rows(name, need=columns.named):
        cell = row[columns.audio].strip() if columns.audio else ""
        sound = _sound(top, cell, name, line) if cell else None
        document = document_of(row, columns, separator)
        document.setdefault("id", cell or f"{common['set']}-{line}")
        yield Found(_commonly(from_document(document, name, line), common), sound)


def _sound(top: str, cell: str, table: str, line: int) -> str:
    """Where a sound lies. Raises DataError for what is outside or missing."""
    path = inside(top, cell)
    if path is None:
        raise invalid(f"{cell!r} is no path below {top}", table, line, "Name the folder of the sounds with --audio.")
    if not os.path.isfile(path) and not os.path.splitext(cell)[1]:
        path = next((path + suffix for suffix in sorted(SUFFIXES) if os.path.isfile(path + suffix)), path)
    if not os.path.isfile(path):
        raise DataError("Missing", f"{table}:{line}: there is no {path}.", path=table, line=line, hint="Name its folder with --audio.")
    return path


def document_of(row: Mapping[str, Any], columns: Columns, separator: str = "") -> dict[str, Any]:
    """A row as the document of an item; empty cells are left out."""
    document: dict[str, Any] = {}
    for name in ("id", "split", "clip", "source", "licence"):
        if (value := _cell(row, getattr(columns, name))) != "":
            document[name] = SPLITS.get(value.lower(), value) if name == "split" else value
    for name in ("start", "end", "duration"):
        if (value := _cell(row, getattr(columns, name))) != "":
            document[name] = _number(value)
    document["captions"] = [text for c in columns.captions for text in _texts(row[c], "")]
    document["labels"] = [text for c in columns.labels for text in _texts(row[c], separator)]
    if columns.question:
        question = {"question": _cell(row, columns.question), "answer": _cell(row, columns.answer)}
        document["questions"] = [{**question, "options": [text for c in columns.options for text in _texts(row[c], "")]}]
    if columns.extra:
        document["extra"] = {c: row[c] for c in columns.extra}
    return document


def _cell(row: Mapping[str, Any], column: str) -> str:
    value = row[column] if column else ""
    return "" if value is None else str(value).strip()


def _texts(value: Any, separator: str) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [text for one in value for text in _texts(one, separator)]
    text = "" if value is None else str(value).strip()
    return [part.strip() for part in text.split(separator) if part.strip()] if separator else [text] if text else []


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value  # refused where it is checked, with the place


# ---------------------------------------------------------------------------------------------------------------- Hugging Face

_GUESSES = {
    "id": ("id", "audiocap_id", "ytid", "youtube_id"), "captions": ("captions", "caption", "text", "sentence", "transcription"),
    "labels": ("labels", "label", "category", "class", "target", "tags"), "question": ("question",), "answer": ("answer",),
    "options": ("options", "choices"), "split": ("split",), "licence": ("licence", "license"),
}  # fmt: skip


def hugging_face(data: Any, columns: Columns | None = None, *, set: str = "", licence: str = "", source: str = "") -> Iterator[Found]:
    """A data set of the `datasets` library: an object, or the folder it was saved to with ``save_to_disk``. Sound is not decoded by it.

    columns: by default guessed from the columns' names and kinds.
    """
    try:
        datasets = import_module("datasets")
    except ImportError:
        raise UsageError("This needs the datasets library.", hint="pip install datasets") from None
    if isinstance(data, (str, os.PathLike)):
        path = os.fspath(data)
        if not os.path.isdir(path):
            raise missing(path)
        source = source or os.path.basename(os.path.abspath(path))
        try:
            data = datasets.load_from_disk(path)
        except (FileNotFoundError, ValueError, OSError, KeyError) as error:
            said = str(error).partition("\n")[0].rstrip(".")
            raise DataError(
                "Damaged", f"{path}: no data set was saved there ({said}).", path=path, hint="Save it with save_to_disk."
            ) from None
    parts = dict(data) if isinstance(data, Mapping) else {"": data}
    common = {"set": set or source, "licence": licence, "source": source}
    for split, part in parts.items():
        yield from _hugging_face(datasets, part, str(split or getattr(part, "split", "") or ""), columns, common)


def _hugging_face(library: Any, part: Any, split: str, columns: Columns | None, common: Mapping[str, Any]) -> Iterator[Found]:
    names: dict[str, Any] = dict(part.features)
    sounds = [name for name, feature in names.items() if isinstance(feature, library.Audio)]
    chosen = columns or _guessed(list(names), sounds)
    lacking = [name for name in chosen.named if name not in names]
    if lacking:
        raise UsageError(f"the data set has no column {lacking[0]!r}.", hint=f"It has {', '.join(names)}.")
    for name in sounds:
        part = part.cast_column(name, library.Audio(decode=False))
    where = f"{common['set'] or 'data set'} {split}".strip()
    for number, row in enumerate(part):
        cells = {name: _decoded(names[name], value) for name, value in row.items()}
        document = document_of(cells, chosen)
        held = row.get(chosen.audio) if chosen.audio else None
        called, sound = _held(held)
        document.setdefault("id", f"{split or 'item'}-{number:06d}")
        document.setdefault("split", SPLITS.get(split.lower(), split))
        item = _commonly(from_document(document, f"{where}, row", number), common)
        yield Found(replace(item, audio=called) if sound is not None else item, sound)


def _held(value: Any) -> tuple[str | None, str | bytes | None]:
    """(name, bytes or path) of a cell with sound."""
    if isinstance(value, str):
        value = {"path": value, "bytes": None}
    if not isinstance(value, Mapping):
        return None, None
    path, data = value.get("path"), value.get("bytes")
    if data is None:
        return (None, None) if not path else (path, path)
    name = os.path.basename(path or "")
    return (name if os.path.splitext(name)[1].lower() in SUFFIXES else f"sound{_suffix_of(data)}"), bytes(data)


def _suffix_of(data: bytes) -> str:
    marks = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"FORM": ".aiff"}
    return next((suffix for mark, suffix in marks.items() if data.startswith(mark)), ".mp3")


def _decoded(feature: Any, value: Any) -> Any:
    """Numbers of classes become their names."""
    if isinstance(value, list):
        inner = getattr(feature, "feature", None)
        return [_decoded(inner, one) for one in value]
    if isinstance(value, int) and hasattr(feature, "int2str"):
        return str(feature.int2str(value)) if value >= 0 else ""
    return value


def _guessed(names: list[str], sounds: list[str]) -> Columns:
    found: dict[str, Any] = {"audio": sounds[0] if sounds else "audio" if "audio" in names else ""}
    for key, guesses in _GUESSES.items():
        column = next((g for g in guesses if g in names), "")
        if column:
            found[key] = (column,) if key in ("captions", "labels", "options") else column
    if "question" in found and "answer" not in found:
        del found["question"]
    if len(found) < 2 and not found["audio"]:
        raise UsageError("the data set has no column whose name says what it holds.", hint=f"Give --columns; it has {', '.join(names)}.")
    return Columns(**found)


# ---------------------------------------------------------------------------------------------------------------- WebDataset


def shards(source: str, *, set: str = "", licence: str = "") -> Iterator[Found]:
    """WebDataset shards: a file, a folder of them, or ``name-{000..012}.tar``; those of others too (``.txt``, ``.cls``, ``.json``)."""
    paths = webdataset.shards_of(source)
    common = {"set": set, "licence": licence, "source": ""}
    return (found for path in paths for found in _shard(os.path.abspath(path), common))


def _shard(path: str, common: Mapping[str, Any]) -> Iterator[Found]:
    packed = not path.endswith(".tar")
    for item, data in webdataset.read_samples(path):
        member = parts_of(item.audio)[1] if item.audio and not packed else (item.audio or "").partition("#")[2]
        item = _commonly(item, common)
        if data is None:
            yield Found(item)
        elif packed:
            yield Found(replace(item, audio=member), data)
        else:
            yield Found(item, f"{path}#{member}")


def _commonly(item: Item, common: Mapping[str, Any]) -> Item:
    """The item, with what holds for all where it says nothing itself."""
    said: dict[str, Any] = {key: value for key, value in common.items() if value and not getattr(item, key)}
    return replace(item, **said)
