"""Labels in words: ``dog_bark`` → “a dog barks”, “the bark of a dog”, “three barks”. Rules, and a file for what rules do not know.

The file (``lexicon.yaml``) was written by hand, from general knowledge; no caption or label of an evaluation set went into it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal

from auricle.data.world.grammar import MASS, bare, base_form, deed, is_plural, participle, plural, third_person, with_article

Kind = Literal["event", "texture", "bed", "speech", "music"]

_SMALL = frozenset(
    (
        "a",
        "an",
        "and",
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
        first, _, rest = verb.partition(" ")
        return subject, f"{participle(base_form(first))} {rest}".strip()


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
    entries, spellings = _file()
    name = normal(label)
    known = spellings.get(name)
    return entries[known] if known else _by_rule(name)


def instrument(name: str) -> Words:
    """What plays: ``violin`` → “a violin plays”, “someone plays the violin”, “violin music”."""
    noun = normal(name)
    subject = with_article(noun)
    verb = "play" if is_plural(noun) else "plays"
    says = ((subject, verb), ("someone", f"plays the {noun}"), ("a musician", f"plays the {noun}"))
    names = (f"the sound of {subject}", f"{noun} music", f"the playing of {subject}")
    return Words(noun, says, names, "", "music", noun)


@lru_cache(maxsize=200_000)
def related(one: str, other: str) -> bool:
    """Whether the two are too alike for one to be called absent where the other is heard: the same group, or a word in common."""
    if one == other:
        return True
    a, b = words_for(one), words_for(other)
    return a.group == b.group or not _content(one).isdisjoint(_content(other))


def find(text: str) -> str | None:
    """The one label of the file that a caption is about, by the longest spelling in it; None where there is none or several."""
    entries, spellings = _file()
    padded = f" {' '.join(normal_caption(text))} "
    hits = [(spelling, label) for spelling, label in spellings.items() if f" {spelling} " in padded]
    longest = [label for spelling, label in hits if not any(f" {spelling} " in f" {more} " for more, _ in hits if more != spelling)]
    found = set(longest)
    return entries[found.pop()].label if len(found) == 1 else None


def normal_caption(text: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower())


def _content(label: str) -> frozenset[str]:
    return frozenset(deed(w) or w for w in normal(label).split() if w not in _SMALL)


def _by_rule(name: str) -> Words:
    words = name.split()
    first, last = deed(words[0]), deed(words[-1])
    place = next((i for i, w in enumerate(words) if i and w in _SMALL), 0)
    if place and (known := _file()[1].get(" ".join(words[:place]))):  # rain on a tin roof
        return _placed(name, _file()[0][known], " ".join(words[place:]))
    if len(words) > 1 and last:  # dog bark, glass breaking
        return _acting(name, " ".join(words[:-1]), last, words[-1])
    if len(words) > 1 and first and words[0].endswith("ing") and words[1] not in _SMALL:  # breaking glass
        return _acting(name, " ".join(words[1:]), first, first)
    if len(words) == 1 and first:  # splashing
        gerund = participle(first)
        return Words(name, (("something", third_person(first)),), (gerund, f"the sound of {gerund}"), "", "event", first)
    doing = len(words) > 1 and words[0].endswith("ing") and words[1] in _SMALL  # washing up
    noun = name if doing else with_article(name)
    many = is_plural(name)
    says = ((noun, "sound" if many else "sounds"), (noun, "are heard" if many else "is heard"))
    unit = "" if many or doing or words[-1] in MASS else name
    known = _file()[1].get(words[-1])  # forest birds
    kind, group = (_file()[0][known].kind, _file()[0][known].group) if known and len(words) > 1 else ("event", words[-1])
    return Words(name, says, (noun, f"the sound of {noun}"), unit, kind, group)


def _placed(name: str, words: Words, place: str) -> Words:
    says = tuple((subject, f"{verb} {place}") for subject, verb in words.says)
    noun = f"{with_article(name.removesuffix(place).strip())} {place}"
    return Words(name, says, (noun, f"the sound of {noun}"), "", words.kind, words.group)


def _acting(name: str, subject: str, verb: str, written: str) -> Words:
    who = with_article(subject)
    says = ((who, verb if is_plural(subject) else third_person(verb)),)
    names = (f"the {participle(verb)} of {who}", f"the sound of {who} {participle(verb)}")
    return Words(name, says, names, written if written == verb else "", "event", subject.split()[-1])


@cache
def _file() -> tuple[Mapping[str, Words], Mapping[str, str]]:
    """(label → words, spelling → label)."""
    import yaml

    text = resources.files("auricle.data.world").joinpath("lexicon.yaml").read_text("utf-8")
    document: dict[str, dict[str, Any]] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    entries = {label: _entry(label, value) for label, value in document.items()}
    spellings: dict[str, str] = {}
    for label, value in document.items():
        for spelling in _spellings([label, *value.get("also", ())]):
            spellings.setdefault(spelling, label)
    return entries, spellings


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
