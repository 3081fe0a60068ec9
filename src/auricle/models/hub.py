"""A name or a path → a model. Network only in :func:`pull`, and where the name is that of a server.

``tiny-towers``               the newest ``tiny-towers@N`` that ships with auricle
``hf:org/name[@revision]``    pulled before from the Hugging Face hub (or another endpoint of its kind)
``path/to/bundle``            a folder written by ``auricle models convert``, or an audio–language checkpoint of transformers
``openai:http://host/v1#m``   model ``m`` of a server of the OpenAI kind, which is sent the sounds that it is asked about
``scheme:…``                  a loader that another package registers under the entry point group ``auricle.models``
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auricle import settings
from auricle.errors import ModelError
from auricle.models.bundle import Bundle

if TYPE_CHECKING:
    from auricle.models.two_towers import TwoTowers

DEFAULT = "tiny-towers"
ENTRY_POINTS = "auricle.models"
ARCHITECTURES = "auricle.architectures"
SERVER = "openai:"

Progress = Callable[[str, int, int | None], None]  # file, bytes done, bytes in all

_REPO = re.compile(r"hf:(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[A-Za-z0-9][\w./-]*))?")
_loaded: dict[tuple[str, int, int | None, str], TwoTowers] = {}
_lock = threading.RLock()  # two heads load the tower that they hear with


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """An installed model. ``source``: "shipped" or the ``hf:…`` name that pulled it; ``error`` says why it cannot be opened."""

    name: str
    pipeline_id: str
    family: str
    description: str
    licence: str
    dim: int
    bytes: int
    source: str
    path: str
    error: str = ""


def load(name: str | Path = DEFAULT, *, threads: int | None = None, device: str = "auto") -> TwoTowers:
    """The model of that name, ready to use; its graphs are read when first run. The same call gives the same object.

    threads: cores for one run of a graph (None: ``settings.threads()``). device: ``auto``, ``cpu`` or ``cuda``.
    Raises ModelError: ``Missing`` (with the nearest names), ``Damaged``, ``Unsupported``.
    """
    if str(name).strip().startswith(SERVER):
        remote: TwoTowers = _remote(str(name).strip())
        return remote
    loader = _registered(str(name))
    if loader is not None:
        model: TwoTowers = loader(str(name), threads=threads, device=device)
        return model
    path = resolve(name)
    told = path / "card.json"
    key = (str(path.resolve()), (told if told.is_file() else path / "config.json").stat().st_mtime_ns, threads, device)
    with _lock:
        if key not in _loaded:
            _loaded[key] = _opened(path, threads, device)
        return _loaded[key]


def _opened(path: Path, threads: int | None, device: str) -> Any:
    if not (path / "card.json").is_file():
        from auricle.models.pretrained.audio_lm import open_folder

        return open_folder(path, threads=threads, device=device)
    bundle = Bundle.open(path)
    if bundle.config["architecture"] == "audio_lm":
        from auricle.models.pretrained.audio_lm import open_bundle

        return open_bundle(bundle, threads=threads, device=device)
    if bundle.config["architecture"] == "two_heads":
        from auricle.models.two_heads import open_heads

        return open_heads(bundle, threads=threads, device=device)
    plugged = _plugged(bundle.config["architecture"])
    if plugged is not None:
        return plugged(bundle, threads=threads, device=device)
    from auricle.models.two_towers import open_towers

    return open_towers(bundle, threads=threads, device=device)


def _plugged(architecture: str) -> Any:
    """What opens bundles of an architecture that is registered under the entry point group ``auricle.architectures``, or None."""
    from importlib.metadata import entry_points

    for point in entry_points(group=ARCHITECTURES, name=architecture):
        try:
            return point.load()
        except ImportError as error:
            hint = 'Install what it needs with: pip install "auricle[train,hf]"'
            raise ModelError("Unsupported", f"a bundle of architecture {architecture!r} needs {error.name}.", hint=hint) from None
    return None


def _remote(name: str) -> Any:
    from auricle.models.remote import open_remote

    return open_remote(name)


def resolve(name: str | Path) -> Path:
    """The folder of the bundle or checkpoint that a name means. Raises ModelError ``Missing``, saying the way out."""
    text = str(name)
    if text.strip().startswith(SERVER):
        raise ModelError("Unsupported", "a model of a server has no files here.", hint="What it is, its server says.")
    if text.strip().startswith("hf:"):
        return _pulled(text.strip())
    shipped = _shipped(text)
    if shipped is not None:
        return shipped
    path = Path(text).expanduser()
    if text.strip() and ((path / "card.json").is_file() or _is_checkpoint(path)):
        return path
    for folder in _pulled_folders():
        if text == _full_name(folder):
            return folder
    if text.strip() and (path.exists() or "/" in text or "\\" in text):
        message = f"no model bundle at {text}: card.json is not there."
        raise ModelError("Missing", message, hint="A bundle is made by: auricle models convert SOURCE FOLDER")
    raise ModelError("Missing", f"no model is named {text!r}.", hint=_suggestion(text))


def _is_checkpoint(path: Path) -> bool:
    if not (path / "config.json").is_file():
        return False
    from auricle.models.pretrained.checkpoint import is_checkpoint

    return is_checkpoint(path)


def installed() -> list[ModelInfo]:
    """Shipped models, the newest of a name first, then pulled ones; damaged ones included with their ``error``."""
    shipped = [_info(folder, "shipped") for folder in sorted(_shipped_folders(), key=_newest_first)]
    return shipped + [_info(folder, _source(folder)) for folder in _pulled_folders()]


def verify(name: str | Path) -> dict[str, str]:
    """Hash every file of a model against its card: file → sha256. Raises ModelError ``Damaged`` naming the first that differs."""
    return dict(Bundle.open(resolve(name), verify=True).card.files)


def pull(
    name: str,
    *,
    endpoint: str | None = None,
    precision: str = "float32",
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Fetch ``hf:org/name[@revision]``: an auricle bundle, a CLAP in the layout of transformers.js, or an audio–language checkpoint
    of transformers (safetensors alone). The folder of the bundle.

    Every file is checked by sha256; a broken pull goes on where it stopped. What is there already, in
    that precision, is kept unless ``force``.
    endpoint: another server of the hub's kind (else ``HF_ENDPOINT``, else huggingface.co). precision: ``float32`` or ``int8``.
    Raises ModelError: ``Network``, ``Missing``, ``Damaged``, ``Unsupported``, ``DiskFull``; UsageError on a precision unknown.
    """
    from auricle.models import pulling

    repo, revision = parse(name)
    target = settings.models_folder() / folder_name(repo, revision)
    if not force and (target / "card.json").is_file():
        there = Bundle.open(target)
        if there.config.get("precision", precision) == precision:
            return target
    fetched: Path = pulling.pull(repo, revision, target, endpoint=endpoint, precision=precision, progress=progress)
    return fetched


def parse(name: str) -> tuple[str, str | None]:
    """``hf:org/name[@revision]`` → repository, revision. Raises ModelError ``Missing`` on anything else."""
    match = _REPO.fullmatch(name.strip())
    if match is None or ".." in name or "--" in name:
        hint = "Write hf:organisation/name or hf:organisation/name@revision, as in hf:laion/clap-htsat-unfused."
        raise ModelError("Missing", f"{name!r} is not the name of a repository.", hint=hint)
    return match["repo"], match["revision"]


def folder_name(repo: str, revision: str | None) -> str:
    """The folder of a pulled repository: ``hf--org--name[@revision]``; no two names share one."""
    text = f"hf--{repo.replace('/', '--')}"
    return text if revision is None else f"{text}@{revision.replace('/', '--')}"


def bundles_folder() -> Path:
    """Where shipped bundles lie."""
    return Path(__file__).parent / "bundles"


def _shipped_folders() -> list[Path]:
    root = bundles_folder()
    return sorted((p for p in root.glob("*@*") if (p / "card.json").is_file()), key=_version) if root.is_dir() else []


def _version(folder: Path) -> tuple[str, int, str]:
    name, _, version = folder.name.partition("@")
    return name, int(version) if version.isdigit() else -1, version


def _newest_first(folder: Path) -> tuple[str, int]:
    name, version, _ = _version(folder)
    return name, -version


def _shipped(name: str) -> Path | None:
    found = [p for p in _shipped_folders() if name in (p.name, p.name.partition("@")[0])]
    return found[-1] if found else None


def _pulled(name: str) -> Path:
    repo, revision = parse(name)
    path = settings.models_folder() / folder_name(repo, revision)
    if (path / "card.json").is_file():
        return path
    raise ModelError("Missing", f"{name} has not been pulled.", hint=f"Fetch it once with: auricle models pull {name}")


def _pulled_folders() -> list[Path]:
    root = settings.models_folder()
    return sorted(p for p in root.glob("hf--*") if (p / "card.json").is_file()) if root.is_dir() else []


def _source(folder: Path) -> str:
    name, _, revision = folder.name.removeprefix("hf--").partition("@")
    return f"hf:{name.replace('--', '/', 1)}" + (f"@{revision}" if revision else "")


def _full_name(folder: Path) -> str | None:
    try:
        return Bundle.open(folder).name
    except ModelError:
        return None


def _info(folder: Path, source: str) -> ModelInfo:
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    try:
        bundle = Bundle.open(folder)
    except ModelError as error:
        return ModelInfo(folder.name, "", "", "", "", 0, size, source, str(folder), str(error))
    card = bundle.card
    dim = bundle.dim
    return ModelInfo(bundle.name, bundle.pipeline_id, card.family, card.description, card.licence, dim, size, source, str(folder))


def _known_names() -> Iterator[str]:
    for folder in _shipped_folders():
        yield folder.name.partition("@")[0]
        yield folder.name
    for folder in _pulled_folders():
        yield _source(folder)


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    known = list(dict.fromkeys(_known_names()))
    near = get_close_matches(name.strip().lower(), known, n=3, cutoff=0.4) or known[:5]
    return f"Did you mean {' or '.join(near)}?" if near else "None is installed; fetch one with: auricle models pull hf:org/name"


def _registered(name: str) -> Any:
    """The loader for ``scheme:…`` that another package registered, or None."""
    scheme, colon, _ = name.partition(":")
    if not colon or len(scheme) < 2 or scheme == "hf" or not scheme.isidentifier():
        return None
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS, name=scheme):
        return point.load()
    message = f"nothing here loads models named {scheme}:…"
    raise ModelError("Unsupported", message, hint=f"Install a package that registers {scheme!r} in {ENTRY_POINTS!r}.")
