"""The sections of a recipe and what each key may be. ``recipe.load`` reads one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Manifest(Part):
    """One manifest; ``weight`` is how often an epoch draws each of its items."""

    path: str
    weight: float = Field(default=1.0, gt=0)
    split: str | None = "train"  # None: all of it


class World(Part):
    """Composed scenes: the world's YAML file (docs/world.md), and how many new ones an epoch has."""

    path: str
    scenes: int = Field(default=1000, ge=1)
    split: str = "train"
    seed: int | None = None  # None: the world's own


class Augment(Part):
    """Each is a chance (0…1) or a range; all of it is seeded by (seed, epoch, place)."""

    gain: tuple[float, float] | None = None  # decibel
    shift: bool = False  # a sound shorter than the crop begins anywhere in it
    noise: float = Field(default=0.0, ge=0, le=1)
    noise_snr: tuple[float, float] = (10.0, 40.0)  # decibel
    mix: float = Field(default=0.0, ge=0, le=1)  # another sound of the set beneath it
    mix_snr: tuple[float, float] = (5.0, 20.0)
    mask_time: int = Field(default=0, ge=0)  # SpecAugment: frames of log-mel hidden at most (arXiv 1904.08779)
    mask_bands: int = Field(default=0, ge=0)


class Teacher(Part):
    """Embeddings to learn from: a model that embeds sound, or a ``.safetensors`` of one vector an item id or content hash."""

    model: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Teacher:
        if (self.model is None) == (self.file is None):
            raise ValueError("a teacher is either a model or a file")
        return self


class Data(Part):
    manifests: list[Manifest] = Field(default_factory=list)
    worlds: list[World] = Field(default_factory=list)
    seconds: float = Field(default=5.0, gt=0, le=600)
    prompt: str = "the sound of {label}"  # the caption of an item that has labels only
    labels: list[str] | None = None  # None: all that occur
    augment: Augment = Augment()
    teachers: dict[str, Teacher] = Field(default_factory=dict)
    avoid: list[str] = Field(default_factory=list)  # manifests of evaluation sets that nothing may overlap
    cache: str = "cache"  # what frozen encoders and teachers heard
    workers: int = Field(default=2, ge=0, le=64)
    memory: int = Field(default=256, ge=0)  # megabytes of decoded sound that are kept
    negatives: int = Field(default=3, ge=1)  # counterfactual captions an item at most
    events: int = Field(default=6, ge=1)  # event texts an item at most

    @model_validator(mode="after")
    def _some(self) -> Data:
        if not self.manifests and not self.worlds:
            raise ValueError("name at least one manifest or world")
        if "{label}" not in self.prompt:
            raise ValueError("prompt must hold {label}")
        return self


class FromScratch(Part):
    kind: Literal["cnn"]
    width: int = Field(default=32, ge=4, le=512)
    depths: list[int] = Field(default=[1, 1, 2, 1], min_length=1, max_length=4)
    frontend: dict[str, Any] = Field(default_factory=dict)  # options of the yamnet front end


class OnnxAudio(Part):
    """A frozen graph: that of a bundle, or a file with the front end that its inputs need."""

    kind: Literal["onnx"]
    model: str | None = None
    file: str | None = None
    frontend: dict[str, Any] | None = None
    output: str = ""

    @model_validator(mode="after")
    def _one(self) -> OnnxAudio:
        if (self.model is None) == (self.file is None) or (self.file is None) != (self.frontend is None):
            raise ValueError("give either model (a bundle), or file and frontend")
        return self


class Grown(Part):
    """A frozen chain of convolutions (that of a bundle, or of a file), and beside its end a copy of it that is trained."""

    kind: Literal["grown"]
    model: str | None = None
    file: str | None = None
    frontend: dict[str, Any] | None = None
    shared: int = Field(default=13, ge=0)  # links from the first on that both use; YAMNet has 27

    @model_validator(mode="after")
    def _one(self) -> Grown:
        if (self.model is None) == (self.file is None) or (self.file is None) != (self.frontend is None):
            raise ValueError("give either model (a bundle), or file and frontend")
        return self


class TransformersAudio(Part):
    kind: Literal["transformers"]
    folder: str
    train: bool = False
    patch: float = Field(default=1.0, gt=0)  # seconds of one frame
    hop: float = Field(default=0.5, gt=0)


class TextFromScratch(Part):
    kind: Literal["transformer"]
    width: int = Field(default=128, ge=8)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=4, ge=1)
    max_length: int = Field(default=48, ge=4, le=512)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    vocabulary: int = Field(default=4000, ge=128)  # at most; WordPiece, learned from the captions
    tokenizer: str | None = None  # or this tokenizer.json


class OnnxText(Part):
    kind: Literal["onnx"]
    model: str | None = None
    file: str | None = None
    tokenizer: str | None = None
    output: str = ""
    max_length: int = Field(default=64, ge=4)
    pad_id: int = 0

    @model_validator(mode="after")
    def _one(self) -> OnnxText:
        if (self.model is None) == (self.file is None) or (self.file is None) != (self.tokenizer is None):
            raise ValueError("give either model (a bundle), or file and tokenizer")
        return self


class TransformersText(Part):
    kind: Literal["transformers"]
    folder: str
    train: bool = False
    pool: Literal["mean", "first"] = "mean"
    max_length: int = Field(default=64, ge=4)


class Context(Part):
    """What lets a frame hear its neighbours. With it, a bundle gives a vector a window instead of a vector a frame."""

    kind: Literal["none", "conv", "transformer"] = "none"
    layers: int = Field(default=1, ge=1)
    kernel: int = Field(default=5, ge=1)
    heads: int = Field(default=4, ge=1)


class Names(Part):
    """A text head over the names of known kinds of sound (``modules/names.py``): a JSON list of lists of names."""

    file: str
    tau: float = Field(default=0.035, gt=0)  # sharpness: cosine that makes a name e times as near
    widen: int = Field(default=0, ge=0)  # hidden layer of what is learned of the sentence beside its names


class Model(Part):
    name: str = Field(default="my-towers", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*$")
    version: str = Field(default="1", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*$")
    dim: int = Field(default=128, multiple_of=16, ge=16)
    widen: int = Field(default=0, ge=0)  # hidden layer of the heads
    dropout: float = Field(default=0.0, ge=0, lt=1)  # of what the audio head reads
    scale: float = Field(default=1 / 0.07, gt=0, le=100)
    bias: float = -10.0
    audio: Annotated[FromScratch | Grown | OnnxAudio | TransformersAudio, Field(discriminator="kind")]
    text: Annotated[TextFromScratch | OnnxText | TransformersText, Field(discriminator="kind")]
    context: Context = Context()
    names: Names | None = None
    init: str | list[str] | None = None  # weights to begin from: run folders or .safetensors files; what fits is taken, in this order
    hop: float = Field(default=2.5, gt=0)  # seconds between windows of the bundle; they are data.seconds long


class Objective(BaseModel):
    """``kind`` and ``weight``; the rest are the objective's own options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str
    weight: float = Field(default=1.0, ge=0)

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Optimiser(Part):
    rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.98)
    warmup: int = Field(default=0, ge=0)  # steps
    end: float = Field(default=0.0, ge=0, le=1)  # share of the rate at the end of the cosine
    clip: float | None = Field(default=1.0, gt=0)  # norm of the gradient
    ema: float | None = Field(default=None, gt=0, lt=1)  # decay of the averaged weights, which are then what is exported


class Budget(Part):
    steps: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    batch: int = Field(default=64, ge=2)  # of all processes together
    chunk: int | None = Field(default=None, ge=1)  # gradient cache: items in memory at once (arXiv 2101.06983)
    accumulate: int = Field(default=1, ge=1)  # batches a step
    save_every: int = Field(default=200, ge=1)
    keep: int = Field(default=2, ge=1)
    log_every: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _one(self) -> Budget:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        return self


class Evaluate(Part):
    every: int = Field(default=200, ge=1)
    on: list[Manifest] = Field(default_factory=list)


class Export(Part):
    precision: Literal["float32", "int8"] = "int8"
    calibrate: Manifest | None = None  # labelled sounds to fit probabilities on
    licence: str = "unknown"
    trained: list[Literal["speech", "music", "sound"]] = Field(default_factory=list)
    description: str = ""
    limits: str = ""
