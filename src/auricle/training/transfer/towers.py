"""The towers of a run (``auricle train``) with their weights, so that they can be trained on; and back to what they were."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.audio.features import Float32, FrontEnd, front_end
from auricle.models.capabilities import Vectors
from auricle.models.listening import window_cuts
from auricle.training import checkpoint
from auricle.training.building import Built, build
from auricle.training.errors import TrainingError
from auricle.training.feed import padded
from auricle.training.graphs import Frames, Windows, audio_side
from auricle.training.modules.layers import unit
from auricle.training.recipe import Recipe, Source
from auricle.training.schema import TransformersAudio, TransformersText

AT_ONCE = 64  # inputs of the audio tower in one pass where nothing is learned


@dataclass
class RunTowers:
    """``front``, ``seconds``, ``hop``: how the run's bundle hears, so that what is measured here is what the bundle will do."""

    folder: Path
    recipe: Recipe
    built: Built
    front: FrontEnd
    seconds: float
    hop: float
    first: dict[str, Tensor]

    @property
    def towers(self) -> Any:
        return self.built.towers

    @property
    def n(self) -> int:
        """Samples of a window."""
        return round(self.seconds * self.front.rate)

    def restore(self) -> None:
        """All weights as they were."""
        with torch.no_grad():
            for name, value in _named(self.towers):
                value.copy_(self.first[name])
                if isinstance(value, nn.Parameter):
                    value.grad = None

    # ------------------------------------------------------------------------------------------------------------ text

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        ids, mask = padded(self.built.words(texts), self.built.words.pad_id)
        return ids, mask

    @torch.no_grad()
    def embed_text(self, texts: Sequence[str]) -> Vectors:
        return np.asarray(self.towers.encode_text(*self.tokens(texts)).numpy(), np.float32)

    # ------------------------------------------------------------------------------------------------------------ sound

    def features(self, samples: Float32) -> Float32:
        """Inputs of the audio tower of one window, as the bundle makes them."""
        whole = np.ascontiguousarray(samples)
        return self.front.features(whole, self.front.cuts(len(whole)))

    def windows(self, samples: Float32) -> list[Float32]:
        """The stretches that the bundle cuts a sound into."""
        cuts = window_cuts(len(samples), self.n, round(self.hop * self.front.rate), self.front.rate, self.front.hop or 1)
        return [samples[start:end] for start, end in cuts]

    def heard(self, windows: Iterable[Float32]) -> Tensor:
        """``[n, dim]``, unit norm; gradients go through."""
        side: Frames | Windows = audio_side(self.recipe, self.built)[2]
        parts = [self.features(window) for window in windows]
        features = torch.from_numpy(np.concatenate(parts))
        raw = torch.cat([side(features[at : at + AT_ONCE]) for at in range(0, len(features), AT_ONCE)])
        owners = torch.repeat_interleave(torch.arange(len(parts)), torch.tensor([len(part) for part in parts]))
        return unit(torch.zeros(len(parts), raw.shape[1]).index_add(0, owners, raw))

    @torch.no_grad()
    def embed_windows(self, samples: Float32) -> Vectors:
        """All windows of a sound, ``[w, dim]``."""
        windows = self.windows(samples)
        return np.concatenate([np.asarray(self.heard(windows[at : at + 16]).numpy(), np.float32) for at in range(0, len(windows), 16)])


def open_run(folder: Path) -> RunTowers:
    """The towers of the newest checkpoint. Encoders of ``transformers`` that the run kept frozen can be trained here.

    Raises TrainingError (Damaged, Pickle), ModelError, UsageError.
    """
    last = checkpoint.newest(folder)
    if last is None:
        raise TrainingError("Damaged", f"{folder} holds no whole checkpoint.", hint="Train it first: auricle train RECIPE --out FOLDER")
    recipe = _recipe(folder, last)
    tokenizer = folder / "tokenizer.json"
    built = build(recipe, (), (), {}, tokenizer.read_bytes() if tokenizer.is_file() else None)
    path = checkpoint.weights_of(folder)
    weights = checkpoint.load(path)
    trained = {name.removeprefix("towers."): value for name, value in weights.items() if name.startswith("towers.")}
    own = dict(_named(built.towers))
    for name, value in trained.items():
        if name not in own or own[name].shape != value.shape:
            raise TrainingError("OtherRecipe", f"{path} does not fit the run's recipe: {name}.", hint="Name the folder of one run.")
        with torch.no_grad():
            own[name].copy_(value)
    built.towers.eval()
    description, window, _, _ = audio_side(recipe, built)
    first = {name: value.detach().clone() for name, value in _named(built.towers)}
    return RunTowers(folder, recipe, built, front_end(description), float(window["seconds"]), float(window["hop"]), first)


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


def _named(module: nn.Module) -> Iterable[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()
