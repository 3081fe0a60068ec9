"""The words of one world: all its labels, and what could have been heard but is not."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from auricle.data.world.claims import TUNES, VOICES
from auricle.data.world.compose import Shelf, samples
from auricle.data.world.config import WorldConfig
from auricle.data.world.facts import Facts, SceneEvent
from auricle.data.world.grammar import words_of
from auricle.data.world.lexicon import Words, instrument, related, words_for

_OF_CLIPS = ("pace", "register", "mode", "speaker")
QUOTABLE = 16  # words of a transcript that a caption may quote


@dataclass(frozen=True)
class Vocabulary:
    words: Mapping[str, Words]
    shelf: Shelf
    transcripts: tuple[str, ...]  # short enough to quote, each once
    config: WorldConfig

    @classmethod
    def of(cls, shelf: Shelf, config: WorldConfig) -> Vocabulary:
        words = {label: instrument(label) if label in shelf.music else words_for(label) for label in shelf.sources}
        spoken = {s.transcript for label in shelf.speech for s in shelf.sources[label] if s.transcript}
        by_words = {words_of(t): t for t in sorted(spoken) if 0 < len(words_of(t)) <= QUOTABLE}
        return cls(words, shelf, tuple(by_words[w] for w in sorted(by_words)), config)

    def drawn(self, rng: random.Random) -> str | None:
        """A label as often as scenes have it: what is asked about in vain must not be told from what is there by its name alone."""
        shelf, config = self.shelf, self.config
        voices, tunes = config.speech * bool(shelf.speech), config.music * bool(shelf.music)
        others = max(sum(config.sounds) / 2 - voices - tunes, 0.2) * bool(shelf.sounds)
        if not voices + tunes + others:
            return None
        return rng.choice(rng.choices((shelf.speech, shelf.music, shelf.sounds), (voices, tunes, others))[0])

    def share(self, name: str, value: str) -> float:
        """How often sounds are so: near or far, slow or fast, spoken by a man …; 1 for what is as likely as its opposite."""
        if name == "distance":
            return self.config.near if value == "near" else self.config.far
        return self._shares.get((name, value), 0.0) if name in _OF_CLIPS else 1.0

    @cached_property
    def _shares(self) -> Mapping[tuple[str, str], float]:
        shares: dict[tuple[str, str], float] = defaultdict(float)
        for sources in self.shelf.sources.values():
            families = Counter(s.clip for s in sources)
            for source in sources:
                event = SceneEvent(0, 0, "", "", "", 0, tempo=source.tempo, pitch=source.pitch, mode=source.mode, speaker=source.speaker)
                for name in _OF_CLIPS:
                    shares[name, getattr(event, name)] += 1 / families[source.clip] / len(families)
        return shares

    def likely(self, what: str) -> float:
        """How often scenes have speech, or music, among those of which it is clear whether they have it."""
        return self._likely[what]

    @cached_property
    def _likely(self) -> Mapping[str, float]:
        """By drawing what scenes are made of, without placing it."""
        drawn = [frozenset(labels) for labels in samples(self.config, self.shelf, 2000)]
        odds = {}
        for what, sources, doubtful in (("speech", self.shelf.speech, VOICES), ("music", self.shelf.music, TUNES)):
            yes = sum(not labels.isdisjoint(sources) for labels in drawn)
            no = sum(labels.isdisjoint(sources) and all(words_for(x).group not in doubtful for x in labels) for labels in drawn)
            odds[what] = yes / max(yes + no, 1)
        return odds

    def absent(self, facts: Facts, rng: random.Random, *, like: str = "", besides: tuple[str, ...] = ()) -> str | None:
        """A label that the scene has not, nor any that is too like one it has. like: of the kind of this one (bed, instrument, sound)."""
        present = [*sorted(facts.possible), *besides]
        pool = self._pool(like)
        for _ in range(30):
            label = rng.choice(pool) if pool else self.drawn(rng)
            if label is None:
                return None
            if not any(related(label, other) for other in present):
                return label
        return None

    def _pool(self, like: str) -> tuple[str, ...]:
        if like == "bed":
            return self.shelf.beds
        if like in self.shelf.music:
            return self.shelf.music
        return self.shelf.sounds if like in self.shelf.sounds else ()
