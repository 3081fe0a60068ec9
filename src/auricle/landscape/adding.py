"""A new record: its skeleton to fill in, checked with all others."""

from __future__ import annotations

import datetime
import re
import tempfile
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from auricle.errors import UsageError
from auricle.landscape.compile import RECORDS, study
from auricle.landscape.names import nearest, plain, spellings
from auricle.landscape.schema import FAMILIES, FOLDERS, Kind
from auricle.landscape.yamls import Problem

_MORE: Final[dict[Kind, str]] = {
    "model": """\
  facts:
    open-weights: yes or no      # each fact: a value, or {value: …, source: …, mark: …, note: …}
    licence-weights: as its card says
  trained-on: []                 # ids of sets, or {to: ID, part: train}
  builds-on: []
  uses-objective: []
  solves-task: []
""",
    "set": """\
  facts:
    licence-text: as its page says
    pools: []                    # the sites that the sounds come from: freesound, youtube, …
  derived-from: []               # ids of the sets that it was made of
  solves-task: []
""",
    "benchmark": """\
  facts:
    open-data: yes or no
  derived-from: []               # ids of the sets that its sounds come from
  solves-task: []
""",
}


def identifier(name: str) -> str:
    """``Qwen3-Omni 30B`` → ``qwen3-omni-30b``."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")


def skeleton(kind: str, name: str, *, family: str | None = None, year: int | None = None, source: str | None = None) -> str:
    """The YAML of a new record, with what is given filled in and the rest to fill in."""
    if kind not in FOLDERS:
        raise UsageError(f"there is no kind {kind!r}.", hint=f"Choose from {', '.join(FOLDERS)}.")
    families = FAMILIES[kind]
    if family is not None and family not in families:
        raise UsageError(f"{family!r} is no family of {kind}s.", hint=f"Choose from {', '.join(families)}.")
    id = identifier(name)
    if not id:
        raise UsageError(f"{name!r} has no letter or digit to make an id of.")
    year = year or datetime.date.today().year
    quoted = "'" + name.replace("'", "''") + "'"
    source = "'" + (source or "the paper or page that you read").replace("'", "''") + "'"
    choice = f"  # one of: {', '.join(families)}" if family is None else ""
    head = f"""\
- id: {id}
  name: {quoted}
  year: {year}
  family: {family or families[0]}{choice}
  domains: [sound]
  about: One sentence, in your own words.
  source: {source}
  mark: unverified
  date: {datetime.date.today().isoformat()}
"""
    return head + _MORE.get(kind, "")


def add(
    kind: str, name: str, *, family: str | None = None, year: int | None = None, source: str | None = None, records: Path = RECORDS
) -> tuple[Path, list[Problem]]:
    """Write a new record into a file of its own and check it with all others. Returns the file and what is wrong.

    Raises UsageError where something of that name is there already.
    """
    text = skeleton(kind, name, family=family, year=year, source=source)
    field, _ = study(records)
    id = identifier(name)
    twin = field.records.get(id) or next((one for one in field.records.values() if plain(name) in spellings(one)), None)
    if twin:
        raise UsageError(f"{twin.name} is there already: {twin.file}, line {twin.line}.")
    return put(kind, id, text, records)  # type: ignore[arg-type]  # checked by skeleton


def from_card(card: Mapping[str, Any], records: Path = RECORDS) -> tuple[Path, list[Problem]]:
    """A record of a model that was made here, from its card. Raises UsageError where it is there already."""
    from auricle.landscape import asked

    field, _ = study(records)
    id, text = asked.from_card(card, field, date=datetime.date.today().isoformat())
    if id in field.records:
        raise UsageError(f"{field.records[id].name} is there already: {field.records[id].file}, line {field.records[id].line}.")
    return put("model", id, text, records)


def put(kind: Kind, id: str, text: str, records: Path) -> tuple[Path, list[Problem]]:
    """Write a record into a file of its own, and check it with all others."""
    path = records / FOLDERS[kind] / f"{id}.yaml"
    if path.exists():
        raise UsageError(f"{path} exists already.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
    return path, [problem for problem in study(records)[1] if problem.file == path.relative_to(records).as_posix()]


def alike(name: str, records: Path = RECORDS) -> list[str]:
    """What is there under names like this, to look at before adding."""
    field, _ = study(records)
    return [record.id for record in nearest(list(field.records.values()), name)]
