"""Generative, audio: hear the whole from what was left of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from auricle.training.modules.towers import Batch, Towers
from auricle.training.objectives.base import Loss, Objective, Outputs, Sizes


class MaskedSpectrogram(Objective):
    """Masked spectrogram modelling (SSAST, Gong 2022, arXiv 2110.09784; Audio-MAE, Huang 2022, arXiv 2207.06405).

        L = Σ_m (x̂ − x)² / |m| ,   x̂ = W h(x with the bins m at the encoder's zero)

    m are blocks of ``block`` = frames × bands of which ``ratio`` are hidden; h is the encoder's vector of a patch, x the log-mel
    of that patch at zero mean and unit spread.
    """

    kind = "masked_spectrogram"
    needs = frozenset({"audio", "mel_masked"})
    uses = frozenset()

    def __init__(self, weight: float = 1.0, ratio: float = 0.5, block: tuple[int, int] = (16, 16)) -> None:
        super().__init__(weight)
        if not 0 < ratio < 1:
            raise ValueError(f"ratio must lie between 0 and 1, got {ratio}")
        self.ratio, self.block = ratio, (int(block[0]), int(block[1]))

    def build(self, sizes: Sizes) -> None:
        if not sizes.bands:
            raise ValueError("masked_spectrogram needs an audio encoder that is trained on log-mel")
        self.decoder = nn.Linear(sizes.hidden, sizes.patch_frames * sizes.bands)

    def prepare(self, item: dict[str, Any], rng: np.random.Generator, sizes: Sizes) -> None:
        frames, (high, wide) = int(item["mel_frames"]), self.block
        coarse = rng.random((-(-frames // high), -(-sizes.bands // wide))) < self.ratio
        item["mel_masked"] = np.repeat(np.repeat(coarse, high, 0), wide, 1)[:frames, : sizes.bands]

    def encode(self, model: Towers, batch: Batch, outputs: Outputs) -> Outputs:
        mel = model.listen(batch)
        return {"unmasked": model.encode_heard(mel.masked_fill(batch["mel_masked"], model.audio.mean)), "mel": mel.detach()}

    def forward(self, model: Towers, batch: Batch, outputs: Outputs) -> Loss:
        assert model.front is not None
        patches = model.front.patches(outputs["mel"]).squeeze(2)  # [b, t, frames, bands]
        masked = model.front.patches(batch["mel_masked"]).squeeze(2) & batch["frame_mask"][:, :, None, None]
        mean = patches.mean((2, 3), keepdim=True)
        spread = (patches - mean).square().mean((2, 3), keepdim=True).add(1e-6).sqrt()
        guess = self.decoder(outputs["unmasked"]).reshape(patches.shape)
        error = (guess - (patches - mean) / spread).square() * masked
        return Loss(error.sum() / masked.sum().clamp_min(1))
