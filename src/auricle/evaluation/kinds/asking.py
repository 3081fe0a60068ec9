"""What the kinds that ask in words share: a question put to a model that generates or scores text, its answer kept; prompts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.data.items import Item
from auricle.errors import ModelError
from auricle.evaluation.cache import packed, unpacked
from auricle.evaluation.hearing import Control, Hearing
from auricle.evaluation.score import digest
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import Cut, EmbedsAudio, EmbedsText, GeneratesText, ScoresText, with_options

HEARING: tuple[Control, ...] = ("silence", "noise", "other")
SEED = 0  # of generation


def towers(model: Any) -> bool:
    return isinstance(model, EmbedsAudio) and isinstance(model, EmbedsText)


def speaks(model: Any) -> bool:
    return isinstance(model, (GeneratesText, ScoresText))


def controls_of(model: Any) -> tuple[Control, ...]:
    """A model that is asked in words can be asked without sound, too."""
    return (*HEARING, "none") if speaks(model) else HEARING


def said(hearing: Hearing, item: Item, prompt: str, max_tokens: int) -> tuple[str, bool]:
    """What the model generates, and whether it came to its end. Raises AudioError, ModelError."""
    model = hearing.model

    def work(audio: Audio | None) -> dict[str, Any]:
        pieces = list(model.generate(_given(audio), prompt, seed=SEED, max_tokens=max_tokens))
        if any(not isinstance(piece, str) for piece in pieces):
            raise ModelError("Damaged", f"{model.name} answers with what is no text.", hint="Its adapter is broken.")
        return {"text": "".join(pieces), "complete": not (pieces and isinstance(pieces[-1], Cut))}

    found = hearing.once(item, {"generate": prompt, "max_tokens": max_tokens, "seed": SEED}, work)
    _note(hearing, item)
    return found["text"], found["complete"]


def likelihoods(hearing: Hearing, item: Item, prompt: str, options: Sequence[str]) -> Floats:
    """The model's log-likelihood of each option. Raises AudioError, ModelError (no numbers)."""
    model = hearing.model

    def work(audio: Audio | None) -> dict[str, Any]:
        return packed(np.asarray(model.score(_given(audio), prompt, list(options)), np.float64))

    found: Floats = unpacked(hearing.once(item, {"score": prompt, "options": list(options)}, work))
    if found.shape != (len(options),) or np.isnan(found).any():
        raise ModelError("Damaged", f"{model.name} gives no likelihoods for {item.id}.", hint="Its weights or its export are broken.")
    _note(hearing, item)
    return found


def chosen_prompt(prompts: Sequence[str], item: Item) -> str:
    """The same one for an item each time, in each run."""
    return prompts[int(digest(item.id), 16) % len(prompts)]


def question_prompt(template: str, question: str, options: Sequence[str]) -> str:
    """``{}``: the question with its options below; or ``{question}`` and ``{options}`` (in a line) each where it belongs."""
    if "{}" in template:
        return template.replace("{}", with_options(question, options), 1)
    parts = {"question": question, "options": with_options("", options).lstrip("\n").replace("\n", " ")}
    return re.sub(r"\{(question|options)\}", lambda match: parts[match[1]], template)


def _given(audio: Audio | None) -> list[Audio]:
    return [] if audio is None else [audio]


def _note(hearing: Hearing, item: Item) -> None:
    """How much of the sound was taken in, as the model tells of itself."""
    if hearing.condition != "none":
        given = hearing.times.get(item.id, (0.0, 0.0))[0]
        longest = hearing.model.longest
        hearing.heard(item, given if longest is None else longest)
