"""The towers of a CLAP checkpoint of ``transformers`` (Wu et al. 2023, arXiv 2211.06687), with weights; its bundle hears meanwhile."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.audio.features import ClapFrontEnd, Float32, front_end
from auricle.errors import ModelError
from auricle.models.bundle import Bundle
from auricle.models.pretrained import clap as converting
from auricle.models.two_towers import open_towers
from auricle.training import checkpoint
from auricle.training.corpus import Entry
from auricle.training.modules.layers import unit
from auricle.training.transfer.towers import Trainable
from auricle.training.words import Words

MEMORY = 512 << 20  # bytes of decoded sound that are kept


class ClapModule(nn.Module):
    """A ``ClapModel`` as two towers."""

    def __init__(self, clap: Any) -> None:
        super().__init__()
        self.clap = clap

    @property
    def logit_scale(self) -> Tensor:
        found: Tensor = self.clap.logit_scale_a.exp().clamp(max=100.0)
        return found

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        pooled = self.clap.text_model(input_ids=ids, attention_mask=mask.long(), return_dict=True).pooler_output
        return unit(self.clap.text_projection(pooled))

    def encode_audio(self, features: Tensor, longer: Tensor) -> Tensor:
        pooled = self.clap.audio_model(input_features=features, is_longer=longer, return_dict=True).pooler_output
        return unit(self.clap.audio_projection(pooled))


class ClapTowers(Trainable):
    """``model``: the bundle that was made of it, in a folder that goes with this object."""

    def __init__(self, folder: Path) -> None:
        held = Path(tempfile.mkdtemp(prefix="auricle-clap-"))
        weakref.finalize(self, shutil.rmtree, held, True)
        converting.convert(folder, held / "bundle")
        self.model = open_towers(held / "bundle")
        clap, self.extractor, self.tokenizer, self.origin = converting._loaded(folder, None)
        config = self.model.bundle.config
        text = config["text"]
        words = Words(self.tokenizer.backend_tokenizer.to_str().encode(), text["max_length"], text["pad_id"])
        window = config["window"]
        super().__init__(ClapModule(clap), words, front_end(config["audio"]["frontend"]), window["seconds"], window["hop"], MEMORY)

    def heard(self, windows: Iterable[Float32]) -> Tensor:
        parts = [self.features(window) for window in windows]
        features = torch.from_numpy(np.concatenate(parts))
        assert isinstance(self.front, ClapFrontEnd)
        longer = torch.full((len(features), 1), self.front.is_longer)
        found = [self.towers.encode_audio(features[at : at + 8], longer[at : at + 8]) for at in range(0, len(features), 8)]
        return self.pooled(torch.cat(found), parts)

    def table(self) -> nn.Module | None:
        found: nn.Module = self.towers.clap.text_model.get_input_embeddings()
        return found

    def reading(self) -> Iterable[nn.Parameter]:
        return [*self.towers.clap.text_model.parameters(), *self.towers.clap.text_projection.parameters()]

    def bundle(self, folder: Path, name: str, entries: Sequence[Entry]) -> Bundle:
        class Processor:
            feature_extractor, tokenizer = self.extractor, self.tokenizer

        converting.convert(self.towers.clap, folder / "bundle", name=name, processor=Processor)
        return Bundle.open(folder / "bundle")


def open_clap(folder: Path) -> ClapTowers:
    """Raises ModelError (Missing, Unsupported, Damaged), TrainingError ``Pickle``: weights are read from safetensors only."""
    if not list(folder.glob("*.safetensors")):
        for file in folder.iterdir():
            checkpoint.refuse_pickle(file)
        raise ModelError("Missing", f"{folder} holds no weights in safetensors.", hint="Save it with model.save_pretrained(folder).")
    return ClapTowers(folder)
