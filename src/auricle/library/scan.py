"""Find sound files. A stat each, no file is opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from auricle import _faults
from auricle.errors import AudioErrorKind
from auricle.results import readable

SIDECAR_SUFFIXES = (".srt", ".vtt", ".txt", ".json")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may hold sound, as a stat saw it. ``sidecars``: (path, size, mtime_ns) of transcripts beside it."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    root: int  # index into Scan.roots
    sidecars: tuple[tuple[str, int, int], ...] = ()

    @property
    def signature(self) -> str:
        """Changes when a sidecar comes, goes or changes."""
        return ";".join(f"{readable(os.path.basename(path))}:{size}:{mtime}" for path, size, mtime in self.sidecars)


@dataclass(frozen=True, slots=True)
class Root:
    """A path that was asked for. "empty": a folder with nothing in it, which may be a drive that is not mounted."""

    path: str
    state: Literal["present", "empty", "missing"]
    device: int
    is_file: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that could not be looked at."""

    path: str
    kind: AudioErrorKind
    message: str


@dataclass(slots=True)
class Scan:
    roots: list[Root] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)  # in order of path, each once
    problems: list[Problem] = field(default_factory=list)
    skipped: int = 0  # files that are no sound by their names


def absolute(path: str | os.PathLike[str]) -> str:
    """As stored: absolute, ``~`` expanded, symbolic links kept as they are."""
    return os.path.abspath(os.path.expanduser(os.fspath(path)))


def scan(paths: Iterable[str | os.PathLike[str]], *, suffixes: Iterable[str], exclude: str | os.PathLike[str] | None = None) -> Scan:
    """Walk folders, take files as given.

    Hidden names and AppleDouble files (``._x``) are left out; a linked folder is followed once, after the real ones, so that a
    loop ends; a folder that cannot be read is a problem and the walk goes on. exclude: a folder (the library) not to enter.
    """
    walker = _Walker(frozenset(s.lower() for s in suffixes), exclude)
    for path in dict.fromkeys(absolute(p) for p in paths):
        walker.start(path)
    walker.follow_links()
    result = walker.result
    result.found = sorted({f.path: f for f in result.found}.values(), key=lambda f: os.fsencode(f.path))
    return result


class _Walker:
    def __init__(self, suffixes: frozenset[str], exclude: str | os.PathLike[str] | None) -> None:
        self.result = Scan()
        self._suffixes = suffixes
        self._seen: set[tuple[int, int]] = set()  # folders, by device and inode
        self._links: list[tuple[str, int]] = []
        if exclude is not None and os.path.isdir(exclude):
            self._seen.add(_identity(os.stat(exclude)))

    def start(self, path: str) -> None:
        number = len(self.result.roots)
        try:
            status = os.stat(path)
        except OSError as error:
            self.result.roots.append(Root(path, "missing", -1, True))
            self._problem(path, error)
            return
        if not stat.S_ISDIR(status.st_mode):
            self.result.roots.append(Root(path, "present", status.st_dev, True))
            self._take(path, status, number, self._sidecars_of(path))
            return
        before = len(self.result.problems)
        empty = self._walk(path, number)
        state: Literal["present", "empty"] = "empty" if empty and len(self.result.problems) == before else "present"
        self.result.roots.append(Root(path, state, status.st_dev, False))

    def follow_links(self) -> None:
        while self._links:
            path, root = self._links.pop(0)
            self._walk(path, root)

    def _walk(self, top: str, root: int) -> bool:
        """Everything below ``top``; True when it holds nothing at all."""
        empty, pending = True, [top]
        while pending:
            folder = pending.pop()
            try:
                _faults.point("scan.folder")
                identity = _identity(os.stat(folder))
                if identity in self._seen:
                    empty = False
                    continue
                self._seen.add(identity)
                with os.scandir(folder) as entries:
                    listing = sorted(entries, key=lambda e: os.fsencode(e.name))
            except OSError as error:
                self._problem(folder, error)
                continue
            empty = empty and not listing
            folders = self._folder(listing, root)
            pending += reversed(folders)
        return empty

    def _folder(self, listing: list[os.DirEntry[str]], root: int) -> list[str]:
        """Take the files of one folder; gives the folders in it."""
        folders: list[str] = []
        sounds: list[os.DirEntry[str]] = []
        sidecars: dict[str, list[os.DirEntry[str]]] = {}
        for entry in listing:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_symlink() and entry.is_dir():
                    self._links.append((entry.path, root))
                else:
                    stem, suffix = os.path.splitext(entry.name)
                    if suffix.lower() in self._suffixes:
                        sounds.append(entry)
                    elif suffix.lower() in SIDECAR_SUFFIXES:
                        sidecars.setdefault(stem, []).append(entry)
                    else:
                        self.result.skipped += 1
            except OSError as error:
                self._problem(entry.path, error)
        used: set[str] = set()
        for entry in sounds:
            beside = [s for base in (os.path.splitext(entry.name)[0], entry.name) for s in sidecars.get(base, ())]
            used.update(s.name for s in beside)
            try:
                self._take(entry.path, entry.stat(), root, _stats(s.path for s in beside))
            except OSError as error:
                self._problem(entry.path, error)
        self.result.skipped += sum(len(group) for group in sidecars.values()) - len(used)
        return folders

    def _take(self, path: str, status: os.stat_result, root: int, sidecars: tuple[tuple[str, int, int], ...]) -> None:
        if not stat.S_ISREG(status.st_mode):  # a pipe would block for ever
            self.result.problems.append(Problem(path, "NotAudio", f"{readable(path)} is not a regular file."))
            return
        self.result.found.append(Found(path, status.st_size, status.st_mtime_ns, status.st_ino, root, sidecars))

    @staticmethod
    def _sidecars_of(path: str) -> tuple[tuple[str, int, int], ...]:
        bases = dict.fromkeys((os.path.splitext(path)[0], path))
        return _stats(base + s for base in bases for suffix in SIDECAR_SUFFIXES for s in (suffix, suffix.upper()) if base + s != path)

    def _problem(self, path: str, error: OSError) -> None:
        self.result.problems.append(problem(path, error))


def problem(path: str, error: OSError) -> Problem:
    """What the operating system said, as a kind and a line for people."""
    shown = readable(path)
    if isinstance(error, PermissionError):
        return Problem(path, "Denied", f"{shown}: permission denied.")
    if error.errno == errno.ELOOP:
        return Problem(path, "Missing", f"{shown}: a symbolic link that leads to itself.")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        what = "a symbolic link to nothing" if Path(path).is_symlink() else "no such file"
        return Problem(path, "Missing", f"{shown}: {what}.")
    return Problem(path, "Unreadable", f"{shown}: {error.strerror or error}.")


def _stats(paths: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    found = []
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.append((path, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
