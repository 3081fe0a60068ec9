"""Transfer: an audio–language model, a few labelled sounds, and what each way of adapting it comes to.

    from auricle.training.transfer import adapt, read

    task = read("clips.jsonl", labels=["dog bark", "rain"])
    table = adapt("tiny-towers", task, methods=["prompts", "probe", "adapter"], shots=[1, 4, "all"], seeds=5)
    print(table.render())

One short file a method, each with paper and equation:

``prompts``    zero-shot, by the label alone and by many templates      ``probe``     logistic regression on frozen embeddings
``adapter``    a cache of the shots, blended with the texts             ``residual``  prompts learned in the space of embeddings
``context``    prompts learned as tokens of the text tower              ``lora``      low-rank updates of the towers
``full``       all weights of the towers

``task`` reads the data and draws shots, ``decision`` is what a frozen method comes to, ``towers`` are those of a run, ``tuning``
trains them, ``table`` holds the results, ``saving`` makes a taught head or a bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auricle.training.transfer.session import adapt
    from auricle.training.transfer.table import Row, Table
    from auricle.training.transfer.task import Task, read

_HOME = {"Row": "table", "Table": "table", "Task": "task", "adapt": "session", "read": "task"}

__all__ = ["Row", "Table", "Task", "adapt", "read"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
