"""A taught head: kinds of sound that a person showed by examples, as one file beside the model that heard them.

    head = taught.load("my-dogs")            # or the path of a file
    head.log_odds(vectors)                   # float64 [n, k]: how sure each of head.labels is
    taught.Speaking(model, head)             # the model, for which "bark" now means what was shown

The file is an ``.npz`` without pickle: ``weights``, ``bias``, the examples' vectors (so that an answer can be added and all fitted
anew), and ``about``, a JSON text: labels, ``pipeline_id``, counts, hashes of the clips, the cross-validated score and its history.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle import settings
from auricle.errors import AuricleError, ModelError, UsageError
from auricle.models.capabilities import Vectors
from auricle.results import TaughtSummary

FORMAT = 2  # 1: without ``values``
SUFFIX = ".npz"
UNKNOWN = -1  # in ``Examples.truth``
_MAX_BYTES = 512 << 20  # unpacked
_AGAIN = "Teach it again: auricle teach NAME=clips/ -o {}"


@dataclass(frozen=True, slots=True)
class Example:
    """One clip or moment that was shown. ``group``: examples of one sound (identical, or nearly so) share it."""

    path: str
    start: float
    end: float
    hash: str
    group: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """All that was shown. Parallel: ``vectors`` [n, d] and ``owners`` [n] (which item a window is of); ``items`` and ``truth`` [m, k].

    truth: 1 it is of the label, 0 it is not, −1 nobody said.
    """

    items: tuple[Example, ...]
    truth: npt.NDArray[np.int8]
    vectors: Vectors
    owners: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.items)

    def of(self, item: int) -> Vectors:
        """The window vectors of one item."""
        found: Vectors = self.vectors[self.owners == item]
        return found


@dataclass(frozen=True, slots=True)
class LabelScore:
    """What held-back examples say of one label. ``score``: how often one stands above a sound that is not of the label (the area under
    the ROC curve; chance is 0.5), with a 95 % interval ``low`` to ``high``. ``found`` and ``false_alarms``: shares of examples, and of
    others, with a probability above one half. All None where there are too few distinct examples."""

    label: str
    examples: int
    distinct: int
    rejected: int = 0  # examples that were said not to be of it
    score: float | None = None
    low: float | None = None
    high: float | None = None
    found: float | None = None
    false_alarms: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The score over all labels at one time: a point of the history."""

    examples: int
    score: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """Weights ``[k, d]`` and bias ``[k]``: log-odds are ``vectors @ weights.T + bias``, on unit vectors of the pipeline alone.

    values [w, k]: of a head with a cache (``auricle adapt``), what each window f of the examples adds: exp(−beta(1 − v·f)) · values.
    """

    name: str
    labels: tuple[str, ...]
    weights: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    model: str
    model_source: str
    pipeline_id: str
    background: Vectors
    background_of: str
    examples: Examples
    scores: tuple[LabelScore, ...]
    standing: Standing
    history: tuple[Standing, ...] = ()
    warnings: tuple[str, ...] = ()
    values: npt.NDArray[np.float64] | None = None
    beta: float = 0.0

    def log_odds(self, vectors: Vectors) -> npt.NDArray[np.float64]:
        """Log-odds ``[n, k]`` that each label applies to each unit vector ``[n, d]``."""
        odds = vectors.astype(np.float64) @ self.weights.T + self.bias
        if self.values is not None:
            cosines = vectors.astype(np.float64) @ self.examples.vectors.T.astype(np.float64)
            odds += np.exp(-self.beta * (1.0 - cosines)) @ self.values
        return np.asarray(odds, dtype=np.float64)

    def direction(self, place: int) -> npt.NDArray[np.float64]:
        """Where a label lies, ``[d]``, unit norm: its weights, and of a cache the slope at the examples."""
        found = self.weights[place]
        if self.values is not None:
            found = found + self.beta * self.values[:, place] @ self.examples.vectors.astype(np.float64)
        return np.asarray(found / max(float(np.linalg.norm(found)), 1e-12), dtype=np.float64)

    def check(self, model: Any) -> None:
        """Raises ModelError for vectors of another pipeline: the weights would mean nothing on them."""
        if model.pipeline_id != self.pipeline_id:
            raise ModelError(
                "Unsupported",
                f"{self.name} was taught on {self.model} ({self.pipeline_id}), and this is {model.name} ({model.pipeline_id}).",
                hint=f"Use it with --model {self.model}, or teach it again with --model {model.name}.",
            )

    def summary(self, path: os.PathLike[str] | str = "", seconds: float = 0.0) -> TaughtSummary:
        """What a person is told."""
        return TaughtSummary(
            self.name, os.fspath(path), tuple(asdict(s) for s in self.scores), self.standing.score, self.standing.low, self.standing.high,
            self.background_of, self.warnings, seconds, self.model, self.pipeline_id,
        )  # fmt: skip

    def place(self, label: str) -> int | None:
        """Where a label stands, whatever its case; None where it was not taught."""
        wanted = " ".join(label.split()).casefold()
        return next((i for i, known in enumerate(self.labels) if known.casefold() == wanted), None)


class Speaking:
    """A model for which the labels of a head mean what was shown: ``embed_text`` gives their weights, as a direction, for their names."""

    def __init__(self, model: Any, head: Taught) -> None:
        head.check(model)
        self.model, self.head = model, head

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        found: Vectors = np.array(self.model.embed_text(list(texts)), dtype=np.float32)
        for row, text in enumerate(texts):
            if (place := self.head.place(text)) is not None:
                found[row] = self.head.direction(place)
        return found


# -- on the disk -----------------------------------------------------------------------------------------------------------------


def folder() -> Path:
    return settings.home() / "taught"


def path_of(name: str | os.PathLike[str]) -> Path:
    """Where a head of that name lies: a path when it looks like one, else a file in :func:`folder`. Raises UsageError."""
    text = os.fspath(name).strip()
    if not text:
        raise UsageError("the taught head has no name.", hint="Name it like my-dogs, or give the path of a file.")
    if os.sep in text or text.startswith("~") or text.endswith(SUFFIX):
        return Path(text).expanduser()
    return folder() / f"{checked_name(text)}{SUFFIX}"


def checked_name(name: str) -> str:
    """Raises UsageError for a name that is no plain file name."""
    if not re.fullmatch(r"[^\W_][\w.-]{0,79}", name) or name.endswith("."):
        raise UsageError(f"{name!r} is no name for a taught head.", hint="Use letters, digits, dots and dashes, like my-dogs.")
    return name


def names() -> list[str]:
    """Heads in :func:`folder`, by name."""
    return sorted(p.stem for p in folder().glob(f"*{SUFFIX}")) if folder().is_dir() else []


def save(head: Taught, path: Path) -> Path:
    """Write the file, whole or not at all. Raises AuricleError when the disk refuses."""
    about = {
        "format": 1 if head.values is None else FORMAT, "name": head.name, "labels": list(head.labels), "model": head.model,
        "model_source": head.model_source, "pipeline_id": head.pipeline_id, "background": head.background_of,
        "examples": [asdict(e) for e in head.examples.items],
        "scores": [asdict(s) for s in head.scores], "standing": asdict(head.standing), "history": [asdict(s) for s in head.history],
        "warnings": list(head.warnings),
    }  # fmt: skip
    cache: dict[str, Any] = {} if head.values is None else {"values": head.values, "beta": np.array(head.beta)}
    out = io.BytesIO()
    np.savez_compressed(
        out, weights=head.weights, bias=head.bias, truth=head.examples.truth, vectors=head.examples.vectors.astype(np.float16),
        owners=head.examples.owners, background=head.background.astype(np.float16), about=np.array(json.dumps(about, ensure_ascii=True)),
        **cache,
    )  # fmt: skip
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".auricle-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(out.getvalue())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise AuricleError(f"{path} could not be written: {reason}.", hint="Check that there is room, or name another place.") from None
    return path


def load(name: str | os.PathLike[str] | Taught) -> Taught:
    """A head by name or path. Raises ModelError ``Missing`` naming those there are, ``Damaged``, ``Unsupported``."""
    if isinstance(name, Taught):
        return name
    path = path_of(name)
    if not path.is_file():
        known = ", ".join(names())
        what = f"{path} is a folder" if path.is_dir() else f"there is no taught head {os.fspath(name)}"
        raise ModelError("Missing", f"{what}.", hint=f"Taught so far: {known}." if known else _AGAIN.format(path.stem))
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MAX_BYTES:
                raise ValueError("it is too large")
        with np.load(path, allow_pickle=False) as stored:
            return _read(stored, path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise ModelError("Damaged", f"{path} is no taught head: {_reason(error)}.", hint=_AGAIN.format(path.stem)) from None


def _read(stored: Mapping[str, Any], path: Path) -> Taught:
    about = json.loads(str(stored["about"]))
    if about["format"] > FORMAT:
        raise ModelError("Unsupported", f"{path} is of a newer auricle.", hint="Upgrade with: pip install -U auricle")
    labels = tuple(map(str, about["labels"]))
    examples = Examples(
        tuple(Example(**item) for item in about["examples"]), stored["truth"].astype(np.int8), stored["vectors"].astype(np.float32),
        stored["owners"].astype(np.int64),
    )  # fmt: skip
    weights, bias = stored["weights"].astype(np.float64), stored["bias"].astype(np.float64)
    n, k, (rows, dim) = len(examples), len(labels), weights.shape
    owners = examples.owners
    values = stored["values"].astype(np.float64) if about["format"] > 1 else None
    beta = float(stored["beta"]) if values is not None else 0.0
    fits = (
        (rows, *bias.shape, *examples.truth.shape) == (k, k, n, k)
        and (examples.vectors.shape, stored["background"].shape[1]) == ((len(owners), dim), dim)
        and (not len(owners) or (owners.min() >= 0 and owners.max() < n))
        and bool(np.isfinite(weights).all() and np.isfinite(bias).all() and k)
        and (values is None or (values.shape == (len(owners), k) and bool(np.isfinite(values).all() and np.isfinite(beta))))
    )
    if not fits:
        raise ValueError("its arrays do not fit together")
    return Taught(
        str(about["name"]), labels, weights, bias, str(about["model"]), str(about["model_source"]), str(about["pipeline_id"]),
        stored["background"].astype(np.float32), str(about["background"]), examples, tuple(LabelScore(**s) for s in about["scores"]),
        Standing(**about["standing"]), tuple(Standing(**s) for s in about["history"]), tuple(map(str, about["warnings"])),
        values=values, beta=beta,
    )  # fmt: skip


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    return (str(error) or type(error).__name__).splitlines()[0][:120].rstrip(".")


def load_both(model: str | Any | None, head: str | Taught | None) -> tuple[Any, Taught | None]:
    """A model and a head that belong together; without a model, the one that the head was taught on. Raises ModelError."""
    from auricle.models import hub

    known = load(head) if head is not None else None
    if model is not None:
        loaded = hub.load(model) if isinstance(model, str) else model
    elif known is None:
        loaded = hub.load(hub.DEFAULT)
    else:
        try:
            loaded = hub.load(known.model)
        except ModelError as error:
            if error.kind != "Missing" or not known.model_source:
                raise
            loaded = hub.load(known.model_source)  # a bundle that was named by its path
    if known is not None:
        known.check(loaded)
    return loaded, known
