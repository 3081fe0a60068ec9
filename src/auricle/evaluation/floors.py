"""What a model that knows nothing gets: the floor that every score stands on.

    random         two towers of the shapes of tiny-towers, the values of every weight dealt out anew within it
    random-clap    the architecture of CLAP (HTSAT and RoBERTa, as transformers has it) with the weights it is born with

Both need ``auricle[hf]``. The same weights every time: seed 0.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.audio.features import ClapFrontEnd
from auricle.errors import UsageError
from auricle.models import hub
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Vectors, Windowing
from auricle.models.streaming import SampleStream
from auricle.models.two_towers import TwoTowers, open_towers, unit

SEED = 0
NAMES = ("random", "random-clap")


def load(name: str, *, folder: Path | None = None) -> Any:
    """A model by name: one of ``NAMES``, else what ``auricle.load`` gives. ``folder``: where a floor's weights are kept.

    Raises ModelError; UsageError where a floor needs what is not installed.
    """
    if name == "random":
        return _towers(folder)
    if name == "random-clap":
        return _clap()
    return hub.load(name)


@cache
def _towers(folder: Path | None) -> TwoTowers:
    source = hub.load(hub.DEFAULT).bundle
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise UsageError("a random model needs onnx.", hint="pip install 'auricle[hf]'") from None
    made = Path(folder or tempfile.mkdtemp(prefix="auricle-random-")) / f"random-{source.pipeline_id.rpartition(':')[2]}"
    if not (made / "card.json").is_file():
        rng = np.random.default_rng(SEED)
        files: dict[str, Path | bytes] = {}
        for name in source.card.files:
            if name.endswith(".onnx"):
                graph = onnx.load(str(source.file(name)))
                for weight in graph.graph.initializer:
                    values = numpy_helper.to_array(weight)
                    if values.ndim > 1:  # biases, scales and norms stay: the signal keeps its size
                        dealt = rng.permutation(values.reshape(-1)).reshape(values.shape)
                        weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(dealt), weight.name))
                files[name] = graph.SerializeToString()
            elif name == "tokenizer.json":
                files[name] = source.file(name)
        config = {key: value for key, value in source.config.items() if key != "detection"}
        text = f"{source.name} with the values of every weight dealt out at random: it knows nothing."
        card = replace(source.card, name="random", version="1", description=text, trained=(), measured=(), data="", results=(), limits="")
        Bundle.write(made, config, card, files, overwrite=True)
    return open_towers(made)


class RandomClap:
    """Random weights in the shape of ``laion/clap-htsat-unfused``: windows of ten seconds, 512 numbers."""

    name = "random-clap@1"
    dim = 512
    windowing = Windowing(10.0, 10.0)

    def __init__(self, model: Any, weights: str) -> None:
        self._model = model
        self._front = ClapFrontEnd(truncation="rand_trunc")
        self.pipeline_id = f"{self.name}:{weights}"
        self.rate = self._front.rate
        self.bytes = sum(p.numel() * p.element_size() for p in model.parameters())

    def embed_audio(self, windows: Sequence[Audio]) -> Vectors:
        """float32 ``[n, 512]``, unit norm."""
        import torch

        rows = []
        for window in windows:
            samples = np.concatenate(list(SampleStream([window], self.rate)))[: self._front.max_length]
            inputs = torch.from_numpy(self._front.features(samples, [(0, len(samples))]))
            with torch.inference_mode():
                rows.append(_tensor(self._model.get_audio_features(input_features=inputs)))
        return unit(np.concatenate(rows))

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        """float32 ``[n, 512]``, unit norm. A word is a number that its letters give: no vocabulary was ever learned."""
        import torch

        rows = []
        for text in texts:
            words = text.lower().split()[:100]
            ids = [0, *(4 + int(hashlib.sha256(word.encode()).hexdigest(), 16) % 50_000 for word in words), 2]
            with torch.inference_mode():
                rows.append(_tensor(self._model.get_text_features(input_ids=torch.tensor([ids]))))
        return unit(np.concatenate(rows))


@cache
def _clap() -> RandomClap:
    try:
        import torch
        from transformers import ClapConfig, ClapModel
    except ImportError:
        raise UsageError("random-clap needs torch and transformers.", hint="pip install 'auricle[hf]'") from None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = ClapModel(ClapConfig()).eval()
    first = next(iter(model.parameters())).detach().numpy().tobytes()
    return RandomClap(model, hashlib.sha256(first).hexdigest()[:12])


def _tensor(found: Any) -> Any:
    """Newer transformers wrap what older ones give."""
    return (found if hasattr(found, "numpy") else found.pooler_output).numpy()
