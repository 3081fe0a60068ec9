"""Prompts learned as tokens: Zhou et al. 2021, "Learning to Prompt for Vision-Language Models" (CoOp), arXiv 2109.01134, eq. 2–3.

    t_c = unit(g([v₁ … v_M, name_c]))        p(c | f) = softmax_c(τ·cos(f, t_c))

v are M vectors in the space of the text tower's word embeddings, shared by all labels and learned on the cross-entropy of the shots through
the frozen tower. They begin as the words "this is the sound of". It needs the tower's weights, so a text tower in PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.errors import ModelError
from auricle.training import words as wording
from auricle.training.transfer.decision import Decision, Shots, spoken
from auricle.training.transfer.residual import cross_entropy, no_number
from auricle.training.transfer.towers import Trainable

BEGIN = "this is the sound of"


@dataclass(frozen=True, slots=True)
class Options:
    tokens: int = 4  # M
    steps: int = 100
    rate: float = 0.01


def fit(shots: Shots, towers: Trainable, options: Options = Options()) -> Decision:
    """Raises ModelError ``Capability`` for a text tower without weights, TrainingError ``NaN``."""
    table = towers.table()
    if table is None:
        message = "the text tower is an ONNX graph, which has no weights to learn prompts through."
        raise ModelError("Capability", message, hint="Use residual: it learns prompts in the space of embeddings.")
    base = spoken(shots)
    torch.manual_seed(shots.seed)
    ids, mask, place = worded(towers, shots.labels, options.tokens)
    vectors = begun(towers, table, options.tokens).requires_grad_(True)
    scale, bias = float(np.linalg.norm(base.weights[0])), torch.from_numpy(base.bias).float()
    heard, weight = torch.from_numpy(shots.vectors), torch.from_numpy(shots.weights).float()
    truth = torch.from_numpy(shots.truth[shots.owners])
    frozen = [(p, p.requires_grad) for p in towers.towers.parameters()]
    optimiser = torch.optim.AdamW([vectors], lr=options.rate, weight_decay=0.0)
    try:
        for p, _ in frozen:
            p.requires_grad_(False)
        for step in range(options.steps):
            texts = widened(read(towers, table, vectors, ids, mask, place), heard.shape[1])
            found = cross_entropy(scale * heard @ texts.T + bias, truth, weight, shots.exclusive)
            if not torch.isfinite(found):
                raise no_number("context", step + 1)
            optimiser.zero_grad()
            found.backward()
            optimiser.step()
        with torch.no_grad():
            learned = widened(read(towers, table, vectors, ids, mask, place), heard.shape[1]).double().numpy()
    finally:
        for p, flag in frozen:
            p.requires_grad_(flag)
    return Decision(scale * learned, base.bias, chosen=f"{options.tokens} tokens, {options.steps} steps at {options.rate:g}")


def worded(towers: Trainable, labels: tuple[str, ...], tokens: int) -> tuple[Tensor, Tensor, int]:
    """Tokens of the labels with room for M vectors, their mask, and where the room begins: behind the token that starts a text.

    The room is filled with a word, not with padding, which some towers do not count as a place.
    """
    words = towers.words
    start = {words.id(wording.START, "<s>"), words.id("[CLS]")} - {words.pad_id}
    filler = next((i for i in reversed(words([BEGIN])[0]) if i not in {*start, words.id(wording.END, "</s>")}), words.pad_id)
    rows = words(labels)
    place = 1 if all(row and row[0] in start for row in rows) else 0
    rows = [[*row[:place], *[filler] * tokens, *row[place:]][: words.max_length] for row in rows]
    long = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[words.pad_id] * (long - len(row))] for row in rows])
    mask = torch.tensor([[i < len(row) for i in range(long)] for row in rows])
    return ids, mask, place


def begun(towers: Trainable, table: nn.Module, tokens: int) -> Tensor:
    """M vectors: those of the last words of ``BEGIN``, small noise before them where it has fewer."""
    words = towers.words
    special = {words.id(name) for name in (wording.START, wording.END, "<s>", "</s>")}
    inner = [i for i in words([BEGIN])[0] if i not in special]
    with torch.no_grad():
        found = table(torch.tensor(inner)).detach().float()[-tokens:]
    noise = torch.randn(tokens - len(found), found.shape[1]) * 0.02
    return torch.cat([noise, found]).clone()


def read(towers: Trainable, table: nn.Module, vectors: Tensor, ids: Tensor, mask: Tensor, place: int) -> Tensor:
    """The labels' vectors ``[k, dim]`` with the learned ones in their room."""
    with _in_place(table, vectors, place):
        found: Tensor = towers.towers.encode_text(ids, mask)
    return found


def widened(texts: Tensor, dim: int) -> Tensor:
    """With zeros up to ``dim``, as a bundle fills what is no multiple of 16."""
    return nn.functional.pad(texts, (0, dim - texts.shape[1]))


@contextmanager
def _in_place(table: nn.Module, vectors: Tensor, place: int) -> Iterator[None]:
    def put(module: Any, given: Any, out: Tensor) -> Tensor:
        room = vectors.to(out.dtype).expand(len(out), -1, -1)
        return torch.cat([out[:, :place], room, out[:, place + len(vectors) :]], dim=1)

    handle = table.register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()
