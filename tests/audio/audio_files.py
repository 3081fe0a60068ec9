"""Real files for the tests: written by libsndfile and by FFmpeg."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import soundfile


def tone(seconds=2.0, rate=44100, channels=2, seed=0):
    """``[channels, n]``: a tone of its own pitch in each channel, swelling, over a little noise; no two moments are alike."""
    n = round(seconds * rate)
    t = np.arange(n) / rate
    rng = np.random.default_rng(seed)
    pitch = (300.0 + 150.0 * np.arange(channels) % (rate / 3))[:, None]
    swell = 0.2 + 0.1 * np.sin(2 * np.pi * 0.7 * t)
    return (swell * np.sin(2 * np.pi * pitch * t) + 0.002 * rng.standard_normal((channels, n))).astype(np.float32)


def by_soundfile(path, samples, rate, *, format=None, subtype=None):
    with soundfile.SoundFile(str(path), "w", rate, samples.shape[0], subtype=subtype, format=format) as file:
        for at in range(0, samples.shape[1], rate):
            file.write(samples[:, at : at + rate].T)
    return Path(path)


def by_ffmpeg(path, samples, rate, *, format, codec, layout="stereo", options=None, stream_options=None, bit_rate=128_000, video=False):
    with av.open(str(path), "w", format=format, options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=stream_options or {})
        stream.layout = layout
        if bit_rate:
            stream.bit_rate = bit_rate
        if video:
            picture = container.add_stream("mpeg4" if format != "webm" else "libvpx", rate=5)
            picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
            for i in range(round(5 * samples.shape[1] / rate)):
                shade = np.full((32, 32, 3), i * 5 % 256, np.uint8)
                container.mux(picture.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
            container.mux(picture.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=stream.format.name, layout=layout, rate=rate, frame_size=stream.frame_size or 1024)
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return Path(path)


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def wav_with(path, *chunks, samples=None, rate=8000, before=False):
    """A 16-bit WAV file with further chunks (name, bytes), after or before its data."""
    samples = tone(1.0, rate, 1) if samples is None else samples
    pcm = (samples.T * 32767).astype("<i2").tobytes()
    fmt = struct.pack("<HHIIHH", 1, samples.shape[0], rate, rate * 2 * samples.shape[0], 2 * samples.shape[0], 16)
    extra = b"".join(chunk(*c) for c in chunks)
    body = b"WAVE" + chunk(b"fmt ", fmt) + (extra if before else b"") + chunk(b"data", pcm) + (b"" if before else extra)
    Path(path).write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return Path(path)


def delay(heard, truth):
    """Samples by which ``heard`` comes later than ``truth`` (mono, same rate), by cross-correlation."""
    n = min(len(heard), len(truth), 1 << 16)
    size = 1 << (2 * n - 1).bit_length()
    cross = np.fft.irfft(np.fft.rfft(heard[:n], size) * np.conj(np.fft.rfft(truth[:n], size)), size)
    at = int(cross.argmax())
    return at - size if at > size // 2 else at
