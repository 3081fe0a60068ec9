"""A recipe and its data → towers, objectives and what the feed must know of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from auricle.audio.features import FrontEnd, WaveFrontEnd, YamnetFrontEnd, front_end
from auricle.training import words as wording
from auricle.training.modules.audio import ConvContext, ConvEncoder, TransformerContext
from auricle.training.modules.convolutions import GrownEncoder, read_chain
from auricle.training.modules.frozen import FrozenAudio, FrozenText, Hears, graph_of, open_hearing, open_reading
from auricle.training.modules.mel import Front, torch_front
from auricle.training.modules.names import NamesHead, keys_of, read_names
from auricle.training.modules.text import TextEncoder
from auricle.training.modules.towers import Towers
from auricle.training.objectives import Objective, Sizes, make
from auricle.training.recipe import Recipe
from auricle.training.schema import FromScratch, Grown, OnnxAudio, OnnxText, TextFromScratch, TransformersText
from auricle.training.words import Words


@dataclass(frozen=True)
class Built:
    towers: Towers
    objectives: nn.ModuleList
    sizes: Sizes
    words: Words
    front: FrontEnd  # of the bundle: cuts of frames
    frozen: Hears | None  # what hears for the feed

    @property
    def needs(self) -> set[str]:
        return {key for objective in self.objectives for key in objective.needs}


def build(
    recipe: Recipe,
    texts: Iterable[str],
    labels: Mapping[str, int],
    teachers: dict[str, int],
    tokenizer: bytes | None = None,
) -> Built:
    """``labels``: with how many items have each. ``tokenizer``: that of the run so far.

    Weights are drawn from the recipe's seed. Raises UsageError, ModelError."""
    torch.manual_seed(recipe.seed)
    front, audio, torch_side, frozen = _audio(recipe)
    text, words = _text(recipe, texts, tokenizer)
    try:
        context = _context(recipe, audio.hidden)
        model = recipe.model
        head = _names_head(recipe, text, words)
        towers = Towers(
            audio, text, model.dim, front=torch_side, context=context, widen=model.widen, text_head=head, dropout=model.dropout,
            scale=model.scale, bias=model.bias,
        )  # fmt: skip
    except ValueError as error:
        raise recipe.source.error(("model",), f"{error}.") from None
    mel = front if isinstance(front, YamnetFrontEnd) and frozen is None else None
    sizes = Sizes(
        dim=model.dim,
        hidden=audio.hidden,
        text_hidden=text.hidden if isinstance(text, TextEncoder) else 0,
        vocabulary=words.size,
        pad_id=words.pad_id,
        mask_id=words.id(wording.MASK, "<mask>", wording.UNKNOWN, "<unk>"),
        start_id=words.id(wording.START, "<s>"),
        end_id=words.id(wording.END, "</s>"),
        labels=tuple(labels),
        bands=mel.n_mels if mel else 0,
        patch_frames=mel.patch_frames if mel else 0,
        hop_frames=mel.hop_frames if mel else 0,
        teachers=teachers,
        counts=dict(labels),
        words=words,
        path=recipe.path,
    )
    return Built(towers, nn.ModuleList(_objectives(recipe, sizes)), sizes, words, front, frozen)


def check_objectives(recipe: Recipe) -> None:
    """Kinds and options, before any data is read. Raises UsageError naming the line."""
    for place, spec in enumerate(recipe.objectives):
        try:
            make(spec.kind, spec.weight, spec.options)
        except (ValueError, TypeError) as error:
            unknown = next((key for key in spec.options if repr(key) in str(error) or f".{key}" in str(error)), "kind")
            raise recipe.source.error(("objectives", place, unknown), f"{error}.") from None


def _objectives(recipe: Recipe, sizes: Sizes) -> Iterable[Objective]:
    for place, spec in enumerate(recipe.objectives):
        objective = make(spec.kind, spec.weight, spec.options)
        try:
            objective.build(sizes)
        except ValueError as error:
            raise recipe.source.error(("objectives", place), f"{error}.") from None
        yield objective


def _audio(recipe: Recipe) -> tuple[FrontEnd, nn.Module, Front | None, Hears | None]:
    spec = recipe.model.audio
    if isinstance(spec, OnnxAudio):
        hearing = open_hearing(spec, recipe.path)
        return hearing.front, FrozenAudio(hearing), None, hearing
    if isinstance(spec, Grown):
        return _grown(recipe, spec)
    if isinstance(spec, FromScratch):
        options: dict[str, Any] = {"kind": "yamnet", "hop_frames": 48, "log_offset": 1e-3, "pad": _pad(recipe), **spec.frontend}
        try:
            front = front_end(options)
            side = torch_front(front)
        except ValueError as error:
            raise recipe.source.error(("model", "audio", "frontend"), f"{error}.") from None
        encoder = ConvEncoder(spec.width, spec.depths)
        if isinstance(front, YamnetFrontEnd) and min(front.patch_frames, front.n_mels) < encoder.least:
            message = f"{len(spec.depths)} stages need patches of at least {encoder.least} frames and bands."
            raise recipe.source.error(("model", "audio", "depths"), message)
        return front, encoder, side, None
    from auricle.training.modules.pretrained import WaveEncoder, WaveHearing

    wave = WaveEncoder(recipe.path(spec.folder))
    front = WaveFrontEnd(wave.rate, round(spec.patch * wave.rate), round(spec.hop * wave.rate), _pad(recipe))
    if spec.train:
        return front, wave, torch_front(front), None
    frozen = WaveHearing(wave, front)
    return front, FrozenAudio(frozen), None, frozen


def _grown(recipe: Recipe, spec: Grown) -> tuple[FrontEnd, nn.Module, Front | None, Hears | None]:
    graph, description = graph_of(spec, recipe.path)
    try:
        front = front_end({**description, "pad": _pad(recipe)})
        encoder = GrownEncoder(read_chain(graph), spec.shared)
    except ValueError as error:
        raise recipe.source.error(("model", "audio"), f"{error}.") from None
    if not isinstance(front, YamnetFrontEnd):
        raise recipe.source.error(("model", "audio"), "only encoders of log-mel patches (front end yamnet) can be grown.")
    return front, encoder, torch_front(front), None


def _text(recipe: Recipe, texts: Iterable[str], tokenizer: bytes | None) -> tuple[nn.Module, Words]:
    spec = recipe.model.text
    if isinstance(spec, OnnxText):
        frozen, path, longest, pad = open_reading(spec, recipe.path)
        return frozen, wording.read(path, longest, pad)
    if isinstance(spec, TransformersText):
        return _pretrained_text(recipe.path(spec.folder), spec)
    if tokenizer is not None:
        words = Words(tokenizer, spec.max_length)
        words = Words(tokenizer, spec.max_length, words.id(wording.PAD, "<pad>"))
    elif spec.tokenizer is not None:
        words = wording.read(recipe.path(spec.tokenizer), spec.max_length)
    else:
        words = wording.learn(texts, spec.vocabulary, spec.max_length)
    return _text_from_scratch(recipe, spec, words), words


def _names_head(recipe: Recipe, text: nn.Module, words: Words) -> NamesHead | None:
    spec = recipe.model.names
    if spec is None:
        return None
    if not isinstance(text, FrozenText):
        raise recipe.source.error(("model", "names"), "names are compared with a text encoder that stays as it is: freeze it.")

    def encode(texts: Sequence[str]) -> Tensor:
        rows = words(texts)
        longest = max(len(row) for row in rows)
        tokens = torch.tensor([row + [words.pad_id] * (longest - len(row)) for row in rows])
        found: Tensor = text(tokens, torch.tensor([[i < len(row) for i in range(longest)] for row in rows]))
        return found

    return NamesHead(keys_of(read_names(recipe.path(spec.file)), encode), recipe.model.dim, spec.tau, spec.widen)


def _text_from_scratch(recipe: Recipe, spec: TextFromScratch, words: Words) -> TextEncoder:
    try:
        return TextEncoder(words.size, spec.width, spec.layers, spec.heads, spec.max_length, spec.dropout)
    except ValueError as error:
        raise recipe.source.error(("model", "text", "heads"), f"{error}.") from None


def _pretrained_text(folder: Path, spec: TransformersText) -> tuple[nn.Module, Words]:
    from auricle.training.modules.pretrained import TextModel, tokenizer_of

    model = TextModel(folder, spec.pool)
    words = Words(tokenizer_of(folder), spec.max_length)
    words = Words(words.document, spec.max_length, words.id(wording.PAD, "<pad>"))
    if spec.train:
        return model, words
    frozen = FrozenText(model.requires_grad_(False).read, model.hidden)
    frozen.__dict__["module"] = model
    return frozen, words


def _pad(recipe: Recipe) -> Literal["zero", "repeat"]:
    """With a context a window is heard as one, so short sounds are repeated until they fill it, in training as in the bundle."""
    return "zero" if recipe.model.context.kind == "none" else "repeat"


def _context(recipe: Recipe, hidden: int) -> nn.Module | None:
    spec = recipe.model.context
    if spec.kind == "none":
        return None
    if spec.kind == "conv":
        return ConvContext(hidden, spec.layers, spec.kernel)
    return TransformerContext(hidden, spec.layers, spec.heads)
