"""Is an answer in words right? Another model that generates text is asked, always in the same way, and how sure it is stands beside.

    verdict = graded(judge, "What barks?", ("a dog",), "it is a puppy")
    verdict.right, verdict.flips          # None where the judge said nothing that can be read: that is no zero, and has its own count

The judge is asked with seed 0, ``VOTES`` times, with the two answers in either order; what most votes say counts. Rules are measured beside
it always (``accuracy``): a judge is a second opinion. It hears nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from auricle.errors import ModelError
from auricle.evaluation.cache import Cache, key_of
from auricle.evaluation.parsing import read_choice
from auricle.models.capabilities import GeneratesText

VOTES = 3
SIGNATURE = f"judge|v1|votes:{VOTES}|seed:0|order:swapped|unparsed:own-count"
_ASKED = "Does the given answer say the same as the right one? Say yes or no."
_FORMS = (
    f"Question: {{question}}\nRight answer: {{right}}\nGiven answer: {{answer}}\n{_ASKED}",
    f"Question: {{question}}\nGiven answer: {{answer}}\nRight answer: {{right}}\n{_ASKED}",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``right``: None where fewer than half of the votes can be read, or as many say yes as no. ``flips``: votes against the verdict."""

    right: bool | None
    flips: int = 0


def graded(judge: Any, question: str, right: Sequence[str], answer: str, cache: Cache | None = None) -> Verdict:
    """Raises ModelError for a judge that generates no text."""
    if not isinstance(judge, GeneratesText):
        raise ModelError("Capability", f"{judge.name} generates no text: it cannot judge.", hint="Name a model that does.")
    votes = []
    for number in range(VOTES):
        prompt = _FORMS[number % 2].format(question=question, right=" or ".join(right), answer=answer)

        def work(prompt: str = prompt) -> str:
            return "".join(judge.generate([], prompt, seed=0, max_tokens=16))

        text = cache.once(key_of("judge", judge.pipeline_id, [prompt, number]), work)[0] if cache else work()
        votes.append(read_choice(text, ("yes", "no")).choice)
    yes, no = votes.count(0), votes.count(1)
    if yes == no or 2 * (yes + no) <= VOTES:
        return Verdict(None)
    return Verdict(yes > no, min(yes, no))
