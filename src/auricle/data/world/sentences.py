"""Sentences as values: what is said of a scene, its text, and the claims that make it true or false.

A :class:`Sentence` holds no text. :func:`text` words it by its ``style`` in slots named by the sound, so that a sentence of which
one thing is changed keeps the words of everything else; :func:`claims` says what must hold for it to be true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from auricle.data.world.claims import Claim
from auricle.data.world.grammar import (
    bare,
    capital,
    chance,
    going,
    is_plural,
    joined,
    number,
    pick,
    plural,
    times,
    with_article,
)
from auricle.data.world.lexicon import Words

Form = Literal["one", "list", "together", "then", "before", "after", "louder", "only", "nothing"]


@dataclass(frozen=True, slots=True)
class Mention:
    """One sound, and what is said of it; an empty value: not said."""

    words: Words
    n: int = 0
    distance: str = ""  # near, far
    loudness: str = ""  # loudest, quietest
    quote: str = ""
    speaker: str = ""  # man, woman, child
    pace: str = ""  # slow, moderate, fast
    register: str = ""  # low, high
    mode: str = ""  # major, minor

    @property
    def label(self) -> str:
        return self.words.label

    def claims(self) -> list[Claim]:
        said = [Claim("count", self.label, n=self.n) if self.n else Claim("present", self.label)]
        if self.distance:
            said.append(Claim("distance", self.label, text=self.distance))
        if self.loudness:
            said.append(Claim(self.loudness, self.label))
        if self.quote:
            said.append(Claim("says", text=self.quote))
        for name in ("pace", "register", "mode", "speaker"):
            if value := getattr(self, name):
                said.append(Claim(name, self.label, text=value))
        return said


@dataclass(frozen=True, slots=True)
class Sentence:
    """``mentions``: in the order in which they are heard, for then, before and after; the louder one first, for louder."""

    form: Form
    mentions: tuple[Mention, ...]
    style: int
    bed: Words | None = None
    room: str = ""
    lacking: Words | None = None


def claims(sentence: Sentence) -> tuple[Claim, ...]:
    said = [claim for mention in sentence.mentions for claim in mention.claims()]
    pairs = [(a.label, b.label) for a, b in pairwise(sentence.mentions)]
    if sentence.form in ("then", "before", "after"):
        said += [Claim("before", a, b) for a, b in pairs]
    elif sentence.form in ("together", "louder"):
        said += [Claim(sentence.form, a, b) for a, b in pairs]
    elif sentence.form == "only":
        said.append(Claim("only", sentence.mentions[0].label))
    elif sentence.form == "nothing":
        said += [Claim("nothing"), Claim("background", sentence.bed.label if sentence.bed else "")]
    if sentence.bed and sentence.form != "nothing":
        said.append(Claim("background", sentence.bed.label))
    if sentence.room:
        said.append(Claim("room", text=sentence.room))
    if sentence.lacking:
        said.append(Claim("absent", sentence.lacking.label))
    return tuple(dict.fromkeys(said))


def text(sentence: Sentence) -> str:
    """In words; the same sentence always gives the same."""
    style = sentence.style
    core = _nothing(sentence) if sentence.form == "nothing" else _core(sentence)
    core += _room(sentence) + _bed(sentence)
    if sentence.lacking:
        lacking = pick((", but no {}", ", with no {}", "; there is no {}"), style, "lacking")
        core += lacking.format(_none_of(sentence.lacking, style))
    core = " ".join(core.split())
    return core if chance(style, "search") < 0.25 else capital(core) + ("" if core.endswith(("”", '."')) else ".")


_ONE = (
    "{f}", "{f}", "{f}", "{p}", "{x}", "there is {x}", "you can hear {x}", "one hears {p}", "the sound of {p}", "a recording of {p}",
    "{p} can be heard", "{x} is audible", "listen: {f}", "in this clip, {f}",
)  # fmt: skip
_TOGETHER = (
    "{f} while {F}", "{f} as {F}", "while {F}, {f}", "{x} and {X} at the same time", "{f}; at the same time, {F}", "{f}, and meanwhile {F}",
    "{f} with {P}", "{x} together with {X}", "{f} and {F} simultaneously", "{p} overlaps with {P}", "during {X}, {f}",
)  # fmt: skip
_BEFORE = (
    "{f} before {F}", "before {F}, {f}", "{x} comes before {X}", "{f}, and only later {F}", "{p}, ahead of {X}",
    "first comes {x}, later {X}",
)  # fmt: skip
_AFTER = (
    "{F} after {f}", "after {f}, {F}", "after {x}, {F}", "{X} comes after {x}", "{X} follows {x}",
)  # fmt: skip
_LOUDER = (
    "{x} is louder than {X}", "{f} louder than {F}", "{x}, louder than {X}", "{X} is softer than {x}", "{x} drowns out {X}",
    "compared with {X}, {x} is loud",
)  # fmt: skip


def _core(sentence: Sentence) -> str:
    style, mentions = sentence.style, sentence.mentions
    if sentence.form == "only":
        name = _noun(mentions[0], style)
        return pick(("only {}", "nothing but {}", "{}, and no other sound", "just {}"), style, "form").format(name)
    if sentence.form == "one":
        return _filled(pick(_ONE, style, "form"), mentions, style)
    if sentence.form in ("together", "before", "after", "louder"):
        forms = {"together": _TOGETHER, "before": _BEFORE, "after": _AFTER, "louder": _LOUDER}[sentence.form]
        return _filled(pick(forms, style, "form"), mentions, style)
    if sentence.form == "then":
        return _then(mentions, style)
    names = [_noun(m, style) for m in mentions]
    form = pick(("{}", "{}", "there is {}", "sounds of {}", "{} can be heard", "one hears {}", "a mix of {}"), style, "form")
    if many(names[0]):
        form = form.replace("there is", "there are")
    return form.format(joined(names))


def _filled(form: str, mentions: tuple[Mention, ...], style: int) -> str:
    """f, p, x: the first as a clause, with a participle, as a noun; F, P, X: the second. What plural subjects would need is agreed on."""
    first, second = mentions[0], mentions[1 if len(mentions) > 1 else 0]
    slots = {
        "f": _clause(first, style), "p": _participle(first, style), "x": _noun(first, style),
        "F": _clause(second, style), "P": _participle(second, style), "X": _noun(second, style),
    }  # fmt: skip
    return agreed(form, {slot: slots[slot] for slot in ("x", "X")}).format(**slots)


def agreed(form: str, nouns: Mapping[str, str]) -> str:
    """The form with its verbs in the plural where a plural noun will stand: “{x} is near”, “Does {x} overlap”, “when {x} begins”."""
    for slot, noun in nouns.items():
        if many(noun):
            form = re.sub(rf"\{{{slot}\}} (is|comes|follows|drowns|begins)\b", lambda m: f"{m[0].split()[0]} {_PLURAL[m[1]]}", form)
            form = re.sub(rf"\b(is there|is|does|comes) \{{{slot}\}}", lambda m: m[0].replace(m[1], _PLURAL[m[1].lower()], 1), form)
            form = re.sub(rf"\b(Is there|Is|Does) \{{{slot}\}}", lambda m: m[0].replace(m[1], capital(_PLURAL[m[1].lower()]), 1), form)
    return form


_PLURAL = {
    "is": "are", "is there": "are there", "does": "do", "comes": "come", "follows": "follow", "drowns": "drown", "begins": "begin",
}  # fmt: skip


def many(noun: str) -> bool:
    """Whether a noun phrase takes “are”."""
    head = noun.split(" of ")[0].split(" on ")[0].split(" in ")[0]
    return is_plural(head) and not noun.startswith(("a ", "an ", "one ")) and not head.endswith(("'s", "ss"))


def _then(mentions: tuple[Mention, ...], style: int) -> str:
    nouns = chance(style, "kind") < 0.35
    parts = [(_noun if nouns else _clause)(m, style) for m in mentions]
    if len(parts) == 2:
        forms = [
            "{0}, then {1}",
            "{0} and then {1}",
            "first {0}, then {1}",
            "{0}, after that {1}",
            "{0}; next, {1}",
            "{0}, followed by {x}",
        ]
        follower = _noun(mentions[1], style)
        return pick(forms, style, "form").format(*parts, x=follower)
    last = pick(("and finally", "and at last", "and in the end"), style, "last")
    link = pick(("then", "after that", "next"), style, "link")
    opening = pick(("", "first ", "at first "), style, "opening")
    return f"{opening}{parts[0]}, {', '.join(f'{link} {p}' for p in parts[1:-1])}, {last} {parts[-1]}"


def _nothing(sentence: Sentence) -> str:
    style = sentence.style
    if sentence.bed is None:
        return pick(("silence", "nothing is heard", "there is no sound", "a silent recording"), style, "form")
    name = _name(sentence.bed, style)
    return pick(("only {}", "nothing but {}", "{} and nothing else", "just {}, no other sound"), style, "form").format(name)


_ROOM = {
    "room": ("in a room", "indoors", "in a small room", "inside a house"),
    "hall": ("in a large hall", "in an echoing hall", "in a big room with much echo", "in a reverberant space"),
    "outdoors": ("outdoors", "outside", "in the open air", "out in the open"),
}


def _room(sentence: Sentence) -> str:
    if not sentence.room:
        return ""
    place = pick(_ROOM[sentence.room], sentence.style, f"room {sentence.room}")
    return f" {place}" if sentence.form == "one" else f", {place}"


def _bed(sentence: Sentence) -> str:
    if sentence.bed is None or sentence.form == "nothing":
        return ""
    style, words = sentence.style, sentence.bed
    subject, doing = words.doing(style % 7)
    name = _name(words, style)
    form = pick(
        (" with {x} in the background", " over {x}", ", with {p} in the background", " against {x}", ", {x} in the background"),
        style,
        "bed",
    )
    return form.format(x=name, p=f"{subject} {doing}")


# ---------------------------------------------------------------------------------------------------------------- one sound


ANYONE = ("someone", "a person", "a voice", "a speaker")
_ADVERBS = {
    "near": ("close by", "nearby", "very near", "right next to the microphone", "up close"),
    "far": ("in the distance", "far away", "from afar", "a long way off", "far off"),
    "loudest": ("loudly", "very loudly", "at high volume"),
    "quietest": ("quietly", "softly", "faintly"),
    "slow": ("slowly", "at a slow tempo", "in a slow tempo"),
    "moderate": ("at a moderate tempo", "at a medium tempo"),
    "fast": ("fast", "at a fast tempo", "in a quick tempo"),
    "low": ("in a low register", "on low notes"),
    "high": ("in a high register", "on high notes"),
    "major": ("in a major key", "in major"),
    "minor": ("in a minor key", "in minor"),
}


def _adverbs(mention: Mention, style: int, *, counted: bool = True) -> str:
    said = [mention.pace, mention.register, mention.mode, mention.loudness]
    words = [pick(_ADVERBS[key], style, f"{mention.label} {index}") for index, key in enumerate(said) if key]
    if mention.n and counted:
        words.append(times(mention.n))
    if mention.distance:
        words.append(pick(_ADVERBS[mention.distance], style, f"{mention.label} where"))
    return "".join(f" {word}" for word in words)


def _clause(mention: Mention, style: int) -> str:
    who, verb = _who(mention, style)
    if mention.quote:
        says = pick(("says", "says", "speaks the words"), style, f"{mention.label} quote")
        return f"{who} {says} “{mention.quote}”{_adverbs(mention, style)}"
    return f"{who} {verb}{_adverbs(mention, style)}"


def _participle(mention: Mention, style: int) -> str:
    who, verb = _who(mention, style)
    if mention.quote:
        return f"{who} saying “{mention.quote}”{_adverbs(mention, style)}"
    return f"{who} {going(verb)}{_adverbs(mention, style)}"


def _who(mention: Mention, style: int) -> tuple[str, str]:
    """(subject, what it does)"""
    subject, verb = pick(mention.words.says, style, f"{mention.label} says")
    if mention.speaker and subject in ANYONE:
        subject = f"a {mention.speaker}"
    return subject, verb


def _noun(mention: Mention, style: int) -> str:
    words = mention.words
    if mention.quote and not mention.speaker:
        speech = pick(("the words", "a voice with the words", "speech:"), style, f"{mention.label} noun")
        return f"{speech} “{mention.quote}”{_adverbs(mention, style)}"
    if mention.pace or mention.loudness or mention.register or mention.mode or mention.speaker:
        return _participle(mention, style)
    if mention.n > 1 or (mention.n and not words.unit):
        if not words.unit:
            return _participle(mention, style)
        units = f"{number(mention.n)} {plural(words.unit)}"
        subject = words.says[0][0]
        if bare(words.names[0]) != words.unit and words.unit not in subject and subject not in ("someone", "something"):
            units += f" of {subject}"
        return units + _adverbs(mention, style, counted=False)
    if mention.n == 1:
        return f"a single {words.unit}{_of(words)}{_adverbs(mention, style, counted=False)}"
    if chance(style, f"{mention.label} noun") < 0.4:
        return _participle(mention, style)
    return _name(words, style) + _adverbs(mention, style)


def _of(words: Words) -> str:
    subject = words.says[0][0]
    plain = bare(words.names[0]) == words.unit or words.unit in subject or subject in ("someone", "something")
    return "" if plain else f" of {subject}"


def _name(words: Words, style: int) -> str:
    return pick(words.names, style, f"{words.label} name")


def _none_of(words: Words, style: int) -> str:
    """What stands behind “no”: “rain”, “dog barking”, “one knocking on a door”."""
    name = _name(words, style)
    if " of " not in name and "'s " not in name and " on " not in name:
        return bare(name)
    says = _participle(Mention(words), style)
    return re.sub(r"^(someone|something) ", lambda m: "one " if m[1] == "someone" else "thing ", bare(says))


def named(words: Words, style: int) -> str:
    """A plain noun phrase for questions and options: “the bark of a dog”, “rain”."""
    return _name(words, style)


def doing(words: Words, style: int) -> str:
    """“a dog barking”"""
    return _participle(Mention(words), style)


def clause(words: Words, style: int) -> str:
    """“a dog barks”"""
    return _clause(Mention(words), style)


def thing(words: Words) -> str:
    """What sounds, with its article: “a dog”."""
    return with_article(words.says[0][0])
