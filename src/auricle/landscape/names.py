"""A name as a person writes it → the record."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from auricle.errors import UsageError
from auricle.landscape.schema import Kind, Landscape, Record


def resolve(field: Landscape, name: str, *kinds: Kind) -> Record:
    """By id, name or alias; else the only one whose name holds all of its words. UsageError: unknown (nearest named), ambiguous."""
    known = field.records.get(name)
    if known is not None and (not kinds or known.kind in kinds):
        return known
    key = plain(name)
    pool = [record for record in field.records.values() if not kinds or record.kind in kinds]
    exact = _distinct([record for record in pool if key in spellings(record)])
    if len(exact) == 1:
        return exact[0]
    by_id = [record for record in exact if plain(record.id) == key]
    if len(by_id) == 1:
        return by_id[0]
    what = " or ".join(kinds) or "record"
    elsewhere = [record for record in field.records.values() if kinds and not exact and key in spellings(record)]
    if elsewhere:
        raise UsageError(f"{elsewhere[0].name} is a {elsewhere[0].kind}, and a {what} is meant.")
    words = key.split()
    partly = exact or [record for record in pool if words and any(all(word in spelled for word in words) for spelled in spellings(record))]
    if len(partly) == 1:
        return partly[0]
    if partly:
        raise UsageError(f"{name!r} may be any of {_listed(partly)}.", hint="Give the whole name.")
    near = nearest(pool, name)
    raise UsageError(
        f"there is no {what} {name!r}.", hint=f"Did you mean {_listed(near)}?" if near else "Look with `auricle landscape find`."
    )


def nearest(pool: Sequence[Record], name: str, count: int = 3) -> list[Record]:
    """The records whose spelling is nearest, at most ``count``."""
    spelled = {spelling: record for record in pool for spelling in spellings(record)}
    return _distinct([spelled[near] for near in difflib.get_close_matches(plain(name), spelled, count * 2, 0.6)])[:count]


def spellings(record: Record) -> set[str]:
    """All that names a record, made plain; the last part of ``organisation/name`` names it, too."""
    names = [record.id, record.name, *record.aliases]
    return {plain(part) for name in names for part in ({name, name.rpartition("/")[2]} if "/" in name and " " not in name else {name})}


def plain(name: str) -> str:
    """Small letters and digits with single spaces: ``LAION-CLAP 630k`` → ``laion clap 630k``."""
    return " ".join(re.sub(r"[^\w.+]+|_", " ", name.removeprefix("hf:").casefold()).split())


def _distinct(records: list[Record]) -> list[Record]:
    return list({record.id: record for record in records}.values())


def _listed(records: Sequence[Record], most: int = 6) -> str:
    names = [record.id for record in records]
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
