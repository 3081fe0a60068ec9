"""A stretch of a recording as a picture that a model with eyes can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, cast

from auricle import audio
from auricle.audio.types import Audio

_RATE = 48_000  # what lies above 24 kHz is not shown


def picture(
    path: str, rate: int, start: float, end: float, width: int, height: int, checkpoint: Callable[[], None]
) -> tuple[bytes, dict[str, Any]]:
    """A PNG, and what it shows: start, end, width, height, max_hz. ``checkpoint`` may raise to stop. Raises AudioError."""
    from auricle.audio.spectrogram import plan, png, spectrogram, top_hz

    rate = min(rate, _RATE)
    layout = plan(rate, start, end, width)
    source = audio.blocks(path, rate=rate, mono=True, start=max(0.0, start - layout.lead), end=end + layout.lead)
    with closing(cast(Any, source)) as blocks:
        image = spectrogram(_watched(blocks, checkpoint), layout, height)
    shown = {"start": round(start, 3), "end": round(end, 3), "width": width, "height": height, "max_hz": top_hz(rate)}
    return png(image), shown


def _watched(blocks: Iterator[Audio], checkpoint: Callable[[], None]) -> Iterator[Audio]:
    for block in blocks:
        checkpoint()
        yield block
