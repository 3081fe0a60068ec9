"""A scene: its truth, its sound, and what may be said and asked about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from auricle.audio import Audio
from auricle.data.items import Event, Question
from auricle.data.world.acoustics import Float32
from auricle.data.world.captions import Caption
from auricle.data.world.counterfactuals import Counterfactual
from auricle.data.world.facts import Facts, SceneEvent
from auricle.data.world.render import mixed


@dataclass(frozen=True)
class Text:
    """What may be said and asked about a scene: all that depends on the facts alone."""

    captions: tuple[Caption, ...] = ()
    counterfactuals: tuple[Counterfactual, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Scene:
    """stems: float32 ``[channels, n]``, one an event in the order of ``facts.events``, then the recorder's noise; they add up to ``audio``.

    sources: (licence, source) of each event's clip.
    """

    facts: Facts
    audio: Audio
    stems: tuple[Float32, ...]
    text: Text = Text()
    sources: tuple[tuple[str, str], ...] = ()

    @property
    def events(self) -> tuple[SceneEvent, ...]:
        return self.facts.events

    @property
    def captions(self) -> tuple[str, ...]:
        return tuple(c.text for c in self.text.captions)

    @property
    def counterfactuals(self) -> tuple[Counterfactual, ...]:
        return self.text.counterfactuals

    @property
    def questions(self) -> tuple[Question, ...]:
        return self.text.questions

    def table(self) -> tuple[Event, ...]:
        """The events as a manifest has them, the background's too."""
        return tuple(Event(round(e.start, 4), round(e.end, 4), e.label) for e in self.events)

    def without(self, label: str) -> Scene:
        """The same scene in which this label was never heard: its stems are left out, and nothing is said of it yet."""
        kept = [i for i, e in enumerate(self.events) if e.label != label]
        stems = (*(self.stems[i] for i in kept), self.stems[-1])
        facts = replace(self.facts, events=tuple(self.events[i] for i in kept))
        sources = tuple(self.sources[i] for i in kept) if self.sources else ()
        return Scene(facts, Audio(mixed(stems), self.audio.rate, self.audio.source), stems, Text(), sources)

    def document(self) -> dict[str, Any]:
        """The truth and the claims, JSON-ready; no sound."""
        return {
            **self.facts.document(),
            "captions": [c.document() for c in self.text.captions],
            "counterfactuals": [c.document() for c in self.text.counterfactuals],
        }
