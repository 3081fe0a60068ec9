"""Captions: true sentences about a scene, of many forms, each with its claims."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any

from auricle.data.world.claims import Claim, all_hold, holds
from auricle.data.world.facts import Facts
from auricle.data.world.grammar import words_of
from auricle.data.world.lexicon import Words, related
from auricle.data.world.sentences import ANYONE, Form, Mention, Sentence, claims, text
from auricle.data.world.vocabulary import QUOTABLE, Vocabulary


@dataclass(frozen=True, slots=True)
class Caption:
    """``claims``: what it says, all true of its scene."""

    text: str
    form: str
    claims: tuple[Claim, ...]
    sentence: Sentence

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"text": self.text, "form": self.form, "claims": [c.document() for c in self.claims]}


def captions(facts: Facts, vocabulary: Vocabulary, rng: random.Random, limit: int) -> tuple[Caption, ...]:
    """Up to ``limit`` captions of different forms, the fullest description first."""
    found: dict[str, Caption] = {}
    turns = [iter(turn) for turn in _candidates(facts, vocabulary, rng)]
    while turns and len(found) < limit:
        for turn in list(turns):
            sentence = next(turn, None)
            if sentence is None:
                turns.remove(turn)
            elif all_hold(said := claims(sentence), facts) and len(found) < limit:
                found.setdefault(worded := text(sentence), Caption(worded, sentence.form, said, sentence))
    return tuple(found.values())


def _candidates(facts: Facts, vocabulary: Vocabulary, rng: random.Random) -> list[Iterator[Sentence]]:
    """Streams of sentences, one a form, in an order by chance but for the first."""
    if not facts.heard:
        return [_quiet(facts, vocabulary, rng)]
    streams = [
        _pairs(facts, vocabulary, rng),
        _singles(facts, vocabulary, rng),
        _lists(facts, vocabulary, rng),
        _lacking(facts, vocabulary, rng),
    ]
    rng.shuffle(streams)
    return [_whole(facts, vocabulary, rng), *streams]


def mention(facts: Facts, vocabulary: Vocabulary, label: str, rng: random.Random, *, much: float = 0.5) -> Mention:
    """A sound, and by chance some of what is true of it."""
    words, events = vocabulary.words[label], facts.of(label)
    first = events[0]
    values: dict[str, Any] = {}
    if all(e.countable for e in events) and rng.random() < (0.75 if len(events) > 1 else 0.2 * much):
        values["n"] = len(events)
    if first.transcript and len(words_of(first.transcript)) <= QUOTABLE and len(events) == 1 and rng.random() < 0.75:
        values["quote"] = first.transcript
    for name in ("pace", "register", "mode", "speaker"):
        value = getattr(first, name)
        if value and value != "middle" and rng.random() < much and _sayable(words, name) and holds(Claim(name, label, text=value), facts):
            values[name] = value
    if first.distance and rng.random() < much:
        values["distance"] = first.distance
    for loudness in ("loudest", "quietest") if "distance" not in values else ():  # far and loud: one would give the other away
        if rng.random() < much and holds(Claim(loudness, label), facts):
            values["loudness"] = loudness
    return Mention(words, **values)


def _sayable(words: Words, name: str) -> bool:
    """Who speaks is said in place of “someone”: where every way to say it begins so."""
    return name != "speaker" or all(subject in ANYONE for subject, _ in words.says)


def _style(rng: random.Random) -> int:
    return rng.randrange(1 << 30)


def _dressed(
    facts: Facts, vocabulary: Vocabulary, rng: random.Random, form: Form, mentions: Sequence[Mention], *, much: float = 0.3
) -> Sentence:
    """With the background and the room, by chance."""
    bed = facts.bed
    words = vocabulary.words[bed.label] if bed and rng.random() < (0.9 if much > 0.5 else 0.35) else None
    room = facts.room if facts.room != "dry" and facts.foreground and rng.random() < much else ""
    return Sentence(form, tuple(mentions), _style(rng), words, room)


def _whole(facts: Facts, vocabulary: Vocabulary, rng: random.Random) -> Iterator[Sentence]:
    """All that is heard, in order where there is one."""
    labels = facts.heard[:4]
    mentions = [mention(facts, vocabulary, label, rng, much=0.4) for label in labels]
    if len(labels) == 1:
        yield _dressed(facts, vocabulary, rng, "one", mentions, much=0.6)
        return
    in_order = all(holds(Claim("before", a, b), facts) for a, b in pairwise(labels))
    both = len(labels) == 2 and holds(Claim("together", *labels), facts)
    yield _dressed(facts, vocabulary, rng, "then" if in_order else "together" if both else "list", mentions, much=0.6)


def _singles(facts: Facts, vocabulary: Vocabulary, rng: random.Random) -> Iterator[Sentence]:
    labels = list(facts.heard)
    rng.shuffle(labels)
    for label in labels:
        yield _dressed(facts, vocabulary, rng, "one", [mention(facts, vocabulary, label, rng, much=0.7)])
    if len(labels) == 1 and facts.bed is None:
        yield Sentence("only", (mention(facts, vocabulary, labels[0], rng),), _style(rng))
    for label in labels:
        yield _dressed(facts, vocabulary, rng, "one", [mention(facts, vocabulary, label, rng, much=0.9)])


def _pairs(facts: Facts, vocabulary: Vocabulary, rng: random.Random) -> Iterator[Sentence]:
    pairs = list(permutations(facts.heard, 2))
    rng.shuffle(pairs)
    for a, b in pairs:
        forms: list[Form] = []
        if holds(Claim("before", a, b), facts):
            forms += ["then", "before", "after"]
        if holds(Claim("together", a, b), facts):
            forms += ["together", "together"]
        if holds(Claim("louder", a, b), facts):
            forms.append("louder")
        if forms:
            form = rng.choice(forms)
            pair = [Mention(vocabulary.words[x]) if form == "louder" else mention(facts, vocabulary, x, rng, much=0.3) for x in (a, b)]
            yield _dressed(facts, vocabulary, rng, form, pair, much=0.2)


def _lists(facts: Facts, vocabulary: Vocabulary, rng: random.Random) -> Iterator[Sentence]:
    if len(facts.heard) < 2:
        return
    for _ in range(2):
        labels = rng.sample(facts.heard, min(len(facts.heard), rng.randint(2, 4)))
        yield _dressed(facts, vocabulary, rng, "list", [mention(facts, vocabulary, x, rng, much=0.2) for x in labels])


def _lacking(facts: Facts, vocabulary: Vocabulary, rng: random.Random) -> Iterator[Sentence]:
    """What is heard, and one thing that is not: so that “no …” is not always a lie."""
    for _ in range(2):
        label = rng.choice(facts.heard)
        absent = vocabulary.absent(facts, rng)
        if absent:
            yield Sentence("one", (mention(facts, vocabulary, label, rng, much=0.2),), _style(rng), lacking=vocabulary.words[absent])


def _quiet(facts: Facts, vocabulary: Vocabulary, rng: random.Random) -> Iterator[Sentence]:
    bed = facts.bed
    for _ in range(4):
        yield Sentence("nothing", (), _style(rng), vocabulary.words[bed.label] if bed else None)


def distinct(label: str, others: Sequence[str]) -> bool:
    """Whether a label is unlike all the others."""
    return not any(related(label, other) for other in others)
