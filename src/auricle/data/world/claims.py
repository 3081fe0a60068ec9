"""What a sentence says about a scene, in a form that can be checked: :func:`holds`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auricle.data.world.facts import LOUDER, Facts, SceneEvent, together
from auricle.data.world.grammar import words_of
from auricle.data.world.lexicon import words_for

VOICES = frozenset({"voice", "crowd", "singing", "crying", "laughter"})
TUNES = frozenset({"music", "drum", "singing", "bell", "whistle", "ring"})


@dataclass(frozen=True, slots=True)
class Claim:
    """``kind`` is a key of ``KINDS``; the others are what it is about."""

    kind: str
    label: str = ""
    other: str = ""
    n: int = 0
    text: str = ""

    def document(self) -> dict[str, Any]:
        """JSON-ready, without what is empty."""
        values = {"kind": self.kind, "label": self.label, "other": self.other, "n": self.n, "text": self.text}
        return {key: value for key, value in values.items() if value or key == "kind"}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Claim:
        return cls(**document)


def holds(claim: Claim, scene: Facts) -> bool:
    """Whether the claim is true of the scene. Raises KeyError for a kind that is none of ``KINDS``."""
    return KINDS[claim.kind](claim, scene)


def all_hold(claims: Iterable[Claim], scene: Facts) -> bool:
    return all(holds(claim, scene) for claim in claims)


def _present(claim: Claim, scene: Facts) -> bool:
    return claim.label in scene.everything


def _absent(claim: Claim, scene: Facts) -> bool:
    return claim.label not in scene.possible


def _count(claim: Claim, scene: Facts) -> bool:
    found = scene.of(claim.label)
    return len(found) == claim.n and all(e.countable for e in found)


def _before(claim: Claim, scene: Facts) -> bool:
    """Every ``label`` is over when the first ``other`` begins."""
    one, other = scene.of(claim.label), scene.of(claim.other)
    return bool(one and other) and max(e.end for e in one) <= min(e.start for e in other)


def _together(claim: Claim, scene: Facts) -> bool:
    return together(scene.of(claim.label), scene.of(claim.other)) is True


def _apart(claim: Claim, scene: Facts) -> bool:
    one, other = scene.of(claim.label), scene.of(claim.other)
    return bool(one and other) and together(one, other) is False


def _distance(claim: Claim, scene: Facts) -> bool:
    found = scene.of(claim.label)
    return bool(found) and all(e.distance == claim.text for e in found)


def _louder(claim: Claim, scene: Facts) -> bool:
    one, other = scene.of(claim.label), scene.of(claim.other)
    return bool(one and other) and min(e.level for e in one) >= max(e.level for e in other) + LOUDER


def _loudest(claim: Claim, scene: Facts) -> bool:
    """By a clear margin over every other sound; there must be another."""
    others = [label for label in scene.heard if label != claim.label]
    return bool(others) and all(_louder(Claim("louder", claim.label, label), scene) for label in others)


def _quietest(claim: Claim, scene: Facts) -> bool:
    others = [label for label in scene.heard if label != claim.label]
    return bool(others) and all(_louder(Claim("louder", label, claim.label), scene) for label in others)


def _room(claim: Claim, scene: Facts) -> bool:
    return scene.room == claim.text


def _background(claim: Claim, scene: Facts) -> bool:
    bed = scene.bed
    return (bed.label if bed else "") == claim.label


def _says(claim: Claim, scene: Facts) -> bool:
    wanted = words_of(claim.text)
    return any(words_of(e.transcript) == wanted for e in scene.foreground if e.transcript)


def _speech(claim: Claim, scene: Facts) -> bool:
    return any(e.transcript or words_for(e.label).group == "voice" for e in scene.events)


def _no_speech(claim: Claim, scene: Facts) -> bool:
    """Not even a crowd or a singer, whose words some would call speech."""
    return not any(e.transcript for e in scene.events) and _groups(scene).isdisjoint(VOICES)


def _music(claim: Claim, scene: Facts) -> bool:
    return any(e.instrument or words_for(e.label).group == "music" for e in scene.events)


def _no_music(claim: Claim, scene: Facts) -> bool:
    """Not even a bell or a song."""
    return not any(e.instrument for e in scene.events) and _groups(scene).isdisjoint(TUNES)


def _groups(scene: Facts) -> set[str]:
    return {words_for(label).group for label in scene.possible}


def _attribute(name: str) -> Callable[[Claim, Facts], bool]:
    """All music of the label is so; where one of it is not known, nothing is claimed."""

    def check(claim: Claim, scene: Facts) -> bool:
        found: tuple[SceneEvent, ...] = scene.of(claim.label)
        return bool(found) and all(getattr(e, name) == claim.text for e in found)

    return check


def _only(claim: Claim, scene: Facts) -> bool:
    return set(scene.heard) == {claim.label}


def _nothing(claim: Claim, scene: Facts) -> bool:
    return not scene.foreground


KINDS: Mapping[str, Callable[[Claim, Facts], bool]] = {
    "present": _present,
    "absent": _absent,
    "count": _count,
    "before": _before,
    "together": _together,
    "apart": _apart,
    "distance": _distance,
    "louder": _louder,
    "loudest": _loudest,
    "quietest": _quietest,
    "room": _room,
    "background": _background,
    "says": _says,
    "speech": _speech,
    "no speech": _no_speech,
    "music": _music,
    "no music": _no_music,
    "instrument": _attribute("instrument"),
    "pace": _attribute("pace"),
    "register": _attribute("register"),
    "mode": _attribute("mode"),
    "speaker": _attribute("speaker"),
    "only": _only,
    "nothing": _nothing,
}
