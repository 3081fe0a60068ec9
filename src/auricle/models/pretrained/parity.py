"""How near a converted bundle is to transformers' own feature extractor and model, on sounds and texts made here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.audio.types import Audio
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Vectors
from auricle.models.two_towers import open_towers, unit

TEXTS = ("a dog barking", "", "rain on a tin roof, no voices", "Ein Zug fährt über eine Brücke", "someone speaking " * 12)


@dataclass(frozen=True, slots=True)
class Agreement:
    """``difference``: largest absolute difference of any number of the unit-norm vectors. ``cosine``: the smallest."""

    difference: float
    cosine: float
    n: int


def measure(bundle: Bundle, model: Any, extractor: Any, tokenizer: Any) -> tuple[Agreement, Agreement]:
    """Agreement of sounds and of texts. Needs torch and transformers."""
    ours = open_towers(bundle, device="cpu")
    sounds = sample_sounds(ours.rate, extractor.nb_max_samples)
    audio = _agreement(ours.embed_audio(sounds), audio_reference(model, extractor, sounds))
    return audio, _agreement(ours.embed_text(TEXTS), text_reference(model, tokenizer, list(TEXTS)))


def sample_sounds(rate: int, longest: int) -> list[Audio]:
    """A chirp, noise, a short click train and near silence, from a twentieth of the model's length to all of it."""
    rng = np.random.default_rng(7)
    time = np.arange(longest) / rate
    chirp = 0.5 * np.sin(2 * np.pi * (100 + 300 * time) * time)
    noise = 0.1 * rng.standard_normal(longest // 2)
    clicks = np.where(np.arange(longest // 20) % 997 == 0, 0.9, 0.0)
    hush = 1e-4 * rng.standard_normal(longest // 3)
    return [Audio(x.astype(np.float32), rate) for x in (chirp, noise, clicks, hush)]


def audio_reference(model: Any, extractor: Any, sounds: list[Audio], longer: bool = False) -> Vectors:
    """transformers' vectors. ``longer``: what a fused model is told; its extractor marks one sound of a batch at random."""
    import torch

    waves = [sound.samples[0] for sound in sounds]
    features = extractor(waves, sampling_rate=sounds[0].rate, return_tensors="pt")
    features["is_longer"] = torch.full((len(waves), 1), longer)
    with torch.no_grad():
        return _vectors(model.get_audio_features(**features))


def text_reference(model: Any, tokenizer: Any, texts: list[str]) -> Vectors:
    import torch

    limit = model.config.text_config.max_position_embeddings - model.config.text_config.pad_token_id - 1
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
    with torch.no_grad():
        return _vectors(model.get_text_features(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]))


def _vectors(output: Any) -> Vectors:
    return unit(getattr(output, "pooler_output", output).numpy())  # transformers 4 gives the tensor itself


def _agreement(ours: Vectors, theirs: Vectors) -> Agreement:
    ours = ours[:, : theirs.shape[1]]  # what is beyond is zeros
    return Agreement(float(np.abs(ours - theirs).max()), float((ours * theirs).sum(axis=1).min()), ours.shape[0])
