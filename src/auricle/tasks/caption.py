"""Captions: what is heard, in a sentence; of a long recording, a timeline of sentences and a summary.

    pieces as long as the speaker hears → a sentence each → its claims → evidence by a second listener → claims without it are left out

A caption is a claim about a sound, never a proof: evidence says where a second listener hears the same, and how surely.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from auricle.audio.types import Audio, Limits
from auricle.errors import AudioError
from auricle.results import Caption, Evidence, Summary
from auricle.tasks import speaking
from auricle.tasks.claims import claims, repeated, without
from auricle.tasks.evidence import evidence, unsupported
from auricle.tasks.speaking import NOTHING

PROMPT = "Describe the recording."
UNSURE = "no sound could be made out"
MAX_TOKENS = 96
MOST = 12  # sounds that a summary names

Told = Callable[[str], None]
Heard = Callable[[float], None]


def caption(
    source: Any,
    model: Any = None,
    *,
    tower: Any = None,
    keep_unsupported: bool = False,
    start: float = 0.0,
    end: float | None = None,
    limits: Limits | None = None,
) -> list[Caption]:
    """A sentence for a clip; for a recording that is longer than the speaker hears at once, one for each piece, in time.

    source: what ``audio.open`` takes. model: a speaker or its name (``tiny-heads``). tower: who looks for evidence (the speaker's own).
    keep_unsupported: claims without evidence stay in the sentence; they stand in ``unsupported`` either way.
    Raises AudioError, ModelError (``Capability``: the model does not speak), UsageError.
    """
    return list(caption_stream(source, model, tower=tower, keep_unsupported=keep_unsupported, start=start, end=end, limits=limits))


def caption_stream(
    source: Any,
    model: Any = None,
    *,
    tower: Any = None,
    keep_unsupported: bool = False,
    start: float = 0.0,
    end: float | None = None,
    limits: Limits | None = None,
    told: Told | None = None,
    heard: Heard | None = None,
) -> Iterator[Caption]:
    """The same, each as soon as it is known that the next piece says something else. told: called with each piece of text as it is
    spoken, before evidence was looked for; heard: with the second that was come to, before each piece of sound."""
    speaker = speaking.speaker(model)
    listener = speaking.tower_of(speaker, tower)
    path = speaking.path_of(source)
    before: Caption | None = None
    try:
        for piece in speaking.windows(source, speaker, start=start, end=end, limits=limits):
            if heard is not None:
                heard(piece.offset)
            one = _caption(piece, path, speaker, listener, keep_unsupported, told)
            if before is not None and before.caption == one.caption:
                missing = tuple(dict.fromkeys((*before.unsupported, *one.unsupported)))
                before = replace(before, end=one.end, evidence=_joined(before.evidence, one.evidence), unsupported=missing)
                continue
            if before is not None:
                yield before
            before = one
    except AudioError:  # a file that ends too early was heard until there
        if before is not None:
            yield before
        raise
    if before is None:
        raise AudioError("Empty", path, f"{path}: no sound to hear.")
    yield before


def _caption(piece: Audio, path: str, speaker: Any, listener: Any, keep: bool, told: Told | None) -> Caption:
    def found(text: str, spans: Sequence[Evidence] = (), missing: Sequence[str] = ()) -> Caption:
        end = piece.offset + piece.duration
        return Caption(path, piece.offset, end, text, tuple(spans), tuple(missing), speaker.name, speaker.pipeline_id)

    if speaking.silent(piece):
        return found(NOTHING)
    said = ""
    for part in speaker.generate([piece], PROMPT, max_tokens=MAX_TOKENS):
        said += part
        if told is not None:
            told(part)
    said = " ".join(said.split())
    said = without(said, repeated(claims(said)))  # a small model stutters
    every = claims(said)
    spans = evidence(piece, every, listener, offset=piece.offset)
    missing = unsupported(every, spans)
    text = said if keep else without(said, missing)
    return found(text or UNSURE, spans, [claim.text for claim in missing])


def _joined(one: tuple[Evidence, ...], other: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """Spans that meet where two pieces meet are one."""
    found = list(one)
    for span in other:
        at = next((n for n, e in enumerate(found) if e.claim == span.claim and abs(e.end - span.start) < 0.5), None)
        if at is None:
            found.append(span)
        else:
            found[at] = replace(found[at], end=span.end, score=max(found[at].score, span.score))
    return tuple(found)


def _named(claim: str) -> str:
    """The sound of a claim, written as it stands inside a sentence."""
    sound = next((one.sound for one in claims(claim)), claim)
    return sound if sound[1:2].isupper() else sound[:1].lower() + sound[1:]


def summary(captions: Iterable[Caption]) -> Summary:
    """What a timeline tells as a whole: its sounds in the order in which they are first heard, each with its surest span.

    Made from what evidence supports, by no model: nothing is in it that the timeline does not say. Raises UsageError without captions.
    """
    every = list(captions)
    if not every:
        from auricle.errors import UsageError

        raise UsageError("there are no captions to sum up.")
    surest: dict[str, Evidence] = {}
    for span in sorted((span for one in every for span in one.evidence), key=lambda span: span.start):
        sound = _named(span.claim)
        if sound not in surest or span.score > surest[sound].score:
            surest[sound] = replace(span, claim=sound)
    named = list(surest)[:MOST]
    more = len(surest) - len(named)
    if named:
        text = ", then ".join(named) + (f", and {more} more {'sound' if more == 1 else 'sounds'}" if more else "")
    else:
        text = NOTHING if all(one.caption == NOTHING for one in every) else UNSURE
    first, last = every[0], every[-1]
    return Summary(first.path, first.start, last.end, text, tuple(surest.values()), first.model, first.pipeline_id)
