"""Several texts behind one sound, in one row: each sees the sound and itself, so that one listening serves many questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.training.connecting.connector import Connector
from auricle.training.connecting.language import added, only
from auricle.training.connecting.recipe import Language
from auricle.training.connecting.sounds import Sound
from auricle.training.speaking.examples import Text


@dataclass(frozen=True, slots=True)
class Wording:
    """How a prompt is put to the language model: ``[start] before SOUND after answer end``."""

    words: Any
    language: Language

    @property
    def start(self) -> list[int]:
        """What stands before the sound."""
        bos = self.words.bos_token_id
        return ([] if bos is None else [int(bos)]) + self.ids(self.language.before)

    def ids(self, text: str) -> list[int]:
        plain = text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no Unicode
        return list(self.words(plain, add_special_tokens=False)["input_ids"]) if plain else []

    def asked(self, prompt: str) -> list[int]:
        ahead, _, behind = self.language.after.partition("{prompt}")
        return self.ids(ahead + prompt + behind)

    def said(self, answer: str) -> list[int]:
        return [*self.ids(self.language.lead + answer), int(self.words.eos_token_id)]


def batch_of(sounds: Sequence[Sound], texts: Sequence[Sequence[Text]], heard: Sequence[bool], wording: Wording) -> dict[str, Tensor]:
    """A row a sound. ``target`` [b, l]: what follows a token, −100 where that is not learned; ``texts``: whose text it is, −1 none."""
    rows = [[(wording.asked(prompt), wording.said(answer)) for prompt, answer in some] for some in texts]
    b, n = len(sounds), max(len(s.frames) for s in sounds)
    length = max(1, max(sum(len(a) + len(s) for a, s in row) for row in rows))
    frames, mask = np.zeros((b, n, sounds[0].frames.shape[1]), np.float32), np.zeros((b, n), bool)
    tokens, positions = np.zeros((b, length), np.int64), np.zeros((b, length), np.int64)
    owner, target = np.full((b, length), -1, np.int64), np.full((b, length), -100, np.int64)
    for i, (sound, row) in enumerate(zip(sounds, rows, strict=True)):
        frames[i, : len(sound.frames)], mask[i, : len(sound.frames)] = sound.frames, heard[i]
        at = 0
        for number, (asked, said) in enumerate(row):
            ids = [*asked, *said]
            here = slice(at, at + len(ids))
            tokens[i, here], positions[i, here], owner[i, here] = ids, np.arange(len(ids)), number
            target[i, at + len(asked) - 1 : at + len(ids) - 1] = said
            at += len(ids)
    arrays: Mapping[str, Any] = {
        "frames": frames, "mask": mask, "tokens": tokens, "positions": positions, "texts": owner, "target": target,
        "start": np.tile(np.array(wording.start, np.int64), (b, 1)),
    }  # fmt: skip
    return {name: torch.from_numpy(value) for name, value in arrays.items()}


def prefix_of(model: Any, connector: Connector, start: Tensor, frames: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """What stands before the texts, ``[b, s + k, width]``, and what of it is there: the start, and the sound."""
    embed = model.get_input_embeddings()
    first = embed(start)
    with torch.autocast("cpu", enabled=False):
        sound, there = connector(frames, mask)
    known = torch.ones(start.shape, dtype=torch.bool, device=start.device)
    return torch.cat([first, sound.to(embed.weight.dtype)], 1), torch.cat([known, there], 1)


def logits(model: Any, connector: Connector, batch: Mapping[str, Tensor]) -> Tensor:
    """``[wanted, v]``: what follows each token of the batch that has a target."""
    prefix, there = prefix_of(model, connector, batch["start"], batch["frames"], batch["mask"])
    b, k = there.shape
    t = k + batch["tokens"].shape[1]
    before = there.cumsum(1)
    positions = torch.cat([(before - 1).clamp_min(0), before[:, -1:] + batch["positions"]], 1)
    texts = torch.cat([torch.full((b, k), -1), batch["texts"]], 1)
    column, text = torch.arange(t), torch.arange(t) >= k
    own = (texts[:, :, None] == texts[:, None, :]) & text[:, None] & text
    sound = nn.functional.pad(there, (0, t - k)).unsqueeze(1)
    seen = ((sound | own) & (column[:, None] >= column)) | torch.eye(t, dtype=torch.bool)  # what is not there sees itself
    vectors = torch.cat([prefix, model.get_input_embeddings()(batch["tokens"])], 1)
    wanted = torch.cat([torch.zeros(b, k, dtype=torch.bool), batch["target"] >= 0], 1)
    with only(model, wanted):
        found: Tensor = model(
            inputs_embeds=vectors, attention_mask=added(seen, vectors.dtype), position_ids=positions, use_cache=False
        ).logits[0]
    return found


def loss_of(model: Any, connector: Connector, batch: Mapping[str, Tensor]) -> Tensor:
    """Cross-entropy of the answers, a token."""
    return nn.functional.cross_entropy(logits(model, connector, batch).float(), batch["target"][batch["target"] >= 0])
