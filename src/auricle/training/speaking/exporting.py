"""A trained speaker → a bundle of architecture two_heads: two ONNX graphs, its tokenizer, its card; measured against the module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.errors import ModelError
from auricle.models.bundle import Bundle
from auricle.models.card import ModelCard
from auricle.models.pretrained.clap_export import serialised
from auricle.models.two_towers import FrameTowers
from auricle.training.graphs import onnx_of
from auricle.training.modules.speaker import Decoder, Speaker

NAMES = ("prefix", "slots", "tokens", "positions", "bias", "past")  # what a step of the decoder takes
SLACK = 2e-3  # largest difference of a logit between module and float32 graphs


class Listen(nn.Module):
    """``frames`` [n, d + e], ``times`` [n] → ``prefix`` [1, n, width] and ``slots`` [1, k, width]."""

    names: Tensor

    def __init__(self, model: Speaker) -> None:
        super().__init__()
        self.connector, self.kinds = model.connector, model.kinds
        self.register_buffer("names", model.kinds.names(model.decoder.words.weight).detach())

    def forward(self, frames: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        mask = torch.ones_like(times[None], dtype=torch.bool)
        heard = self.connector(frames[None], times[None], mask)
        holds, begins = self.kinds.logits(heard, frames[None, :, : self.connector.hidden])
        slots = self.kinds.slots(holds, begins, times[None], self.connector.levels(frames[None]), mask)
        return self.kinds(heard, holds, begins, mask, self.names), slots


class Speak(nn.Module):
    """A step of the decoder with what it remembers; see ``models/two_heads.py``."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, prefix: Tensor, slots: Tensor, tokens: Tensor, positions: Tensor, bias: Tensor, past: Tensor
    ) -> tuple[Tensor, Tensor]:
        x = torch.cat([prefix, self.decoder.embed(tokens, positions, slots)], 1)
        kept = []
        for layer, block in enumerate(self.decoder.blocks):
            x, present = block(x, bias, past[2 * layer : 2 * layer + 2])
            kept.append(present)
        return self.decoder.say(self.decoder.norm(x)), torch.cat(kept)


def export(
    model: Speaker, tokenizer: Any, tower: FrameTowers, card: ModelCard, target: Path, *, seconds: float, precision: str = "int8"
) -> tuple[Bundle, float]:
    """Write the bundle; gives it and the largest difference of a float32 logit. Raises ModelError where that is too large."""
    model.eval()
    listen, speak = graphs(model)
    size = model.config
    config: Mapping[str, Any] = {
        "format": 1,
        "architecture": "two_heads",
        "dim": size["width"],
        "tower": {"name": tower.name, "pipeline_id": tower.pipeline_id},
        "listen": {"file": "listen.onnx", "seconds": seconds},
        "speak": {
            "file": "speak.onnx", "tokenizer": "tokenizer.json", "places": size["places"], "layers": size["layers"],
            "heads": size["heads"], "kinds": size["kinds"][0],
        },
    }  # fmt: skip
    worst = parity(model, serialised(listen, "float32"), serialised(speak, "float32"))
    if not worst < SLACK:
        raise ModelError("Damaged", f"the exported graphs differ from the module by {worst:.2g}; nothing was written.")
    files: dict[str, Path | bytes] = {
        "listen.onnx": serialised(listen, precision),
        "speak.onnx": serialised(speak, precision),
        "tokenizer.json": tokenizer.to_str().encode(),
    }
    return Bundle.write(target, config, card, files, overwrite=True), worst


def graphs(model: Speaker) -> tuple[Any, Any]:
    size = model.config
    n, f, t, p = 5, 3, 4, 2
    frames = torch.randn(n, size["hidden"] + size["envelope"])
    listen = onnx_of(
        Listen(model), (frames, torch.arange(n) / 2.0), ["frames", "times"], ["prefix", "slots"],
        {"frames": {0: "n"}, "times": {0: "n"}, "prefix": {1: "n"}},
    )  # fmt: skip
    names = list(NAMES)
    speak = onnx_of(
        Speak(model.decoder), _inputs(model, f, t, p, 2), names, ["logits", "present"],
        {
            "prefix": {0: "b", 1: "f"}, "slots": {0: "one"}, "tokens": {0: "b", 1: "t"}, "positions": {0: "b", 1: "t"},
            "bias": {0: "q", 1: "k"},
            "past": {1: "b", 3: "p"}, "logits": {0: "b", 1: "q"}, "present": {1: "b", 3: "k"},
        },
    )  # fmt: skip
    return listen, speak


def _inputs(model: Speaker, f: int, t: int, p: int, b: int) -> tuple[Tensor, ...]:
    size = model.config
    width, heads = size["width"], size["heads"]
    causal = torch.arange(p + f + t)[None] <= p + torch.arange(f + t)[:, None]
    return (
        torch.randn(b, f, width), torch.randn(1, size["kinds"][0], width),
        torch.randint(size["vocabulary"], (b, t)), torch.arange(t).expand(b, t).contiguous(),
        (causal.float() - 1) * 1e9, torch.randn(2 * size["layers"], b, heads, p, width // heads),
    )  # fmt: skip


@torch.no_grad()
def parity(model: Speaker, listen: bytes, speak: bytes) -> float:
    """The largest difference between graphs and module, over lengths that the export did not see, an empty past among them."""
    import onnxruntime as ort

    worst = 0.0
    session = ort.InferenceSession(speak, providers=["CPUExecutionProvider"])
    module = Speak(model.decoder)
    for f, t, p, b in ((7, 9, 0, 1), (0, 1, 12, 1), (0, 5, 6, 3), (0, 4, 0, 1)):
        inputs = _inputs(model, f, t, p, b)
        named = zip(NAMES, inputs, strict=True)
        found = session.run(None, {name: value.numpy() for name, value in named})
        worst = max(worst, *(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, module(*inputs), strict=True)))
    session = ort.InferenceSession(listen, providers=["CPUExecutionProvider"])
    for n in (1, 23):
        frames, times = torch.randn(n, model.config["hidden"] + model.config["envelope"]), torch.arange(n) / 2.0
        told = session.run(None, {"frames": frames.numpy(), "times": times.numpy()})
        worst = max(worst, *(float(np.abs(a - b.numpy()).max()) for a, b in zip(told, Listen(model)(frames, times), strict=True)))
    return worst
