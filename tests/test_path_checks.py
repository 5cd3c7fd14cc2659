"""What cannot be written, or is no run, is refused early."""

import errno
import os
from pathlib import Path

import pytest

from vtkeras.errors import UserError
from vtkeras.path_checks import check_config, own_folder, refuse_pattern, writable_file, writable_folder


def test_outputs_that_cannot_be_written_are_refused_early(tmp_path):
    (tmp_path / "file").write_text("what was there")
    for path, words in (
        (tmp_path / "none" / "a.png", "there is no folder"),
        (tmp_path, "it is a folder"),
        (tmp_path / "file" / "a.png", "there is no folder"),
        (tmp_path / ("x" * 300), "too long"),
        (Path("/dev/null"), "no ordinary file"),
        (Path("/proc/a.png"), "the folder /proc takes no files"),
    ):
        with pytest.raises(UserError, match=words):
            writable_file(path)
    for path in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with pytest.raises(UserError, match="is a file"):
            writable_folder(path)
    with pytest.raises(UserError, match="the folder /proc takes no files"):
        writable_folder(Path("/proc/a/b"))
    for check in (writable_file, writable_folder):
        assert check(None) is None
    assert writable_file(tmp_path / "new") == tmp_path / "new"
    assert writable_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_read_only_folders_are_refused(tmp_path, monkeypatch):
    def refused(**_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.TemporaryFile", refused)  # root may write everywhere
    with pytest.raises(UserError, match="read-only"):
        writable_file(tmp_path / "a")
    with pytest.raises(UserError, match="read-only"):
        writable_folder(tmp_path / "a" / "b")


@pytest.mark.parametrize("found", ["README.md", "logs/a.txt", "config.yaml"])
def test_a_run_is_made_where_nothing_of_others_is(tmp_path, found):
    assert own_folder(tmp_path / "runs" / "mine", "plan.md") == tmp_path / "runs" / "mine"
    for own in (".git/config", "data/manifest.json", "features/x"):
        (tmp_path / own).parent.mkdir(exist_ok=True)
        (tmp_path / own).touch()
    own_folder(tmp_path, "plan.md")
    (tmp_path / found).parent.mkdir(exist_ok=True)
    (tmp_path / found).touch()
    with pytest.raises(UserError, match=f"holds {found.split('/')[0]}, and nothing that was begun here before: ch"):
        own_folder(tmp_path, "plan.md")
    (tmp_path / "plan.md").touch()  # it is the run's own, which was stopped
    own_folder(tmp_path, "plan.md")


@pytest.mark.parametrize("name", ["run [1]", "a*", "what?"])
def test_names_that_tensorflow_takes_for_patterns_are_refused(tmp_path, name):
    for use in (refuse_pattern, check_config):
        with pytest.raises(UserError, match="TensorFlow opens no folder with one of"):
            use(tmp_path / name)
