"""What is not where it was: moved, vanished, or behind a drive that is not there. Nothing is forgotten unless asked."""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import dataclass, field

from auricle import _faults
from auricle.library.scan import Root, Scan
from auricle.library.store import now
from auricle.library.writer import Writer
from auricle.results import readable

Place = tuple[int, bytes, bool, int | None]  # recording, path, vanished, root

PRUNE_SHARE = 0.5  # of a folder's recordings; more than that gone at once looks like an accident


@dataclass(slots=True)
class Gone:
    vanished: int = 0  # under the folders of this run, still in the library
    pruned: int = 0
    warnings: list[str] = field(default_factory=list)


def note_roots(writer: Writer, seen: Scan, present: Set[int]) -> dict[int, int]:
    """Ids of the roots of a run, by their number in the scan. ``present``: known recordings that were met.

    A folder on another device than before, in which nothing known was met, is a stranger at the same place: it gets no id, so that
    what it holds is never taken for what was there.
    """
    ids = {}
    for number, root in enumerate(seen.roots):
        known = writer.root(root.path)
        if root.state == "missing" or (known and root.device != known[1] and (root.state == "empty" or _stranger(writer, root, present))):
            continue
        ids[number] = writer.put_root(root.path, root.device, is_file=root.is_file)
    return ids


def _stranger(writer: Writer, root: Root, present: Set[int]) -> bool:
    known = writer.root(root.path)
    own = [recording for recording, _, _, root_id in writer.recordings_under(root.path) if known and root_id == known[0]]
    return bool(own) and not any(recording in present for recording in own)


def settle(writer: Writer, seen: Scan, present: Set[int], *, prune: bool, force: bool) -> Gone:
    """Mark what vanished under the roots of a run, and with ``prune`` take it out. ``present``: recordings that were met or made."""
    gone = Gone()
    for root in seen.roots:
        _settle_root(writer, root, present, gone, prune=prune, force=force)
    return gone


def forget_root(writer: Writer, path: str) -> bool:
    """Take a folder out of the library with all its recordings that no other folder covers; False when it was never indexed."""
    known = {os.fsdecode(row[0]) for row in writer.db.execute("SELECT path FROM roots")}
    if path not in known:
        return False
    inside = {other for other in known if other != path and other.startswith(path.rstrip("/") + "/")}
    if not any(path.startswith(other.rstrip("/") + "/") for other in known - {path}):  # else another folder holds it still
        for recording, *_ in writer.recordings_under(path):
            writer.remove_recording(recording)
            writer.commit_if_due()
        for failure in writer.store.failures([path]):
            writer.forget_failure(failure.path)
    with writer.unit():
        for gone in (path, *inside):
            of_root = "(SELECT id FROM roots WHERE path = ?)"
            writer.db.execute(f"UPDATE recordings SET root_id = NULL WHERE root_id = {of_root}", (os.fsencode(gone),))
            writer.db.execute("DELETE FROM roots WHERE path = ?", (os.fsencode(gone),))
    return True


def moved_from(writer: Writer, content: int, seen: Scan) -> int | None:
    """A recording of this content whose file is gone while its folder is there: it moved. None: this is a copy."""
    for recording, path, root, device in writer.places_of(content):
        if os.path.lexists(path):
            continue
        state = next((r for r in seen.roots if os.fsencode(r.path) == root), None)
        if state is not None:
            there = state.state == "present" and state.device == device
        else:
            there = root is not None and _mounted(root, device)
        if there:
            return recording
    return None


def _mounted(root: bytes, device: int) -> bool:
    try:
        if not os.path.isdir(root):
            return not os.path.exists(root) and os.path.isdir(os.path.dirname(root))
        return os.stat(root).st_dev == device and bool(os.listdir(root))
    except OSError:
        return False


def _settle_root(writer: Writer, root: Root, present: Set[int], gone: Gone, *, prune: bool, force: bool) -> None:
    held = writer.recordings_under(root.path)
    if not held:
        return
    known = writer.root(root.path)
    reason = {"missing": "is not there", "empty": "is empty", "present": ""}[root.state]
    if not reason and known is not None and known[1] != root.device:
        reason = "is on another device than before"
    if reason and not (prune and force):
        gone.vanished += sum(vanished for _, _, vanished, _ in held)
        gone.warnings.append(f"{readable(root.path)} {reason}: perhaps a drive is not mounted. What the library holds of it stays.")
        return
    absent = [place for place in held if place[0] not in present]
    absent = [place for place in absent if _is_gone(place[1])]
    if prune:
        _prune(writer, root, absent, len(held), gone, force=force)
    else:
        _mark(writer, absent, gone)
    _forget_failures(writer, root)


def _mark(writer: Writer, absent: list[Place], gone: Gone) -> None:
    _faults.point("vanish.before")
    moment = now()
    for recording, _, vanished, _ in absent:
        if not vanished:
            writer.set_vanished(recording, moment)
    gone.vanished += len(absent)


def _prune(writer: Writer, root: Root, absent: list[Place], held: int, gone: Gone, *, force: bool) -> None:
    if len(absent) > PRUNE_SHARE * held and not force:
        gone.warnings.append(
            f"{len(absent)} of {held} recordings under {readable(root.path)} are gone, too many to forget without --force: "
            "nothing was pruned."
        )
        _mark(writer, absent, gone)
        return
    for recording, *_ in absent:
        _faults.point("prune.before")
        writer.remove_recording(recording)
        writer.commit_if_due()
        gone.pruned += 1


def _is_gone(path: bytes) -> bool:
    """Gone for certain: a folder that may not be read says nothing of what is in it."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _forget_failures(writer: Writer, root: Root) -> None:
    if root.state == "present" and not root.is_file:
        for failure in writer.store.failures([root.path]):
            if not os.path.lexists(failure.path):
                writer.forget_failure(failure.path)
