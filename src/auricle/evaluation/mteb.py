"""Both ways between auricle and mteb: its tasks measure our models, and our harness measures its models.

    import mteb
    from auricle.evaluation.mteb import Encoder
    mteb.evaluate(Encoder("tiny-towers"), tasks=mteb.get_tasks(tasks=["ESC50_Zeroshot"]))

    auricle evaluate mteb:laion/clap-htsat-unfused --on esc10             # or Wrapped(mteb.get_model(…))

``Encoder`` satisfies ``mteb.models.EncoderProtocol`` for audio, for text, and for both at once (the sum of the two, at unit norm).
``Wrapped`` satisfies our ``EmbedsAudio`` and ``EmbedsText``. Needs ``pip install 'auricle[mteb]'``; mteb's own audio models need
``mteb[audio]`` besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.errors import ModelError, UsageError
from auricle.evaluation.heldout import unit_mean
from auricle.models import hub, listening
from auricle.models.capabilities import Vectors, Windowing
from auricle.models.two_towers import unit

MULTIPLE = 16  # of what our vectors' length is
_SPLIT, _SUBSET = "test", "default"
_BATCH = 16
_LICENCES = {"Apache-2.0": "apache-2.0", "MIT": "mit", "BSD-3-Clause": "bsd-3-clause", "CC-BY-4.0": "cc-by-4.0", "CC0-1.0": "cc0-1.0"}


class Encoder:
    """One of our models, as mteb asks its encoders. A clip's vector is the mean of its windows, as everywhere in auricle.

    model_name: as ``auricle.load`` takes it, or a model that is loaded. revision: mteb's; our names carry their version.
    """

    def __init__(self, model_name: Any = hub.DEFAULT, revision: str | None = None, *, device: str | None = None, **kwargs: Any) -> None:
        named = isinstance(model_name, str | Path)
        self.model = hub.load(model_name, device=device or "auto") if named else model_name
        has = [what for what in ("audio", "text") if hasattr(self.model, f"embed_{what}")]
        if not has:
            raise ModelError("Capability", f"{self.model.name} gives no vectors of sound or text.", hint="Use a model of embeddings.")
        self._meta = _meta(self.model, has)

    @property
    def mteb_model_meta(self) -> Any:
        return self._meta

    def encode(
        self, inputs: Iterable[Mapping[str, Any]], *, task_metadata: Any = None, hf_split: str = "", hf_subset: str = "",
        prompt_type: Any = None, **kwargs: Any,
    ) -> Vectors:  # fmt: skip
        """float32 ``[n, d]``, unit norm, of batches with ``audio`` or ``text`` or both. Raises AudioError for sound that is none."""
        rows = [self._batch(batch) for batch in inputs]
        return np.concatenate(rows) if rows else np.zeros((0, self.model.dim), np.float32)

    def _batch(self, batch: Mapping[str, Any]) -> Vectors:
        found: list[Vectors] = []
        if batch.get("audio") is not None:
            found.append(np.stack([unit_mean(listening.hear(audio_of(one), self.model).vectors) for one in batch["audio"]]))
        if batch.get("text") is not None:
            found.append(self.model.embed_text([str(text) for text in batch["text"]]))
        if not found:
            raise UsageError(
                f"mteb gave neither audio nor text, but {', '.join(batch) or 'nothing'}.", hint="Choose a task of sound or text."
            )
        return found[0] if len(found) == 1 else unit(found[0] + found[1])

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine of each with each, as mteb computes it."""
        from mteb.similarity_functions import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        from mteb.similarity_functions import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)


def audio_of(item: Any) -> Audio:
    """mteb's ``{"array", "sampling_rate"}``, or a decoder that gives both, as our audio."""
    samples = np.asarray(item["array"], dtype=np.float32)
    return Audio(np.atleast_2d(samples), int(item["sampling_rate"]))


def _meta(model: Any, modalities: list[str]) -> Any:
    mteb = _mteb()
    card = getattr(model, "card", None)
    name = model.name if "/" in model.name and not model.name.startswith("/") else f"auricle/{model.name.rstrip('/').rpartition('/')[2]}"
    return mteb.models.ModelMeta(
        loader=Encoder, loader_kwargs={}, name=name.removeprefix("hf:"), revision=model.pipeline_id.rpartition(":")[2], release_date=None,
        languages=["eng-Latn"], n_parameters=None, memory_usage_mb=None, max_tokens=None, embed_dim=model.dim,
        license=_LICENCES.get(getattr(card, "licence", "")), open_weights=True, public_training_code=None, public_training_data=None,
        framework=["ONNX"], similarity_fn_name="cosine", use_instructions=False, training_datasets=None, modalities=modalities,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- theirs


class Wrapped:
    """An encoder of mteb as ours: windows of sound, or texts, to unit vectors. It hears windows of 30 s, since mteb gives it whole clips.

    rate: Hz at which it wants its sound; asked of the encoder where it says so.
    """

    def __init__(self, encoder: Any, *, rate: int | None = None, windowing: Windowing | None = None) -> None:
        self.encoder = encoder
        meta = encoder.mteb_model_meta
        self.name = f"mteb:{meta.name}"
        self.pipeline_id = f"{self.name}:{meta.revision or 'unknown'}"
        self.rate = rate or _rate_of(encoder)
        self.windowing = windowing or Windowing(30.0, 15.0)
        self._meta = meta
        self._width: int | None = None

    @property
    def dim(self) -> int:
        """A multiple of 16: vectors are filled with zeros, which leaves their dot products."""
        if self._width is None:
            self._width = int(self.embed_text(["a"]).shape[1]) if "text" in self._meta.modalities else self._of_silence()
        return self._width

    def _of_silence(self) -> int:
        return int(self.embed_audio([Audio(np.zeros((1, self.rate), np.float32), self.rate)]).shape[1])

    def embed_audio(self, windows: Sequence[Audio]) -> Vectors:
        """Raises ModelError where the encoder does not hear, or gives what is no vector each."""
        self._can("audio")
        sounds = [sound.mono().at(self.rate).samples[0] for sound in windows]
        return self._asked([{"audio": {"array": samples, "sampling_rate": self.rate}} for samples in sounds], "audio")

    def embed_text(self, texts: Sequence[str]) -> Vectors:
        self._can("text")
        return self._asked([{"text": text} for text in texts], "text")

    def _can(self, modality: str) -> None:
        if modality not in self._meta.modalities:
            raise ModelError(
                "Capability", f"{self.name} embeds {' and '.join(self._meta.modalities)}, not {modality}.", hint="Use another."
            )

    def _asked(self, rows: list[dict[str, Any]], modality: str) -> Vectors:
        if not rows:
            return np.zeros((0, self.dim), np.float32)
        from torch.utils.data import DataLoader

        loader = DataLoader(_Rows(rows), batch_size=_BATCH, collate_fn=_collated)
        found = self.encoder.encode(
            loader, task_metadata=_task(modality), hf_split=_SPLIT, hf_subset=_SUBSET, batch_size=_BATCH, show_progress_bar=False
        )
        vectors = np.asarray(found.detach().cpu().float().numpy() if hasattr(found, "detach") else found, dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(rows) or not np.isfinite(vectors).all():
            message = f"{self.name} gave an array of {vectors.shape} for {len(rows)} of {modality}"
            raise ModelError("Unsupported", f"{message}, or what is no number.", hint="It must give a vector each.")
        return unit(np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % MULTIPLE))))


class _Rows:
    """What a loader draws from; mteb's encoders look at ``features`` to know what there is."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows
        self.features = dict.fromkeys(rows[0])
        self.column_names = list(rows[0])

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return dict(self._rows[index])  # some collators write into what they get

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(len(self)))


def _collated(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {key: [row[key] for row in rows] for key in rows[0]}


def _task(modality: str) -> Any:
    """What an encoder may ask about the task it is used for: that it is one of ours, and has no prompt."""
    _mteb()
    from mteb.abstasks.task_metadata import TaskMetadata

    return TaskMetadata(
        name="Auricle", description="A benchmark of auricle.", modalities=[modality], eval_splits=[_SPLIT], eval_langs=["eng-Latn"],
        type="AudioZeroshotClassification" if modality == "audio" else "Classification", main_score="accuracy",
        dataset={"path": "none", "revision": "none"},
    )  # fmt: skip


def _rate_of(encoder: Any) -> int:
    for holder in (encoder, *(getattr(encoder, name, None) for name in ("processor", "feature_extractor", "model"))):
        for name in ("sampling_rate", "sample_rate"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    raise UsageError("the encoder does not say at what rate it hears.", hint="Give it: Wrapped(encoder, rate=48000).")


def load(name: str, **_: Any) -> Wrapped:
    """``mteb:organisation/model[@revision]`` by mteb's own register. Raises ModelError where there is none, or it cannot be loaded."""
    mteb = _mteb()
    model, _at, revision = name.partition(":")[2].partition("@")
    try:
        return Wrapped(mteb.get_model(model, revision=revision or None))
    except KeyError:
        raise ModelError("Missing", f"mteb knows no model {model!r}.", hint="`mteb available-models` lists them.") from None
    except UsageError:
        raise
    except Exception as error:  # it runs anybody's loader, which may need a network, a package, a file
        message = f"{name}: mteb could not load it ({type(error).__name__}: {' '.join(str(error).split())[:300]})."
        raise ModelError("Missing", message, hint="Try mteb.get_model with that name.") from None


def _mteb() -> Any:
    try:
        import mteb
        import mteb.models
    except ImportError as error:
        raise ModelError("Missing", f"mteb is not there ({error}).", hint="Install it: pip install 'auricle[mteb]'.") from None
    return mteb
