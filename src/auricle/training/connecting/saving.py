"""What was trained, as a bundle: connector and updates as safetensors; tower and language model are named, not copied.

``config.json`` of such a bundle::

    {"format": 1, "architecture": "connected", "dim": 640, "seconds": 12.0,
     "tower": {"name": "tiny-towers@2", "pipeline_id": "tiny-towers@2:…"},
     "connector": {"file": "connector.safetensors", "frames": 432, "body": "mlp", …},
     "lm": {"name": "gemma3-270m", "sha256": "…", "before": "", "after": "\\n{prompt}\\nAnswer:", "lead": " "},
     "lora": {"folder": "adapter"}, "weights": {"connector.safetensors": "…", …}}

The language model lies where ``language.json`` says, relative to the bundle, or in its folder ``language``; it is known by its sha256.
"""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auricle.errors import ModelError
from auricle.models.bundle import FORMAT, Bundle, sha256
from auricle.models.card import LicenceLink, ModelCard, Result
from auricle.training.connecting.language import digest, wide
from auricle.training.connecting.stage import Connecting

ARCHITECTURE = "connected"
CONNECTOR, ADAPTER, PLACE, INSIDE = "connector.safetensors", "adapter", "language.json", "language"


def write(at: Connecting, path: Path, base: Path, *, results: Sequence[Result] = ()) -> Bundle:
    """The bundle of a run, in place of one that is there. base: what the recipe's paths are relative to. Raises ModelError."""
    from safetensors.torch import save_file

    from auricle.models import hub

    stage = at.stage
    tower, language = hub.load(stage.tower), (base / stage.lm.folder).resolve()
    known = digest(language)
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        state = {name: value.detach().contiguous() for name, value in at.connector.state_dict().items()}
        save_file(state, str(folder / CONNECTOR))
        files: dict[str, Path | bytes] = {CONNECTOR: folder / CONNECTOR}
        if stage.lora is not None:
            at.model.peft_config["default"].base_model_name_or_path = language.name
            at.model.save_pretrained(str(folder / ADAPTER), save_embedding_layers=False)
            files |= {f"{ADAPTER}/{name}": folder / ADAPTER / name for name in ("adapter_config.json", "adapter_model.safetensors")}
        config = {
            "format": FORMAT, "architecture": ARCHITECTURE, "dim": wide(at.model), "seconds": stage.seconds,
            "tower": {"name": tower.name, "pipeline_id": tower.pipeline_id},
            "connector": {"file": CONNECTOR, "frames": int(at.connector.mean.shape[0]), **stage.connector.model_dump()},
            "lm": {"name": language.name, "sha256": known, **stage.lm.model_dump(include={"before", "after", "lead"})},
            "lora": None if stage.lora is None else {"folder": ADAPTER},
            "weights": {name: sha256(content) for name, content in files.items() if isinstance(content, Path)},
        }  # fmt: skip
        files[PLACE] = (json.dumps({"path": os.path.relpath(language, path.resolve())}) + "\n").encode()
        return Bundle.write(path, config, _card(at, language, known, tower.card, results), files, overwrite=True)


def _card(at: Connecting, language: Path, known: str, tower: ModelCard, results: Sequence[Result]) -> ModelCard:
    stage = at.stage
    said = sum(len(s.questions) + len(s.captions) for s in at.sounds)
    return ModelCard(
        stage.name, stage.version, "two-heads", stage.description or f"A connector between {tower.full_name} and {language.name}.",
        stage.licence,
        chain=(
            LicenceLink(f"language model {language.name}, not in this bundle", stage.lm.licence, stage.lm.source, known),
            LicenceLink(f"tower {tower.full_name}, not in this bundle", tower.licence), *tower.chain,
        ),
        trained=tower.trained, data=f"{len(at.sounds)} sounds with {said} questions and captions", results=tuple(results),
        limits=stage.limits, created=datetime.date.today().isoformat(),
    )  # fmt: skip


def language_of(bundle: Bundle, folder: Path | None = None) -> Path:
    """Where the language model of a bundle lies. Raises ModelError: ``Missing``, ``Damaged`` (another one than it was trained with)."""
    wanted = bundle.config["lm"]
    hint = f"Put {wanted['name']} into {bundle.path / INSIDE} (a link will do)."
    if folder is None:
        folder = bundle.path / INSIDE
        if not folder.is_dir():
            try:
                folder = bundle.path / str(json.loads(bundle.file(PLACE).read_bytes())["path"])
            except (ValueError, KeyError, TypeError):
                raise ModelError("Damaged", f"{bundle.path / PLACE} does not say a path.", hint=hint) from None
    if not (folder / "config.json").is_file():
        raise ModelError("Missing", f"{bundle.name} speaks with {wanted['name']}, which is not at {folder}.", hint=hint)
    if digest(folder) != wanted["sha256"]:
        raise ModelError("Damaged", f"{folder} is not the {wanted['name']} that {bundle.name} was trained with (sha256).", hint=hint)
    return folder


def parts_of(bundle: Bundle) -> dict[str, Any]:
    """The config of such a bundle, checked. Raises ModelError: ``Unsupported``, ``Damaged``."""
    config = dict(bundle.config)
    if config["architecture"] != ARCHITECTURE:
        raise ModelError("Unsupported", f"{bundle.name} is of architecture {config['architecture']!r}, not {ARCHITECTURE}.")
    try:
        texts = [config["tower"][k] for k in ("name", "pipeline_id")] + [
            config["lm"][k] for k in ("name", "sha256", "before", "after", "lead")
        ]
        texts += [config["connector"]["file"], "" if config["lora"] is None else config["lora"]["folder"]]
        if not all(isinstance(text, str) for text in texts) or not float(config["seconds"]) > 0 or "{prompt}" not in config["lm"]["after"]:
            raise ValueError("texts, seconds or the place of the prompt are not as they should be")
        for name, expected in config["weights"].items():
            if sha256(bundle.file(name)) != expected:
                raise ValueError(f"{name} differs from its sha256")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError("Damaged", f"{bundle.path / 'config.json'}: {error}.", hint="Train it again, or copy it again.") from None
    return config
