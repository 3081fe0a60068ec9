"""Captions that are false: a true one of which a single thing was changed. Checked against the scene, not only made to be false.

Changes of the kinds in ``FAIR`` go as often in the one direction as in the other (near to far, far to near): who reads a caption and its
counterfactual, and hears nothing, cannot tell which is which. “added” and “removed” can be told: the one is longer, the other says “no”.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auricle.data.world.captions import Caption
from auricle.data.world.claims import Claim, holds
from auricle.data.world.facts import Facts
from auricle.data.world.grammar import words_of
from auricle.data.world.sentences import Form, Mention, Sentence, claims, text
from auricle.data.world.vocabulary import Vocabulary

FAIR = frozenset(
    {"order", "time", "distance", "loudness", "tempo", "register", "mode", "speaker", "count", "words", "replaced", "room", "background"}
)
_PAIRS = (("near", "far"), ("loudest", "quietest"), ("slow", "fast"), ("low", "high"), ("major", "minor"), ("man", "woman"))
_OPPOSITE = {**dict(_PAIRS), **{b: a for a, b in _PAIRS}}
_KINDS = {"distance": "distance", "loudness": "loudness", "pace": "tempo", "speaker": "speaker", "register": "register", "mode": "mode"}


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """``of``: the true caption. ``kind``: what was changed. ``broken``: the claims that are false, at least one."""

    text: str
    kind: str
    of: str
    claims: tuple[Claim, ...]
    broken: tuple[Claim, ...]

    def document(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"text": self.text, "kind": self.kind, "of": self.of, "broken": [c.document() for c in self.broken]}


def counterfactuals(
    facts: Facts, true: Sequence[Caption], vocabulary: Vocabulary, rng: random.Random, limit: int
) -> tuple[Counterfactual, ...]:
    """Up to ``limit`` of them, the kinds in turn, so that common changes do not crowd out rare ones."""
    by_kind: dict[str, list[Counterfactual]] = {}
    texts = {caption.text for caption in true}
    for caption in true:
        for kind, sentence in changed(facts, caption.sentence, vocabulary, rng):
            worded, said = text(sentence), claims(sentence)
            broken = tuple(c for c in said if not holds(c, facts))
            if broken and worded not in texts:
                texts.add(worded)
                by_kind.setdefault(kind, []).append(Counterfactual(worded, kind, caption.text, said, broken))
    for made in by_kind.values():
        rng.shuffle(made)
    kinds = list(by_kind)
    rng.shuffle(kinds)
    found: list[Counterfactual] = []
    while len(found) < limit and any(by_kind.values()):
        found += [by_kind[kind].pop() for kind in kinds if by_kind[kind]][: limit - len(found)]
    return tuple(found)


def changed(facts: Facts, sentence: Sentence, vocabulary: Vocabulary, rng: random.Random) -> Iterator[tuple[str, Sentence]]:
    """Sentences that differ in one thing each, most of them false."""
    mentions = sentence.mentions
    if sentence.form in ("then", "before", "after", "louder"):
        at = rng.randrange(len(mentions) - 1)
        swapped = (*mentions[:at], mentions[at + 1], mentions[at], *mentions[at + 2 :])
        yield "loudness" if sentence.form == "louder" else "order", replace(sentence, mentions=swapped)
    if sentence.form in ("then", "together", "before", "after") and len(mentions) == 2:
        overlap = vocabulary.config.overlap
        other: Form = rng.choice(("then", "before", "after")) if sentence.form == "together" else "together"
        if _even(rng, overlap, 1.0 - overlap) if sentence.form == "together" else _even(rng, 1.0 - overlap, overlap):
            yield "time", replace(sentence, form=other)
    for index, mention in enumerate(mentions):
        for kind, new in _other_attributes(facts, mention, vocabulary, rng):
            yield kind, _with(sentence, index, new)
    yield from _other_sounds(facts, sentence, vocabulary, rng)
    if sentence.room:
        yield from _other_rooms(sentence, {str(name): weight for name, weight in vocabulary.config.rooms.items()}, rng)
    if sentence.bed:
        bed = vocabulary.absent(facts, rng, like="bed")
        if bed:
            yield "background", replace(sentence, bed=vocabulary.words[bed])


def _other_attributes(facts: Facts, mention: Mention, vocabulary: Vocabulary, rng: random.Random) -> Iterator[tuple[str, Mention]]:
    for name, kind in _KINDS.items():
        value = getattr(mention, name)
        if value in _OPPOSITE and _even(rng, vocabulary.share(name, value), vocabulary.share(name, _OPPOSITE[value])):
            yield kind, replace(mention, **{name: _OPPOSITE[value]})  # type: ignore[arg-type]
    if mention.n:
        yield "count", replace(mention, n=rng.choice([n for n in (1, 2, 3, 4) if n != mention.n]))
    if mention.quote:
        said = other_words(mention.quote, vocabulary, rng)
        if said:
            yield "words", replace(mention, quote=said)


def _other_rooms(sentence: Sentence, rooms: Mapping[str, float], rng: random.Random) -> Iterator[tuple[str, Sentence]]:
    """Indoors to outdoors and back; a room and a hall are too alike."""
    outside, inside = rooms.get("outdoors", 0.0), rooms.get("room", 0.0) + rooms.get("hall", 0.0)
    if sentence.room != "outdoors":
        if _even(rng, inside, outside):
            yield "room", replace(sentence, room="outdoors")
    elif _even(rng, outside, inside):
        yield "room", replace(sentence, room=rng.choices(("room", "hall"), (rooms.get("room", 0.0), rooms.get("hall", 0.0)))[0])


def other_words(quote: str, vocabulary: Vocabulary, rng: random.Random) -> str | None:
    """What another clip says; where there is none, the same words in another order."""
    words = words_of(quote)
    others = [t for t in vocabulary.transcripts if words_of(t) != words]
    if others:
        return rng.choice(others)
    shuffled = quote.rstrip(".!?").split()
    for _ in range(4):
        rng.shuffle(shuffled)
        if words_of(" ".join(shuffled)) != words:
            return " ".join(shuffled)
    return None


def _other_sounds(facts: Facts, sentence: Sentence, vocabulary: Vocabulary, rng: random.Random) -> Iterator[tuple[str, Sentence]]:
    mentions = sentence.mentions
    besides = (sentence.lacking.label,) if sentence.lacking else ()
    if mentions:
        index = rng.randrange(len(mentions))
        old = mentions[index]
        label = vocabulary.absent(facts, rng, like=old.label, besides=besides)
        # speech has no like; nor is a texture counted, as some events are
        if label and old.label not in vocabulary.shelf.speech and (not old.n or vocabulary.words[label].kind == "event"):
            yield "replaced", _with(sentence, index, replace(old, words=vocabulary.words[label]))
    added = vocabulary.absent(facts, rng, besides=besides)
    if added and sentence.form in ("one", "list", "then", "together") and len(mentions) < 4 and not sentence.lacking:
        form: Form = sentence.form if sentence.form != "one" else rng.choice(("list", "then", "together"))
        if form != "together" or len(mentions) == 1:
            yield "added", replace(sentence, form=form, mentions=(*mentions, Mention(vocabulary.words[added])))
    told = {m.label for m in mentions}
    rest = [label for label in facts.heard if label not in told]
    if sentence.form in ("one", "list") and not sentence.lacking and rest:
        yield "removed", replace(sentence, lacking=vocabulary.words[rng.choice(rest)])
    if sentence.form in ("list", "then", "together") and len(mentions) > 1 and not sentence.lacking:
        gone = rng.randrange(len(mentions))
        left = (*mentions[:gone], *mentions[gone + 1 :])
        form = "one" if len(left) == 1 else sentence.form
        yield "removed", replace(sentence, form=form, mentions=left, lacking=mentions[gone].words)


def _even(rng: random.Random, here: float, there: float) -> bool:
    """By chance, so that changes from what is true this often go as often as those back."""
    return there > 0 and rng.random() < there / max(here, 1e-9)


def _with(sentence: Sentence, index: int, mention: Mention) -> Sentence:
    mentions = sentence.mentions
    return replace(sentence, mentions=(*mentions[:index], mention, *mentions[index + 1 :]))
