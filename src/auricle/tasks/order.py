# ruff: noqa: E501 — a pattern of alternatives is read in one line
"""Order in words: what is heard first, what then, and what at the same time.

    in_order("after the bell rings, a dog barks while it rains")  →  steps (("the bell rings",), ("a dog barks", "it rains"))

A reader of how people say it, not a grammar: it looks for words of time and takes what stands between them for sounds. What it does not
understand stays part of a sound; a text without words of time has no steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """``steps``: in the order in which they are heard; the sounds of one step at the same time. ``throughout``: behind all of them."""

    steps: tuple[tuple[str, ...], ...] = ()
    throughout: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def sounds(self) -> tuple[str, ...]:
        """Every sound once, in order."""
        return tuple(dict.fromkeys([*(sound for step in self.steps for sound in step), *self.throughout]))


_SOON = (
    r"(?:(?:very |quite )?(?:shortly|soon|immediately|right|just|straight|directly|not long|long|(?:a )?moments?|some ?time|"
    r"(?:a|an|one|two|three|five|ten|\d+|a few|several|some) (?:moments?|seconds?|minutes?|beats?|while))\s+)?"
)
_OVER = (
    r"(?:(?:(?:is|are|has|have|was|were) (?:all )?(?:over|done|gone|ended|stopped|finished|ceased|passed|died (?:away|down)|faded(?: away)?))|"
    r"ends?|ended|stops?|stopped|finish(?:es|ed)?|ceases?|dies (?:away|down)|fades(?: (?:away|out))?)\b"
)
_ADVERB = r"(?:finally|eventually|lastly|subsequently|ultimately|in the end|at the end|at last|to finish)"
_NO_ORDER = re.compile(  # words of time that say nothing of order, and "as", "next" that say nothing of time
    r"\b(?:now and then|then and there|since then|back then|even then|until then|one after (?:another|the other)|(\w+) after \1|as well(?: as)?|"
    r"as (?:if|though|usual|loud as|far as)|such as|same as|known as|next (?:to|door)|before long|after all|never before|"
    r"like before|as before|before and after|look(?:s|ing)? after|(?:sounds?|serves?|used) as)\b",
    re.IGNORECASE,
)
_AT_ONCE = r"at the same time|simultaneously|meanwhile|in the meantime|all the while|concurrently"
# Of what stands to the left and to the right of it. The first that fits counts; longer ones stand before what they begin with.
_WORDS: tuple[tuple[str, str], ...] = (
    ("then", r"\band then\b|\bbut then\b|\bonly then\b"),
    ("then", rf"\b(?:is|are|which is|being)?\s*{_SOON}followed\s+{_SOON}by\b|\bgiv(?:es|e|ing) way to\b|\bturn(?:s|ing)? into\b|\bmakes way for\b"),
    ("then", r"\b(?:and )?(?:only )?(?:shortly |soon |right |immediately |just )?(?:after (?:that|this|which|it)\b|afterwards?\b|thereafter\b)"),
    ("then", r"\b(?:and )?(?:then )?(?:as soon as|once|when) (?:that|this|it|they) " + _OVER + r"\b,?"),
    ("then", rf"\b(?:and )?(?:then )?{_ADVERB}\b"),
    ("then", r"\b(?:and )?end(?:s|ing)? (?:up )?(?:with|in|on)\b|\bto end with\b"),
    ("then", rf"\b(?:and )?(?:only )?{_SOON}later(?: on)?\b"),
    ("then", r"\b(?:comes?|heard|occurs?|happens?|starts?|begins?)?\s*\bprior to\b|\bpreced(?:es|ing)\b|\bahead of\b|\bleading (?:up )?to\b"),
    ("preceded", rf"\b(?:is|are|which is|being)?\s*preceded\s+{_SOON}by\b"),
    ("together", rf"(?:(?<=[,;.]\s)|\band )(?:{_AT_ONCE})\b|\b(?:{_AT_ONCE}) (?:as|with)\b|\bmeanwhile\b"),
    ("together", r"\b(?:is |are )?overlap(?:s|ping|ped)? (?:with|by)\b|\btogether with\b|\balong(?:side)?(?: with)?\b(?= (?:an?|the|some)\b)"),
    ("during", r"\b(?:during|throughout|while|whilst|whereas)\b"),
    ("during", r"\b(?:just )?as\b(?=\s+(?:an?|the|some(?:one|body|thing)?|people|it|he|she|they|many|several|two|three|another|we|his|her|its)\b)"),
    ("once", r"\b(?:as soon as|once|when|after)\b(?=[^,;.]*?\s" + _OVER + r"\s*(?:,|\band\b|$))"),
    ("after", rf"\b(?:comes? |heard |occurs? |happens? |starts? |begins? )?{_SOON}(?:after|following)\b|\bfollows\b"),
    ("after", r"\bonce\b|\bas soon as\b"),
    ("before", rf"\b(?:comes? |heard |occurs? |happens? |starts? |begins? )?{_SOON}before\b|\buntil\b|\btill\b"),
    ("then", r"(?<=[,;.]\s)(?:and )?next\b|\band next\b|\bthen\b|\bnext,|\s*(?:->|→|⇒)\s*"),
)  # fmt: skip
_ANY = re.compile("|".join(f"(?P<w{n}>{pattern})" for n, (_, pattern) in enumerate(_WORDS)), re.IGNORECASE)
_FIRST = re.compile(
    r"^(?:(?:at|to)\s+(?:first|begin with|start with|the (?:start|beginning))|in the beginning|first(?:ly)?(?: of all)?|initially|"
    r"(?:it |the (?:clip|recording|sound) )?(?:starts?|begins?|beginning|starting|opens?) (?:out |off )?with)\b,?\s*(?:comes?\b|there (?:is|are)\b)?\s*",
    re.IGNORECASE,
)
_CARRIER = re.compile(
    r"^(?:(?:and|but|so|then|listen|there (?:is|are|was|were|comes?)|there's|comes|(?:you|we|i|one) (?:can )?hears?|it is|(?:in|on) (?:this|the) "
    r"(?:clip|recording|audio|file)|(?:the |an? )?(?:sounds?|noises?|recordings?) of|hearing)\b[:,]?\s*)+",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:[\s,;:.–—-]+|\s+(?:and|but|or|with|only|is|are|comes?|(?:can|could) be heard|is (?:heard|audible)|are (?:heard|audible)|please|finally|first))+$",
    re.IGNORECASE,
)
_SETTING = re.compile(r"^(?:in|inside|within|on|at|near|outside|indoors|outdoors|from)\b", re.IGNORECASE)
_MANNER = re.compile(
    r"^(?:\w+ly|loud(?:er)?|quiet(?:er)?|soft(?:er)?|close|near(?:by)?|far|fast|slow|again|very|with|up|all)\b", re.IGNORECASE
)
_BEHIND = re.compile(
    r"(?:,?\s*(?:\bwith\b|\band\b|\bagainst\b|\bover\b)\s+|[,;.]\s*|^)((?:(?!\bwith\b|\bthen\b|\bwhile\b|\bbefore\b|\bafter\b|[,;.]).)+?)\s+"
    r"(?:(?:can be |is |are )?(?:heard )?)in the background\b",
    re.IGNORECASE,
)
_LATE = re.compile(  # “…, a bell rings two seconds later” → “…, then a bell rings”
    rf"(?:([,;.])\s+(?:and\s+)?|\s+and\s+)((?:(?!\band\b|\bthen\b)[^,;.])+?)\s+(?:{_SOON}later(?: on)?|afterwards?|after that|{_ADVERB})(?=\s*(?:[,;.]|$))",
    re.IGNORECASE,
)
_BOTH = re.compile(r",?\s+(?:at the same time|simultaneously|at once|in unison|together)\s*$", re.IGNORECASE)
_ENDS = re.compile(rf"^(.{{2,}}?)\s+{_OVER},?\s+and\s+(?!then\b)(.+)$", re.IGNORECASE)
_NOTHING = re.compile(
    r"^(?:(?:an?|the|it|that|this|they|he|she|them|everything|all|which|sounds?|noises?|something|both|is|are|was|again|more|moment|second|seconds|"
    rf"later|heard|there|on|of|in|and|so|too|once|now|just|only|few|suddenly|{_OVER})\s*)*$",
    re.IGNORECASE,
)


def in_order(text: str) -> Order:
    """The steps that a text tells of; none where it says nothing of time, or where only one sound is left. Quoted words are left alone."""
    hidden: list[str] = []

    def hide(match: re.Match[str]) -> str:
        hidden.append(match.group(0))
        return f"\x00{len(hidden) - 1}\x00"

    text = re.sub(r"[“\"][^”\"]*[”\"]", hide, " ".join(text.replace("\x00", " ").split()))
    text = _NO_ORDER.sub(hide, text)

    def show(part: str) -> str:
        while (plain := re.sub(r"\x00(\d+)\x00", lambda m: hidden[int(m.group(1))], part)) != part:
            part = plain
        return part

    behind: list[str] = []

    def put_behind(match: re.Match[str]) -> str:
        behind.append(match.group(1))
        return ""

    steps = _steps(_LATE.sub(r"\1 then \2", _BEHIND.sub(put_behind, text)))
    if sum(len(step) for step in steps) < 2:
        return Order()
    shown = tuple(tuple(dict.fromkeys(show(sound) for sound in step)) for step in steps)
    return Order(shown, tuple(dict.fromkeys(show(sound) for part in behind if (sound := _sound(part)))))


def _steps(text: str) -> list[list[str]]:
    found = _cut(text)
    if len(found) == 1 and not found[0][0]:
        return _alone(text)
    listed = any(word == "then" for word, _, _ in found)
    steps: list[list[str]] = []
    waiting: list[list[str]] | None = None  # "before X, …": X comes after what follows
    for word, part, leads in found:
        ahead, rest = _divided(part) if leads else (part, "")
        if leads and rest:
            sounds = _sounds(ahead, over=word == "once")
            if word == "before":
                waiting = sounds
                steps += _sounds(rest)
            elif word == "during":
                steps.append([s for step in [*sounds, *_sounds(rest)] for s in step])
            else:
                steps += [*sounds, *_sounds(rest)]
            continue
        sounds = _sounds(part, over=word == "once", listed=listed)
        if not sounds:
            continue
        if word in ("after", "once", "preceded") and not leads and steps:  # “Y after X”
            steps[-1:-1] = sounds
        elif word in ("together", "during") and not leads and steps:
            steps[-1] = [*steps[-1], *sounds[0]]
            steps += sounds[1:]
        else:
            steps += sounds
        if waiting is not None:
            steps, waiting = [*steps, *waiting], None
    return [step for step in [*steps, *(waiting or [])] if step]


def _cut(text: str) -> list[tuple[str, str, bool]]:
    """Pieces with the word of time before each, and whether that word opens a clause of its own."""
    pieces: list[tuple[str, str, bool]] = []
    at, word, leads = 0, "", False
    for match in _ANY.finditer(text):
        before = text[at : match.start()]
        if at or before.strip(" ,;.:"):
            pieces.append((word, before, leads))
        word = _WORDS[int((match.lastgroup or "w0")[1:])][0]
        opened = text[: match.start()].rstrip()
        leads = word in ("after", "once", "before", "during") and (
            not opened or opened[-1] in ",;.:" or bool(re.search(r"\b(?:and|but|then)$", opened))
        )
        at = match.end()
    pieces.append((word, text[at:], leads))
    return pieces


def _divided(part: str) -> tuple[str, str]:
    """“X, Y” of “after X, Y”."""
    ahead, _, rest = part.partition(",")
    return (ahead, rest) if _sounds(rest) else (part, "")


def _alone(text: str) -> list[list[str]]:
    """A text without a word of time between sounds: “A and B at the same time”, “A stops and B starts”, “first A, B in the end”."""
    return _sounds(text) if _BOTH.search(_TAIL.sub("", text)) or _ENDS.match(text) or _FIRST.match(text) else []


def _sounds(part: str, *, over: bool = False, listed: bool = False) -> list[list[str]]:
    """The steps of a piece in which no word of time is left. over: it names what has ended; listed: commas part what follows each other."""
    part = _TAIL.sub("", part).strip(" ,;:.")
    if match := _ENDS.match(part):
        return [*_sounds(match.group(1)), *_sounds(match.group(2))]
    part = _FIRST.sub("", part)
    if both := _BOTH.search(part):
        sounds = [s for p in re.split(r",\s*(?:and\s+)?|\s+and\s+", part[: both.start()]) if (s := _sound(p))]
        return [sounds] if sounds else []
    if over:
        part = re.sub(rf"\s+{_OVER}\s*$", "", part, flags=re.IGNORECASE)
    kept: list[str] = []
    for piece in re.split(r"[,;.]\s+", part):
        if kept and _SETTING.match(piece):
            continue
        if kept and not (listed and not _MANNER.match(piece)):
            kept[-1] = f"{kept[-1]}, {piece}"
        else:
            kept.append(piece)
    if len(kept) > 1 and _SETTING.match(kept[0]):
        del kept[0]
    return [[sound] for piece in kept if (sound := _sound(piece))]


def _sound(part: str) -> str:
    """A piece without what only says that it is heard; "" where nothing is left."""
    before = None
    while before != part:
        before = part
        part = _TAIL.sub("", part).strip(" ,;:.")
        part = _CARRIER.sub("", _FIRST.sub("", part))
    return "" if _NOTHING.match(part) else part
