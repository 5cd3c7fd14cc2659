import numpy as np
import pytest
from fixtures.videos import make_captions, make_folder

from vtkeras.data.ingest import ingest
from vtkeras.search.projection import project, project_folder
from vtkeras.workspace import library


class ByBrightness:
    """A model whose vector of a clip is how bright it is."""

    def check_search(self):
        pass

    def embed_videos(self, clips):
        return np.stack([[clip.mean(), 0.0, 1.0] for clip in clips])


def test_projection_by_hand():
    # Along the first axis the points are 3, -1, -1 and -1 from their mean 1, along the second 0, 0, 1 and -1.
    points, shares = project(np.array([[4.0, 5, 0], [0, 5, 0], [0, 6, 0], [0, 4, 0]]))
    np.testing.assert_allclose(points[:, 0], [3, -1, -1, -1], atol=1e-6)
    np.testing.assert_allclose(np.abs(points[:, 1]), [0, 0, 1, 1], atol=1e-6)
    np.testing.assert_allclose(shares, [12 / 14, 2 / 14])


@pytest.mark.parametrize("count", [1, 2])
def test_few_or_equal_clips_are_points_too(count):
    points, shares = project(np.ones((count, 5)))
    assert points.shape == (count, 2) and not points.any() and not shares.any()


def test_clips_lie_by_what_the_model_makes_of_them(tmp_path):
    make_folder(tmp_path / "videos")  # clip i has the level 20 (i + 1)
    captions = make_captions(tmp_path / "videos" / "captions.csv")
    ingest(tmp_path / "videos", captions, tmp_path / "data", clips_per_shard=2)
    clips, told = library.list_clips(tmp_path / "data"), []
    places, points, shares = project_folder(ByBrightness(), tmp_path / "data", progress=lambda *done: told.append(done))
    assert places.tolist() == [0, 1, 2, 3, 4, 5] and told[-1] == (6, 6)
    levels = np.array([20 * (int(clip.id[4]) + 1) for clip in clips])  # from 20 to 120, 70 on average
    np.testing.assert_allclose(np.abs(points[:, 0]), np.abs(levels - 70), atol=3)
    assert shares[0] == pytest.approx(1, abs=1e-3)
    some = project_folder(ByBrightness(), tmp_path / "data", most=3)[0]
    assert some.tolist() == [0, 2, 5]  # evenly out of all
