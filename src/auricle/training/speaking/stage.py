"""One stage of training a speaker: deterministic for its seed, saved as it goes, continued where it stopped."""

from __future__ import annotations

import csv
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.errors import DataError
from auricle.training.modules.speaker import Speaker
from auricle.training.speaking.examples import DESCRIBE, OPTION_FORMS, Packer, texts_of
from auricle.training.speaking.recipe import Stage
from auricle.training.speaking.scenes import SceneTexts, all_texts, kinds_of, read_scenes
from auricle.training.speaking.words import learn

WEIGHTS, STATE, LOG, WORDS = "weights.pt", "state.pt", "log.jsonl", "tokenizer.json"
READ = ("mask", "tokens", "positions", "texts", "scene")  # of a batch: what the decoder takes beside what is heard
EARS = ("connector.", "kinds.holds", "kinds.begins", "kinds.gain")  # parts that hear, and do not speak
SURE, DOUBT = 4.0, 2.0  # log-odds of what is told in place of a sound, and the spread of its errors
SAMPLE = 2000  # scenes that the connector's constants and the tokenizer come from


def run(stage: Stage, folder: Path, base: Path, *, until: float | None = None) -> Speaker:
    """Train, writing weights, tokenizer and log into ``folder``. base: what the recipe's paths are relative to.

    until: seconds after which it saves and stops, to be continued by the same call. Raises DataError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [scene for name in stage.scenes for scene in read_scenes(base / name)]
    texts = [text for name in stage.texts for text in captions_of(base / name)]
    init = None if stage.init is None else base / stage.init
    tokenizer = _tokenizer(stage, folder, init, scenes, texts)
    torch.manual_seed(stage.seed)
    model, kinds = _model(stage, scenes, tokenizer, init, None if stage.ears is None else base / stage.ears)
    packer = Packer(
        tokenizer, captions=stage.captions, questions=stage.questions, whole=stage.loss == "whole", deaf=stage.deaf,
        places=stage.size.places, kinds=kinds,
    )  # fmt: skip
    for name, value in model.named_parameters():
        value.requires_grad = not (stage.frozen and name.startswith(EARS))
    optimiser = _optimiser(model, stage)
    step = _resume(folder, model, optimiser)
    begun, kept, tokens = time.perf_counter(), [], 0
    first = step
    model.train()
    while step < stage.steps:
        rng = np.random.default_rng((stage.seed, step))
        batch = _batch(stage, packer, scenes, texts, rng, step)
        if stage.noise:
            frames = batch["frames"]
            much = stage.noise * torch.from_numpy(rng.random((len(frames), 1, 1), np.float32))  # of each scene, up to so much
            batch["frames"] = frames + much / model.connector.scale * torch.from_numpy(rng.standard_normal(frames.shape, np.float32))
        for group in optimiser.param_groups:
            group["lr"] = stage.rate * _schedule(step, stage)
        with torch.autocast("cpu", torch.bfloat16, enabled=stage.bfloat16):
            said, held = losses(model, batch, told=_told(batch, rng) if rng.random() < stage.told else None, silent=stage.loss == "kinds")
            loss = said + stage.kinds * held
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), stage.clip)
        optimiser.step()
        step += 1
        kept.append((float(said.detach()), float(held.detach())))
        tokens += int((batch["texts"] >= 0).sum())
        over = until is not None and time.perf_counter() - begun > until
        if step % stage.log_every == 0 or step == stage.steps or over:
            seconds = time.perf_counter() - begun
            means = np.mean(kept, 0)
            row = {
                "step": step,
                "loss": round(float(means[0]), 4),
                "kinds": round(float(means[1]), 4),
                "a_second": round((step - first) / seconds, 3),
                "tokens": tokens,
            }
            with (folder / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)
            kept = []
        if step % stage.save_every == 0 or step == stage.steps or over:
            _save(folder, model, optimiser, step, kinds)
        if over:
            break
    return model


def losses(
    model: Speaker, batch: dict[str, Tensor], *, told: tuple[Tensor, Tensor] | None = None, silent: bool = False
) -> tuple[Tensor, Tensor]:
    """Cross-entropy over the targets, and over the kinds that the frames hold (a frame's sum). silent: nothing is said."""
    heard, slots, holds, begins = model.hear(batch["frames"], batch["times"], batch["mask"], told)
    said = held = heard.new_zeros((), dtype=torch.float32)
    if told is None and bool(batch["mask"].any()):
        counted = batch["known"] & batch["mask"].unsqueeze(-1)
        for logits, truth in ((holds, batch["holds"]), (begins, batch["begins"])):
            each = nn.functional.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
            held = held + (each * counted).sum() / batch["mask"].sum()
    if not silent:
        states = model(heard, slots, *(batch[name] for name in READ))
        wanted = batch["target"] >= 0  # only states that have one are turned into words
        said = nn.functional.cross_entropy(model.decoder.say(states[wanted]).float(), batch["target"][wanted])
    return said, held


def _told(batch: dict[str, Tensor], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """The truth as log-odds with errors (text in place of sound, with noise: Deshmukh 2023, arXiv 2309.07372)."""
    found = []
    for name in ("holds", "begins"):
        noise = torch.from_numpy(rng.standard_normal(batch[name].shape, np.float32))
        found.append((2 * batch[name] - 1) * SURE + DOUBT * noise - (SURE / 2) * (1 - batch[name]))
    return found[0], found[1]


def open_run(folder: Path) -> tuple[Speaker, Any]:
    """Model and tokenizer of a stage that was saved. Raises DataError ``Missing``."""
    from tokenizers import Tokenizer

    if not (folder / WEIGHTS).is_file():
        raise DataError("Missing", f"{folder} holds no trained stage.", path=str(folder), hint="Train one: recipes/tiny_heads/train.py")
    kept = torch.load(folder / WEIGHTS, weights_only=True)
    model = Speaker(**kept["config"])
    model.load_state_dict(kept["model"])
    return model.eval(), Tokenizer.from_file(str(folder / WORDS))


def captions_of(path: Path) -> list[str]:
    """The column ``caption`` of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return [row["caption"].strip() for row in csv.DictReader(file) if row["caption"].strip()]


def _batch(
    stage: Stage, packer: Packer, scenes: list[SceneTexts], texts: list[str], rng: np.random.Generator, step: int
) -> dict[str, Tensor]:
    chosen = [scenes[i] for i in _drawn(len(scenes), stage, step)]
    if stage.focus:
        allowing = _allowing(scenes, tuple(stage.focus))
        chosen[::2] = [scenes[i] for i in rng.choice(allowing, len(chosen[::2]))]
    if not texts:
        return packer(chosen, rng)
    said = []
    for scene in chosen:  # as many captions written by people as texts of the world
        own = texts_of(scene, rng, stage.captions, stage.questions)
        said.append(own + [(str(rng.choice(DESCRIBE)), texts[i]) for i in rng.integers(len(texts), size=len(own))])
    return packer.batch(chosen, said, heard=rng.random(len(chosen)) >= stage.deaf)


def _drawn(n: int, stage: Stage, step: int) -> Iterator[int]:
    """Every scene once an epoch, in an order of its own."""
    for place in range(step * stage.batch, (step + 1) * stage.batch):
        epoch, at = divmod(place, n)
        yield int(_order(n, stage.seed, epoch)[at])


_allowed: dict[tuple[int, tuple[str, ...]], list[int]] = {}


def _allowing(scenes: list[SceneTexts], kinds: tuple[str, ...]) -> list[int]:
    """Scenes that allow a question of one of the kinds. Raises DataError ``Missing`` where there is none."""
    key = (id(scenes), kinds)
    if key not in _allowed:
        _allowed.clear()
        _allowed[key] = [i for i, scene in enumerate(scenes) if any(q.kind in kinds for q in scene.questions)]
        if not _allowed[key]:
            raise DataError("Missing", f"no scene is asked about {' or '.join(kinds)}.", hint="Correct `focus` in the recipe.")
    return _allowed[key]


_orders: dict[tuple[int, int, int], np.ndarray[Any, Any]] = {}


def _order(n: int, seed: int, epoch: int) -> np.ndarray[Any, Any]:
    key = (n, seed, epoch)
    if key not in _orders:
        _orders.clear()
        _orders[key] = np.random.default_rng((seed, epoch, n)).permutation(n)
    return _orders[key]


def _tokenizer(stage: Stage, folder: Path, init: Path | None, scenes: list[SceneTexts], texts: list[str]) -> Any:
    from tokenizers import Tokenizer

    path = folder / WORDS
    if init is not None:
        path.write_bytes((init / WORDS).read_bytes())
    if not path.is_file():
        learn([*all_texts(scenes[:SAMPLE]), *DESCRIBE, *OPTION_FORMS, *texts], stage.size.vocabulary).save(str(path))
    return Tokenizer.from_file(str(path))


def _model(stage: Stage, scenes: list[SceneTexts], tokenizer: Any, init: Path | None, ears: Path | None) -> tuple[Speaker, list[str]]:
    """The model to begin with, and the names of its kinds of sound."""
    from auricle.models.hearing import BANDS, STEPS

    size = stage.size
    frames = scenes[0].frames.shape[1]
    before = None if init is None else torch.load(init / WEIGHTS, weights_only=True)
    kinds = list(before["names"]) if before else kinds_of(scenes)
    spelled = [tokenizer.encode(f" {name}").ids for name in kinds]
    model = Speaker(
        frames - STEPS * BANDS, STEPS * BANDS, tokenizer.get_vocab_size(), (len(kinds), max(map(len, spelled))), size.width, size.layers,
        size.heads, size.listener, size.places, size.dropout,
    )  # fmt: skip
    if before:
        model.load_state_dict(before["model"])
    else:
        model.connector.measure(torch.from_numpy(np.concatenate([s.frames for s in scenes[:SAMPLE]]).astype(np.float32)))
        model.kinds.anchors.copy_(_anchors(stage.tower, kinds))
        for row, ids in enumerate(spelled):
            model.kinds.tokens[row] = -1
            model.kinds.tokens[row, : len(ids)] = torch.tensor(ids)
        model.decoder.address.weight.data.copy_(_address(kinds, tokenizer))
    if ears is not None:
        heard = torch.load(ears / WEIGHTS, weights_only=True)
        if heard["names"] != kinds:
            raise DataError(
                "Invalid", f"{ears} hears other kinds of sound than {init}.", path=str(ears), hint="Train both on the same scenes."
            )
        model.load_state_dict({name: value for name, value in heard["model"].items() if name.startswith(EARS)}, strict=False)
    return model, kinds


def _address(kinds: list[str], tokenizer: Any) -> Tensor:
    """``[vocabulary, k]``: how much a word is of each kind, by the world's ways to say it; what is said of many kinds says little."""
    from auricle.data.world.grammar import going
    from auricle.data.world.lexicon import instrument, words_for

    found = np.zeros((tokenizer.get_vocab_size(), len(kinds)), np.float32)
    for place, kind in enumerate(kinds):
        ways = [kind, *(way for words in (words_for(kind), instrument(kind)) for way in words.names)]
        ways += [f"{subject} {form}" for words in (words_for(kind),) for subject, verb in words.says for form in (verb, going(verb))]
        for encoding in tokenizer.encode_batch([f" {way}" for way in ways]):
            found[list(set(encoding.ids)), place] += 1 / len(ways)
    return torch.from_numpy(found / np.maximum(found.sum(1, keepdims=True), 0.3))


def _anchors(tower: str, kinds: list[str]) -> Tensor:
    from auricle.models import hub

    return torch.from_numpy(hub.load(tower).embed_text(kinds))


def _optimiser(model: Speaker, stage: Stage) -> torch.optim.Optimizer:
    learned = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in learned if p.ndim > 1]
    plain = [p for p in learned if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": stage.decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=stage.rate, betas=(0.9, 0.98))


def _schedule(step: int, stage: Stage) -> float:
    if step < stage.warmup:
        return (step + 1) / stage.warmup
    done = (step - stage.warmup) / max(1, stage.steps - stage.warmup)
    return stage.end + (1 - stage.end) * 0.5 * (1 + math.cos(math.pi * done))


def _save(folder: Path, model: Speaker, optimiser: torch.optim.Optimizer, step: int, kinds: list[str]) -> None:
    for name, content in (
        (WEIGHTS, {"config": model.config, "names": kinds, "model": model.state_dict()}),
        (STATE, {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}),
    ):
        torch.save(content, folder / f".{name}")
        os.replace(folder / f".{name}", folder / name)


def _resume(folder: Path, model: Speaker, optimiser: torch.optim.Optimizer) -> int:
    if not (folder / STATE).is_file():
        return 0
    state = torch.load(folder / STATE, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])
