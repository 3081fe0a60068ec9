"""Making exported ONNX graphs small: folded and shared constants, weights stored as int8. Needs the ``onnx`` package."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MIN_QUANTISED = 4096  # smaller weights stay float: they cost nothing and may matter


def folded(model: Any) -> Any:
    """The graph after onnxruntime's basic passes (constant folding, dead nodes): standard operators only, quicker to load."""
    import onnx
    import onnxruntime as ort

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.onnx", Path(folder) / "out.onnx"
        source.write_bytes(model.SerializeToString())
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(target)
        options.log_severity_level = 3
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
        return onnx.load(str(target))


def shared(model: Any) -> Any:
    """Constant nodes become initializers, and equal initializers become one. In place; returns the model."""
    from onnx import numpy_helper

    graph = model.graph
    rename: dict[str, str] = {}
    kept: dict[bytes, Any] = {}
    constants = [node for node in graph.node if node.op_type == "Constant" and node.attribute[0].name == "value"]
    tensors = list(graph.initializer)
    for node in constants:
        tensor = node.attribute[0].t
        tensor.name = node.output[0]
        tensors.append(tensor)
    outputs = {output.name for output in graph.output}
    for tensor in tensors:
        value = numpy_helper.to_array(tensor)
        key = hashlib.sha256(f"{value.dtype}{value.shape}".encode() + value.tobytes()).digest()
        first = kept.setdefault(key, tensor)
        if first is not tensor and tensor.name not in outputs:
            rename[tensor.name] = first.name
    removed = {id(node) for node in constants}
    nodes = [node for node in graph.node if id(node) not in removed]
    for node in nodes:
        _rename(node, rename)
    unique = [tensor for tensor in tensors if tensor.name not in rename]
    _replace(graph.initializer, unique)
    _replace(graph.node, nodes)
    return model


def weights_as_int8(model: Any) -> Any:
    """Weights of MatMul, Gemm, Conv and Gather stored as int8 with a float scale a channel, widened by Cast × scale.

    The runtime folds the widening once at load and then computes in float32, so vectors do not depend on the batch; tables
    that are only looked up (Gather) stay int8 in memory too. In place; returns the model.
    """
    from onnx import TensorProto, helper

    graph = model.graph
    initial = {tensor.name: tensor for tensor in graph.initializer}
    axes = _quantised_axes(graph, initial)
    added: list[Any] = []
    nodes: list[Any] = []
    for name, axis in axes.items():
        codes, scale = _codes(initial[name], axis)
        added += [codes, scale]
        if axis is not _ROWS:
            nodes.append(helper.make_node("Cast", [codes.name], [f"{name}.wide"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"{name}.wide", scale.name], [name]))
    for node in graph.node:
        nodes += _looked_up(node) if node.op_type == "Gather" and axes.get(node.input[0], 0) is _ROWS else [node]
    _replace(graph.initializer, [tensor for name, tensor in initial.items() if name not in axes] + added)
    _replace(graph.node, nodes)
    return model


_ROWS = None  # the "axis" of a table whose rows are looked up


def _quantised_axes(graph: Any, initial: dict[str, Any]) -> dict[str, int | None]:
    """Initializer → the axis of its output channels. One that is also used in another way stays as it is."""
    found: dict[str, int | None] = {}
    refused: set[str] = set()
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name not in initial:
                continue
            axis = _channel_axis(node, place, len(initial[name].dims))
            big = int(np.prod(initial[name].dims)) >= MIN_QUANTISED and initial[name].data_type == 1
            if axis == "no" or not big or found.get(name, axis) != axis:
                refused.add(name)
            else:
                found[name] = axis
    return {name: axis for name, axis in found.items() if name not in refused}


def _channel_axis(node: Any, place: int, rank: int) -> Any:
    if node.op_type == "MatMul" and place == 1 and rank == 2:
        return 1
    if node.op_type == "Gemm" and place == 1 and rank == 2:
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    if node.op_type == "Conv" and place == 1:
        return 0
    if node.op_type == "Gather" and place == 0 and rank == 2 and not any(a.name == "axis" and a.i for a in node.attribute):
        return _ROWS
    return "no"


def _codes(tensor: Any, axis: int | None) -> tuple[Any, Any]:
    from onnx import numpy_helper

    codes, scale = quantised(numpy_helper.to_array(tensor), 0 if axis is None else axis)
    return numpy_helper.from_array(codes, f"{tensor.name}.int8"), numpy_helper.from_array(scale, f"{tensor.name}.scale")


def quantised(weight: npt.NDArray[np.float32], axis: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Symmetric int8 along one axis: codes in −127..127 and a float32 scale shaped to broadcast; weight ≈ codes × scale."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.maximum(np.abs(weight).max(axis=others, keepdims=True) / 127.0, 1e-12).astype(np.float32)
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale


def _looked_up(node: Any) -> list[Any]:
    """Gather from codes and scales, then widen the few rows that were asked for."""
    from onnx import TensorProto, helper

    table, places, out = node.input[0], node.input[1], node.output[0]
    return [
        helper.make_node("Gather", [f"{table}.int8", places], [f"{out}.int8"], axis=0),
        helper.make_node("Gather", [f"{table}.scale", places], [f"{out}.scale"], axis=0),
        helper.make_node("Cast", [f"{out}.int8"], [f"{out}.wide"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{out}.wide", f"{out}.scale"], [out]),
    ]


def _rename(node: Any, rename: dict[str, str]) -> None:
    for i, name in enumerate(node.input):
        node.input[i] = rename.get(name, name)
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs] if attribute.HasField("g") or attribute.graphs else []:
            for inner in graph.node:
                _rename(inner, rename)


def _replace(field: Any, items: list[Any]) -> None:
    copies = [type(item).FromString(item.SerializeToString()) for item in items]
    del field[:]
    field.extend(copies)
