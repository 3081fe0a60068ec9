"""Through a lossy codec and back: the length and the sound stay, bytes follow the bit rate."""

from __future__ import annotations

import numpy as np
import pytest

from auricle import audio
from auricle.audio import Audio
from auricle.audio.encoding import CODECS, encoded
from auricle.demo import SOUNDS


@pytest.mark.parametrize("codec", CODECS)
def test_a_codec_keeps_the_sound_and_few_bits_keep_less(codec):
    sound = audio.open(SOUNDS / "animals/dog barking.ogg", mono=True, rate=CODECS[codec][2]).slice(0, 4)
    few, many = (encoded(sound, codec, kilobits) for kilobits in (16, 128))
    assert len(few) < len(many) / 2
    back = [audio.open(data, mono=True).at(sound.rate).samples[0] for data in (few, many)]
    assert all(abs(len(b) - sound.samples.shape[1]) < 0.1 * sound.rate for b in back)
    spectrum = [np.log(1e-4 + np.abs(np.fft.rfft(b[: 3 * sound.rate]))) for b in (sound.samples[0], *back)]
    distance = [float(np.abs(spectrum[0] - other).mean()) for other in spectrum[1:]]
    assert distance[1] < distance[0]


def test_channels_are_mixed_and_any_rate_is_taken():
    sound = Audio(np.random.default_rng(0).normal(size=(2, 22050)).astype(np.float32) / 10, 22050)
    assert audio.open(encoded(sound, "opus", 64)).samples.shape[0] == 1
