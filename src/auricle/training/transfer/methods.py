"""The methods by name: what each needs, and which a model has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from auricle.errors import UsageError
from auricle.training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Method:
    """``shots``: it learns from some. ``towers``: it needs the weights of towers in PyTorch, those of a run. ``needs``: packages.

    ``makes``: what it is kept as, a taught head or a bundle.
    """

    name: str
    what: str
    shots: bool = True
    towers: bool = False
    needs: tuple[str, ...] = ()
    makes: str = "head"


METHODS = {
    method.name: method
    for method in (
        Method("zero-shot", "the label alone", shots=False),
        Method("prompts", "the label by many templates", shots=False),
        Method("probe", "logistic regression on frozen embeddings"),
        Method("adapter", "a cache of the shots beside the texts"),
        Method("residual", "prompts learned in the space of embeddings", needs=("torch",)),
        Method("context", "prompts learned as tokens", towers=True, needs=("torch",)),
        Method("lora", "low-rank updates of the towers", towers=True, needs=("torch", "peft"), makes="bundle"),
        Method("full", "all weights of the towers", towers=True, needs=("torch",), makes="bundle"),
    )
}
_OPTIONS = {"residual": "Options", "context": "Options", "lora": "DEFAULT", "full": "DEFAULT"}  # in the file of that name


def chosen(names: Sequence[str] | None, *, run: bool, model: str, reads: bool = True) -> tuple[list[Method], list[str]]:
    """The methods to measure, in their order, and notes on those that were left out.

    run: the model is a run's folder, so its towers have weights. reads: the text tower of the run is in PyTorch.
    Without names: all that the model and this installation have. Raises UsageError for one it has not, TrainingError ``NoTorch``.
    """
    if names is None:
        able = [m for m in METHODS.values() if (run or not m.towers) and (reads or m.name != "context")]
        missing = {m.name: lacking(m) for m in able}
        notes = [f"left out: {name}, for it needs {', '.join(what)}" for name, what in missing.items() if what]
        return [m for m in able if not missing[m.name]], notes
    found = []
    for name in dict.fromkeys(names):
        method = METHODS.get(name)
        if method is None:
            import difflib

            near = difflib.get_close_matches(name, list(METHODS), 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(METHODS)}."
            raise UsageError(f"there is no method {name!r}.", hint=hint)
        if method.towers and not run:
            others = ", ".join(m.name for m in METHODS.values() if not m.towers)
            raise UsageError(
                f"{name} trains weights, and {model} is an ONNX bundle, which has none to train.",
                hint=f"Give the folder of a run (auricle train), or use what a bundle has: {others}.",
            )
        if lack := lacking(method):
            message = f"{name} needs {', '.join(lack)}, which {'is' if len(lack) == 1 else 'are'} not installed."
            raise TrainingError("NoTorch", message, hint='Install it with: pip install "auricle[train]"')
        found.append(method)
    if not found:
        raise UsageError("no method is named.", hint=f"There are: {', '.join(METHODS)}.")
    return sorted(found, key=lambda m: list(METHODS).index(m.name)), []


def lacking(method: Method) -> list[str]:
    return [name for name in method.needs if _absent(name)]


def _absent(name: str) -> bool:
    try:
        return find_spec(name) is None
    except ValueError:  # blocked
        return True


def options_of(method: str, settings: Mapping[str, str]) -> Any:
    """The options of a method with ``settings`` (``lora.rate`` → ``1e-3``) in their place. Imports what the method needs."""
    found = getattr(import_module(f"auricle.training.transfer.{method}"), _OPTIONS[method])
    default = found() if isinstance(found, type) else found
    own = {key.partition(".")[2]: value for key, value in settings.items() if key.partition(".")[0] == method}
    return replace(default, **{key: type(getattr(default, key))(float(value)) for key, value in own.items()})


_FIELDS = {
    "residual": ("steps", "rate", "weight_decay"), "context": ("tokens", "steps", "rate"),
    "lora": ("steps", "rate", "batch", "weight_decay", "rank", "alpha"), "full": ("steps", "rate", "batch", "weight_decay"),
}  # fmt: skip


def check_settings(texts: Sequence[str]) -> dict[str, str]:
    """``["lora.rate=1e-3"]`` → ``{"lora.rate": "1e-3"}``. Raises UsageError."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        method, _, name = key.partition(".")
        if not equals or method not in _FIELDS or name not in _FIELDS[method]:
            known = ", ".join(f"{m}.{f}" for m, names in _FIELDS.items() for f in names)
            raise UsageError(f"--set {text}: there is no such option.", hint=f"Write KEY=VALUE; there are {known}.")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        whole = name in ("steps", "batch", "rank", "tokens")
        fits = number > 0 or (name == "weight_decay" and number == 0)
        if not fits or (whole and not number.is_integer()):
            raise UsageError(f"--set {text}: {value!r} is no {'whole ' if whole else ''}number above 0.")
        found[key] = value
    return found
