"""Batches of clips that fit into memory."""

from types import SimpleNamespace

import pytest
from fixtures.videos import make_image

from vtkeras.serving import batches
from vtkeras.serving.batches import in_batches
from vtkeras.serving.describe import describe


@pytest.mark.parametrize(
    "sizes, found",
    [
        ([1, 2, 3, 4], [[1, 2, 3], [4]]),  # three at most
        ([9, 1, 1, 8, 2], [[9, 1], [1, 8, 2]]),  # full with ten bytes
        ([50, 1], [[50], [1]]),  # one that is too large by itself
        ([], []),
    ],
)
def test_a_batch_ends_where_it_is_long_or_large_enough(sizes, found, monkeypatch):
    monkeypatch.setattr(batches, "MOST_BYTES", 10)
    assert [*in_batches(iter(sizes), 3, lambda size: size)] == found


@pytest.mark.parametrize("most, counts", [(10_000, [2, 1]), (1_000_000, [3])])  # a picture of 64 x 48: 9,216 bytes
def test_predictions_read_as_many_videos_as_fit(tmp_path, monkeypatch, most, counts):
    monkeypatch.setattr(batches, "MOST_BYTES", most)
    card = SimpleNamespace(
        can=lambda endpoint: endpoint == "classify", clip_size={"num_frames": 4, "max_side": 64}, novelty={},
        config=SimpleNamespace(model=SimpleNamespace(single_label=True)),
    )  # fmt: skip
    asked = []

    def ask(method, clips):
        asked.append(len(clips))
        return [[("cat", 1.0)] for _ in clips]

    pictures = [make_image(tmp_path / f"{name}.png", width=64, height=48) for name in "abc"]
    assert [found.video for found in describe(card, ask, pictures)] == [*map(str, pictures)] and asked == counts
