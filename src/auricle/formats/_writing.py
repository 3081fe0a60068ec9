"""Documents onto the disk or a stream: whole or not at all, nothing overwritten unasked, names that every system takes."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TextIO

from auricle.errors import AuricleError, UsageError
from auricle.results import readable

_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in "123456789¹²³")}
_NAME_BYTES = 240  # of the 255 that file systems allow; the rest is for counters and suffixes


@dataclass(frozen=True, slots=True)
class Document:
    """``recording``: the path this document is about, when a format holds one recording a file and there are several."""

    content: str | bytes
    recording: str | None = None

    @property
    def data(self) -> bytes:
        """Text is UTF-8; a path that is not keeps its own bytes, so that the file it names is found."""
        return self.content if isinstance(self.content, bytes) else self.content.encode("utf-8", "surrogateescape")


def place(documents: list[Document], out: Path, ending: str) -> dict[Path, bytes]:
    """A file for each document: ``out``, a name in the folder ``out``, or ``out`` with the recording's name added."""
    folder = out.is_dir()
    if len(documents) == 1 and documents[0].recording is None:
        return {out / f"moments{ending}" if folder else out: documents[0].data}
    names = unique([(("" if folder else f"{out.stem}-") + PurePath(d.recording or "").stem) for d in documents])
    parent, suffix = (out, ending) if folder else (out.parent, out.suffix or ending)
    return {parent / f"{name}{suffix}": document.data for name, document in zip(names, documents, strict=True)}


def save(files: dict[Path, bytes], overwrite: bool) -> list[Path]:
    if not overwrite:
        for path in files:
            refuse_to_overwrite(path)
    for path, data in files.items():
        try:
            replace_with(path, data)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise AuricleError(
                f"{readable(str(path))} could not be written: {reason}.", hint="Check that the folder exists and has room, or name another."
            ) from None
    return list(files)


def refuse_to_overwrite(path: Path) -> None:
    if os.path.lexists(path):
        raise UsageError(f"{readable(str(path))} exists already.", hint="Choose another name, or allow overwriting with --overwrite.")


def replace_with(path: Path, data: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".auricle-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that only their owner may read
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def print_to(stream: TextIO, documents: list[Document], name: str) -> None:
    """To a text stream; its bytes below when it has them, since a path need not be text."""
    if len(documents) != 1:
        raise UsageError(f"{name} holds one recording a file, and there are {len(documents)}.", hint="Name a folder or file with --out.")
    document = documents[0]
    if isinstance(document.content, bytes):
        raise UsageError(f"{name} is not text.", hint="Name a file with --out.")
    below = getattr(stream, "buffer", None)
    if below is None:
        stream.write(document.content)
        return
    stream.flush()
    below.write(document.data)
    below.flush()


def safe_name(name: str) -> str:
    """A file name (no suffix) that Linux, macOS and Windows all take: no reserved name or sign, no dot or space at the end."""
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    text = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "_", text).strip(" ").rstrip(". ")
    if text.split(".")[0].rstrip(" ").upper() in _RESERVED:
        text = f"_{text}"
    while len(text.encode("utf-8")) > _NAME_BYTES:
        text = text[:-1]
    return text.rstrip(". ") or "_"


def unique(names: list[str]) -> list[str]:
    """Safe names, those that meet (also on systems blind to case) told apart by ``-2``, ``-3`` …"""
    taken: set[str] = set()
    out = []
    for name in map(safe_name, names):
        candidate, count = name, 1
        while candidate.casefold() in taken:
            count += 1
            candidate = f"{name}-{count}"
        taken.add(candidate.casefold())
        out.append(candidate)
    return out
