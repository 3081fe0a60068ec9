"""What was written for what: a file is kept by a later run only if it was made from the very same recipe."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from compose import Recording

VERSION = 1  # raise it when rendering changes


class Ledger:
    """An append-only file of (path, fingerprint) in the corpus; paths are relative to it, the last line of a path counts."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._path = path = out / ".written"
        self._known: dict[str, str] = {}
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                try:
                    name, mark = json.loads(line)
                except ValueError:  # the last line of a run that was cut off
                    continue
                self._known[name] = mark

    def has(self, path: Path, mark: str) -> bool:
        return self._known.get(path.as_posix()) == mark and (self._out / path).exists()

    def add(self, path: Path, mark: str) -> None:
        self._known[path.as_posix()] = mark
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps([path.as_posix(), mark], ensure_ascii=False) + "\n")


def fingerprint(recording: Recording, tags: dict[str, str]) -> str:
    """Of all that decides the bytes of the file."""
    events = [(e.clip.id if e.clip else "noise", e.start, e.end, e.gain_db, e.bed) for e in recording.events]
    text = json.dumps([VERSION, recording.id, recording.rate, recording.channels, recording.seconds, events, sorted(tags.items())])
    return hashlib.sha256(text.encode()).hexdigest()
