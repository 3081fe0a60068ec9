"""What kind of terms a licence's name stands for. For people to read, not legal advice."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

Terms = Literal["open", "share-alike", "own terms", "unclear", "non-commercial", "closed"]

# From free to closed: the last of several is the one that binds.
ORDER: Final[tuple[Terms, ...]] = ("open", "share-alike", "own terms", "unclear", "non-commercial", "closed")
MEANING: Final[dict[Terms, str]] = {
    "open": "any use, with credit at most",
    "share-alike": "any use, under the same terms",
    "own terms": "a licence of its own: read it",
    "unclear": "none stated, or sources disagree",
    "non-commercial": "not for commercial use",
    "closed": "not handed out",
}
_PATTERNS: Final[tuple[tuple[str, Terms], ...]] = (
    (r"\bclosed\b|api only|not (released|published|distributed|available)|no weights|proprietary", "closed"),
    (r"\bnc\b|by-?nc|non-?\s?commercial|academic|research[- ](use|only|purposes)|research$|oneway", "non-commercial"),
    (r"\bnd\b|by-nd|no-?\s?deriv", "own terms"),
    (r"\bsa\b|by-sa|share-?\s?alike|\ba?gpl|\blgpl|\bodbl\b|open database", "share-alike"),
    (r"apache|\bmit\b|\bbsd|\bisc\b|cc0|cc-?\s?zero|public domain|\bcc[ -]by\b|\bwtfpl\b|unlicen[sc]e", "open"),
    (r"unknown|unclear|none|not (stated|specified)|no licen[sc]e|empty|mixed|per (file|clip|track|source|set|task)|uploader", "unclear"),
    (r"licen[sc]e|terms|community|agreement|llama|gemma|qwen|stability|openrail", "own terms"),
)


def kind_of(text: str) -> Terms:
    """``CC BY-NC 4.0`` → non-commercial. What no word tells is unclear."""
    said = " ".join(text.lower().replace("_", "-").split())
    for pattern, kind in _PATTERNS:
        if re.search(pattern, said):
            return kind
    return "unclear"


def strictest(texts: Iterable[str]) -> Terms | None:
    """The kind that binds where several claims stand side by side; None where there is none."""
    return max((kind_of(text) for text in texts), key=ORDER.index, default=None)
