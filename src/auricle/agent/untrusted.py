"""Text that comes out of files, made fit to be shown to a language model: cleaned and cut. Keys named ``untrusted_…`` hold it.

Cleaning does not make it safe to obey: a transcript may say "ignore your instructions". It only takes away what hides: control
characters, invisible and bidirectional marks, tag characters, lone surrogates.
"""

from __future__ import annotations

import unicodedata

NAME = 200  # characters of a name or path
TAG = 120
TEXT = 400
_JOINERS = "\u200c\u200d"  # Persian and emoji need them


def clean(text: str, limit: int = NAME) -> str:
    """One line of visible text, at most ``limit`` characters, ending in "…" when cut."""
    visible = "".join(_shown(character) for character in text[: 4 * limit + 64])
    line = " ".join(visible.split())
    return line if len(line) <= limit and len(text) <= 4 * limit + 64 else line[: limit - 1].rstrip() + "…"


def _shown(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if character.isspace():
        return " "
    kind = unicodedata.category(character)
    return "\ufffd" if kind in ("Cs", "Co", "Cn") and not "\U000e0000" <= character <= "\U000e0fff" else ("" if kind == "Cf" else " ")


def named(path: str, roots: list[str], limit: int = NAME) -> str:
    """A path from the folder that was indexed on, that folder's own name first: never where it lies on this machine."""
    inside = [root for root in roots if path == root or path.startswith(root.rstrip("/\\") + "/")]
    root = max(inside, key=len, default="")
    if not root:
        return clean(path.replace("\\", "/").rsplit("/", 1)[-1], limit)
    above = root.rstrip("/\\").rsplit("/", 1)[0]
    return clean(path[len(above) :].lstrip("/"), limit)
