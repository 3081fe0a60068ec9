"""Sound into a lossy codec: for measuring what a codec does to what is heard. To keep sound, use :func:`auricle.audio.write`."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from auricle.audio.types import Audio

CODECS = {"mp3": ("mp3", "libmp3lame", 44100), "opus": ("ogg", "libopus", 48000)}  # container, encoder, rate


def encoded(audio: Audio, codec: str, kilobits: int) -> bytes:
    """A file of the mono sound, at the codec's own rate. codec: ``mp3`` or ``opus``; kilobits: a second."""
    import av

    container, encoder, rate = CODECS[codec]
    sound = audio.mono().at(rate)
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream: Any = out.add_stream(encoder, rate=rate, layout="mono")
        stream.bit_rate = kilobits * 1000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.samples), format="fltp", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()
