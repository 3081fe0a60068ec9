"""Towers as ONNX graphs: modules that say what runs in one, and frozen graphs joined with what was trained on top of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.audio.features import FrontEnd, WaveFrontEnd, YamnetFrontEnd
from auricle.errors import ModelError
from auricle.models.pretrained.clap_export import quiet
from auricle.training.building import Built
from auricle.training.modules.frozen import FrozenAudio, FrozenText, OnnxHearing
from auricle.training.modules.towers import Towers
from auricle.training.recipe import Recipe

OPSET = 18
HIDDEN, CUTS = "auricle_hidden", "auricle_cuts"  # where graphs are joined


class Frames(nn.Module):
    """Patches → raw vectors of frames."""

    def __init__(self, encoder: nn.Module, towers: Towers) -> None:
        super().__init__()
        self.encoder, self.head = encoder, towers.audio_head

    def forward(self, patches: Tensor) -> Tensor:
        hidden = self.encoder(patches)
        return self.head(hidden if hidden.dim() == 2 else hidden.flatten(1, -2).mean(1))


class Windows(nn.Module):
    """Whole windows → vectors: patches are cut out, encoded, hear each other, and are averaged."""

    def __init__(self, encoder: nn.Module, towers: Towers, n: int, length: int, hop: int, axis: int) -> None:
        super().__init__()
        self.encoder, self.context, self.head = encoder, towers.context, towers.audio_head
        self.n, self.length, self.hop, self.axis = n, length, hop, axis

    def cut(self, window: Tensor) -> Tensor:
        parts = [window.narrow(self.axis, i * self.hop, self.length) for i in range(self.n)]
        return torch.stack(parts, 1).flatten(0, 1)

    def gather(self, hidden: Tensor) -> Tensor:
        hidden = hidden if hidden.dim() == 2 else hidden.flatten(1, -2).mean(1)
        hidden = hidden.reshape(-1, self.n, hidden.shape[-1])
        assert self.context is not None
        return self.head(self.context(hidden, torch.ones_like(hidden[..., 0], dtype=torch.bool))).mean(1)

    def forward(self, window: Tensor) -> Tensor:
        return self.gather(self.encoder(self.cut(window)))


class Cut(nn.Module):
    def __init__(self, windows: Windows) -> None:
        super().__init__()
        self.windows = windows

    def forward(self, window: Tensor) -> Tensor:
        return self.windows.cut(window)


class Gathered(nn.Module):
    """What stands behind a frozen encoder: frames or windows of its hidden vectors."""

    def __init__(self, side: Frames | Windows) -> None:
        super().__init__()
        self.side = side

    def forward(self, hidden: Tensor) -> Tensor:
        if isinstance(self.side, Windows):
            return self.side.gather(hidden)
        return self.side.head(hidden if hidden.dim() == 2 else hidden.flatten(1, -2).mean(1))


class TextSide(nn.Module):
    """``input_ids``, ``attention_mask`` → ``text`` and, of a pre-trained encoder, its own ``sentence``."""

    def __init__(self, encoder: nn.Module, towers: Towers, sentence: bool) -> None:
        super().__init__()
        self.encoder, self.head, self.sentence = encoder, towers.text_head, sentence

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        hidden = self.encoder(input_ids, attention_mask.bool())
        return (self.head(hidden), hidden) if self.sentence else self.head(hidden)


# ---------------------------------------------------------------------------------------------------------------- graphs


def audio_side(recipe: Recipe, built: Built) -> tuple[dict[str, Any], dict[str, float], Frames | Windows, nn.Module]:
    """The bundle's front end and windows, and the module that runs between them."""
    front, towers, seconds = built.front, built.towers, recipe.data.seconds
    encoder = towers.audio
    if isinstance(encoder, FrozenAudio):
        hearing = encoder.__dict__["encoder"]
        encoder = getattr(hearing, "module", encoder)
    description = front_description(built)
    if towers.context is None:
        return description, _window(front, seconds, recipe.model.hop), Frames(encoder, towers), encoder
    n = 1 + max(0, round(seconds * front.rate) - front.length) // (front.hop or 1)
    if isinstance(front, YamnetFrontEnd):
        long, step, unit = front.patch_frames, front.hop_frames, front.hop_length
        whole = long + (n - 1) * step
        hop = max(1, min(whole, round(recipe.model.hop * front.rate / unit)))
        changed, samples = {"patch_frames": whole, "hop_frames": hop}, (whole - 1) * unit + front.window_length
    elif isinstance(front, WaveFrontEnd):
        long, step, unit = front.patch_length, front.hop_length, 1
        whole = samples = long + (n - 1) * step
        hop = max(1, min(whole, round(recipe.model.hop * front.rate)))
        changed = {"patch_length": whole, "hop_length": hop}
    else:
        raise ModelError("Unsupported", "a context over frames needs a front end of frames.", hint="Leave model.context out.")
    window = {"seconds": samples / front.rate, "hop": hop * unit / front.rate}
    axis = 2 if isinstance(front, YamnetFrontEnd) else 1
    return {**description, **changed, "pad": "repeat"}, window, Windows(encoder, towers, n, long, step, axis), encoder


def _window(front: FrontEnd, seconds: float, hop: float) -> dict[str, float]:
    """Windows on the grid of frames, so that they are pools of the very same frames."""
    if front.hop is None:
        return {"seconds": seconds, "hop": min(hop, seconds)}
    frames = max(1, round((seconds * front.rate - front.length) / front.hop))
    long = front.length + frames * front.hop
    step = min(max(1, round(hop * front.rate / front.hop)), frames + 1) * front.hop
    return {"seconds": long / front.rate, "hop": min(step, long) / front.rate}


def front_description(built: Built) -> dict[str, Any]:
    """The front end as ``config.json`` writes it."""
    kinds = {YamnetFrontEnd: "yamnet", WaveFrontEnd: "wave"}
    return {"kind": kinds.get(type(built.front), "clap"), **asdict(built.front)}  # type: ignore[call-overload]


def audio_graph(side: Frames | Windows, encoder: nn.Module, built: Built) -> Any:
    front = built.front
    shape = (1, front.patch_frames, front.n_mels) if isinstance(front, YamnetFrontEnd) else (front.length,)
    if isinstance(side, Windows):
        long = side.length + (side.n - 1) * side.hop
        shape = (1, long, front.n_mels) if isinstance(front, YamnetFrontEnd) else (long,)
    if not isinstance(encoder, FrozenAudio):
        return onnx_of(side, (torch.randn(2, *shape),), ["patches"], ["frames"], {"patches": {0: "n"}, "frames": {0: "n"}})
    hearing = encoder.__dict__["encoder"]
    assert isinstance(hearing, OnnxHearing)
    return _joined_audio(side, hearing, shape)


def _joined_audio(side: Frames | Windows, hearing: OnnxHearing, shape: Sequence[int]) -> Any:
    import onnx

    frozen = onnx.load(str(hearing.graph))
    opset = opset_of(frozen)
    silence = np.zeros(hearing.front.length, np.float32)
    features = hearing.front.features(silence, hearing.front.cuts(len(silence)))
    feeds: dict[str, Any] = {name: features for name in hearing.session.inputs if name != "is_longer"}
    if "is_longer" in hearing.session.inputs:
        feeds["is_longer"] = np.zeros((len(features), 1), bool)
    found = hearing.session.run(hearing.output, feeds)
    repeats = side.n if isinstance(side, Windows) else 2
    hidden = torch.randn(repeats * (2 if isinstance(side, Windows) else 1), *found.shape[1:])
    axes = {i: f"a{i}" for i in range(hidden.dim() - 1)}
    after = onnx_of(Gathered(side), (hidden,), [HIDDEN], ["frames"], {HIDDEN: axes, "frames": {0: "n"}}, opset)
    joined = behind(frozen, after, {hearing.output: HIDDEN}, ["frames"])
    if isinstance(side, Windows):
        (name,) = [i for i in hearing.session.inputs if i != "is_longer"]
        before = onnx_of(Cut(side), (torch.randn(2, *shape),), ["windows"], [CUTS], {"windows": {0: "n"}, CUTS: {0: "m"}}, opset)
        joined = behind(before, joined, {CUTS: name}, ["frames"], first="cut_")
    return joined


def text_graph(towers: Towers) -> tuple[Any, str]:
    text = towers.text
    names = ["input_ids", "attention_mask"]
    axes: dict[str, dict[int, str]] = {name: {0: "n", 1: "t"} for name in names}
    graph = text.__dict__.get("graph") if isinstance(text, FrozenText) else None
    if graph is None:
        encoder = text.__dict__["module"] if isinstance(text, FrozenText) else text
        pretrained = hasattr(encoder, "model")
        ids = torch.ones((2, 7), dtype=torch.long)
        mask = torch.ones_like(ids)
        mask[1, 5:] = 0
        outputs = ["text", "sentence"] if pretrained else ["text"]
        made = onnx_of(TextSide(encoder, towers, pretrained), (ids, mask), names, outputs, {**axes, **{o: {0: "n"} for o in outputs}})
        return made, "sentence" if pretrained else ""
    import onnx

    frozen, output = onnx.load(str(graph)), text.__dict__["output"]
    hidden = torch.randn(2, towers.text.hidden)
    head = onnx_of(towers.text_head, (hidden,), [HIDDEN], ["text"], {HIDDEN: {0: "n"}, "text": {0: "n"}}, opset_of(frozen))
    joined = behind(frozen, head, {output: HIDDEN}, ["text"], keep={output: "sentence"})
    return joined, "sentence"


def onnx_of(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    names: list[str],
    outputs: list[str],
    axes: dict[str, dict[int, str]],
    opset: int = OPSET,
) -> Any:
    import onnx

    module.eval()
    buffer = io.BytesIO()
    with quiet(), torch.no_grad():
        torch.onnx.export(
            module, inputs, buffer, dynamo=False, opset_version=min(max(opset, 9), OPSET),
            input_names=names, output_names=outputs, dynamic_axes=axes,
        )  # fmt: skip
    made = onnx.load_model_from_string(buffer.getvalue())
    if opset > OPSET:
        made = onnx.version_converter.convert_version(made, opset)
    return made


def opset_of(graph: Any) -> int:
    return int(next(o.version for o in graph.opset_import if o.domain in ("", "ai.onnx")))


def behind(
    before: Any, after: Any, joints: dict[str, str], outputs: list[str], *, keep: dict[str, str] | None = None, first: str = "frozen_"
) -> Any:
    """One graph that runs ``after`` on what ``before`` gives. ``keep`` names outputs of ``before`` that stay."""
    import onnx
    from onnx import compose, helper

    version = max(before.ir_version, after.ir_version)
    before = compose.add_prefix(before, first, rename_inputs=False)
    before.ir_version = after.ir_version = version
    joined = compose.merge_models(before, after, io_map=[(first + old, new) for old, new in joints.items()])
    for old, new in (keep or {}).items():
        joined.graph.node.append(helper.make_node("Identity", [first + old], [new]))
        joined.graph.output.append(helper.make_tensor_value_info(new, onnx.TensorProto.FLOAT, None))
    wanted = [*outputs, *(keep or {}).values()]
    kept = [output for output in joined.graph.output if output.name in wanted]
    del joined.graph.output[:]
    joined.graph.output.extend(kept)
    return joined
