"""The results document: one file of JSON that ``auricle evaluate`` and ``auricle audit`` write and ``auricle report`` reads.

    write("results.json", document(runs=[run.document()], command="…"))
    read("results.json")["runs"]

``{"kind", "version", "auricle", "made", "command", "runs": […], "differences": […], "audits": […]}``. Keys are added, never renamed; a file
of an older version is read, one of a newer version is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import auricle
from auricle.data.manifest import replacing
from auricle.errors import DataError

KIND, VERSION = "auricle results", 1
LISTS = ("runs", "differences", "audits")


def document(
    *, runs: Sequence[Any] = (), differences: Sequence[Any] = (), audits: Sequence[Any] = (), command: str = ""
) -> dict[str, Any]:  # fmt: skip
    """JSON-ready."""
    return {
        "kind": KIND, "version": VERSION, "auricle": auricle.__version__, "made": datetime.now(UTC).date().isoformat(), "command": command,
        "runs": list(runs), "differences": list(differences), "audits": list(audits),
    }  # fmt: skip


def write(path: str | os.PathLike[str], found: dict[str, Any]) -> None:
    """The file appears when it is whole. Raises OSError."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(found, file, ensure_ascii=False, indent=1, allow_nan=False)
        file.write("\n")


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Raises DataError: Missing, Damaged (no JSON, no results), Invalid (of a newer version)."""
    name = os.fspath(path)
    try:
        with open(name, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise DataError("Missing", f"{name}: {error.strerror}.", path=name, hint="Write it with `auricle evaluate … --write`.") from None
    except (ValueError, RecursionError):
        raise DataError("Damaged", f"{name}: is no JSON.", path=name, hint="Write it anew: what was done is not computed again.") from None
    version = found.get("version") if isinstance(found, dict) and found.get("kind") == KIND else None
    if not isinstance(version, int) or any(not isinstance(found.get(key, []), list) for key in LISTS):
        raise DataError("Damaged", f"{name}: holds no results of auricle.", path=name, hint="Give a file that --write wrote.")
    if version > VERSION:
        message = f"{name}: was written by a newer auricle ({found.get('auricle', '?')}, version {version} of the file)."
        raise DataError("Invalid", message, path=name, hint="Update auricle to read it.")
    return {**{key: [] for key in LISTS}, **found}
