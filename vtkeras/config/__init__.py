"""Options of an experiment: one `Config` says where the data come from, how the model is built and how it is trained.

`options` holds the classes, `files` reads them from YAML and writes them back, `messages` tells of them in words.
No TensorFlow in this room, so that a mistake in a config shows before TensorFlow loads.
"""

from vtkeras.config.files import (
    CONFIG_DIR,
    load_config,
    load_options,
    naming_override,
    parse_config,
    save_config,
    shipped_configs,
)
from vtkeras.config.messages import describe_options, first_problem
from vtkeras.config.options import (
    LARGEST_SEED,
    AdversarialConfig,
    Config,
    DataConfig,
    ModelConfig,
    Options,
    StageConfig,
    TrainConfig,
    WarmupConfig,
)

__all__ = [
    "CONFIG_DIR",
    "LARGEST_SEED",
    "AdversarialConfig",
    "Config",
    "DataConfig",
    "ModelConfig",
    "Options",
    "StageConfig",
    "TrainConfig",
    "WarmupConfig",
    "describe_options",
    "first_problem",
    "load_config",
    "load_options",
    "naming_override",
    "parse_config",
    "save_config",
    "shipped_configs",
]
