"""The two ONNX graphs of tiny-towers: YAMNet without its activation quantisers, and MiniLM with a class head.

Weights are stored as int8 per output channel and widened by Cast × scale, which the runtime folds once at load: what
computes is float32, so vectors do not depend on the batch (dynamic int8 drifts by 5e-3).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18


def quantise(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 along one axis: ``(codes, scale)`` with scale shaped to broadcast."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = np.maximum(np.abs(weight).max(axis=others, keepdims=True) / 127.0, 1e-12).astype(np.float32)
    return np.clip(np.round(weight / scale), -127, 127).astype(np.int8), scale


class GraphBuilder:
    """Just enough to write a graph by hand: values by name, weights as int8 or float."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._count = 0

    def name(self, hint: str) -> str:
        self._count += 1
        return f"{hint}_{self._count}"

    def constant(self, value: np.ndarray, hint: str = "c") -> str:
        name = self.name(hint)
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, value: np.ndarray, axis: int, hint: str = "w") -> str:
        codes, scale = quantise(value, axis)
        wide = self.node("Cast", [self.constant(codes, hint + "_i8")], to=TensorProto.FLOAT)
        return self.node("Mul", [wide, self.constant(scale, hint + "_scale")])

    def node(self, op: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = output or self.name(op.lower())
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def model(self, name: str, inputs: list[Any], outputs: list[Any]) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="auricle")
        model.ir_version = 9
        onnx.checker.check_model(model, full_check=True)
        return model


def yamnet_weights(path: Path) -> tuple[list[tuple[dict[str, Any], np.ndarray, np.ndarray]], np.ndarray, np.ndarray]:
    """Convolutions in order as ``(attributes, weight, bias)`` and the classifier ``(W [521, 1024], b [521])``."""
    model = onnx.load(str(path))
    values = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    source = {n.output[0]: n for n in model.graph.node}

    def value(name: str) -> np.ndarray:
        while name not in values:
            name = source[name].input[0]
        return values[name].astype(np.float32)

    convolutions = []
    for node in model.graph.node:
        if node.op_type == "Conv":
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            convolutions.append((attributes, value(node.input[1]), value(node.input[2])))
        if node.op_type == "Gemm":
            classifier = value(node.input[1]), value(node.input[2])
    return convolutions, *classifier


def audio_graph(weights: Path, head: Any, outputs: dict[str, int]) -> onnx.ModelProto:
    """``patches`` [n, 1, 96, 64] → the outputs that ``head(builder, embedding, logits)`` adds."""
    convolutions, class_weight, class_bias = yamnet_weights(weights)
    b = GraphBuilder()
    x = "patches"
    for attributes, weight, bias in convolutions:
        # ORT's planner favours explicit pads; attributes come unchanged from the source graph.
        x = b.node("Conv", [x, b.weight(weight, 0, "conv"), b.constant(bias, "bias")], **attributes)
        x = b.node("Relu", [x])
    embedding = b.node("Flatten", [b.node("GlobalAveragePool", [x])], axis=1)
    logits = b.node("Gemm", [embedding, b.weight(class_weight, 0, "classes"), b.constant(class_bias, "bias")], transB=1)
    head(b, embedding, logits)
    return b.model(
        "tiny-towers-audio",
        [helper.make_tensor_value_info("patches", TensorProto.FLOAT, ["n", 1, 96, 64])],
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, ["n", d]) for k, d in outputs.items()],
    )


def words_as_int8(b: GraphBuilder, table: np.ndarray) -> str:
    """Word vectors of ``input_ids``."""
    codes, scale = quantise(table, 0)
    rows = b.node("Gather", [b.constant(codes, "words_i8"), "input_ids"], axis=0)
    scales = b.node("Gather", [b.constant(scale, "words_scale"), "input_ids"], axis=0)
    return b.node("Mul", [b.node("Cast", [rows], to=TensorProto.FLOAT), scales])


def minilm_graph(folder: Path, head: Any, outputs: dict[str, int], words: Any = words_as_int8) -> onnx.ModelProto:
    """``input_ids, attention_mask`` [n, t] → the outputs that ``head(builder, sentence)`` adds; sentence is unit norm [n, 384].

    BERT (Devlin 2018) as all-MiniLM-L6-v2 configures it: 6 layers, 384 wide, 12 heads, post-norm, GELU, masked mean pooling.
    """
    import json

    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(str(folder / "model.safetensors"))
    tensors = {k.removeprefix("bert."): v.astype(np.float32) for k, v in tensors.items() if v.dtype.kind == "f"}
    heads, width = config["num_attention_heads"], config["hidden_size"]
    eps = config["layer_norm_eps"]
    b = GraphBuilder()

    def linear(x: str, prefix: str) -> str:
        w = b.weight(np.ascontiguousarray(tensors[prefix + ".weight"].T), 1, "linear")
        return b.node("Add", [b.node("MatMul", [x, w]), b.constant(tensors[prefix + ".bias"], "bias")])

    def norm(x: str, prefix: str) -> str:
        scale, shift = b.constant(tensors[prefix + ".weight"]), b.constant(tensors[prefix + ".bias"])
        return b.node("LayerNormalization", [x, scale, shift], axis=-1, epsilon=eps)

    x = words(b, tensors["embeddings.word_embeddings.weight"])
    length = b.node("Gather", [b.node("Shape", ["input_ids"]), b.constant(np.array([1], np.int64))], axis=0)
    zero, one = b.constant(np.array([0], np.int64)), b.constant(np.array([1], np.int64))
    places = b.constant(tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][:1])
    x = b.node("Add", [x, b.node("Slice", [places, zero, length, zero, one])])
    x = norm(x, "embeddings.LayerNorm")
    mask = b.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    gaps = b.node("Sub", [mask, b.constant(np.float32(1.0).reshape(1))])
    bias = b.node("Mul", [gaps, b.constant(np.float32(1e9).reshape(1))])
    bias = b.node("Unsqueeze", [bias, b.constant(np.array([1, 2], np.int64))])
    split = b.constant(np.array([0, 0, heads, width // heads], np.int64))
    merge = b.constant(np.array([0, 0, width], np.int64))
    shrink = b.constant(np.float32((width // heads) ** -0.5).reshape(1))
    for layer in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{layer}."
        q, k, v = (linear(x, p + f"attention.self.{part}") for part in ("query", "key", "value"))
        q = b.node("Transpose", [b.node("Reshape", [q, split])], perm=[0, 2, 1, 3])
        k = b.node("Transpose", [b.node("Reshape", [k, split])], perm=[0, 2, 3, 1])
        v = b.node("Transpose", [b.node("Reshape", [v, split])], perm=[0, 2, 1, 3])
        weights = b.node("Add", [b.node("Mul", [b.node("MatMul", [q, k]), shrink]), bias])
        mixed = b.node("MatMul", [b.node("Softmax", [weights], axis=-1), v])
        mixed = b.node("Reshape", [b.node("Transpose", [mixed], perm=[0, 2, 1, 3]), merge])
        x = norm(b.node("Add", [x, linear(mixed, p + "attention.output.dense")]), p + "attention.output.LayerNorm")
        hidden = linear(x, p + "intermediate.dense")
        root = b.node("Erf", [b.node("Mul", [hidden, b.constant(np.float32(0.5**0.5).reshape(1))])])
        half = b.node("Mul", [hidden, b.constant(np.float32(0.5).reshape(1))])
        gelu = b.node("Mul", [half, b.node("Add", [root, b.constant(np.float32(1.0).reshape(1))])])
        x = norm(b.node("Add", [x, linear(gelu, p + "output.dense")]), p + "output.LayerNorm")
    last = b.constant(np.array([2], np.int64))
    mask3 = b.node("Unsqueeze", [mask, last])
    total = b.node("ReduceSum", [b.node("Mul", [x, mask3]), b.constant(np.array([1], np.int64))], keepdims=0)
    count = b.node("Max", [b.node("ReduceSum", [mask, b.constant(np.array([1], np.int64))], keepdims=1), b.constant(np.float32([1e-9]))])
    sentence = unit(b, b.node("Div", [total, count]))
    head(b, sentence)
    tokens = [helper.make_tensor_value_info(n, TensorProto.INT64, ["n", "t"]) for n in ("input_ids", "attention_mask")]
    return b.model("tiny-towers-text", tokens, [helper.make_tensor_value_info(k, TensorProto.FLOAT, ["n", d]) for k, d in outputs.items()])


def unit(b: GraphBuilder, x: str, output: str | None = None) -> str:
    """x / ‖x‖₂ over the last axis."""
    length = b.node("ReduceL2", [x, b.constant(np.array([-1], np.int64))], keepdims=1)
    return b.node("Div", [x, b.node("Max", [length, b.constant(np.float32([1e-12]))])], output)
