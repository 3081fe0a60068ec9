"""Does it listen? A score with the sound beside the scores without it, and what the difference says.

The *audio gain* is the score − the best control, paired over items and resampled over sources. A model whose gain is not certainly above
zero is *deaf* on that task, however high its score: what it has, it has from the question alone, or by luck.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auricle.evaluation.outcomes import Outcome
from auricle.evaluation.score import Score, difference

ROUNDS = 500


@dataclass(frozen=True)
class Gain:
    """What hearing is worth: the score with the sound − the best without it, paired over items."""

    value: float
    low: float
    high: float
    best_control: str

    def document(self) -> dict[str, Any]:
        return {**{k: round(getattr(self, k), 4) for k in ("value", "low", "high")}, "best_control": self.best_control}


def audio_gain(score: Score, controls: Mapping[str, Score]) -> Gain | None:
    """None without a control. The first of ``hearing.CONTROLS`` where two are the same."""
    if not controls:
        return None
    best = max(controls, key=lambda name: controls[name].value)
    found = difference(score, controls[best], rounds=ROUNDS)
    return Gain(found.value, found.low, found.high, best)


def alarms(score: Score, gain: Gain | None, answers: Sequence[Outcome], controlled: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """In words: a deaf model, answers that no control changes, answers that are all the same, what was not answered."""
    found = []
    if gain is not None and gain.low <= 0:
        sure = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        found.append(f"deaf: with the sound it is not certainly better than with {WORDS[gain.best_control]}: audio gain {sure}")
    same = [name for name, other in controlled.items() if _said(answers) == _said(other)]
    if same and any(outcome.answer is not None for outcome in answers):
        found.append(f"the sound changes nothing: the same answers with {' and '.join(WORDS[name] for name in same)}")
    said = {repr(outcome.answer) for outcome in answers if outcome.status == "ok"}
    truths = {repr(outcome.truth) for outcome in answers}
    if len(said) == 1 and len(truths) > 1:
        found.append(f"constant: it answers {next(iter(said))[:60]} to everything")
    lost = sum(outcome.status != "ok" for outcome in answers)
    if lost * 20 > len(answers):
        found.append(f"{lost} of {len(answers)} were not answered; they count as wrong")
    return found


WORDS = {"silence": "silence", "noise": "noise", "other": "another item's sound", "none": "no sound"}


def _said(outcomes: Sequence[Outcome]) -> list[Any]:
    return [outcome.answer for outcome in outcomes]
