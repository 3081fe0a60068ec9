"""One ONNX graph, loaded when first run: a text search never loads the audio tower."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auricle import settings
from auricle.errors import ModelError, UsageError

Array = npt.NDArray[Any]

DEVICES = ("auto", "cpu", "cuda")


class Session:
    """A lazily made ``onnxruntime.InferenceSession``; safe to share between threads.

    threads: cores one run may use (None: ``settings.threads()``). device: ``auto`` takes CUDA where this onnxruntime has it.
    """

    def __init__(self, path: Callable[[], Path], *, threads: int | None = None, device: str = "auto") -> None:
        if device not in DEVICES:
            raise UsageError(f"unknown device {device!r}.", hint=f"Use one of: {', '.join(DEVICES)}.")
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be at least 1, got {threads}.")
        self._path = path
        self._threads = threads
        self._device = device
        self._lock = threading.Lock()
        self._session: Any = None
        self._inputs: tuple[str, ...] = ()
        self._outputs: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        self._load()
        return self._inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        self._load()
        return self._outputs

    def warm(self) -> None:
        """Load now; errors are kept for the first use."""
        with contextlib.suppress(ModelError):
            self._load()

    def run(self, output: str, feeds: Mapping[str, Array]) -> npt.NDArray[np.float32]:
        """One output of the graph, float32. Raises ModelError ``Damaged`` where the graph cannot take the feeds."""
        (result,) = self.run_all((output,), feeds)
        return result

    def run_all(self, outputs: Sequence[str], feeds: Mapping[str, Array]) -> list[npt.NDArray[np.float32]]:
        """Several outputs of one run, like :meth:`run`."""
        session = self._load()
        try:
            results = session.run(list(outputs), dict(feeds))
        except MemoryError:
            raise
        except Exception as error:  # onnxruntime raises classes of its own, all plain Exceptions
            raise ModelError("Damaged", f"{self._path()} failed to run: {_first_line(error)}.") from error
        return [np.asarray(result, dtype=np.float32) for result in results]

    def _load(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = self._open()
                self._inputs = tuple(i.name for i in self._session.get_inputs())
                self._outputs = tuple(o.name for o in self._session.get_outputs())
            return self._session

    def _open(self) -> Any:
        import onnxruntime as ort

        path = self._path()
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads or settings.threads()
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return ort.InferenceSession(str(path), options, providers=_providers(ort.get_available_providers(), self._device))
        except Exception as error:
            message = f"{path} is no graph that onnxruntime {ort.__version__} can run: {_first_line(error)}."
            raise ModelError("Damaged", message, hint="Pull or convert the model again.") from error


def _providers(available: Sequence[str], device: str) -> list[str]:
    cuda = "CUDAExecutionProvider"
    if device == "cuda" and cuda not in available:
        raise ModelError("Unsupported", "this onnxruntime has no CUDA.", hint="Install it with: pip install onnxruntime-gpu")
    return [cuda, "CPUExecutionProvider"] if device != "cpu" and cuda in available else ["CPUExecutionProvider"]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
