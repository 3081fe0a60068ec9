"""A run as one YAML file: data, model, objectives, optimiser, budget. Every mistake in it names its file and line. Needs no torch.

Paths are relative to the recipe's folder. ``hash`` names what decides the weights: two recipes that differ only in where they write,
how often they save or log and how many threads decode have one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from auricle.errors import UsageError
from auricle.training.schema import Budget, Data, Evaluate, Export, Model, Objective, Optimiser, Part


class Recipe(Part):
    name: str
    stage: Literal["audio", "language", "audio-language", "transfer"] = "audio-language"
    seed: int = Field(0, ge=0)
    data: Data
    model: Model
    objectives: list[Objective] = Field(min_length=1)
    optimiser: Optimiser = Optimiser()
    budget: Budget
    evaluate: Evaluate = Evaluate()
    export: Export = Export()
    out: str | None = None
    _source: Source = PrivateAttr()

    @property
    def source(self) -> Source:
        return self._source

    def path(self, name: str) -> Path:
        """A path that the recipe names."""
        return self._source.folder / Path(name).expanduser()

    def deciding(self) -> dict[str, Any]:
        """What decides the weights, JSON-ready."""
        document = self.model_dump(mode="json", exclude={"out", "evaluate", "export"})
        for section, keys in (("budget", ("save_every", "keep", "log_every")), ("data", ("workers", "memory", "cache", "avoid"))):
            for key in keys:
                document[section].pop(key, None)
        return document

    @property
    def hash(self) -> str:
        return hashlib.sha256(json.dumps(self.deciding(), sort_keys=True).encode()).hexdigest()[:16]


class Source:
    """Where a recipe came from: for paths, and for the line of a mistake."""

    def __init__(self, path: Path, text: str, settings: Sequence[str]) -> None:
        self.path, self.text, self.settings = path, text, list(settings)
        self.folder = path.parent

    def error(self, place: Sequence[str | int], message: str) -> UsageError:
        """A mistake at a place of the document such as ``("objectives", 0, "weight")``."""
        dotted = ".".join(str(key) for key in place)
        for setting in self.settings:
            if (key := setting.partition("=")[0]) and (dotted == key or dotted.startswith(key + ".")):
                return UsageError(f"--set {setting}: {message}")
        return UsageError(f"{self.path}:{self._line(place)}: {message}", hint="docs/training.md lists the keys of a recipe.")

    def _line(self, place: Sequence[str | int]) -> int:
        node = yaml.compose(self.text, Loader=yaml.SafeLoader)
        line = node.start_mark.line if node is not None else 0
        for key in place:  # keys that the document does not have (a kind that was chosen) are passed over
            if isinstance(node, yaml.MappingNode):
                found = [(k, v) for k, v in node.value if k.value == str(key)]
                if found:
                    line, node = found[0][0].start_mark.line, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
                node = node.value[key]
                line = node.start_mark.line
        return int(line) + 1


def load(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe; ``settings`` (``a.b=c``) override what it says. Raises UsageError naming file and line."""
    file = Path(path)
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise UsageError(f"{file}: {reason}.", hint="Name a recipe: a YAML file such as recipes/towers_from_scratch/tiny.yaml.") from None
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        raise UsageError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}.") from None
    if not isinstance(document, dict):
        raise UsageError(f"{file}:1: a recipe is a mapping of keys to values.")
    source = Source(file, text, settings)
    for setting in settings:
        _override(document, setting)
    try:
        recipe = Recipe.model_validate(document)
    except ValidationError as error:
        raise _first(source, error) from None
    recipe._source = source
    return recipe


class _Loader(yaml.SafeLoader):
    """YAML as people write it: ``1e-3`` is a number, ``on`` is a word, and a key given twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(loader.construct_scalar(node))


_Loader.yaml_implicit_resolvers = {
    sign: [(tag, form) for tag, form in known if tag != "tag:yaml.org,2002:bool"]
    for sign, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|True|false|False)$"), list("tTfF"))
_Loader.add_constructor("!science", _float)
_Loader.add_implicit_resolver("!science", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789"))


def _override(document: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals or not key:
        raise UsageError(f"--set {setting}: write it as KEY=VALUE, for example budget.steps=100.")
    try:
        parsed = yaml.load(value, Loader=_Loader)
    except yaml.YAMLError:
        raise UsageError(f"--set {setting}: {value!r} is no value.") from None
    *parents, last = key.split(".")
    node: Any = document
    for parent in parents:
        if isinstance(node, list) and parent.isdigit() and int(parent) < len(node):
            node = node[int(parent)]
        elif isinstance(node, dict):
            node = node.setdefault(parent, {})
        else:
            raise UsageError(f"--set {setting}: there is no {parent!r} to set.")
    if isinstance(node, list) and last.isdigit() and int(last) < len(node):
        node[int(last)] = parsed
    elif isinstance(node, dict):
        node[last] = parsed
    else:
        raise UsageError(f"--set {setting}: there is no {last!r} to set.")


def _first(source: Source, error: ValidationError) -> UsageError:
    found = error.errors()
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    place = [key for key in first["loc"] if isinstance(key, (str, int))]
    name = ".".join(str(key) for key in place)
    if first["type"] == "extra_forbidden":
        return source.error(place, f"unknown key {place[-1]!r}." + _known(place))
    if first["type"] == "missing":
        return source.error(place[:-1], f"{name} is missing.")
    message = str(first["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return source.error(place, f"{name}: {message}.")


def _known(place: Sequence[str | int]) -> str:
    """`` Did you mean …?`` or the keys of that section."""
    import difflib

    names = list(_keys(Recipe, place[:-1]))
    near = difflib.get_close_matches(str(place[-1]), names, 1)
    return f" Did you mean {near[0]!r}?" if near else f" Known are: {', '.join(names)}." if names else ""


def _keys(part: type[BaseModel], place: Sequence[str | int]) -> Iterator[str]:
    if not place:
        yield from part.model_fields
        return
    key, *rest = place
    if isinstance(key, int) or key not in part.model_fields:
        yield from _keys(part, rest)
        return
    annotation = part.model_fields[key].annotation
    for inner in _parts(annotation):
        if len(getattr(annotation, "__args__", ())) < 2 or not rest or _kind(inner) in (None, rest[0]):
            yield from _keys(inner, rest)


def _kind(part: type[BaseModel]) -> str | None:
    field = part.model_fields.get("kind")
    values: tuple[Any, ...] = getattr(field.annotation, "__args__", ()) if field is not None else ()
    return str(values[0]) if len(values) == 1 else None


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _parts(inner)


def differences(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys at which two documents differ."""
    found = []
    for key in sorted(set(a) | set(b)):
        left, right = a.get(key), b.get(key)
        if isinstance(left, dict) and isinstance(right, dict):
            found += differences(left, right, f"{prefix}{key}.")
        elif left != right:
            found.append(f"{prefix}{key}")
    return found
