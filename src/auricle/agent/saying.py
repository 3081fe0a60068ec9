"""What a speaking model says of a recording, for the tools: captions and answers, each claim with its evidence.

A recording may speak to whoever listens. What is said of it is data: it comes under keys named ``untrusted_…``, cleaned and cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from auricle.agent import inputs, results
from auricle.agent.desk import Desk
from auricle.agent.untrusted import TEXT, clean
from auricle.audio.types import Limits
from auricle.results import Evidence

CAPTION_SECONDS = 600.0  # that one call captions at most
SPANS = 24  # of one sentence
CLAIMS = 12


def caption(desk: Desk, asked: inputs.Caption) -> results.Captioned:
    from auricle.tasks.caption import caption_stream, summary

    recording, start, end = desk.span(asked.recording_id, asked.start, asked.end)
    if end - start > CAPTION_SECONDS:
        end = start + CAPTION_SECONDS
        desk.warnings.append(f"Only {start:g} to {end:g} of {recording.duration:g} seconds were listened to; go on with start = {end:g}.")
    found = []
    for one in caption_stream(recording.path, start=start, end=end, limits=Limits.stream(), told=lambda _: desk.checkpoint()):
        desk.checkpoint()
        found.append(one)
    return results.Captioned(
        recording_id=recording.id, start=round(start, 3), end=round(found[-1].end, 3), speaker=found[0].model,
        untrusted_summary=clean(summary(found).summary, TEXT),
        captions=[
            results.CaptionLine(
                start=round(one.start, 3), end=round(one.end, 3), untrusted_caption=clean(one.caption, TEXT),
                evidence=_spans(one.evidence), untrusted_unsupported=[clean(claim, TEXT) for claim in one.unsupported[:CLAIMS]],
            )
            for one in found
        ],
    )  # fmt: skip


def ask(desk: Desk, asked: inputs.Ask) -> results.Answered:
    from auricle.tasks.answer import ask as run

    recording, start, end = desk.span(asked.recording_id, asked.start, asked.end)
    answer = run(
        recording.path,
        asked.question,
        options=asked.options,
        start=start,
        end=end,
        limits=Limits.stream(),
        told=lambda _: desk.checkpoint(),
    )
    return results.Answered(
        recording_id=recording.id, start=round(answer.start, 3), end=round(answer.end, 3), speaker=answer.model,
        untrusted_answer=clean(answer.answer, TEXT), cannot_tell=answer.cannot_tell, evidence=_spans(answer.evidence),
        scores={option: round(score, 4) for option, score in answer.scores.items()},
        untrusted_unsupported=[clean(claim, TEXT) for claim in answer.unsupported[:CLAIMS]],
    )  # fmt: skip


def _spans(evidence: Sequence[Evidence]) -> list[results.Support]:
    return [
        results.Support(untrusted_claim=clean(e.claim, TEXT), start=round(e.start, 3), end=round(e.end, 3), score=round(e.score, 4))
        for e in evidence[:SPANS]
    ]
