"""Evidence: where in a recording a claim is heard, and how surely. It supports a claim; it proves nothing.

A second listener judges: the tower, which knows nothing of what was said. Each claim is a text, each half second a vector; where the
claim's probability rises above the tower's threshold there is a span of evidence (see ``tasks.detect``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from auricle.audio.types import Audio
from auricle.results import Evidence
from auricle.tasks.claims import Claim
from auricle.tasks.detect import Reader, Rules, events

# Below the threshold of detection: a claim is a question put to one place in time, not a search of hours. Chosen on held-out scenes of
# the development side, the first 300: at 0.05 precision rises from .69 to .80 and recall falls from .35 to .25; at 0.2 to .90 and .15
# (recipes/tiny_heads/captions.py --threshold …).
THRESHOLD = 0.05


def evidence(audio: Audio, claims: Sequence[Claim], tower: Any, *, offset: float = 0.0, threshold: float | None = None) -> list[Evidence]:
    """Spans that support the claims, in the order of the claims and of time; of a claim that nothing supports there is none.

    offset: seconds of the recording at which ``audio`` begins. Raises AudioError, ModelError (a tower without calibration).
    """
    sounds = list(dict.fromkeys(claim.sound for claim in claims))
    if not sounds:
        return []
    rules = replace(Rules.of(tower), threshold=THRESHOLD if threshold is None else threshold)
    piece = Audio(audio.samples, audio.rate, audio.source)  # times from its own beginning
    found = sorted(events((piece,), Reader.of(sounds, tower, None), tower, rules), key=lambda event: event.start)
    return [
        Evidence(claim.text, offset + event.start, offset + event.end, event.score)
        for claim in claims
        for event in found
        if event.label == claim.sound
    ]


def unsupported(claims: Sequence[Claim], found: Sequence[Evidence]) -> tuple[Claim, ...]:
    supported = {one.claim for one in found}
    return tuple(claim for claim in claims if claim.text not in supported)
