"""The bundle's front ends in PyTorch: the same numbers as ``auricle.audio.features``, as tensors on the model's device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from auricle.audio.features import WaveFrontEnd, YamnetFrontEnd, hann, mel_filter_bank


class LogMel(nn.Module):
    """``YamnetFrontEnd``: samples ``[b, n]`` → log-mel ``[b, frames, bands]`` → patches ``[b, t, 1, patch_frames, bands]``."""

    window: Tensor
    bank: Tensor

    def __init__(self, front: YamnetFrontEnd) -> None:
        super().__init__()
        self.front = front
        bank = mel_filter_bank(front.n_fft // 2 + 1, front.n_mels, front.f_min, front.f_max, front.rate, "htk")
        self.register_buffer("window", torch.from_numpy(hann(front.window_length)), persistent=False)
        self.register_buffer("bank", torch.from_numpy(bank), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Log-mel ``[b, frames, bands]`` of samples ``[b, n]``, n at least one patch.

        In float64 within: torch's transform in float32 errs by 1e-3 in quiet bands beside loud ones. The feed brings ``mel`` itself.
        """
        frames = samples.double().unfold(-1, self.front.window_length, self.front.hop_length) * self.window
        magnitude = torch.fft.rfft(frames, n=self.front.n_fft).abs()
        return torch.log(magnitude @ self.bank + self.front.log_offset).to(samples.dtype)

    def patches(self, mel: Tensor) -> Tensor:
        """``[b, t, 1, patch_frames, bands]``: the patches on the grid."""
        cut = mel.unfold(1, self.front.patch_frames, self.front.hop_frames)  # [b, t, bands, patch_frames]
        return cut.transpose(2, 3).unsqueeze(2)


class Wave(nn.Module):
    """``WaveFrontEnd``: samples ``[b, n]`` → patches ``[b, t, patch_length]``."""

    def __init__(self, front: WaveFrontEnd) -> None:
        super().__init__()
        self.front = front

    def forward(self, samples: Tensor) -> Tensor:
        return samples

    def patches(self, samples: Tensor) -> Tensor:
        return samples.unfold(1, self.front.patch_length, self.front.hop_length)


Front = LogMel | Wave


def torch_front(front: object) -> Front:
    """The PyTorch twin of a front end of frames. Raises ValueError where there is none."""
    if isinstance(front, YamnetFrontEnd):
        return LogMel(front)
    if isinstance(front, WaveFrontEnd):
        return Wave(front)
    raise ValueError("only front ends of frames (yamnet, wave) can be trained through; freeze this encoder")


def heard(n: int, length: int, hop: int, patches: int) -> list[bool]:
    """Which of a padded sound's ``patches`` lie within its ``n`` samples; the first always does."""
    return [i == 0 or i * hop + length <= n for i in range(patches)]
