"""What a licence allows, as far as its name tells: for people to read, not legal advice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_VERSION = re.compile(r"(?<![\d.])([1-4]\.\d)(?![\d.])")
_OPEN = {
    r"\bapache\b": "Apache-2.0", r"\bmit\b": "MIT", r"\bbsd\b": "BSD", r"\bisc\b": "ISC", r"\bodbl\b|open database": "ODbL",
    r"\blgpl\b": "LGPL", r"\bagpl\b": "AGPL", r"\bgpl\b|general public": "GPL", r"\bartistic\b": "Artistic", r"\bwtfpl\b": "WTFPL",
    r"\bzlib\b": "zlib",
}  # fmt: skip
_SHARING = {"ODbL", "LGPL", "AGPL", "GPL"}


@dataclass(frozen=True, slots=True)
class Terms:
    """``known`` is False where the name tells nothing; then the rest is False, too."""

    name: str
    known: bool = False
    non_commercial: bool = False
    share_alike: bool = False
    no_derivatives: bool = False

    @property
    def notes(self) -> str:
        said = (("unknown", not self.known), ("non-commercial", self.non_commercial), ("share-alike", self.share_alike))
        return ", ".join(note for note, holds in (*said, ("no derivatives", self.no_derivatives)) if holds)


def terms(text: str) -> Terms:
    """``http://creativecommons.org/licenses/by-nc/3.0/`` → CC BY-NC 3.0, non-commercial."""
    said = " ".join(text.lower().replace("_", "-").split())
    if not said:
        return Terms("none stated")
    restricted = bool(re.search(r"academic|research (use|only)|non-?\s?commercial|not for commercial", said))
    if re.search(r"\bcc[ -]?0\b|publicdomain/zero|public[ -]domain|\bpdm\b", said):
        version = _VERSION.search(said)
        name = "Public domain" if "zero" not in said and not re.search(r"cc[ -]?0", said) else f"CC0 {version[1] if version else '1.0'}"
        return Terms(name, True, restricted)
    if "sampling+" in said or "sampling plus" in said:
        return Terms("CC Sampling+ 1.0", True, True)
    if re.search(r"\bcc[ -]by\b|/licenses/by\b|creative commons attribution|\bby(-nc)?(-sa|-nd)?[ -]\d\.\d", said):
        parts = [p for p, there in (("NC", _has(said, "nc", "noncommercial|non-commercial")), ("SA", _has(said, "sa", "share")),
                                    ("ND", _has(said, "nd", "noderiv|no deriv"))) if there]  # fmt: skip
        version = _VERSION.search(said)
        name = " ".join(filter(None, ["CC " + "-".join(["BY", *parts]), version[1] if version else ""]))
        return Terms(name, True, "NC" in parts or restricted, "SA" in parts, "ND" in parts)
    for pattern, name in _OPEN.items():
        if re.search(pattern, said):
            return Terms(name, True, restricted, name in _SHARING)
    return Terms(text.strip(), restricted, restricted)


@dataclass(frozen=True, slots=True)
class LicenceRow:
    licence: str
    items: int
    notes: str


def table(licences: Iterable[str]) -> list[LicenceRow]:
    """A row a licence, the most frequent first."""
    counts = Counter(terms(text) for text in licences)
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].name))
    return [LicenceRow(found.name, count, found.notes) for found, count in ordered]


def _has(said: str, short: str, long: str) -> bool:
    return bool(re.search(rf"[ /-]{short}(?![a-z])|{long}", said))
