"""What is known of a set, read from its YAML file: facts with their marks, overlaps, protocol, and its layout."""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auricle.data.sets.csv_captions import CsvCaptions
from auricle.data.sets.csv_choices import CsvChoices
from auricle.data.sets.csv_events import CsvEvents
from auricle.data.sets.csv_labels import CsvLabels
from auricle.data.sets.csv_multilabel import CsvMultilabel
from auricle.data.sets.csv_pairs import CsvPairs
from auricle.data.sets.csv_questions import CsvQuestions
from auricle.data.sets.folders import Folders
from auricle.data.sets.json_captions import JsonCaptions
from auricle.data.sets.json_labels import JsonLabels
from auricle.data.sets.json_questions import JsonQuestions
from auricle.data.sets.named_files import NamedFiles
from auricle.errors import DataError, UsageError

M = TypeVar("M", bound=BaseModel)
FOLDER = Path(__file__).parent / "descriptors"

Layout = Annotated[
    CsvCaptions
    | CsvChoices
    | CsvEvents
    | CsvLabels
    | CsvMultilabel
    | CsvPairs
    | CsvQuestions
    | Folders
    | JsonCaptions
    | JsonLabels
    | JsonQuestions
    | NamedFiles,
    Field(discriminator="kind"),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shared(_Strict):
    """What two sets have in common. ``count`` is text: "94/27/34", "100 %"."""

    other: str  # id of a descriptor where there is one, else a name
    count: str
    of: str = ""
    basis: str  # Freesound id, YouTube id, caption text, construction
    mark: str


class Descriptor(_Strict):
    """``licence`` is what its origin states; ``claims``: what others state and how it conflicts."""

    id: str
    title: str
    domain: str
    gives: str  # captions, labels, questions, events
    size: str
    audio_from: str
    licence: str
    claims: tuple[str, ...] = ()
    host: str
    use: Literal["", "evaluation only"] = ""
    overlaps: tuple[Shared, ...] = ()
    protocol: str = ""
    marks: str  # of size, licence, host
    layout: Layout
    layout_from: str  # where the names of files and columns were read
    proven: Literal["data", "stand-in", "no"]  # what the tests load: the set itself, a stand-in in its layout, nothing


@lru_cache(maxsize=1)
def descriptors() -> dict[str, Descriptor]:
    """Id → descriptor, by id."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.yaml"))}


def get(id: str) -> Descriptor:
    """Raises UsageError that names what comes near."""
    known = descriptors()
    if id not in known:
        near = difflib.get_close_matches(id.lower(), known, n=1)
        hint = f"Did you mean {near[0]}? `auricle data sets` lists them." if near else "`auricle data sets` lists them."
        raise UsageError(f"there is no set {id!r}.", hint=hint)
    return known[id]


def read(path: Path) -> Descriptor:
    """Raises DataError that names the file and the key."""
    found = described(path, Descriptor)
    if found.id != path.stem:
        raise DataError("Invalid", f"{path}: its id {found.id!r} is not its name.", path=str(path), hint="Correct it there.")
    return found


def described(path: Path, kind: type[M]) -> M:
    """What a YAML file says, checked. Raises DataError that names the file and the key."""
    import yaml

    try:
        return kind.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise DataError("Missing", f"{path}: {error.strerror}.", path=str(path), hint="Check the path.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError("Invalid", f"{path}: is no YAML ({' '.join(str(error).split())}).", path=str(path)) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError("Invalid", f"{path}: {key}: {first['msg']}.", path=str(path), hint="Correct it there.") from None
