"""torch and transformers where a model needs them, and how they fail, in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from auricle.errors import ModelError

OLDEST = 5  # of transformers: its processors take sounds as ``audio``, and Audio Flamingo 3 is one of its classes


def torch_module() -> Any:
    """Raises ModelError ``Missing``."""
    try:
        import torch
    except ImportError as error:
        raise _absent(error) from None
    return torch


def transformers_class(name: str) -> Any:
    """Raises ModelError: ``Missing``, ``Unsupported`` (this transformers is older than the class)."""
    try:
        import transformers

        if int(transformers.__version__.partition(".")[0]) < OLDEST:
            raise _old(f"this model needs transformers {OLDEST} or newer; here is {transformers.__version__}.")
        return getattr(transformers, name)
    except ImportError as error:
        raise _absent(error) from None
    except AttributeError:
        raise _old(f"transformers {transformers.__version__} has no {name}.") from None


def _old(message: str) -> ModelError:
    return ModelError("Unsupported", message, hint="Upgrade with: pip install -U transformers")


def _absent(error: ImportError) -> ModelError:
    return ModelError("Missing", f"this model needs torch and transformers ({error}).", hint='Install them with: pip install "auricle[hf]"')


def line(error: Exception) -> str:
    """What was raised, in one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """No bars and no warnings of transformers on the terminal."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
