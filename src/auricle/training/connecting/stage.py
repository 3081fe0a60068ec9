"""A connector and LoRA are trained: deterministic for the seed, saved as it goes, continued where it stopped, bit for bit."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auricle.errors import DataError, ModelError
from auricle.results import Failure
from auricle.training import checkpoint
from auricle.training.connecting.connector import Connector
from auricle.training.connecting.language import adapted, open_language, spread, wide
from auricle.training.connecting.packing import Wording, batch_of, logits, loss_of
from auricle.training.connecting.recipe import Stage
from auricle.training.connecting.sounds import Sound, of_manifest, of_scenes, texts_of
from auricle.training.errors import TrainingError
from auricle.training.logbook import Logbook, plot

SAMPLE = 2000  # sounds that the connector's constants come from
FREE = ("steps", "save_every", "keep", "log_every", "licence", "description", "limits")  # keys that may differ when a run goes on
APART = 0.05  # logits of a text alone and among others: more is no rounding


@dataclass(eq=False)
class Connecting:
    """What is trained, and what it is trained by."""

    stage: Stage
    model: Any  # the language model, with its updates
    wording: Wording
    connector: Connector
    sounds: list[Sound]

    def trained(self) -> dict[str, nn.Parameter]:
        named = {f"connector.{name}": p for name, p in self.connector.named_parameters()}
        return named | {f"lora.{name}": p for name, p in self.model.named_parameters() if p.requires_grad}


def build(stage: Stage, base: Path, *, sounds: list[Sound] | None = None, failed: Callable[[Failure], None] | None = None) -> Connecting:
    """Language model, connector and sounds of a recipe. sounds: in place of those that it names. Raises ModelError, DataError."""
    if sounds is None:
        sounds = heard(stage, base, failed)
    if not any((stage.captions and s.captions) or (stage.questions and s.questions) for s in sounds):
        raise DataError("Missing", "nothing is asked or said about the sounds of the recipe.", hint="Check kinds, captions, questions.")
    model, words = open_language(base / stage.lm.folder, dtype=torch.bfloat16 if stage.bfloat16 else torch.float32)
    torch.manual_seed(stage.seed)
    connector = connector_of(stage, sounds[0].frames.shape[1], wide(model), spread(model, words))
    connector.measure(torch.from_numpy(np.concatenate([s.frames for s in sounds[:SAMPLE]]).astype(np.float32)))
    if stage.lora is not None:
        model = adapted(model, stage.lora)
    return Connecting(stage, model, Wording(words, stage.lm), connector, sounds)


def heard(stage: Stage, base: Path, failed: Callable[[Failure], None] | None = None) -> list[Sound]:
    """All sounds of a recipe."""
    sounds = [sound for name in stage.scenes for sound in of_scenes(base / name, stage.kinds)]
    if stage.manifests:
        from auricle.models import hub

        tower = hub.load(stage.tower)
        for name in stage.manifests:
            sounds += of_manifest(base / name, tower, seconds=stage.seconds, split=stage.split, kinds=stage.kinds, failed=failed)
    return sounds


def connector_of(stage: Stage, frames: int, width: int, level: float) -> Connector:
    return Connector(frames=frames, width=width, level=level, **stage.connector.model_dump())


def run(
    stage: Stage, folder: Path, base: Path, *, sounds: list[Sound] | None = None, until: float | None = None,
    failed: Callable[[Failure], None] | None = None, told: Callable[[dict[str, Any]], None] | None = None,
) -> Connecting:  # fmt: skip
    """Train, writing checkpoints, log and plot into ``folder``; a run that is there is continued.

    base: what the recipe's paths are relative to.
    until: seconds after which it saves and stops, to be continued by the same call. told: called with each record of the log.
    Raises ModelError, DataError, TrainingError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    at = build(stage, base, sounds=sounds, failed=failed)
    trained = at.trained()
    optimiser = _optimiser(at)
    step, seconds = _resume(folder, stage, trained, optimiser)
    first, before, begun = step, seconds, time.perf_counter()
    if step == 0:
        check_packing(at)
    at.model.train()
    book = Logbook(folder, step)
    kept: list[float] = []
    texts = 0
    try:
        while step < stage.steps:
            batch, some = _batch(at, step)
            texts += some
            for group in optimiser.param_groups:
                group["lr"] = group["most"] * _schedule(step, stage)
            torch.manual_seed(stage.seed * 1_000_003 + step)  # dropout
            with torch.autocast("cpu", torch.bfloat16, enabled=stage.bfloat16):
                loss = loss_of(at.model, at.connector, batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(trained.values(), stage.clip)
            kept.append(float(loss.detach()))
            if not math.isfinite(kept[-1]):
                raise TrainingError(
                    "NaN", f"the loss of step {step} is no number.", hint="Lower rate or lora_rate; the last checkpoint is good."
                )
            optimiser.step()
            step += 1
            seconds = before + time.perf_counter() - begun
            over = until is not None and seconds - before > until
            if step % stage.log_every == 0 or step == stage.steps or over:
                record = {"step": step, "loss": round(float(np.mean(kept)), 4), "texts": texts, "seconds": round(seconds, 1)}
                kept = []
                book.write(record)
                if told is not None:
                    told(record)
            if step % stage.save_every == 0 or step == stage.steps or over:
                _save(folder, stage, trained, optimiser, step, seconds)
            if over:
                break
    finally:
        book.close()
    if step > first:
        plot(folder)
    at.model.eval()
    return at


def check_packing(at: Connecting) -> None:
    """Raises ModelError where texts behind one sound see each other: such a language model does not take the mask."""
    sound, texts = at.sounds[0], [("What is heard?", "a dog barks"), ("Is it loud?", "no")]
    wording, was = at.wording, at.model.training
    at.model.eval()
    with torch.no_grad():
        both = logits(at.model, at.connector, batch_of([sound], [texts], [True], wording)).float()
        alone = [logits(at.model, at.connector, batch_of([sound], [[text]], [True], wording)).float() for text in texts]
    at.model.train(was)
    apart = (both.log_softmax(-1) - torch.cat(alone).log_softmax(-1)).exp().sub(1).abs().max() if at.stage.bfloat16 is False else None
    if apart is None:  # in half precision only what is likely is compared
        a, b = both.softmax(-1), torch.cat(alone).softmax(-1)
        apart = (a - b).abs().max()
    if float(apart) > APART:
        raise ModelError("Unsupported", "this language model does not take a mask of its own.", hint="Use another causal language model.")


def _batch(at: Connecting, step: int) -> tuple[dict[str, Tensor], int]:
    stage, n = at.stage, len(at.sounds)
    rng = np.random.default_rng((stage.seed, step))
    chosen: list[Sound] = []
    texts: list[Any] = []
    for place in range(step * stage.batch, (step + 1) * stage.batch):
        epoch, i = divmod(place, n)
        sound = at.sounds[int(np.random.default_rng((stage.seed, epoch, n)).permutation(n)[i])]
        some = texts_of(sound, rng, stage.captions, stage.questions)
        if some:
            chosen.append(sound)
            texts.append(some)
    if not chosen:  # of these sounds nothing is asked: another that is
        spoken = next(s for s in at.sounds if (stage.captions and s.captions) or (stage.questions and s.questions))
        chosen, texts = [spoken], [texts_of(spoken, rng, stage.captions, stage.questions)]
    hears = (rng.random(len(chosen)) >= stage.deaf).tolist()
    return batch_of(chosen, texts, hears, at.wording), sum(map(len, texts))


def _optimiser(at: Connecting) -> torch.optim.Optimizer:
    stage = at.stage
    groups = []
    for part, rate in (("connector.", stage.rate), ("lora.", stage.lora_rate)):
        own = [p for name, p in at.trained().items() if name.startswith(part)]
        for decayed in (True, False):
            some = [p for p in own if (p.ndim > 1) is decayed]
            if some:
                groups.append({"params": some, "weight_decay": stage.decay if decayed else 0.0, "most": rate})
    return torch.optim.AdamW(groups, lr=stage.rate, betas=(0.9, 0.98))


def _schedule(step: int, stage: Stage) -> float:
    if step < stage.warmup:
        return (step + 1) / stage.warmup
    done = (step - stage.warmup) / max(1, stage.steps - stage.warmup)
    return stage.end + (1 - stage.end) * 0.5 * (1 + math.cos(math.pi * done))


def _recipe(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stage.model_dump_json(exclude=set(FREE) - {"steps"}))
    return found


def _save(
    folder: Path, stage: Stage, trained: dict[str, nn.Parameter], optimiser: torch.optim.Optimizer, step: int, seconds: float
) -> None:
    moments = {
        f"{name}/{key}": value for name, p in trained.items() for key, value in optimiser.state[p].items() if isinstance(value, Tensor)
    }
    tensors = {checkpoint.WEIGHTS: dict(trained), checkpoint.OPTIMISER: moments}
    checkpoint.save(folder, step, tensors, {"recipe": _recipe(stage), "seconds": seconds}, stage.keep)


def _resume(folder: Path, stage: Stage, trained: dict[str, nn.Parameter], optimiser: torch.optim.Optimizer) -> tuple[int, float]:
    last = checkpoint.newest(folder)
    if last is None:
        return 0, 0.0
    if last.state.get("recipe") != _recipe(stage):
        differs = sorted(key for key, value in _recipe(stage).items() if last.state.get("recipe", {}).get(key) != value)
        message = f"{last.path} was trained by another recipe: {', '.join(differs)}."
        raise TrainingError("OtherRecipe", message, hint="Name another folder, or use the recipe that it was begun with.")
    fill(trained, checkpoint.load(last.path / checkpoint.WEIGHTS), last.path)
    for key, value in checkpoint.load(last.path / checkpoint.OPTIMISER).items():
        name, _, moment = key.rpartition("/")
        optimiser.state[trained[name]][moment] = value
    return last.step, float(last.state.get("seconds", 0.0))


def fill(trained: dict[str, nn.Parameter], values: dict[str, Tensor], path: Path) -> None:
    """Raises TrainingError ``OtherRecipe`` for weights of other names or shapes."""
    if {n: p.shape for n, p in trained.items()} != {n: v.shape for n, v in values.items()}:
        raise TrainingError("OtherRecipe", f"{path} holds weights of another model.", hint="Name another folder.")
    with torch.no_grad():
        for name, p in trained.items():
            p.copy_(values[name])
