"""A chain of convolutions that others trained, read from an ONNX graph and trained on from any depth (YAMNet is one)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.errors import ModelError


@dataclass(frozen=True, slots=True)
class Link:
    """One convolution with its bias; a ReLU follows it."""

    weight: np.ndarray[Any, Any]  # [out, in / groups, height, width]
    bias: np.ndarray[Any, Any]
    stride: tuple[int, int]
    pads: tuple[int, int, int, int]  # top, left, bottom, right
    groups: int


class Chain(nn.Module):
    """Links in their order: ``[n, in, height, width]`` → the same of the last link."""

    def __init__(self, links: list[Link]) -> None:
        super().__init__()
        self.pads = [link.pads for link in links]
        self.layers = nn.ModuleList(_convolution(link) for link in links)

    def forward(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)  # twice as fast through depthwise convolutions
        for (top, left, bottom, right), layer in zip(self.pads, self.layers, strict=True):
            x = nn.functional.pad(x, (left, right, top, bottom)) if (top, left) != (bottom, right) else x
            x = torch.relu(layer(x))
        return x


class GrownEncoder(nn.Module):
    """Log-mel patches ``[n, 1, frames, bands]`` → ``[n, hidden]``: what the pre-trained chain hears, and beside it what a copy of its
    last links learns to hear (a side branch; Zhang 2020, arXiv 1912.13503, keep the old network whole beside the new).

    The first ``shared`` links and the old end are frozen; both ends begin as the same weights. ``hidden`` is twice the chain's width:
    first the root of the old end's mean over the patch, as YAMNet's embedding is spread, then the new end's mean.
    """

    def __init__(self, links: list[Link], shared: int, *, mean: float = -3.0) -> None:
        super().__init__()
        if not 0 <= shared < len(links):
            raise ValueError(f"a chain of {len(links)} convolutions cannot share {shared} of them")
        self.mean = mean  # of log-mel: what hidden stretches are filled with
        self.least = 2
        self.stem, self.old = Chain(links[:shared]).requires_grad_(False), Chain(links[shared:]).requires_grad_(False)
        self.new = Chain(links[shared:])
        self.width = len(links[-1].bias)
        self.hidden = 2 * self.width

    def forward(self, patches: Tensor) -> Tensor:
        stem = self.stem(patches)
        return torch.cat([self.old(stem).mean((2, 3)).sqrt(), self.new(stem).mean((2, 3))], dim=-1)


def _convolution(link: Link) -> nn.Conv2d:
    out, per_group, height, width = link.weight.shape
    same = link.pads[:2] == link.pads[2:]
    padding = link.pads[:2] if same else (0, 0)
    made = nn.Conv2d(per_group * link.groups, out, (height, width), link.stride, padding, groups=link.groups)
    made.weight.data = torch.from_numpy(np.array(link.weight, np.float32))
    assert made.bias is not None
    made.bias.data = torch.from_numpy(np.array(link.bias, np.float32))
    return made


def read_chain(path: Path) -> list[Link]:
    """The convolutions of a graph that is a chain of them, from its first input on. Raises ModelError."""
    import onnx

    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # what onnx raises for a damaged file is not its own
        raise ModelError("Damaged", f"{path} is no ONNX graph: {error}.") from None
    links = list(_links(graph))
    if not links:
        raise ModelError("Unsupported", f"{path} does not begin with convolutions, so none can be trained on.")
    return links


def _links(graph: Any) -> Iterator[Link]:
    from onnx import helper

    values = _Values(graph)
    users: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    at = graph.input[0].name
    while len(users.get(at, ())) == 1 and (node := users[at][0]).op_type in ("Conv", "Relu"):
        if node.op_type == "Conv":
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            weight = values(node.input[1])
            bias = values(node.input[2]) if len(node.input) > 2 else np.zeros(len(weight), np.float32)
            stride, pads = attributes.get("strides", [1, 1]), attributes.get("pads", [0, 0, 0, 0])
            yield Link(weight, bias, (stride[0], stride[1]), (pads[0], pads[1], pads[2], pads[3]), int(attributes.get("group", 1)))
        at = node.output[0]


class _Values:
    """Constants of a graph, small weights that are widened (Cast, Mul) included."""

    def __init__(self, graph: Any) -> None:
        from onnx import numpy_helper

        self._stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._made = {node.output[0]: node for node in graph.node}

    def __call__(self, name: str) -> np.ndarray[Any, Any]:
        if name in self._stored:
            return np.asarray(self._stored[name], np.float32)
        node = self._made.get(name)
        if node is None or node.op_type not in ("Cast", "Mul"):
            raise ModelError("Unsupported", f"a weight of this graph is made by {node.op_type if node else 'nothing'}, not stored.")
        found = self(node.input[0])
        return found * self(node.input[1]) if node.op_type == "Mul" else found
