import pytest
from fixtures.folders import folder  # noqa: F401

from vtkeras.folders.listing import list_folder
from vtkeras.folders.store import FolderStore


@pytest.fixture
def store(folder):  # noqa: F811
    store = FolderStore(folder)
    store.refresh(list_folder(folder).files, "by brightness")
    return store
