"""Repositories of a model hub as bundles: listed, checked, fetched, wrapped.

Three layouts: (a) an auricle bundle, told by its ``card.json``; (b) CLAP as transformers.js keeps it: ``config.json``,
``preprocessor_config.json``, ``tokenizer.json``, ``onnx/audio_model.onnx``, ``onnx/text_model.onnx`` (and ``*_quantized.onnx``);
(c) an audio–language checkpoint of transformers, of which the safetensors, the tokenizer and the processor's files are fetched.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np

from auricle.audio.types import Audio
from auricle.errors import ModelError, UsageError
from auricle.models.bundle import Bundle
from auricle.models.card import LicenceLink, ModelCard
from auricle.models.download import Digest, Progress, Server, check_space

ENDPOINT = "https://huggingface.co"
PARTIAL = ".partial"
_CLAP_FILES = ("config.json", "preprocessor_config.json", "tokenizer.json")
_SUFFIX = {"float32": "", "int8": "_quantized"}


@dataclass(frozen=True, slots=True)
class Sibling:
    """A file of a repository."""

    name: str
    size: int | None
    digest: Digest


@dataclass(frozen=True, slots=True)
class Repository:
    repo: str
    commit: str
    licence: str
    files: Mapping[str, Sibling]


def pull(
    repo: str,
    revision: str | None,
    target: Path,
    *,
    endpoint: str | None = None,
    precision: str = "float32",
    progress: Progress | None = None,
) -> Path:
    """Fetch a repository and make ``target`` a bundle. See :func:`auricle.models.hub.pull`."""
    if precision not in _SUFFIX:
        raise UsageError(f"unknown precision {precision!r}.", hint=f"Use one of: {', '.join(_SUFFIX)}.")
    server = Server(endpoint or os.environ.get("HF_ENDPOINT") or ENDPOINT, os.environ.get("HF_TOKEN"))
    listing = listed(server, repo, revision or "main")
    speaks = _speaks(server, listing)
    wanted = {} if speaks else _wanted(listing, precision)
    staging = target.parent / PARTIAL / f"{target.name}--{listing.commit[:12]}"
    from filelock import FileLock  # huggingface_hub depends on it

    _make(staging)
    with FileLock(f"{staging}.lock"):
        _fetch(server, listing, wanted, staging, progress)
        if speaks:
            _wrap_checkpoint(listing, _fetch_checkpoint(server, listing, staging, progress), staging, target)
        elif "card.json" in wanted:
            _fetch_bundle(server, listing, staging, progress)
            _place_bundle(staging, target)
        else:
            _wrap(listing, wanted, staging, target, precision)
        shutil.rmtree(staging, ignore_errors=True)
    return target


def listed(server: Server, repo: str, revision: str) -> Repository:
    """What the hub says of a repository. Raises ModelError ``Missing``, ``Network``, ``Damaged`` (names that lead outside)."""
    document = server.document(f"/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true")
    siblings = document.get("siblings") if isinstance(document, dict) else None
    if not isinstance(siblings, list):
        raise ModelError("Network", f"{server.endpoint} does not answer like a model hub.", hint="Check the endpoint.")
    files = {sibling.name: sibling for sibling in map(_sibling, siblings)}
    commit = document.get("sha")
    return Repository(repo, commit if isinstance(commit, str) and commit.isalnum() else revision, _licence(document), files)


def _sibling(item: Any) -> Sibling:
    name = item.get("rfilename") if isinstance(item, dict) else None
    if not isinstance(name, str) or not safe(name):
        raise ModelError("Damaged", f"the repository lists a file outside its folder: {name!r}.", hint="Do not use this model.")
    lfs = item.get("lfs") if isinstance(item.get("lfs"), dict) else {}
    sha256 = lfs.get("sha256") or lfs.get("oid") or ""
    digest = Digest.from_etag(str(sha256).removeprefix("sha256:")) if sha256 else Digest.from_etag(item.get("blobId"))
    size = lfs.get("size", item.get("size"))
    return Sibling(name, size if isinstance(size, int) and size >= 0 else None, digest)


def safe(name: str) -> bool:
    """Whether a name stays inside its folder on any system."""
    path = PurePosixPath(name)
    bad = not name or path.is_absolute() or ".." in path.parts or any(c in name for c in "\\:\0") or name != str(path)
    return not bad


def _licence(document: Mapping[str, Any]) -> str:
    card = document.get("cardData")
    if isinstance(card, dict) and isinstance(card.get("license"), str):
        named = card.get("license_name")
        return f"other ({named})" if card["license"] == "other" and isinstance(named, str) and named else str(card["license"])
    tags = document.get("tags")
    found = [t.removeprefix("license:") for t in tags if isinstance(t, str) and t.startswith("license:")] if isinstance(tags, list) else []
    return found[0] if found else "unknown"


def _wanted(listing: Repository, precision: str) -> dict[str, str]:
    """Name in the repository → name in the staging folder."""
    if "card.json" in listing.files and "config.json" in listing.files:
        return {"card.json": "card.json"}
    suffix = _SUFFIX[precision]
    graphs = [f"onnx/{tower}_model{suffix}.onnx" for tower in ("audio", "text")]
    missing = [name for name in (*_CLAP_FILES, *graphs) if name not in listing.files]
    if missing:
        hint = "Pull a repository with an auricle bundle or with ONNX files as transformers.js keeps them; else download the checkpoint"
        message = f"{listing.repo} holds no model that auricle can run: {', '.join(missing)} missing."
        raise ModelError("Unsupported", message, hint=hint + " and run: auricle models convert FOLDER BUNDLE")
    graphs += [name + "_data" for name in graphs if name + "_data" in listing.files]
    return {name: name for name in (*_CLAP_FILES, *graphs)}


def _fetch(server: Server, listing: Repository, names: Iterable[str], staging: Path, progress: Progress | None) -> None:
    """Every file into the staging folder, verified."""
    found = [_complete(server, listing, name) for name in names]
    have = sum(p.stat().st_size for p in staging.rglob("*") if p.is_file())
    check_space(staging, sum(sibling.size or 0 for sibling in found) - have)
    for sibling in found:
        server.fetch(_path(listing, sibling.name), staging / sibling.name, sibling.digest, sibling.size, sibling.name, progress)


def _complete(server: Server, listing: Repository, name: str) -> Sibling:
    """A file with its digest; one that the listing does not tell is asked for. Weights without any are refused."""
    sibling = listing.files.get(name) or Sibling(name, None, Digest())
    if sibling.digest.known:
        return sibling
    digest, size = server.head(_path(listing, name))
    if not digest.known and not name.endswith(".json"):
        message = f"{server.endpoint} tells no checksum of {name}, so it cannot be verified."
        raise ModelError("Damaged", message, hint="Use another server, or convert the checkpoint yourself.")
    return Sibling(name, size if sibling.size is None else sibling.size, digest)


def _path(listing: Repository, name: str) -> str:
    return f"/{listing.repo}/resolve/{quote(listing.commit, safe='')}/{quote(name)}"


def _make(folder: Path) -> None:
    from auricle.models.download import disk_error

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error


# ---------------------------------------------------------------------------------------------------------------- bundles


def _fetch_bundle(server: Server, listing: Repository, staging: Path, progress: Progress | None) -> None:
    """The files that the card names, checked against the card as well."""
    card = ModelCard.from_json((staging / "card.json").read_bytes())
    for name in card.files:
        if not safe(name):
            raise ModelError("Damaged", f"{listing.repo} names a file outside its folder: {name!r}.", hint="Do not use this model.")
    known = {n: Sibling(n, listing.files[n].size if n in listing.files else None, Digest(sha256=d)) for n, d in card.files.items()}
    _fetch(server, Repository(listing.repo, listing.commit, listing.licence, known), known, staging, progress)


def _place_bundle(staging: Path, target: Path) -> None:
    bundle = Bundle.open(staging, verify=True)
    _runs(bundle)
    files: dict[str, Path | bytes] = {name: bundle.file(name) for name in bundle.card.files if name != "config.json"}
    config = json.loads((staging / "config.json").read_bytes())
    Bundle.write(target, config, bundle.card, files, overwrite=True, link=True)


# ---------------------------------------------------------------------------------------------------------------- CLAP


def _wrap(listing: Repository, wanted: Mapping[str, str], staging: Path, target: Path, precision: str) -> None:
    """transformers.js' layout as a bundle at ``target``."""
    from auricle.models.pretrained.clap import bundle_config

    graphs = {PurePosixPath(name).name: staging / name for name in wanted if name.startswith("onnx/")}
    audio, text = (next(n for n in graphs if n.startswith(tower) and n.endswith(".onnx")) for tower in ("audio", "text"))
    config, preprocessor = (_document(staging / name) for name in ("config.json", "preprocessor_config.json"))
    made = bundle_config(config, preprocessor, audio=audio, text=text, precision=precision)
    files: dict[str, Path | bytes] = {**graphs, "tokenizer.json": staging / "tokenizer.json"}
    card = _card(listing, precision)
    trial = Bundle.write(staging / "bundle", made, card, files, overwrite=True, link=True)
    if not _steady(trial):
        # Graphs of a fixed batch, and int8 ones whose activations are scaled by the whole batch: one at a time they are steady.
        made = bundle_config(config, preprocessor, audio=audio, text=text, precision=precision, batch=1)
        trial = Bundle.write(staging / "bundle", made, card, files, overwrite=True, link=True)
    _runs(trial)
    Bundle.write(target, made, card, {name: trial.file(name) for name in files}, overwrite=True, link=True)


def _card(listing: Repository, precision: str) -> ModelCard:
    source = f"hf:{listing.repo}@{listing.commit}"
    return ModelCard(
        name=listing.repo,
        version=listing.commit[:12],
        family="two-towers",
        description=f"CLAP from {listing.repo}, ONNX as published, {precision}.",
        licence=listing.licence,
        chain=(LicenceLink("ONNX weights and tokenizer", listing.licence, source),),
        data="Trained elsewhere; see the source of the weights.",
        limits="Nothing was measured here.",
        created=datetime.date.today().isoformat(),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelError("Damaged", f"{path.name} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ModelError("Damaged", f"{path.name} does not hold an object.")
    return value


def _steady(bundle: Bundle) -> bool:
    """Whether vectors do not depend on what shares their batch."""
    from auricle.models.two_towers import open_towers

    model = open_towers(bundle, device="cpu")
    tones = [_tone(model.rate, step) for step in (0.02, 0.05, 0.2)]
    texts = ["a tone", "a dog barks in the distance", "rain"]
    try:
        audio, text = model.embed_audio(tones), model.embed_text(texts)
    except ModelError:
        return False
    alone = np.concatenate([model.embed_audio([tone]) for tone in tones])
    alone_text = np.concatenate([model.embed_text([line]) for line in texts])
    return bool(np.abs(audio - alone).max() <= 1e-5 and (text * alone_text).sum(axis=1).min() >= 0.9999)


def _tone(rate: int, step: float) -> Audio:
    return Audio(np.sin(np.arange(rate, dtype=np.float32) * np.float32(step)) * np.float32(0.1), rate)


def _runs(bundle: Bundle) -> None:
    """One second of sound and one text through the model: what cannot run is not installed. Raises ModelError."""
    from auricle.models.two_towers import open_towers

    model = open_towers(bundle, device="cpu")
    for vectors in (model.embed_audio([_tone(model.rate, 0.05)]), model.embed_text(["a tone"])):
        if not np.isfinite(vectors).all() or not vectors.any():
            raise ModelError("Damaged", f"{bundle.name} gives no usable vectors.", hint="Use another model.")


# ------------------------------------------------------------------------------------------------------------ checkpoints


def _speaks(server: Server, listing: Repository) -> bool:
    """Whether a repository holds an audio–language checkpoint that auricle runs."""
    from auricle.models.pretrained.checkpoint import KINDS

    if "card.json" in listing.files or "config.json" not in listing.files or any(name.startswith("onnx/") for name in listing.files):
        return False
    config = server.document(_path(listing, "config.json"))
    return isinstance(config, dict) and config.get("model_type") in KINDS


def _fetch_checkpoint(server: Server, listing: Repository, staging: Path, progress: Progress | None) -> list[str]:
    """What was fetched. No pickle, no code, no files in folders."""
    from auricle.models.pretrained.checkpoint import INDEX, WEIGHTS, shards, wanted

    names = wanted(listing.files)
    lacking = [
        " or ".join(either)
        for either in ((WEIGHTS, INDEX), ("tokenizer.json", "vocab.json"), ("preprocessor_config.json", "processor_config.json"))
        if not any(name in names for name in either)
    ]
    if lacking:
        message = f"{listing.repo} holds no checkpoint that auricle can run: {', '.join(lacking)} missing."
        raise ModelError("Unsupported", message, hint="Only safetensors are read. Pull the repository of the model's makers.")
    _fetch(server, listing, [name for name in names if name != WEIGHTS], staging, progress)
    parts = sorted(shards(_document(staging / INDEX))) if INDEX in names else [WEIGHTS]
    absent = [name for name in parts if name not in listing.files]
    if absent:
        raise ModelError("Damaged", f"{listing.repo} lacks {absent[0]}, which its index names.", hint="Use another revision.")
    _fetch(server, listing, parts, staging, progress)
    return [name for name in names if name != WEIGHTS] + parts


def _wrap_checkpoint(listing: Repository, names: Iterable[str], staging: Path, target: Path) -> None:
    """A checkpoint as a bundle at ``target``, its files untouched."""
    from auricle.models.bundle import sha256
    from auricle.models.pretrained.checkpoint import FOLDER, bundle_config, kind_of

    config = _document(staging / "config.json")
    digests = {name: listing.files[name].digest.sha256 or sha256(staging / name) for name in names}
    source = f"hf:{listing.repo}@{listing.commit}"
    card = ModelCard(
        name=listing.repo,
        version=listing.commit[:12],
        family="two-heads",
        description=f"{kind_of(config, listing.repo).title} from {listing.repo}, as published; runs on torch and transformers.",
        licence=listing.licence,
        chain=(LicenceLink("weights, tokenizer and processor", listing.licence, source),),
        data="Trained elsewhere; see the source of the weights.",
        limits="Nothing was measured here.",
        created=datetime.date.today().isoformat(),
    )
    files: dict[str, Path | bytes] = {f"{FOLDER}/{name}": staging / name for name in digests}
    Bundle.write(target, bundle_config(config, digests, listing.repo), card, files, overwrite=True, link=True)
