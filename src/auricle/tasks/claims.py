# ruff: noqa: E501 — a pattern of alternatives is read in one line
"""What a sentence claims to be heard: its clauses, and the sound that each one names.

    claims("A dog barks twice, then rain falls softly in the distance.")  →  "A dog barks" (twice), "rain falls" (softly …)

A reader of how captions are written, not a grammar: it cuts at commas and at words that join ("and", "then", "while", "followed by" …).
What names no sound of its own (a place, a distance, "no wind") is no claim, and stays with the clause before it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_JOIN = re.compile(
    r"\s*(?:[;:]|[,.](?!\d))\s*(?:(?:and|but)\s+)?(?:(?:then|next|later|meanwhile|after (?:that|this)|afterwards?|finally|in the end|at last|at the same (?:time|moment))\b[,;:]?\s*)?(?:(?:while|as|with|during|before|after|followed by)\s+)?"
    r"|\s+(?:and|but)\s+(?:(?:then|next|later|meanwhile|after that|finally|in the end|at last|at the same (?:time|moment))\b,?\s*)?"
    r"|\s+(?:then|while|whilst|as(?=\s+(?:an?|the|some\w*|people|rain|wind|water|music|he|she|it|they)\b)|during|before|after|with(?! (?:no|much|a lot of|an? (?:loud|soft|short|long|slow|fast|low|high)\b))|followed by|preceded by|together with|along with|alongside|over(?=\s+(?:an?|the)\b)|plus)\s+",
    re.IGNORECASE,
)
_CARRIER = re.compile(
    r"^(?:(?:and|but|so|then|because|since|(?:at )?first(?: comes?)?|later|listen|only|just|nothing but|also|both|yes|there (?:is|are|comes?)|there's|comes|(?:you|we|i|one) (?:can )?hears?|it is|(?:in|on) (?:this|the) (?:clip|recording|audio|file)|hearing|"
    r"during|while|as|before|after|with|(?:the |an? |some )?(?:sounds?|noises?|recordings?|audio|clips?) (?:of|features?|contains?)|the (?:playing|ring|hit|patter|rumble|howling|zap|thump)(?= of))\b[:,]?\s*)+",
    re.IGNORECASE,
)
_TIMES = r"(?:once|twice|thrice|(?:two|three|four|five|six|seven|eight|nine|ten|several|many|\d+)(?: or more)? times|again(?: and again)?|repeatedly|×\s*\d+)"
_MANNER = re.compile(
    rf"(?:[\s,]*\b(?:{_TIMES}|(?:very |quite |rather )?(?:softly|loudly|quietly|faintly|gently|slowly|quickly|rapidly|briefly|nearby|near|close(?: by)?|closely|far(?: away| off)?|up close|from afar|clearly|continuously|steadily|louder|outside|inside|indoors|outdoors)|"
    r"at (?:a (?:slow|moderate|medium|fast) tempo|high volume)|in (?:a )?(?:(?:slow|quick) tempo|major|minor)(?: key)?|(?:in a|on) (?:low|high) (?:register|notes)|simultaneously|a long way off|right next to the microphone|in the (?:distance|background|foreground)|at a distance|for (?:a (?:while|moment)|about \S+ seconds?)|(?:can|could) be heard|(?:is|are) (?:heard|audible)|at (?:once|the same (?:time|moment))|making (?:a|its) sound|makes? (?:a|its) sound|sounding)\b)+[\s.]*$",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"^(?:(?:in|inside|within|on|at|near|from|out|into|through|across|to|under|next|right|up|outdoors?|indoors?|outside|around)\b.*|"
    rf"(?:{_TIMES}|(?:very |quite )?(?:near(?:by)?|far|close|softly|loudly|quietly|slowly|quickly).*|all|both|it|again|much echo|an? echo)?)$",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"\b(?:no|not|without|neither|nor|never|nothing|nobody|none|silence|silent|lacks?|absent)\b", re.IGNORECASE)
_LACKING = re.compile(r"\s+(?:with no|without|but no)\b.*$", re.IGNORECASE)  # what is denied behind a sound denies another
_COUNT = re.compile(
    r"^(?:two|three|four|five|six|seven|eight|nine|ten|several|many|a few|some|\d+)\s+(?!(?:is|are|was|were)\b)(?=\w+s\b)", re.IGNORECASE
)
_SETTING = re.compile(
    r"\s+in (?:an?|the) [\w ]*\b(?:room|hall|street|church|cave|space|studio|forest|city|corridor|place)\b.*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Claim:
    """``text``: the clause as it stands, from ``start`` to ``end`` of the sentence. ``sound``: what is to be heard, without count, manner and place."""

    text: str
    sound: str
    start: int
    end: int


def claims(sentence: str) -> tuple[Claim, ...]:
    """In the order in which they are written; none where nothing is claimed to be heard."""
    found: list[Claim] = []
    for start, end in _clauses(sentence):
        text = sentence[start:end]
        sound = _sound(text)
        if sound:
            found.append(Claim(text, sound, start, end))
        elif found:  # a place or a manner belongs to what it follows
            before = found[-1]
            found[-1] = Claim(sentence[before.start : end], before.sound, before.start, end)
    return tuple(found)


def repeated(every: Sequence[Claim]) -> tuple[Claim, ...]:
    """Claims whose sound was named before."""
    return tuple(claim for place, claim in enumerate(every) if any(_same(claim.sound, other.sound) for other in every[:place]))


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def without(sentence: str, dropped: Collection[Claim]) -> str:
    """The sentence without some of its claims; "" where none is left. Words that tied a claim to one that is gone go with it."""
    every = claims(sentence)
    if not dropped:
        return sentence
    text = ""
    for place, claim in enumerate(every):
        if claim in dropped:
            continue
        if text:
            tied = every[place - 1] not in dropped
            text += sentence[every[place - 1].end : claim.start] if tied else " and "
        text += claim.text
    text = text.strip(" ,;:")
    if not text:
        return ""
    ending = "." if sentence.rstrip().endswith(".") and not text.endswith(".") else ""
    return (text[:1].upper() + text[1:] if sentence[:1].isupper() else text) + ending


def _clauses(sentence: str) -> list[tuple[int, int]]:
    spans, at = [], 0
    for match in _JOIN.finditer(sentence):
        if match.start() > at:
            spans.append((at, match.start()))
        at = match.end()
    if at < len(sentence):
        spans.append((at, len(sentence)))
    return [(start, end) for start, end in spans if sentence[start:end].strip()]


def _sound(clause: str) -> str:
    clause = _LACKING.sub("", clause)
    if _DENIAL.search(clause):
        return ""
    part, before = clause.strip(" .,;:!?“”\"'"), None
    while part != before:
        before = part
        part = _SETTING.sub("", _MANNER.sub("", _CARRIER.sub("", part))).strip(" .,;:!?")
        part = re.sub(r"^of\s+", "", part)
    return "" if _PLACE.match(part) else _COUNT.sub("", part)
