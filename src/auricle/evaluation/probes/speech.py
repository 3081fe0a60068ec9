"""Sentences spoken for a probe: by a synthesizer that is installed here, or else by people in the given sounds.

    speaker = Speaker.installed()                     # espeak-ng, flite; None where there is neither
    sound = speaker.say("this is a dog barking", voice=0)

A synthesizer runs once a sentence and voice; what it says is the same every time.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import auricle.audio
from auricle.data.world.acoustics import Float32, active_spans
from auricle.errors import AudioError
from auricle.evaluation.probes import mixing

_VOICES = {
    "espeak-ng": ("en-us", "en-gb+f3", "en-gb-scotland+m3", "en-us+f2"),
    "flite": ("slt", "rms", "awb", "kal16"),
}
_SECONDS = 60.0  # a sentence that takes longer to speak does not come back


@dataclass(frozen=True)
class Speaker:
    """``voices``: (program, voice) pairs, those of the programs in turn."""

    voices: tuple[tuple[str, str], ...]
    _said: dict[tuple[str, int], Float32] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def installed(cls) -> Speaker | None:
        there = [[(name, voice) for voice in voices] for name, voices in _VOICES.items() if shutil.which(name)]
        found = tuple(pair for turn in zip(*there, strict=True) for pair in turn) if there else ()
        return cls(found) if found else None

    @property
    def name(self) -> str:
        return " and ".join(dict.fromkeys(program for program, _ in self.voices))

    def say(self, text: str, voice: int) -> Float32:
        """Mono at ``mixing.RATE``, cut to where it sounds, at ``mixing.LEVEL``. Empty where nothing came out."""
        voice %= len(self.voices)
        key = (text, voice)
        if key not in self._said:
            self._said[key] = _spoken(*self.voices[voice], text)
        return self._said[key]


def _spoken(program: str, voice: str, text: str) -> Float32:
    with tempfile.TemporaryDirectory(prefix="auricle-speech-") as folder:
        path = Path(folder) / "said.wav"
        plain = " ".join(text.split()).lstrip("-")  # never an option of the program
        command = ["flite", "-voice", voice, "-t", plain, "-o", str(path)]
        if program == "espeak-ng":
            command = ["espeak-ng", "-v", voice, "-s", "155", "-w", str(path), "--", plain]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
            sound = auricle.audio.open(path, rate=mixing.RATE, mono=True).samples[0]
        except (OSError, subprocess.SubprocessError, AudioError):
            return np.zeros(0, np.float32)
    return sounding(sound)


def sounding(sound: Float32) -> Float32:
    """From where it begins to where it ends, at ``mixing.LEVEL``."""
    spans = active_spans(sound, mixing.RATE, below=45.0, gap=1e9, least=0.03)
    return mixing.leveled(sound[spans[0][0] : spans[-1][1]], mixing.LEVEL) if spans else np.zeros(0, np.float32)
