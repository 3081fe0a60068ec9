"""Two towers with their weights, so that they can be trained on, and brought back to what they were: those of a run (``auricle train``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.audio.features import Float32, FrontEnd, front_end
from auricle.models.bundle import Bundle
from auricle.models.capabilities import Vectors
from auricle.models.listening import window_cuts
from auricle.training import checkpoint
from auricle.training.building import Built, build
from auricle.training.corpus import Corpus, Entry, Set
from auricle.training.errors import TrainingError
from auricle.training.export import export
from auricle.training.feed import padded
from auricle.training.graphs import Frames, Windows, audio_side
from auricle.training.modules.layers import unit
from auricle.training.modules.text import TextEncoder
from auricle.training.recipe import Recipe, Source
from auricle.training.schema import TransformersAudio, TransformersText
from auricle.training.words import Words

AT_ONCE = 64  # inputs of the audio tower in one pass where nothing is learned


class Trainable:
    """Two towers with weights. ``towers`` has ``encode_text``, ``logit_scale`` and parameters; ``front``, ``seconds`` and ``hop`` say how
    the bundle made of them hears, so that what is measured here is what the bundle will do."""

    def __init__(self, towers: nn.Module, words: Words, front: FrontEnd, seconds: float, hop: float, memory: int) -> None:
        self.towers: Any = towers.eval()
        self.words, self.front, self.seconds, self.hop, self.memory = words, front, seconds, hop, memory
        self.first = {name: value.detach().clone() for name, value in named(towers)}

    def heard(self, windows: Iterable[Float32]) -> Tensor:
        """``[n, dim]``, unit norm; gradients go through."""
        raise NotImplementedError

    def table(self) -> nn.Module | None:
        """The word embeddings of the text tower; None where it is an ONNX graph."""
        raise NotImplementedError

    def reading(self) -> Iterable[nn.Parameter]:
        """The weights of the text side."""
        raise NotImplementedError

    def bundle(self, folder: Path, name: str, entries: Sequence[Entry]) -> Bundle:
        """The towers as they are now. ``entries``: sounds to measure the graphs on, and for the licence chain."""
        raise NotImplementedError

    def restore(self) -> None:
        """All weights as they were."""
        with torch.no_grad():
            for name, value in named(self.towers):
                value.copy_(self.first[name])
                if isinstance(value, nn.Parameter):
                    value.grad = None

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        ids, mask = padded(self.words(texts), self.words.pad_id)
        return ids, mask

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self.towers.encode_text(*self.tokens(texts)).numpy(), np.float32)

    def features(self, samples: Float32) -> Float32:
        """Inputs of the audio tower of one window, as the bundle makes them."""
        whole = np.ascontiguousarray(samples)
        return self.front.features(whole, self.front.cuts(len(whole)))

    def pooled(self, vectors: Tensor, parts: Sequence[Float32]) -> Tensor:
        """Vectors of inputs → of the windows whose inputs are ``parts``: unit norm of the mean."""
        owners = torch.repeat_interleave(torch.arange(len(parts)), torch.tensor([len(part) for part in parts]))
        return unit(torch.zeros(len(parts), vectors.shape[1], dtype=vectors.dtype).index_add(0, owners, vectors))

    def windows(self, samples: Float32) -> list[Float32]:
        """The stretches that the bundle cuts a sound into."""
        rate = self.front.rate
        cuts = window_cuts(len(samples), round(self.seconds * rate), round(self.hop * rate), rate, self.front.hop or 1)
        return [samples[start:end] for start, end in cuts]

    @torch.no_grad()
    def embed_windows(self, samples: Float32) -> Vectors:
        """All windows of a sound, ``[w, dim]``."""
        windows = self.windows(samples)
        return np.concatenate([np.asarray(self.heard(windows[at : at + 16]).numpy(), np.float32) for at in range(0, len(windows), 16)])


class RunTowers(Trainable):
    """The towers of a run of ``auricle train``."""

    def __init__(self, recipe: Recipe, built: Built) -> None:
        self.recipe, self.built = recipe, built
        built.towers.eval()
        description, window, _, _ = audio_side(recipe, built)
        memory = recipe.data.memory << 20
        super().__init__(built.towers, built.words, front_end(description), float(window["seconds"]), float(window["hop"]), memory)

    def heard(self, windows: Iterable[Float32]) -> Tensor:
        side: Frames | Windows = audio_side(self.recipe, self.built)[2]
        parts = [self.features(window) for window in windows]
        features = torch.from_numpy(np.concatenate(parts))
        return self.pooled(torch.cat([side(features[at : at + AT_ONCE]) for at in range(0, len(features), AT_ONCE)]), parts)

    def table(self) -> nn.Module | None:
        text = self.towers.text
        if isinstance(text, TextEncoder):
            return text.words
        inner = getattr(text, "model", None)
        found: nn.Module | None = inner.get_input_embeddings() if inner is not None else None
        return found

    def reading(self) -> Iterable[nn.Parameter]:
        return [*self.towers.text.parameters(), *self.towers.text_head.parameters()]

    def bundle(self, folder: Path, name: str, entries: Sequence[Entry]) -> Bundle:
        model = self.recipe.model.model_copy(update={"name": name, "version": "1"})
        recipe = self.recipe.model_copy(update={"model": model})
        recipe._source = self.recipe.source
        return Bundle.open(export(recipe, self.built, Corpus([Set("adaptation", list(entries))]), folder / "bundle").path)


def open_run(folder: Path) -> RunTowers:
    """The towers of the newest checkpoint. Encoders of ``transformers`` that the run kept frozen can be trained here.

    Raises TrainingError (Damaged, Pickle), ModelError, UsageError.
    """
    last = checkpoint.newest(folder)
    if last is None:
        raise TrainingError("Damaged", f"{folder} holds no whole checkpoint.", hint="Train it first: auricle train RECIPE --out FOLDER")
    recipe = _recipe(folder, last)
    tokenizer = folder / "tokenizer.json"
    built = build(recipe, (), {}, {}, tokenizer.read_bytes() if tokenizer.is_file() else None)
    path = checkpoint.weights_of(folder)
    weights = checkpoint.load(path)
    trained = {name.removeprefix("towers."): value for name, value in weights.items() if name.startswith("towers.")}
    own = dict(named(built.towers))
    for name, value in trained.items():
        if name not in own or own[name].shape != value.shape:
            raise TrainingError("OtherRecipe", f"{path} does not fit the run's recipe: {name}.", hint="Name the folder of one run.")
        with torch.no_grad():
            own[name].copy_(value)
    return RunTowers(recipe, built)


def _recipe(folder: Path, last: checkpoint.Checkpoint) -> Recipe:
    """What decided the weights, without objectives: they are the run's, not the adaptation's."""
    try:
        recipe = Recipe.model_validate(last.state["recipe"])
        text = (folder / "recipe.yaml").read_text("utf-8")
    except (KeyError, ValueError, OSError):
        raise TrainingError("Damaged", f"{last.path} does not tell its recipe.", hint="Train it again with this version.") from None
    model = recipe.model
    if isinstance(model.audio, TransformersAudio):
        model = model.model_copy(update={"audio": model.audio.model_copy(update={"train": True})})
    if isinstance(model.text, TransformersText):
        model = model.model_copy(update={"text": model.text.model_copy(update={"train": True})})
    recipe = recipe.model_copy(update={"objectives": [], "model": model})
    recipe._source = Source(Path(str(last.state.get("from") or folder.resolve())) / "recipe.yaml", text, ())
    return recipe


def named(module: nn.Module) -> Iterable[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()
