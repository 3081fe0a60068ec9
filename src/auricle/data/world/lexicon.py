"""Labels in words: ``dog_bark`` → “a dog barks”, “the bark of a dog”, “three barks”. Rules, and a file for what rules do not know.

The file (``lexicon.yaml``) was written by hand, from general knowledge; no caption or label of an evaluation set went into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal

from auricle.data.world.grammar import MASS, bare, deed, going, is_plural, participle, plural, third_person, with_article

Kind = Literal["event", "texture", "bed", "speech", "music"]

_SMALL = frozenset(
    (
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "her",
        "his",
        "in",
        "into",
        "of",
        "off",
        "on",
        "or",
        "out",
        "over",
        "past",
        "the",
        "their",
        "through",
        "to",
        "up",
        "with",
    )
)


@dataclass(frozen=True, slots=True)
class Words:
    """How one label is said. ``says``: (subject, what it does); ``names``: noun phrases; ``unit``: what one of it is called, or ""."""

    label: str
    says: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    unit: str = ""
    kind: Kind = "event"
    group: str = ""

    def doing(self, index: int) -> tuple[str, str]:
        """(subject, participle and what follows): ``("a door", "slamming shut")``."""
        subject, verb = self.says[index % len(self.says)]
        return subject, going(verb)


def normal(label: str) -> str:
    """``Dog_Bark-03`` → ``dog bark``; what follows a comma or stands in brackets is an explanation and goes."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label)
    text = re.sub(r"\(.*?\)", " ", text).split(",")[0]
    text = re.sub(r"[_/\-.]+", " ", text).lower()
    text = re.sub(r"\b\d+\b", " ", text)
    return " ".join(text.split()) or label.lower().strip()


@lru_cache(maxsize=10_000)
def words_for(label: str) -> Words:
    """From the file where it knows the label or another spelling of it, else by rule."""
    lexicon = _file()
    name = normal(label)
    known = next((lexicon.spellings[v] for v in _variants(name) if v in lexicon.spellings), None)
    return lexicon.entries[known] if known else _by_rule(name)


def instrument(name: str) -> Words:
    """What plays: ``violin`` → “a violin plays”, “someone plays the violin”, “violin music”."""
    label = normal(name)
    noun = " ".join(w.capitalize() if w in _file().languages else w for w in label.split())
    subject = with_article(noun)
    verb = "play" if is_plural(noun) else "plays"
    says = ((subject, verb), ("someone", f"plays the {noun}"), ("a musician", f"plays the {noun}"))
    names = (f"the sound of {subject}", f"{noun} music", f"the playing of {subject}")
    return Words(label, says, names, "", "music", label)


@lru_cache(maxsize=200_000)
def related(one: str, other: str) -> bool:
    """Whether the two are too alike for one to be called absent where the other is heard: the same group, or a word in common."""
    if one == other:
        return True
    a, b = words_for(one), words_for(other)
    return a.group == b.group or not _content(one).isdisjoint(_content(other))


def find(text: str) -> str | None:
    """The one label of the file that a caption is about, by the longest spelling in it; None where there is none or several."""
    spellings = _file().spellings
    padded = f" {' '.join(normal_caption(text))} "
    hits = [(spelling, label) for spelling, label in spellings.items() if f" {spelling} " in padded]
    longest = [label for spelling, label in hits if not any(f" {spelling} " in f" {more} " for more, _ in hits if more != spelling)]
    found = set(longest)
    return found.pop() if len(found) == 1 else None


def normal_caption(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def _content(label: str) -> frozenset[str]:
    return frozenset(deed(w) or w for w in normal(label).split() if w not in _SMALL)


def _variants(name: str) -> Iterator[str]:
    """Other ways to write a label: ``wings flapping`` and ``flapping wings`` → ``wing flap``."""
    yield name
    words = name.split()
    if len(words) == 1:
        return
    for verb, subject in ((deed(words[-1]), words[:-1]), (deed(words[0]) if words[0].endswith("ing") else None, words[1:])):
        if verb:
            yield " ".join([*subject, verb])
            yield " ".join([*subject[:-1], subject[-1].removesuffix("s"), verb])


def _by_rule(name: str) -> Words:
    lexicon = _file()
    words = name.removesuffix(" sound").split()
    if words[-1] in ("speech", "speaking") and words[0] in lexicon.languages:  # german speech
        tongue = words[0].capitalize()
        says = (("someone", f"speaks {tongue}"), ("a voice", f"speaks {tongue}"))
        return Words(name, says, (f"{tongue} speech", f"a voice in {tongue}"), "", "texture", "voice")
    if name in lexicon.instruments:
        return instrument(name)
    place = next((i for i, w in enumerate(words) if i and w in _SMALL - {"or", "and", "of", "as"}), 0)
    if place and (known := lexicon.spellings.get(" ".join(words[:place]))):  # rain on a tin roof
        return _placed(name, lexicon.entries[known], " ".join(words[place:]))
    return _deed(name, words) or _thing(name, words)


def _deed(name: str, words: Sequence[str]) -> Words | None:
    """Labels that say what happens."""
    first, last = deed(words[0]), deed(words[-1])
    if "being" in words[1:-1]:  # fire being put out
        at = words.index("being", 1)
        who = with_article(" ".join(words[:at]))
        says = ((who, f"is {' '.join(words[at + 1 :])}"),)
        return Words(
            name, says, (f"{who} {' '.join(words[at:])}", f"the sound of {who} {' '.join(words[at:])}"), "", "event", words[at - 1]
        )
    for at, word in enumerate(words[1:], 1):  # bus pulling away
        if word.endswith("ing") and (verb := deed(word)) and not _SMALL & {*words[:at]} - {"or", "and"}:
            return _acting(name, words[:at], verb, word, words[at + 1 :])
    if len(words) > 1 and last in ("hit", "strike", "rip", "tear"):  # stone hit
        who = with_article(" ".join(words[:-1]))
        says = ((who, {"hit": "is hit", "strike": "is struck", "rip": "is ripped", "tear": "is torn"}[last]),)
        return Words(name, says, (f"a hit on {who}",) if last == "hit" else (f"{who} being {says[0][1][3:]}",), "", "event", words[-2])
    if len(words) > 1 and first and words[0].endswith("ing") and words[1] not in _SMALL:  # breaking glass
        return _acting(name, words[1:], first, words[0])
    if len(words) > 1 and last and not words[-1].endswith("ing") and not _SMALL & {*words}:  # dog bark
        return _acting(name, words[:-1], last, words[-1])
    if len(words) == 1 and first:  # splash
        gerund = participle(first)
        return Words(name, (("something", third_person(first)),), (gerund, f"the sound of {gerund}"), "", "event", first)
    if len(words) == 1 and len(words[0]) > 5 and words[0].endswith("ing") and words[0] not in ("string", "spring"):  # skiing
        return Words(name, (("someone", f"is {words[0]}"),), (words[0], f"the sound of {words[0]}"), "", "event", words[0])
    return None


def _thing(name: str, words: Sequence[str]) -> Words:
    """Labels that name what sounds."""
    lexicon = _file()
    plain = " ".join(w.capitalize() if w in lexicon.languages or w == "morse" else w for w in words)
    doing = len(words) > 1 and words[0].endswith("ing") and words[1] in _SMALL - {"of"}  # washing up
    head = next((i for i, w in enumerate(words) if i and w in _SMALL), len(words))
    many = is_plural(" ".join(words[:head]))
    noun = plain if doing or many or words[head - 1] in MASS else with_article(plain)
    says = ((noun, "sound" if many else "sounds"), (noun, "make a sound" if many else "makes a sound"))
    unit = "" if many or doing or head < len(words) or words[-1] in MASS else plain
    known = lexicon.spellings.get(words[head - 1])  # forest birds
    found = lexicon.entries[known] if known and len(words) > 1 else None
    kind, group = (found.kind, found.group) if found else ("event", words[head - 1])
    return Words(name, says, (noun, f"the sound of {noun}"), unit, kind, group)


def _placed(name: str, words: Words, place: str) -> Words:
    says = tuple((subject, verb if place in verb else f"{verb} {place}") for subject, verb in words.says)
    noun = f"{with_article(name.removesuffix(place).strip())} {place}"
    return Words(name, says, (noun, f"the sound of {noun}"), "", words.kind, words.group)


def _acting(name: str, subject: Sequence[str], verb: str, written: str, rest: Sequence[str] = ()) -> Words:
    who, after = with_article(" ".join(subject)), " ".join(rest)
    says = ((who, f"{verb if is_plural(' '.join(subject)) else third_person(verb)} {after}".strip()),)
    doing = f"{who} {participle(verb)} {after}".strip()
    names = (doing, f"the sound of {doing}") if rest else (f"the {participle(verb)} of {who}", f"the sound of {doing}")
    return Words(name, says, names, written if written == verb and not rest else "", "event", subject[-1])


@dataclass(frozen=True)
class _Lexicon:
    """label → words, spelling → label, and the names of instruments and languages."""

    entries: Mapping[str, Words]
    spellings: Mapping[str, str]
    instruments: frozenset[str]
    languages: frozenset[str]


@cache
def _file() -> _Lexicon:
    import yaml

    text = resources.files("auricle.data.world").joinpath("lexicon.yaml").read_text("utf-8")
    document: dict[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    instruments, languages = (frozenset(document.pop(key)) for key in ("_instruments", "_languages"))
    entries = {label: _entry(label, value) for label, value in document.items()}
    spellings: dict[str, str] = {}
    for label, value in document.items():
        for spelling in _spellings([label, *value.get("also", ())]):
            spellings.setdefault(spelling, label)
    return _Lexicon(entries, spellings, instruments, languages)


def _spellings(labels: Iterable[str]) -> Iterable[str]:
    for label in labels:
        name = normal(label)
        yield name
        if not is_plural(name):
            yield plural(name)


def _entry(label: str, value: Mapping[str, Any]) -> Words:
    says = tuple((subject, verb) for subject, _, verb in (line.partition("|") for line in value["says"] if isinstance(line, str)))
    return Words(
        label=label, says=says, names=tuple(value["names"]), unit=value.get("unit", ""),
        kind=value.get("kind", "event"), group=value.get("group") or bare(label).split()[-1],
    )  # fmt: skip
