"""What every generator of video must hold, with its own sizes, on clips of 4 small frames."""

import keras
import numpy as np
import pytest

from vtkeras import keys
from vtkeras.config import parse_config
from vtkeras.models import Parts
from vtkeras.models.generators import GENERATORS, build_generator
from vtkeras.training.trainers import TRAINERS

CLIP = (4, 16, 16, 3)
TOKENS = keras.ops.array([[2, 4, 5, 0], [2, 5, 0, 0]], "int32")
RNG = np.random.default_rng(0)
SIZES = {"dim": 16, "num_heads": 4, "text_layers": 1}


@pytest.fixture(scope="module", params=GENERATORS)
def model(request):
    keras.utils.set_random_seed(0)
    data = {"num_frames": CLIP[0], "image_size": CLIP[1], "caption_length": 4}
    config = parse_config({"data": data, "model": {**SIZES, "generator": request.param}})
    assert GENERATORS[request.param].name == request.param and GENERATORS[request.param].trainer in TRAINERS
    return build_generator(config, Parts(config, ["[PAD]", "[UNK]", "[START]", "[END]", "left", "right"]))


def draw(shapes):
    return {name: RNG.normal(size=(2, *shape)).astype("float32") for name, shape in shapes.items()}


def test_its_losses_are_one_row_an_example_of_what_the_batch_carries(model):
    uniform = {name: RNG.uniform(size=(2, *shape)) for name, shape in model.draws.get("uniform", {}).items()}
    draws = {**draw(model.draws.get("normal", {})), **uniform}
    batch = {
        keys.MATCH_TOKENS: TOKENS,
        keys.FRAMES: RNG.integers(0, 256, (2, *CLIP)).astype("uint8"),
        keys.FRAMES_MASK: np.ones((2, CLIP[0]), bool),
        **{name: value.astype("float32") for name, value in draws.items()},
    }
    assert set(model.input) == set(batch)
    losses = model({name: keras.ops.convert_to_tensor(value) for name, value in batch.items()})
    assert losses.keys() == {"video"} and losses["video"].shape == (2, len(model.terms))
    assert np.isfinite(losses["video"]).all()


def test_it_makes_clips_that_do_not_depend_on_each_other(model):
    assert model.noise_shapes.keys() == {"content", "motion"}
    noise = draw(model.noise_shapes)
    clips = np.array(model.generate(TOKENS, noise))
    assert clips.shape == (2, *CLIP) and clips.dtype == np.float32 and 0 <= clips.min() <= clips.max() <= 1
    alone = model.generate(TOKENS[:1], {part: value[:1] for part, value in noise.items()})
    np.testing.assert_allclose(alone, clips[:1], atol=1e-4)
    picture = RNG.uniform(size=(2, *CLIP[1:])).astype("float32")
    going_on = np.array(model.generate(TOKENS, noise, keras.ops.array(picture)))
    assert going_on.shape == (2, *CLIP) and (going_on != clips).any()


def test_its_parts_hold_all_its_weights(model):
    parts = model.parts()
    assert len({part.name for part in parts}) == len(parts)
    assert {id(one) for part in parts for one in part.weights} == {id(one) for one in model.weights}
