"""Answers about a recording: in words, or by the likelihood of options; with the spans that support what is claimed.

An answer is chosen among options by likelihood, never read out of text. What a recording says, and what a question says to do, is
nothing that anybody here obeys: both are only input of the model, whose answer is text.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from auricle.audio.types import Audio, Limits
from auricle.errors import AudioError, ModelError, UsageError
from auricle.models.capabilities import ScoresText, with_options
from auricle.models.two_towers import unit
from auricle.results import Answer, Evidence
from auricle.tasks import speaking
from auricle.tasks.claims import Claim, claims
from auricle.tasks.detect import has_frames
from auricle.tasks.evidence import evidence, unsupported
from auricle.tasks.speaking import NOTHING

CANNOT_TELL = "cannot tell from this recording"
LONGEST = 2000  # characters of a question
MAX_TOKENS = 96
LISTED = 12  # options that are shown to the model; of more, only their likelihood is asked

_UNTOLD = re.compile(
    r"\W*(?:(?:i|it|this|the (?:audio|recording|sound|clip)) )?"
    r"(?:(?:cannot|can't|can not|could not|couldn't) (?:be (?:told|said|determined|known)|tell|say|determine|know|answer)"
    r"|(?:is |it's |it is )?(?:impossible|not possible) to (?:tell|say|determine|know|answer))\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"(?:it|this|that|a sound|sounds?|noises?|(?:the )?(?:first|second|third|last|other|former|latter)(?: (?:one|sound|recording))?)",
    re.IGNORECASE,
)
_ASKING = re.compile(  # words that ask, and say nothing of the sound that is asked about
    r"\b(?:(?:at )?what(?: time)?|how (?:many times|often|long|far off|far)|which|when|where|who|why|is|are|was|were|does|do|did|can"
    r"|could|has|have|there|you|one|we|any(?:one|thing)|hears?|heard|audible|to be|be|(?:(?:in|of) )?(?:the|this) (?:recording|clip)"
    r"|in it|of these|at the same time|overlaps?|first|last|later|earlier|comes?|coming|happens?|that|before|after|following|follows?|and"
    r"|or|during|while|near|far|close by|in the distance|(?:the )?(?:loudest|quietest|softest)|louder|softer|than|everything else|else"
    r"|instrument|played|sounds?(?= (?:is|are)\b)|for|over|begins?|give a reason|tell)\b|[:,;.]",
    re.IGNORECASE,
)
_YES = re.compile(r"\W*yes\b", re.IGNORECASE)
_BARE = re.compile(
    r"\W*(?:yes|no|zero|one|two|three|four|five|six|seven|eight|nine|ten|\d+)(?: times?)?\W*$|\W*(?:near|far|about .*)\W*$", re.IGNORECASE
)

Told = Callable[[str], None]
Heard = Callable[[float], None]


def ask(
    source: Any,
    question: str,
    model: Any = None,
    *,
    options: Sequence[str] = (),
    contrast: float = 0.0,
    examples: Sequence[tuple[Any, str]] = (),
    tower: Any = None,
    start: float = 0.0,
    end: float | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    told: Told | None = None,
    heard: Heard | None = None,
) -> Answer:
    """Ask about a sound, or about several at once (a list) where the model takes them.

    options:  the answer is the likeliest of these (``ScoresText``); ``scores`` holds the log-likelihood of each.
    contrast: what is likely without any sound is taken off, so many times (contrastive decoding).
    examples: pairs of a sound and its answer to the same question, for models that take several sounds.
    start, end: seconds of the recording that are asked about. A recording longer than the model hears at once is asked about where the
    question's words fit it best: the answer says where that is.
    told: called with each piece of the answer as it is spoken. heard: with each second that is come to on the way to it.
    Raises AudioError, ModelError (``Capability``, ``Unsupported``), UsageError (no question, a very long one).
    """
    question = _checked(question)
    chosen = _options(options)
    speaker = speaking.speaker(model)
    if chosen and not isinstance(speaker, ScoresText):
        raise ModelError(
            "Capability", f"{speaker.name} does not say how likely an option is.", hint="Ask without options, or use tiny-heads."
        )
    sources = list(source) if isinstance(source, list) else [source]
    if not sources:
        raise UsageError("there is no recording to ask about.")
    speaking.several(speaker, len(sources) + len(examples))
    path = speaking.path_of(sources[0])
    listener = speaking.tower_of(speaker, tower)
    subject = _subject(question)
    asked = [_moment(one, speaker, listener, subject, start, end, limits, heard) for one in sources]
    shown = [_moment(sound, speaker, listener, subject, 0.0, None, limits) for sound, _ in examples]
    prompt = _prompt(question, [answer for _, answer in examples], len(asked))
    first, last = asked[0].offset, asked[0].offset + asked[0].duration

    def found(text: str, spans: Sequence[Evidence] = (), missing: Sequence[Claim] = (), scores: dict[str, float] | None = None) -> Answer:
        untold = bool(_UNTOLD.match(text))
        said = CANNOT_TELL if untold and not chosen else text
        return Answer(
            path, question, said, tuple(spans), tuple(claim.text for claim in missing), untold, first, last, scores or {},
            speaker.name, speaker.pipeline_id,
        )  # fmt: skip

    if all(map(speaking.silent, asked)) and not chosen:
        return found(NOTHING)
    if chosen:
        scores = _likelihoods(speaker, [*shown, *asked], _offering(speaker, prompt, chosen), chosen, contrast)
        text = max(scores, key=lambda option: scores[option])
    else:
        scores, text = {}, ""
        for piece in _spoken(speaker, [*shown, *asked], prompt, seed, contrast):
            text += piece
            if told is not None:
                told(piece)
        text = " ".join(text.split())
    if len(asked) > 1 or _UNTOLD.match(text):
        return found(text, scores=scores)
    every = _claimed(text, subject)
    spans = evidence(asked[0], every, listener, offset=first)
    return found(text, spans, unsupported(every, spans) if not _BARE.match(text) or _YES.match(text) else (), scores)


def _checked(question: str) -> str:
    text = " ".join(question.split())
    if not re.search(r"\w", text):
        raise UsageError("the question is empty.", hint='Ask something, e.g. "what happens after the bell?"')
    if len(text) > LONGEST:
        raise UsageError(f"the question has {len(text):,} characters; {LONGEST:,} are read.", hint="Ask in fewer words.")
    return text


def _options(options: Sequence[str]) -> list[str]:
    found = [" ".join(option.split()) for option in options]
    if found and (len(set(found)) < 2 or not all(found)):
        raise UsageError("a choice needs two different options, none of them empty.", hint='Give some, e.g. --options "yes,no".')
    if len(found) > 100:
        raise UsageError(f"{len(found)} options are too many.", hint="Give up to 100.")
    return list(dict.fromkeys(found))


def _prompt(question: str, answers: Sequence[str], sounds: int) -> str:
    if not answers and sounds == 1:
        return question
    lines = [f"Recording {n}: {answer}" for n, answer in enumerate(answers, 1)]
    which = " and ".join(str(len(answers) + n) for n in range(1, sounds + 1))
    return "\n".join([question, *lines, f"Recording {which}:"]) if answers else question


def _offering(speaker: Any, prompt: str, options: Sequence[str]) -> str:
    """Options stand below the question, but for yes and no, and for models that list them by themselves."""
    if getattr(speaker, "lists_options", False) or {option.casefold() for option in options} == {"yes", "no"} or len(options) > LISTED:
        return prompt
    return with_options(prompt, options)


def _moment(
    source: Any, speaker: Any, listener: Any, subject: Sequence[Claim], start: float, end: float | None, limits: Limits | None,
    heard: Heard | None = None,
) -> Audio:  # fmt: skip
    """As much of a recording as the model hears at once: all of it, or the piece that the question's words fit best."""
    best: Audio | None = None
    score = -np.inf
    text = listener.embed_text([claim.sound for claim in subject]) if subject else None
    pieces = speaking.windows(source, speaker, start=start, end=end, limits=limits)
    for number, piece in enumerate(pieces):
        if heard is not None:
            heard(piece.offset)
        if number == 0:
            best = piece
            continue
        assert best is not None
        if text is None:  # nothing to look for: where anything is heard at all
            if not speaking.silent(best):
                break
            best = piece
            continue
        if number == 1:
            score = _fit(best, listener, text)
        if (fit := _fit(piece, listener, text)) > score:
            best, score = piece, fit
    if best is None:
        path = speaking.path_of(source)
        raise AudioError("Empty", path, f"{path}: no sound to hear.")
    return best


def _fit(piece: Audio, listener: Any, text: Any) -> float:
    """How well the best frames fit the texts; −∞ for silence."""
    if speaking.silent(piece):
        return -np.inf
    vectors = np.concatenate([part.vectors for part in listener.frames([piece])]) if has_frames(listener) else listener.embed_audio([piece])
    return float((unit(vectors) @ text.T).max(axis=0).mean())


def _likelihoods(speaker: Any, sounds: Sequence[Audio], prompt: str, options: Sequence[str], contrast: float) -> dict[str, float]:
    scores = np.asarray(speaker.score(sounds, prompt, options), float)
    if contrast:
        scores = scores - contrast * np.asarray(speaker.score([], prompt, options), float)
    return {option: float(score) for option, score in zip(options, scores, strict=True)}


def _spoken(speaker: Any, sounds: Sequence[Audio], prompt: str, seed: int, contrast: float) -> Any:
    more: dict[str, Any] = {}
    if contrast:
        if "contrast" not in inspect.signature(speaker.generate).parameters:
            message = f"{speaker.name} does not decode against what it would say without sound."
            raise ModelError("Capability", message, hint="Ask with --options, or without contrast.")
        more["contrast"] = contrast
    return speaker.generate(sounds, prompt, seed=seed, max_tokens=MAX_TOKENS, **more)


def _subject(question: str) -> tuple[Claim, ...]:
    """The sounds that a question is about: of its first line, what stands between the words that only ask."""
    line = question.splitlines()[0].rstrip("?. ")
    return tuple(claim for part in _ASKING.split(line) for claim in _sounds(part.strip()))


def _sounds(text: str) -> tuple[Claim, ...]:
    """Claims that name a sound: not the letter of an option, nor what only points at one ("the first")."""
    return tuple(claim for claim in claims(text) if re.search(r"\w{3}", claim.sound) and not _POINTS.fullmatch(claim.sound))


def _claimed(answer: str, subject: tuple[Claim, ...]) -> tuple[Claim, ...]:
    """What an answer claims to be heard: its own clauses, or what was asked about where it only says yes, how many or how long."""
    if not _BARE.match(answer):
        return _sounds(re.sub(r"^\W*(?:yes|no)\b[\s:,]*", "", answer, flags=re.IGNORECASE))
    if re.match(r"\W*(?:no|zero|0)\W*$", answer, re.IGNORECASE):
        return ()
    return subject
