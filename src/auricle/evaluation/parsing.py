"""What did a model answer? Read strictly: a letter, else the words of an option, else what the model itself holds likelier; never a guess.

    read_choice("The answer is (B).", ("rain", "hail")).choice         # 1
    read_choice("Some weather", ("rain", "hail")).status               # "unparsed"
    read_text("I'm sorry, I cannot hear audio.").status                # "refused"

An answer that fits two options fits none. What cannot be read is ``unparsed``, or ``truncated`` where it was cut off; both are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auricle.data.texts import normal
from auricle.models.capabilities import LETTERS

PARSER = "choice-1"  # goes up when the same answer would be read otherwise
Way = Literal["", "letter", "text", "likelihood"]

_APOSTROPHES = str.maketrans("’‘", "''")
_REFUSAL = re.compile(
    r"\W*(?:(?:i am|i'm|we're|we are)\s+(?:very\s+|so\s+)?(?:sorry|afraid|unable|not able)|sorry|unfortunately|i apologi[sz]e"
    r"|my apologies|as an? (?:ai|language|text)|(?:i|we)\s+(?:can't|cannot|can not|am not able to|could not|couldn't|don't have"
    r"|do not have|won't|will not)\b)",
    re.IGNORECASE,
)
_SAID = re.compile(  # the answer is (B)
    r"\b(?:answer|option|choice)\b(?:\s+(?:is|would be|must be|should be))?\s*[:=]?\s*(?:option\s+|choice\s+)?[*_\"']*[(\[]?"
    r"([A-Za-z])(?![\w'])[)\].:,]?",
    re.IGNORECASE,
)
_LEADING = re.compile(r"[\s*_\"'`]*(?:[(\[]([A-Za-z])[)\]]|([A-Za-z])[).:](?=[\s*_\"'`]|$|\w)|([A-Za-z])[*_\"'`]*\s*\n)")
_AFTER_A_LETTER = frozenset(("because", "since", "as", "or", "and", "for", "but", "which", "not"))
_BRACKETED = re.compile(r"[(\[]([A-Za-z])[)\]]")
_ALONE = re.compile(r"[\s*_\"'`(\[]*([A-Za-z])[\s*_\"'`)\].:!,]*")
_LIST = re.compile(r"[\s*_\"'`(\[]*[A-Za-z][)\].]?(?:\s*(?:,|/|&|\band\b|\bor\b)\s*[(\[]?[A-Za-z](?![\w'])[)\].]?)+[\s.]*", re.IGNORECASE)
_DENIAL = re.compile(r"\b(?:not|no|none|never|neither|nor|without|cannot|instead|rather|except)\b|n't\b", re.IGNORECASE)
_ARTICLES = frozenset(("a", "an", "the"))
_NUMBERS = dict(
    zip(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), map(str, range(11)), strict=True)
)


@dataclass(frozen=True, slots=True)
class Reading:
    """``choice``: which option, for choices. ``text``: what was said, for open questions. ``by``: how a choice was read."""

    status: Literal["ok", "unparsed", "refused", "truncated"]
    choice: int | None = None
    text: str = ""
    by: Way = ""


def read_choice(text: str, options: Sequence[str], *, complete: bool = True, likelihoods: Sequence[float] | None = None) -> Reading:
    """``likelihoods``: of each option by the model itself, where it can say; asked only when its words say nothing.

    complete: False for an answer that was cut off before its end.
    """
    said = text.translate(_APOSTROPHES).strip()
    letter = _letter(said, len(options))
    if letter is not None:
        return _agreeing(said, letter, options)
    if refused(said):
        return Reading("refused")
    choice = _worded(said, options)
    if choice is not None:
        return Reading("ok", choice, by="text")
    if likelihoods is not None and _nothing_said(said, options):
        likeliest = likelier(likelihoods)
        if likeliest is not None:
            return Reading("ok", likeliest, by="likelihood")
    return Reading("unparsed" if complete else "truncated")


def read_text(text: str, *, complete: bool = True) -> Reading:
    """A caption or the answer to an open question: its words, if it has some and is no refusal."""
    said = text.translate(_APOSTROPHES).strip()
    if refused(said):
        return Reading("refused")
    if not normal(said):
        return Reading("unparsed" if complete else "truncated")
    return Reading("ok", text=said)


def refused(text: str) -> bool:
    """Does it begin by saying that it will or can not answer?"""
    return _REFUSAL.match(text.translate(_APOSTROPHES)) is not None


def likelier(values: Sequence[float]) -> int | None:
    """The only greatest one; None where two are, or where a value is no number: then nothing was preferred."""
    known = np.asarray(values, dtype=np.float64)
    if not len(known) or np.isnan(known).any():
        return None
    best = np.flatnonzero(known == known.max())
    return int(best[0]) if len(best) == 1 else None


def _letter(said: str, options: int) -> int | None:
    """The option that a letter names; None where no letter stands for one. −1: letters that contradict one another."""
    if _LIST.fullmatch(said):
        return -1
    alone = _ALONE.fullmatch(said)
    if alone:
        return _number(alone[1], options)
    for found in (_upper(_SAID, said), _upper(_LEADING, said, once=True), _upper(_BRACKETED, said)):
        if len(found) > 1:
            return -1
        if found:
            return _number(found.pop(), options)
    return None


def _upper(pattern: re.Pattern[str], said: str, *, once: bool = False) -> set[str]:
    """The letters that a pattern finds. In running text "a" is an article: there only a capital, or one in brackets, is a letter."""
    if once:
        match = pattern.match(said)
        return {next(g for g in match.groups() if g).upper()} if match else set()
    found = set()
    for match in pattern.finditer(said):
        bracketed = said[: match.start(1)].endswith(("(", "[")) or pattern is _BRACKETED
        after = re.match(r" (\w+)", said[match.end(1) :])
        article = match[1] in "aA" and not bracketed and after is not None and after[1].lower() not in _AFTER_A_LETTER
        if (match[1].isupper() or bracketed) and not article:
            found.add(match[1].upper())
    return found


def _number(letter: str, options: int) -> int:
    """Its place; −1 for a letter that no option has."""
    place = LETTERS.index(letter.upper())
    return place if place < options else -1


def _agreeing(said: str, letter: int, options: Sequence[str]) -> Reading:
    """A letter with the words of another option beside it says two things."""
    if letter < 0:
        return Reading("unparsed")
    words = re.sub(r"[(\[]?\b[A-Za-z]\b[)\].:]", " ", said)
    named = _named(normal(words), options)
    leading = _leading(normal(words), options)
    if leading is not None and leading != letter and letter not in named:
        return Reading("unparsed")
    return Reading("ok", letter, by="letter")


def _worded(said: str, options: Sequence[str]) -> int | None:
    """The one option that is named, none of the others being; a denial is no naming."""
    text = normal(said)
    same = [n for n, option in enumerate(options) if normal(option) == text]
    if same:
        return same[0] if len(same) == 1 else None
    named = _named(text, options)
    if len(named) != 1:
        return None
    (choice,) = named
    own = normal(options[choice])
    if text == own or text.startswith(f"{own} "):
        return choice
    return None if _DENIAL.search(said) and not _DENIAL.search(options[choice]) else choice


def _named(text: str, options: Sequence[str]) -> set[int]:
    """The options whose words stand in the text, those left out that stand there only within the words of a longer one."""
    found: set[int] = set()
    left = f" {text} "
    for place in sorted(range(len(options)), key=lambda n: -len(normal(options[n]))):
        own = normal(options[place])
        if own and f" {own} " in left:
            found |= {n for n, option in enumerate(options) if normal(option) == own}
            left = left.replace(f" {own} ", " | ")
    return found


def _leading(text: str, options: Sequence[str]) -> int | None:
    """The option whose words the text begins with, the longest of them."""
    begun = [n for n, option in enumerate(options) if normal(option) and f"{text} ".startswith(f"{normal(option)} ")]
    return max(begun, key=lambda n: len(normal(options[n])), default=None)


def _nothing_said(said: str, options: Sequence[str]) -> bool:
    """No option is named: two would be a contradiction, which likelihood does not settle."""
    return not _named(normal(said), options)


def plain(text: str) -> str:
    """As answers are compared: words without articles, numbers as digits."""
    return " ".join(_NUMBERS.get(word, word) for word in normal(text).split() if word not in _ARTICLES)
