import pytest
from fixtures.videos import make_image, make_video

from vtkeras.folders.listing import list_folder
from vtkeras.folders.store import FolderStore


@pytest.fixture
def folder(tmp_path):
    """A video that brightens from 10 to 200 in two seconds, a white picture, and a file that is no video."""
    make_video(tmp_path / "dawn.mp4")
    make_image(tmp_path / "white.png", 255)
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    return tmp_path


@pytest.fixture
def store(folder):
    store = FolderStore(folder)
    store.refresh(list_folder(folder).files, "by brightness")
    return store
