"""Frozen option classes; what they say of one value is checked here.

Attribute docstrings become the help of `vtkeras train --help-config`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

MOST_STEPS = 1_000_000_000
LARGEST_SEED = 2**32 - 1  # that NumPy takes
Amounts = dict[str, Annotated[float, Field(ge=0, le=180)]]  # of augmentations, by name


class Options(BaseModel):
    """What every option class is: frozen, with finite numbers and known keys alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Lets no `yes` or `true` pass as 1."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and {int, float} & {kind, *get_args(kind)}:
            raise ValueError(f"{str(value).lower()} is no number: give one, e.g. 3")
        return value


class DataConfig(Options):
    """Where examples come from and the shape they are brought to."""

    source: str = "moving_digits"
    """A name in `vtkeras.data.sources.SOURCES`; `--data DIR` sets it to `folder`, unless it reads a folder."""
    path: str | None = None
    """The folder that the source reads, e.g. one that `vtkeras data ingest` made; `--data DIR` sets it."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The source's own options, e.g. `{max_digits: 2}` for `moving_digits`; each source lists its own."""
    num_frames: int = Field(8, ge=1, le=256)
    """Frames the model sees of each clip, taken at even distances."""
    image_size: int = Field(64, ge=16, le=1024)
    """Height and width, in pixels, that frames are resized to."""
    caption_length: int = Field(24, ge=4, le=512)
    """Tokens of a caption, start and end included."""
    question_length: int = Field(16, ge=2, le=512)
    """Tokens of a question."""
    answer_length: int = Field(0, ge=0, le=512)
    """Tokens of an answer written word by word, its end included; 0 answers from the closed set alone."""
    statements: int = Field(0, ge=0, le=16)
    """Captions of other clips of a batch that a model learns to tell from a clip's own, which teaches it what words of
    questions mean; 0 for none."""
    questions_per_clip: int = Field(1, ge=1, le=256)
    """Questions asked of a clip that is read once in a training step; 1 makes each question an example."""
    vocabulary_size: int = Field(4000, ge=16, le=100_000)
    """Most word pieces the tokenizer may learn from the training captions and questions."""
    keep_case: bool = False
    """Tell upper from lower case in captions, questions and written answers; else the model reads and writes lower
    case. Answers of a closed set are in lower case either way."""
    normalise: tuple[str, ...] = ()
    """What is taken out of texts that the model reads (questions, and captions as search reads them), names in
    `vtkeras.data.normalisations.NORMALISATIONS`, e.g. [punctuation, stop_words]; the data stay as they are."""
    train_clips: int | None = Field(None, ge=1, le=MOST_STEPS)
    """Clips in one epoch of a source that makes them on the fly; None leaves it to the source."""
    epoch_parts: int = Field(1, ge=1, le=1_000_000)
    """Parts that the training examples are dealt into, of which each epoch reads one, in turn; for large data."""
    window_seconds: float | None = Field(None, gt=0, le=1e6)
    """Longest stretch of a video that dense captions are written for at once; None takes the whole video."""
    cache_frames: bool = False
    """Bring every clip to the model's shape once and keep that on disk, in place of decoding it in every epoch."""
    views: int = Field(1, ge=1, le=64)
    """Readings of each training clip, each of other frames, which epochs take in turn; with `epoch_parts`, once all
    parts have been read. Where clips or features are kept (`cache_frames`, `model.cache_features`), each takes as much
    space as the first, also where clips have no more frames than `num_frames`. Evaluation reads one."""
    augmentation: Amounts = Field(default_factory=dict)
    """Random changes of training clips, a name in `vtkeras.data.augmentations.AUGMENTATIONS` and its amount each, e.g.
    {crop: 0.1, brightness: 0.1}; docs/augmentation.md says what the amounts mean."""
    label_weights: dict[str, Annotated[float, Field(gt=0, le=1e6)]] = Field(default_factory=dict)
    """How much a clip with this label counts for the label head, e.g. {rare: 10}; 1 for labels that are not named. Of
    several labels, the one that counts most decides."""
    shuffle_buffer: int = Field(512, ge=0, le=10_000_000)
    """Examples held for shuffling; 0 keeps the source's order."""


class ModelConfig(Options):
    """Sizes and parts of the model."""

    frame_encoder: str = "efficientnet_tiny"
    """A name in `vtkeras.encoders.FRAME_ENCODERS`."""
    frame_preset: str | None = None
    """A keras-nlp image backbone preset (a name or a local folder), for frame_encoder `preset`."""
    frame_weights: str | None = None
    """`imagenet`, or a weights file. Those of efficientnet_lite0 and efficientnet_lite2 come by `vtkeras pretrained
    install`; Keras downloads those of efficientnet_b*, efficientnet_v2_* and resnet50."""
    frame_trainable: bool = True
    """False freezes the frame encoder."""
    cache_features: bool = False
    """With a frozen frame encoder: compute every clip's features once and train on those."""
    motion: bool = True
    """Tell the model which way the content of each patch moves, by block matching with the frame before."""
    motion_dim: int = Field(0, ge=0, le=1024)
    """How many of the `dim` channels are kept for motion alone, out of sight of the caption's attention:
    what is said to move is found by its appearance. 0 mixes motion with appearance."""
    motion_dropout: float = Field(0.0, ge=0.0, le=1.0)
    """Share of clips whose motion is zeroed in training, so that appearance is read off the frames alone."""
    feature_augmentation: str | None = None
    """A name in `vtkeras.models.build.FEATURE_AUGMENTATIONS`: a change of some training clips' features.
    `rotate_motion` turns the motion of half of the clips by a right angle and learns from these only the
    words that do not tell of motion: so what things are called does not depend on how they move."""
    feature_augmentation_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the augmentation; for `rotate_motion` the words that tell of motion, {words: [up, down]}."""
    patch_merge: int = Field(1, ge=1, le=8)
    """Merge squares of this many patches a side into one token."""
    matching_heads: int = Field(0, ge=0, le=64)
    """Ways to find each patch again in the frames before and after, by learned likeness: how far it moved, and how it
    changed. It helps where it matters which way small things go; 0 leaves it out."""
    temporal_encoder: str = "transformer"
    """A name in `vtkeras.encoders.TEMPORAL_ENCODERS`."""
    temporal_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the temporal encoder alone, e.g. {num_tokens: 16} for `spatial_softmax`."""
    temporal_layers: int = Field(2, ge=0, le=24)
    """Layers of the temporal encoder."""
    temporal_trainable: bool = True
    """False freezes the temporal encoder."""
    text_encoder: str = "transformer"
    """A name in `vtkeras.encoders.TEXT_ENCODERS`."""
    text_layers: int = Field(2, ge=1, le=24)
    """Layers of the text encoder."""
    text_preset: str | None = None
    """A keras-nlp text backbone preset (a name or a local folder), for text_encoder `preset`."""
    fusion: str = "cross_attention"
    """A name in `vtkeras.fusion.FUSIONS`: how the question's tokens read the video."""
    fusion_layers: int = Field(2, ge=1, le=24)
    """Fusion blocks."""
    decoder_fusion: str = "cross_attention"
    """A name in `vtkeras.fusion.CAUSAL_FUSIONS`, which keep the order of time: how the caption reads the video."""
    decoder_layers: int = Field(2, ge=1, le=24)
    """Decoder blocks."""
    dim: int = Field(96, ge=8, le=4096)
    """Width of every sequence after its encoder's projection."""
    num_heads: int = Field(4, ge=1, le=64)
    """Attention heads; must divide `dim`."""
    linear_size: int = Field(0, ge=0, le=1024)
    """Linear models beside the network: pixels a side of the pictures that a frozen efficientnet_lite0 reads for them;
    0 leaves them out. They are fitted after training and count by what does best on the validation split."""
    linear_frames: int = Field(8, ge=1, le=256)
    """Frames of a clip that linear models read."""
    linear_search: str = "words"
    """A name in `vtkeras.linear.search.SEARCH_TEXTS`: how linear search compares texts. `minilm` adds the vectors of a
    sentence encoder, which comes by `vtkeras pretrained install`, where they find more of the training clips."""
    label_from_text: bool = True
    """Labels may depend on the text that an example comes with, as of statements; False reads the clip alone, as
    `predict` asks for them."""
    single_label: bool = False
    """Exactly one label is right for each example: a softmax over labels in place of a probability for each."""
    generator: str = "flow"
    """A name in `vtkeras.models.generators.GENERATORS`: what makes video from words."""
    generator_options: dict[str, Any] = Field(default_factory=dict)
    """Options of the generator alone, e.g. sizes and how it draws; an unknown one is refused with those there are."""
    reranker: str | None = None
    """For generated video: a run that writes captions. Of several drafts of a clip it keeps the one in which it finds
    the words of the prompt likeliest, once training is over; None makes one draft."""
    drafts: int = Field(4, ge=2, le=64)
    """Drafts of each clip, where there is a `reranker`; each takes as long as a clip."""
    second: str | None = None
    """A trained run whose network answers beside this one: the mean of their logits. It must be alike but for its frame
    encoder and its seed, and know the same words."""
    embedding_dim: int = Field(64, ge=4, le=4096)
    """Width of the space that videos and captions share."""
    dropout: float = Field(0.1, ge=0.0, lt=1.0)
    """Dropout rate in attention and feed-forward layers."""
    word_dropout: float = Field(0.0, ge=0.0, lt=1.0)
    """Share of the decoder's input words hidden in training, so that it looks instead of guessing."""


class StageConfig(Options):
    """A stretch of training with its own data options."""

    epochs: int = Field(ge=1, le=1_000_000)
    """Epochs of this stage."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Overrides of `data.options` while the stage lasts."""
    learning_rate: float | None = Field(None, gt=0, le=1000)
    """Peak learning rate of the stage; None takes `train.learning_rate`."""
    learning_rate_end: float | None = Field(None, ge=0, le=1000)
    """Learning rate at the end of the stage; None is zero."""
    schedule: Literal["cosine", "linear"] = "cosine"
    """How the learning rate gets to its end: after a rise over `train.warmup_steps` along a cosine, or in a line,
    which rises in the first stage only."""
    motion_dropout: float | None = Field(None, ge=0.0, le=1.0)
    """As `model.motion_dropout`, while the stage lasts; 1 hides motion, so that appearance is learned first."""
    augmentation: Amounts | None = None
    """What is changed while the stage lasts, a name in `vtkeras.data.augmentations.AUGMENTATIONS` and its amount each;
    None takes `data.augmentation`."""
    views: int | None = Field(None, ge=1, le=64)
    """As `data.views`, while the stage lasts."""
    self_critical: float = Field(0.0, ge=0, le=1)
    """Share of captions that are learned by the CIDEr of what the model writes, not word by word."""
    adversarial: float | None = Field(None, ge=0, le=1e6)
    """As `train.adversarial.weight`, while the stage lasts; 0 rests the discriminators, so that a generator warms up by
    its own losses."""


class WarmupConfig(Options):
    """Single-frame labels first: teaches the frame encoder what to see before what moves."""

    steps: int = Field(0, ge=0, le=MOST_STEPS)
    """Training steps; 0 leaves the warm-up out. Needs labels in the data."""
    batch_size: int = Field(128, ge=1, le=1_000_000)
    """Single frames in a step."""
    learning_rate: float = Field(2e-3, gt=0, le=1000)
    """Peak learning rate of the warm-up."""


Weight = Annotated[float, Field(ge=0, le=1e6)]


class AdversarialConfig(Options):
    """How a generator and its discriminators train each other, for models that have discriminators."""

    loss: str = "bce"
    """A name in `vtkeras.losses.ADVERSARIAL_LOSSES`."""
    weight: float = Field(1.0, ge=0, le=1e6)
    """Weight of what the discriminators say in the generator's loss, beside the generator's own losses."""
    ramp_steps: int = Field(1000, ge=1, le=MOST_STEPS)
    """Steps over which that weight goes from one stage's to the next one's, and from 0 to the first one's."""
    discriminators: dict[str, Weight] = Field(default_factory=dict)
    """How much each discriminator counts in that, by the model's names for them, e.g. {video: 2}; 1 for those that are
    not named."""
    n_discriminator: int = Field(1, ge=1, le=100)
    """Steps of the discriminators before each step of the generator, each with noise of its own."""
    discriminator_rate: float = Field(1.0, gt=0, le=1000)
    """The discriminators' learning rate, as a multiple of the generator's."""
    beta_1: float = Field(0.5, ge=0, lt=1)
    """Momentum of both optimizers, where they are adam or adamw."""
    beta_2: float = Field(0.99, ge=0, lt=1)
    """Their decay of squared gradients."""
    matching: float = Field(0.0, ge=0, le=1)
    """Share of the fake examples' weight that goes to real ones with another example's words."""
    average: float = Field(0.999, ge=0, lt=1)
    """The generator that is used is a running average of the one that trains: the share of it that a step keeps."""
    penalties: dict[str, Weight] = Field(default_factory=dict)
    """Weights of penalties of the discriminators' gradients, names in `vtkeras.training.penalties.PENALTIES`, e.g.
    {r1: 1}."""
    spectral_norm: bool = False
    """Divide the discriminators' weights by their largest singular values."""
    gradient_reversal: bool = False
    """The generator learns from the discriminators' own loss, its gradient turned round, in place of its own side."""
    l1: float = Field(0.0, ge=0, le=1e6)
    """Weight of the sum of the absolute values of all kernels."""
    l2: float = Field(0.0, ge=0, le=1e6)
    """Weight of the sum of their squares."""


class TrainConfig(Options):
    """How long, how fast, with what weights."""

    start_from: str | None = None
    """A run whose weights this one starts with, wherever a part has the same name and sizes; words go by their
    word pieces. A frozen frame or temporal encoder must fit."""
    start_parts: tuple[str, ...] = ()
    """Parts of the model that `start_from` gives weights to; none named means all."""
    batch_size: int = Field(32, ge=1, le=1_000_000)
    """Clips in a step, over all devices."""
    stages: tuple[StageConfig, ...] = Field((StageConfig(epochs=10),), min_length=1, max_length=1000)
    """The curriculum; one stage is ordinary training."""
    warmup: WarmupConfig = WarmupConfig()
    """Single-frame warm-up of the frame encoder."""
    adversarial: AdversarialConfig = AdversarialConfig()
    """Training against discriminators."""
    score_examples: int = Field(500, ge=0, le=MOST_STEPS)
    """Validation examples that the model is asked, to choose the best weights by what it says right; 0 chooses by the
    validation loss."""
    score_every: int = Field(1, ge=1, le=1_000_000)
    """Epochs from one such reading to the next; there is one after the last epoch, too."""
    score_from: int = Field(1, ge=1, le=1_000_000)
    """The first epoch after which there may be one."""
    judge: str | None = None
    """For generated video: a run that writes captions, trained on real clips. The best weights are those whose clips it
    describes with the words that asked for them; None chooses by the validation loss."""
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adamw"
    """Optimizer."""
    learning_rate: float = Field(1e-3, gt=0, le=1000)
    """Peak learning rate; in each stage it rises over `warmup_steps` and falls to zero along a cosine."""
    warmup_steps: int = Field(100, ge=0, le=MOST_STEPS)
    """Steps over which the learning rate rises."""
    weight_decay: float = Field(0.01, ge=0, le=1000)
    """Decoupled weight decay (adamw only)."""
    clipnorm: float = Field(1.0, gt=0, le=1e9)
    """Gradients are scaled to at most this global norm."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Smoothing of the caption's target distribution."""
    loss_weights: dict[str, Weight] | None = None
    """Weight of each head's loss, by its name in `vtkeras.tasks.HEADS`; a head left out is not trained. None
    trains every head of the task, with the weight that it declares."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Keras dtype policy."""
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    """The one seed that initial weights, data order, dropout and augmentation come from."""


class Config(Options):
    """One experiment."""

    name: str = "experiment"
    """Name of the experiment; runs are stored under it."""
    task: str = "multitask"
    """A name in `vtkeras.tasks.TASKS`."""
    data: DataConfig = DataConfig()
    """Where examples come from and the shape they are brought to."""
    model: ModelConfig = ModelConfig()
    """Sizes and parts of the model."""
    train: TrainConfig = TrainConfig()
    """How long, how fast, with what weights."""

    @property
    def epochs(self) -> int:
        """Epochs over all stages."""
        return sum(stage.epochs for stage in self.train.stages)
