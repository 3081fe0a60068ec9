"""CLAP checkpoints of ``transformers`` as bundles: unfused, fused, larger (Wu et al. 2023, arXiv 2211.06687).

:func:`convert` needs torch, transformers and onnx, all imported inside functions; what it makes needs none of them. The result is
measured against transformers' own feature extractor and model before it is kept.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from auricle.errors import ModelError, UsageError
from auricle.models.bundle import FORMAT, Bundle
from auricle.models.card import LicenceLink, ModelCard, Result
from auricle.models.pretrained.clap_export import audio_graph, quiet, serialised, text_graph
from auricle.models.pretrained.parity import Agreement, measure

PRECISIONS = ("float32", "int8")
TOLERANCE = 1e-4  # largest difference of any number of a unit-norm vector that a float32 bundle may have
WINDOW_HOP = 0.5  # of the window, where no hop is given


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What was made, and how near it is to transformers' own feature extractor and model.

    ``*_difference``: largest absolute difference of any number of the unit-norm vectors; ``*_cosine``: the smallest cosine.
    """

    name: str
    pipeline_id: str
    path: str
    kind: str  # "unfused" or "fused"
    precision: str
    dim: int
    bytes: int
    audio_difference: float
    audio_cosine: float
    text_difference: float
    text_cosine: float
    seconds: float

    def render(self) -> str:
        return (
            f"{self.pipeline_id}  {self.kind} CLAP, {self.precision}, {self.dim} numbers a vector, {self.bytes / 1e6:.1f} MB"
            f" in {self.seconds:.1f} s\n"
            f"against transformers: sound cosine {self.audio_cosine:.6f} (largest difference {self.audio_difference:.1e}),"
            f" text cosine {self.text_cosine:.6f} ({self.text_difference:.1e})\n{self.path}"
        )


def convert(
    source: str | os.PathLike[str] | Any,
    target: str | os.PathLike[str],
    *,
    precision: str = "float32",
    name: str | None = None,
    window: float | None = None,
    hop: float | None = None,
    processor: Any = None,
    overwrite: bool = False,
) -> ConversionReport:
    """Make a bundle at ``target`` from a CLAP checkpoint.

    source: a folder with config.json, weights, preprocessor_config.json and the tokenizer; or a ``ClapModel``, then with its
    ``processor``. precision: ``float32``, or ``int8`` for weights stored in a quarter of the bytes and computed in float32.
    window, hop: seconds; the model's own length and half of it unless given.
    Raises UsageError, ModelError ``Missing`` (no checkpoint, or torch and transformers are not installed), ``Unsupported`` (not a
    CLAP, or the result differs from transformers by more than ``TOLERANCE``).
    """
    if precision not in PRECISIONS:
        raise UsageError(f"unknown precision {precision!r}.", hint=f"Use one of: {', '.join(PRECISIONS)}.")
    target = Path(target)
    if os.path.lexists(target) and not overwrite:
        raise UsageError(f"{target} exists already.", hint="Name another folder, or remove it first.")
    began = time.perf_counter()
    model, extractor, tokenizer, origin = _loaded(source, processor)
    config = _bundle_config(model, extractor, precision, window, hop)
    card = ModelCard(
        name=name or _plain_name(origin.name),
        version="1",
        family="two-towers",
        description=f"CLAP ({'fused' if model.config.audio_config.enable_fusion else 'unfused'}) converted from transformers, {precision}.",
        licence=origin.licence,
        chain=(LicenceLink("CLAP weights", origin.licence, origin.name, origin.sha256),),
        data="Trained elsewhere; see the source of the weights.",
        limits="Nothing was measured here but the agreement with transformers below.",
        created=datetime.date.today().isoformat(),
    )
    graphs = {"audio.onnx": audio_graph(model, config["audio"]["frontend"]), "text.onnx": text_graph(model)}
    files: dict[str, Path | bytes] = {key: serialised(graph, precision) for key, graph in graphs.items()}
    files["tokenizer.json"] = tokenizer.backend_tokenizer.to_str().encode()
    del graphs
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        trial = Bundle.write(Path(folder) / "bundle", config, card, files)
        audio, text = measure(trial, model, extractor, tokenizer)
        if precision == "float32" and max(audio.difference, text.difference) > TOLERANCE:
            message = f"the converted model differs from transformers by {max(audio.difference, text.difference):.1e}."
            raise ModelError("Unsupported", message, hint="Please report the checkpoint's name and the versions of torch and transformers.")
        card = replace(card, results=_results(audio, text))
        made = Bundle.write(target, config, card, {name: trial.file(name) for name in files}, overwrite=overwrite, link=True)
    return ConversionReport(
        name=made.name,
        pipeline_id=made.pipeline_id,
        path=str(made.path),
        kind="fused" if model.config.audio_config.enable_fusion else "unfused",
        precision=precision,
        dim=made.dim,
        bytes=sum(made.file(name).stat().st_size for name in made.card.files),
        audio_difference=audio.difference,
        audio_cosine=audio.cosine,
        text_difference=text.difference,
        text_cosine=text.cosine,
        seconds=time.perf_counter() - began,
    )


def _results(audio: Agreement, text: Agreement) -> tuple[Result, ...]:
    command = "auricle models convert"
    protocol = "smallest cosine with transformers' feature extractor and model"
    sound = Result("audio cosine with transformers", audio.cosine, n=audio.n, protocol=protocol, command=command)
    return sound, Result("text cosine with transformers", text.cosine, n=text.n, protocol=protocol, command=command)


def front_end_config(preprocessor: Mapping[str, Any]) -> dict[str, Any]:
    """``audio.frontend`` from the keys of preprocessor_config.json (those of ``ClapFeatureExtractor``, its defaults included)."""
    rate = int(preprocessor.get("sampling_rate", 48000))
    return {
        "kind": "clap",
        "rate": rate,
        "n_fft": int(preprocessor.get("fft_window_size", 1024)),
        "hop_length": int(preprocessor.get("hop_length", 480)),
        "n_mels": int(preprocessor.get("feature_size", 64)),
        "f_min": float(preprocessor.get("frequency_min", 0)),
        "f_max": float(preprocessor.get("frequency_max", 14000)),
        "max_length": int(preprocessor.get("max_length_s", 10) * rate),
        "truncation": str(preprocessor.get("truncation", "fusion")),
        "padding": str(preprocessor.get("padding", "repeatpad")),
    }


def bundle_config(
    config: Mapping[str, Any],
    preprocessor: Mapping[str, Any],
    *,
    audio: str = "audio.onnx",
    text: str = "text.onnx",
    precision: str = "float32",
    window: float | None = None,
    hop: float | None = None,
    batch: int = 4,
) -> dict[str, Any]:
    """config.json of the bundle of a CLAP with transformers' ``config`` and ``preprocessor_config``. Raises ModelError."""
    if config.get("model_type") != "clap":
        raise ModelError("Unsupported", f"this is no CLAP checkpoint but {config.get('model_type')!r}.")
    front = front_end_config(preprocessor)
    text_config = config.get("text_config") or {}
    pad = int(text_config.get("pad_token_id", 1))
    length = front["max_length"] / front["rate"] if window is None else float(window)
    dim = int(config.get("projection_dim", 512))
    return {
        "format": FORMAT,
        "architecture": "two_towers",
        "precision": precision,
        "dim": -(-dim // 16) * 16,
        "window": {"seconds": length, "hop": length * WINDOW_HOP if hop is None else float(hop)},
        "audio": {"file": audio, "frontend": front, "pool": "unit_mean", "batch": batch, "output": "audio_embeds"},
        "text": {
            "file": text,
            "tokenizer": "tokenizer.json",
            "max_length": int(text_config.get("max_position_embeddings", 514)) - pad - 1,
            "pad_id": pad,
            "batch": 16 if batch > 1 else 1,
            "output": "text_embeds",
            "sentence": "",
        },
    }


# ---------------------------------------------------------------------------------------------------------------- loading


@dataclass(frozen=True, slots=True)
class _Origin:
    name: str
    licence: str
    sha256: str


def _loaded(source: Any, processor: Any) -> tuple[Any, Any, Any, _Origin]:
    try:
        from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel
    except ImportError as error:
        hint = 'Install them with: pip install "auricle[hf]"'
        raise ModelError("Missing", f"converting needs torch and transformers ({error}).", hint=hint) from None
    if isinstance(source, ClapModel):
        if processor is None:
            raise UsageError("a model object needs its processor as well.", hint="Give processor=ClapProcessor(...).")
        origin = _Origin(str(getattr(source.config, "name_or_path", "") or "clap"), "unknown", "")
        return source.float().eval(), processor.feature_extractor, processor.tokenizer, origin
    folder = Path(source)
    config = _json(folder / "config.json")
    if config.get("model_type") != "clap":
        raise ModelError("Unsupported", f"{folder} holds no CLAP checkpoint but {config.get('model_type')!r}.")
    extractor = ClapFeatureExtractor(**_extractor_options(_json(folder / "preprocessor_config.json")))
    try:
        with quiet():
            model = ClapModel.from_pretrained(folder, local_files_only=True).float().eval()
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError("Damaged", f"{folder} cannot be loaded by transformers: {str(error).splitlines()[0]}") from None
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise ModelError("Unsupported", f"{folder} has no fast tokenizer.", hint="Add tokenizer.json from the checkpoint's source.")
    return model, extractor, tokenizer, _origin(folder)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError:
        hint = "Name the folder of a transformers CLAP checkpoint, downloaded whole."
        raise ModelError("Missing", f"{path} is not there.", hint=hint) from None
    except ValueError as error:
        raise ModelError("Damaged", f"{path} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ModelError("Damaged", f"{path} does not hold an object.")
    return value


def _extractor_options(preprocessor: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in preprocessor.items() if key not in ("feature_extractor_type", "processor_class")}


def _origin(folder: Path) -> _Origin:
    from auricle.models.bundle import sha256

    weights = next((folder / n for n in ("model.safetensors", "pytorch_model.bin") if (folder / n).is_file()), None)
    return _Origin(folder.resolve().name, licence_of(folder / "README.md"), sha256(weights) if weights else "")


def licence_of(readme: Path) -> str:
    """The ``license:`` of a hub README's front matter, or "unknown"."""
    try:
        text = readme.read_text("utf-8", errors="replace")
    except OSError:
        return "unknown"
    head = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^license:\s*[\"']?([\w.+-]+)", head[1], re.MULTILINE) if head else None
    return found[1] if found else "unknown"


def _plain_name(name: str) -> str:
    tail = re.sub(r"[^A-Za-z0-9._-]+", "-", name.rstrip("/").rpartition("/")[2]).strip("-._")
    return tail or "clap"


def _bundle_config(model: Any, extractor: Any, precision: str, window: float | None, hop: float | None) -> dict[str, Any]:
    fused = bool(model.config.audio_config.enable_fusion)
    if fused != (extractor.truncation == "fusion"):
        message = f"the model is {'fused' if fused else 'unfused'} but its feature extractor says truncation={extractor.truncation!r}."
        raise ModelError("Unsupported", message, hint="Use the preprocessor_config.json that came with the weights.")
    return bundle_config(model.config.to_dict(), extractor.to_dict(), precision=precision, window=window, hop=hop)
