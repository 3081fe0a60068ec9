"""How well texts and sounds of held-out items find each other, while a run goes."""

from __future__ import annotations

import numpy as np
import torch

from auricle.errors import AudioError
from auricle.training.corpus import Corpus
from auricle.training.feed import Feed


def retrieval(feed: Feed, corpus: Corpus, batch: int = 32) -> dict[str, float]:
    """Recall at 1 and 5, from text to sound and from sound to text; equal captions count as each other's. Chance is 1/n."""
    model = feed.built.towers
    was = model.training
    model.eval()
    clips, texts, ids = [], [], []
    made = []
    for number, entry in enumerate(corpus):
        try:
            made.append(feed.item(entry, np.random.default_rng([0, number]), plain=True))
        except AudioError as error:
            feed.failed.setdefault(error.path, error)
    for at in range(0, len(made), batch):
        part = feed.joined(made[at : at + batch])
        with torch.no_grad():
            clips.append(model.encode_audio(part)["clip"])
            texts.append(model.encode_text(part["tokens"], part["token_mask"]))
        ids.append(part["text_ids"])
    model.train(was)
    if not clips:
        return {}
    scores, named = (torch.cat(clips) @ torch.cat(texts).T).double().numpy(), torch.cat(ids).numpy()
    same = named[:, None] == named[None]
    found = {"n": float(len(named))}
    for name, table, own in (("text_to_audio", scores.T, same.T), ("audio_to_text", scores, same)):
        best = np.argsort(-table, axis=1, kind="stable")
        for k in (1, 5):
            found[f"{name}_r{k}"] = float(np.mean([own[i, best[i, :k]].any() for i in range(len(best))]))
    return found
