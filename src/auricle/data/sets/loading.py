"""A set that lies on this machine, as items."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from auricle.data.saving import Found, missing
from auricle.data.sets.descriptor import get
from auricle.data.sets.layout import Absent, Place


def load(
    id: str, folder: str | os.PathLike[str], *, absent: Absent = "fail", exclude: str = "", lost: Callable[[str], None] | None = None
) -> Iterator[Found]:
    """The items of a set in its official layout.

    absent:  an item whose sound is not there: "fail", "drop" it, or keep its "text". lost is told the path of each.
    exclude: one of the lists of ids that the set ships (WavCaps: all_ac, test_ac, ub8k_esc50_vggsound).
    Raises UsageError for an unknown set, DataError that names file and line for what is not as the set has it.
    """
    from auricle.errors import UsageError

    descriptor = get(id)
    top = os.path.abspath(os.path.expanduser(os.fspath(folder)))
    if not os.path.isdir(top):
        raise missing(os.fspath(folder))
    if exclude and descriptor.layout.kind != "json_captions":
        raise UsageError(f"--exclude: {id} ships no lists to leave out.", hint="Leave it away.")
    place = Place(top, id, descriptor.licence, absent, exclude, lost or (lambda path: None))
    return (found for found in descriptor.layout.load(place) if found.sound != "")
