"""A text head that knows names: what a text is called decides where it lies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from auricle.errors import ModelError

PROMPT = "the sound of {}"
Names = list[list[str]]  # of each kind of sound, what it is called


class NamesHead(nn.Module):
    """A sentence vector s → the shared space, by how near it is to the names of known kinds of sound.

        c = softmax_k( max_j cos(s, n_kj) / τ ) ,   t = V √c + U s

    ``keys`` are the names' own sentence vectors n_kj and stay as they are; V and U are learned. A text that training never saw lies
    among the kinds whose names are nearest, instead of anywhere: a radial basis network (Broomhead & Lowe 1988) whose centres are words.
    """

    keys: Tensor

    def __init__(self, keys: Tensor, dim: int, tau: float, widen: int = 0) -> None:
        super().__init__()
        self.kinds, self.names, hidden = keys.shape
        self.tau = tau
        self.register_buffer("keys", keys.reshape(-1, hidden).clone(), persistent=False)
        self.straight = nn.Linear(self.kinds, dim)
        self.bent = nn.Sequential(nn.Linear(hidden, widen), nn.GELU(), nn.Linear(widen, dim)) if widen else None
        if self.bent is not None:
            nn.init.zeros_(self.bent[2].weight), nn.init.zeros_(self.bent[2].bias)

    def forward(self, sentence: Tensor) -> Tensor:
        unit = sentence / sentence.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        near = (unit @ self.keys.T).reshape(-1, self.kinds, self.names).amax(-1)
        x = self.straight(torch.softmax(near / self.tau, -1).clamp_min(1e-12).sqrt())
        return x if self.bent is None else x + self.bent(unit)


def read_names(path: Path) -> Names:
    """A JSON list of lists of names. Raises ModelError."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError("Missing", f"{path}: {error}.", hint='Give a JSON file like [["dog", "hound"], ["rain"]].') from None
    if not isinstance(found, list) or not all(isinstance(row, list) and row and all(isinstance(n, str) for n in row) for row in found):
        raise ModelError("Damaged", f"{path} is not a list of lists of names.", hint='Write it like [["dog", "hound"], ["rain"]].')
    return found


@torch.no_grad()
def keys_of(names: Names, encode: Callable[[Sequence[str]], Tensor]) -> Tensor:
    """``[kinds, names, hidden]``, unit norm: of each name as it is and in a prompt, averaged. Kinds with fewer names repeat their first."""
    most = max(len(row) for row in names)
    flat = [name for row in names for name in [*row, *row[:1] * (most - len(row))]]
    unique = list(dict.fromkeys(flat))
    both = nn.functional.normalize(encode(unique), dim=-1) + nn.functional.normalize(
        encode([PROMPT.format(name.lower()) for name in unique]), dim=-1
    )
    place = {name: number for number, name in enumerate(unique)}
    return nn.functional.normalize(both, dim=-1)[[place[name] for name in flat]].reshape(len(names), most, -1)
