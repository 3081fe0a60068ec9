"""The towers of a transformers CLAP as ONNX graphs, through the TorchScript exporter. Needs torch and onnx."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from types import MethodType
from typing import Any


def audio_graph(model: Any, front: Mapping[str, Any]) -> Any:
    """``input_features`` [n, 1 or 4, frames, mels] (and ``is_longer`` [n, 1] if fused) → ``audio_embeds`` [n, d], unit norm."""
    import torch

    class Tower(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.clap = model

        def forward(self, input_features: Any, is_longer: Any = None) -> Any:
            patch_embed.longer = is_longer
            pooled = self.clap.audio_model(input_features=input_features, is_longer=is_longer, return_dict=True).pooler_output
            return torch.nn.functional.normalize(self.clap.audio_projection(pooled), dim=-1)

    patch_embed = model.audio_model.audio_encoder.patch_embed
    fused = front["truncation"] == "fusion"
    frames = 1 + front["max_length"] // front["hop_length"]
    inputs: tuple[Any, ...] = (torch.zeros(2, 4 if fused else 1, frames, front["n_mels"]),)
    names = ["input_features"]
    if fused:
        inputs, names = (*inputs, torch.tensor([[False], [True]])), [*names, "is_longer"]
    with _both_branches(patch_embed) if fused else contextlib.nullcontext():
        return _exported(Tower(), inputs, names, "audio_embeds", {name: {0: "n"} for name in names})


def text_graph(model: Any) -> Any:
    """``input_ids``, ``attention_mask`` [n, t] → ``text_embeds`` [n, d], unit norm."""
    import torch

    class Tower(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.clap = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            pooled = self.clap.text_model(input_ids=input_ids, attention_mask=attention_mask, return_dict=True).pooler_output
            return torch.nn.functional.normalize(self.clap.text_projection(pooled), dim=-1)

    ids = torch.full((2, 7), 3)
    mask = torch.ones_like(ids)
    ids[1, 5:], mask[1, 5:] = model.config.text_config.pad_token_id, 0
    names = ["input_ids", "attention_mask"]
    return _exported(Tower(), (ids, mask), names, "text_embeds", {name: {0: "n", 1: "t"} for name in names})


def _exported(tower: Any, inputs: tuple[Any, ...], names: list[str], output: str, axes: dict[str, dict[int, str]]) -> Any:
    import onnx
    import torch

    before = tower.clap.config._attn_implementation
    tower.clap.set_attn_implementation("eager")  # the exporter writes plain products, which onnxruntime fuses by itself
    tower.eval()
    buffer = io.BytesIO()
    try:
        with quiet(), torch.no_grad():
            torch.onnx.export(
                tower,
                inputs,
                buffer,
                dynamo=False,  # the dynamo exporter fixes the batch of HTSAT
                opset_version=18,
                input_names=names,
                output_names=[output],
                dynamic_axes={**axes, output: {0: "n"}},
            )
    finally:
        tower.clap.set_attn_implementation(before)
    return onnx.load_model_from_string(buffer.getvalue())


@contextlib.contextmanager
def _both_branches(patch_embed: Any) -> Iterator[None]:
    """Fusion decided per row by ``is_longer`` inside the graph; transformers decides in Python, which a trace would freeze."""
    import torch

    def forward(self: Any, hidden_states: Any, is_longer_idx: Any = None) -> Any:
        everywhere = torch.arange(hidden_states.shape[0])
        plain, mixed = original(hidden_states, everywhere[:0]), original(hidden_states, everywhere)
        return torch.where(self.longer.reshape(-1, *[1] * (plain.dim() - 1)), mixed, plain)

    original = patch_embed.forward
    patch_embed.forward = MethodType(forward, patch_embed)
    try:
        yield
    finally:
        del patch_embed.forward


def serialised(graph: Any, precision: str) -> bytes:
    import onnx

    from auricle.models.pretrained.graphs import folded, shared, weights_as_int8

    small = shared(folded(graph))
    if precision == "int8":
        small = weights_as_int8(small)
    small.producer_name, small.producer_version = "auricle", ""
    del small.metadata_props[:]
    onnx.checker.check_model(small)
    return bytes(small.SerializeToString())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Tracing warns of every Python number that it reads; what is made is measured instead."""
    import logging

    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
