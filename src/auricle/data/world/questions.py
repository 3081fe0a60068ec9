"""Questions with answers and options, balanced: what is asked and offered must not give the answer away.

Answers to yes/no questions are decided by a coin before the question is; where the scene cannot give that answer, nothing is asked.
Sounds asked about in vain are drawn as scenes draw theirs. What most scenes have (a count of one, no speech) is asked about less often.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations

from auricle.data.items import Question
from auricle.data.world.captions import Caption
from auricle.data.world.claims import Claim, holds
from auricle.data.world.counterfactuals import FAIR, Counterfactual, other_words
from auricle.data.world.facts import Facts
from auricle.data.world.grammar import capital, number, words_of
from auricle.data.world.sentences import agreed, clause, doing, named
from auricle.data.world.vocabulary import QUOTABLE, Vocabulary

_LENGTHS = (1, 2, 4, 8)  # seconds offered as durations


class Asker:
    """Questions about one scene. Each method asks one kind, or gives None where the scene does not allow it."""

    def __init__(
        self,
        facts: Facts,
        vocabulary: Vocabulary,
        rng: random.Random,
        captions: Sequence[Caption] = (),
        counterfactuals: Sequence[Counterfactual] = (),
    ) -> None:
        self.facts, self.vocabulary, self.rng = facts, vocabulary, rng
        self.captions, self.counterfactuals = captions, counterfactuals
        self.style = rng.randrange(1 << 30)

    # ------------------------------------------------------------------------------------------------------------ words

    def _name(self, label: str) -> str:
        return named(self.vocabulary.words[label], self.style)

    def _doing(self, label: str) -> str:
        return doing(self.vocabulary.words[label], self.style)

    def _clause(self, label: str) -> str:
        return clause(self.vocabulary.words[label], self.style)

    def _ask(self, kind: str, forms: Sequence[str], answer: str, options: Sequence[str] = (), **slots: str) -> Question:
        shown = list(options)
        if kind != "count" and kind != "duration":
            self.rng.shuffle(shown)
        question = capital(agreed(self.rng.choice(forms), slots).format(**slots))
        return Question(question, answer, tuple(shown), kind)

    def _yes_no(self, kind: str, forms: Sequence[str], yes: bool, **slots: str) -> Question:
        return self._ask(kind, forms, "yes" if yes else "no", ("yes", "no"), **slots)

    def _coin(self) -> bool:
        return self.rng.random() < 0.5

    def _pairs(self) -> list[tuple[str, str]]:
        pairs = list(permutations(self.facts.heard, 2))
        self.rng.shuffle(pairs)
        return pairs

    def _others(self, n: int, *, like: str = "", besides: Sequence[str] = ()) -> list[str]:
        """Labels that are not heard, unlike each other."""
        found: list[str] = []
        for _ in range(2 * n):
            if len(found) < n and (label := self.vocabulary.absent(self.facts, self.rng, like=like, besides=(*besides, *found))):
                found.append(label)
        return found

    # ------------------------------------------------------------------------------------------------------------ kinds

    def presence(self) -> Question | None:
        forms = ("Is there {x}?", "Can you hear {p}?", "Do you hear {x}?", "Is {p} to be heard?", "Does the recording have {x} in it?")
        yes = self._coin()
        label = (
            self.rng.choice(self.facts.heard) if yes and self.facts.heard else None if yes else self.vocabulary.absent(self.facts, self.rng)
        )
        return self._yes_no("presence", forms, yes, x=self._name(label), p=self._doing(label)) if label else None

    def absence(self) -> Question | None:
        """Which of these is missing?"""
        if len(self.facts.heard) < 2:
            return None
        missing = self._others(1)
        present = self.rng.sample(self.facts.heard, min(3, len(self.facts.heard)))
        if not missing:
            return None
        forms = ("Which of these is not heard?", "Which sound is missing?", "Which of these sounds does the recording lack?")
        return self._ask("absence", forms, self._name(missing[0]), [self._name(x) for x in (*missing, *present)])

    def which(self) -> Question | None:
        """Which of these is heard?"""
        if not self.facts.heard:
            return None
        label = self.rng.choice(self.facts.heard)
        others = self._others(3)
        forms = ("Which of these is heard?", "Which sound is in the recording?", "What can be heard?")
        return self._ask("presence", forms, self._name(label), [self._name(x) for x in (label, *others)]) if len(others) == 3 else None

    def count(self) -> Question | None:
        labels = [x for x in self.facts.heard if all(e.countable for e in self.facts.of(x))]
        if not labels:
            return None
        label = self.rng.choice(labels)
        n = len(self.facts.of(label))
        config = self.vocabulary.config
        least, most = config.repeats
        several = config.repeat / (most - least + 1)
        if n == 1 and self.rng.random() >= min(1.0, several / max(1.0 - config.repeat, 1e-9)):
            return None
        options = [number(k) for k in (1, *range(least, most + 1))]
        if number(n) not in options:
            return None
        forms = ("How many times is {p} heard?", "How often does one hear {p}?", "How many times does it happen that {f}?")
        return self._ask("count", forms, number(n), options, p=self._doing(label), f=self._clause(label))

    def order(self) -> Question | None:
        """Which comes first?"""
        for a, b in self._pairs():
            if holds(Claim("before", a, b), self.facts):
                both = self.rng.sample((self._name(a), self._name(b)), 2)
                first = self._coin()
                forms = ("Which comes first, {0} or {1}?", "Which is heard first: {0} or {1}?")
                if not first:
                    forms = ("Which comes last, {0} or {1}?", "Which is heard later: {0} or {1}?")
                words = [form.format(*both) for form in forms]
                return self._ask("order", words, self._name(a if first else b), both)
        return None

    def before_after(self) -> Question | None:
        yes = self._coin()
        for a, b in self._pairs():
            if holds(Claim("before", a, b), self.facts):
                one, other = (a, b) if yes else (b, a)
                if self._coin():
                    forms = ("Does {x} come before {y}?", "Is {x} heard before {y}?", "Is {x} over when {y} begins?")
                else:
                    forms, one, other = ("Does {x} come after {y}?", "Is {x} heard after {y}?", "Does {x} follow {y}?"), other, one
                return self._yes_no("before/after", forms, yes, x=self._name(one), y=self._name(other))
        return None

    def following(self) -> Question | None:
        """What is heard right after it?"""
        for a, b in self._pairs():
            following = [x for x in self.facts.heard if x != a and holds(Claim("before", a, x), self.facts)]
            if following == [b] and len(self.facts.heard) >= 2:
                others = self._others(2)
                before = [x for x in self.facts.heard if x not in (a, b)][:1]
                offered = [b, *before, *others][:4]
                if len(offered) >= 3:
                    forms = ("What is heard after {x}?", "Which sound follows {x}?", "What comes after {x}?")
                    return self._ask("before/after", forms, self._name(b), [self._name(x) for x in offered], x=self._name(a))
        return None

    def duration(self) -> Question | None:
        """Only of sounds whose length was drawn by chance: that of a door is known without listening."""
        free = [e for e in self.facts.foreground if e.freely and len(self.facts.of(e.label)) == 1]
        if not free:
            return None
        event = self.rng.choice(free)
        longest = min(self.vocabulary.config.event_seconds[1], 0.7 * self.facts.seconds)
        offered = [s for s in _LENGTHS if s <= 1.3 * longest]
        fits = [s for s in offered if 0.7 * s <= event.seconds <= 1.3 * s]
        if len(offered) < 2 or not fits:
            return None
        nearest = fits[0]
        wide = [min(1.3 * s, longest) - max(0.7 * s, 0.6) for s in offered]  # how likely each is by the draw
        if self.rng.random() >= min(wide) / wide[offered.index(nearest)]:
            return None
        options = [f"about {number(s)} second{'s' * (s > 1)}" for s in offered]
        forms = ("How long does {p} last?", "For how long is {x} heard?", "About how long does one hear {p}?")
        answer = options[offered.index(nearest)]
        return self._ask("duration", forms, answer, options, p=self._doing(event.label), x=self._name(event.label))

    def loudest(self) -> Question | None:
        for label in self.facts.heard:
            claims = ("loudest", "quietest") if self._coin() else ("quietest", "loudest")
            for kind in claims:
                if holds(Claim(kind, label), self.facts):
                    forms = ("Which sound is the loudest?", "What is louder than everything else?")
                    if kind == "quietest":
                        forms = ("Which sound is the quietest?", "What is softer than everything else?")
                    return self._ask("loudest", forms, self._name(label), [self._name(x) for x in self.facts.heard[:4]])
        return None

    def simultaneous(self) -> Question | None:
        """Where there are both kinds of pairs; or of two sounds, as often as the chance of an overlap makes up for."""
        by_answer = {
            yes: [p for p in self._pairs() if holds(Claim("together" if yes else "apart", *p), self.facts)] for yes in (True, False)
        }
        if not all(by_answer.values()) and len(self.facts.heard) != 2:
            return None
        yes = self._coin() if all(by_answer.values()) else bool(by_answer[True])
        if not by_answer[yes] or (not by_answer[not yes] and not self._kept(yes, self.vocabulary.config.overlap)):
            return None
        a, b = by_answer[yes][0]
        forms = ("Are {x} and {y} heard at the same time?", "Do {x} and {y} overlap?", "Is there a moment with both {x} and {y}?")
        return self._yes_no("simultaneous", forms, yes, x=self._name(a), y=self._name(b))

    def distance(self) -> Question | None:
        labels = [x for x in self.facts.heard if any(holds(Claim("distance", x, text=d), self.facts) for d in ("near", "far"))]
        if not labels:
            return None
        label = self.rng.choice(labels)
        forms = ("Is {x} near or far away?", "How far off is {x}: near or far?", "Is {p} close by or in the distance?")
        answer = self.facts.of(label)[0].distance
        return self._ask("distance", forms, answer, ("near", "far"), x=self._name(label), p=self._doing(label))

    def instrument(self) -> Question | None:
        playing = [e for e in self.facts.foreground if e.instrument]
        if not playing:
            return None
        event = self.rng.choice(playing)
        others = self._others(3, like=event.label)
        forms = ("Which instrument is played?", "What instrument is it?", "Which instrument can be heard?")
        return self._ask("instrument", forms, event.label, (event.label, *others)) if others else None

    def speech(self) -> Question | None:
        """Asked as often where someone speaks as where nobody does."""
        return self._is_there("speech", ("Is anyone speaking?", "Does someone talk?", "Is there speech?"))

    def music(self) -> Question | None:
        return self._is_there("music", ("Is there music?", "Does an instrument play?", "Is music heard?"))

    def _is_there(self, what: str, forms: Sequence[str]) -> Question | None:
        yes = holds(Claim(what), self.facts)
        if not yes and not holds(Claim(f"no {what}"), self.facts):
            return None
        return self._yes_no(what, forms, yes) if self._kept(yes, self.vocabulary.likely(what)) else None

    def _kept(self, yes: bool, likely: float) -> bool:
        """By chance, so that yes, which scenes have with the chance ``likely``, and no are asked about equally often."""
        odds = max(likely, 1e-9) / max(1.0 - likely, 1e-9)
        return self.rng.random() < (1.0 / odds if yes else odds)

    def said(self) -> Question | None:
        said = [e.transcript for e in self.facts.foreground if e.transcript and len(words_of(e.transcript)) <= QUOTABLE]
        if not said:
            return None
        answer = self.rng.choice(said)
        others = [t for t in self.vocabulary.transcripts if words_of(t) != words_of(answer)]
        offered = self.rng.sample(others, min(3, len(others)))
        forms = ("What is said?", "What does the voice say?", "Which words are spoken?")
        return self._ask("said", forms, answer, (answer, *offered)) if offered else None

    def words(self) -> Question | None:
        """Does the voice say this?"""
        said = [e.transcript for e in self.facts.foreground if e.transcript and len(words_of(e.transcript)) <= QUOTABLE]
        if not said:
            return None
        yes, true = self._coin(), self.rng.choice(said)
        shown = true if yes else other_words(true, self.vocabulary, self.rng) if len(self.vocabulary.transcripts) < 2 else None
        if not yes and shown is None:
            shown = self.rng.choice([t for t in self.vocabulary.transcripts if words_of(t) != words_of(true)])
        if shown is None or (not yes and holds(Claim("says", text=shown), self.facts)):
            return None
        return self._yes_no("words", ("Does someone say “{x}”?", "Are the words “{x}” spoken?"), yes, x=shown)

    def yes_no(self) -> Question | None:
        """Is a caption right? As often a true one as one changed in a way that leaves no trace in its words."""
        false = [c for c in self.counterfactuals if c.kind in FAIR and "“" not in c.of]
        if not false:
            return None
        change = self.rng.choice(false)
        yes = self._coin()
        shown = (change.of if yes else change.text).rstrip(".")
        return self._yes_no("yes/no", ("Is this right: “{x}”?", "Does this describe what is heard: “{x}”?"), yes, x=shown)

    def reason(self) -> Question | None:
        """An answer with a short reason; the first word is yes or no."""
        yes = self._coin()
        pairs = self._pairs()
        for a, b in pairs:
            one, other = (a, b) if yes else (b, a)
            if holds(Claim("before", a, b), self.facts):
                over, begins = max(e.end for e in self.facts.of(a)), min(e.start for e in self.facts.of(b))
                names = {"x": self._name(a), "y": self._name(b)}
                times = agreed("{x} is over at {0:.1f} s and {y} begins at {1:.1f} s", names).format(over, begins, **names)
                forms = ("Is {x} over before {y} begins? Give a reason.", "Does {x} come before {y}, and how can you tell?")
                return self._ask("reason", forms, f"{'yes' if yes else 'no'}: {times}.", x=self._name(one), y=self._name(other))
            if holds(Claim("louder", a, b), self.facts):
                names = {"x": self._name(a), "y": self._name(b)}
                why = agreed("{x} is about {0:.0f} dB louder than {y}", names).format(self._louder(a, b), **names)
                forms = ("Is {x} louder than {y}? Give a reason.", "Does {x} drown out {y}, and how can you tell?")
                return self._ask("reason", forms, f"{'yes' if yes else 'no'}: {why}.", x=self._name(one), y=self._name(other))
        return None

    def _louder(self, a: str, b: str) -> float:
        return min(e.level for e in self.facts.of(a)) - max(e.level for e in self.facts.of(b))


KINDS: Mapping[str, Callable[[Asker], Question | None]] = {
    name: getattr(Asker, name)
    for name in (
        "presence", "absence", "which", "count", "order", "before_after", "following", "duration", "loudest", "simultaneous", "distance",
        "instrument", "speech", "music", "said", "words", "yes_no", "reason",
    )
}  # fmt: skip


def questions(
    facts: Facts,
    vocabulary: Vocabulary,
    rng: random.Random,
    limit: int,
    captions: Sequence[Caption] = (),
    counterfactuals: Sequence[Counterfactual] = (),
) -> tuple[Question, ...]:
    """Up to ``limit`` questions of different kinds."""
    asker = Asker(facts, vocabulary, rng, captions, counterfactuals)
    kinds = list(KINDS)
    rng.shuffle(kinds)
    found: list[Question] = []
    for kind in kinds:
        asker.style = rng.randrange(1 << 30)
        if len(found) < limit and (question := KINDS[kind](asker)) and _fair(question):
            found.append(question)
    return tuple(found)


def _fair(question: Question) -> bool:
    """The answer is one of the options, each of which stands there once."""
    return not question.options or (question.answer in question.options and len(set(question.options)) == len(question.options))
