"""Writing whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from fixtures.full_disk import small_disk

from vtkeras import whole_files
from vtkeras.errors import UserError

OLD = "what was there"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def full_disk(tmp_path):
    """A folder with 64 KB of room for what is written to it."""
    with small_disk(tmp_path / "disk", 64) as folder:
        yield folder


@pytest.fixture
def failing_fsync(monkeypatch):
    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)


def test_text_json_and_bytes_are_written_whole_and_nothing_else_is_left(tmp_path):
    whole_files.write_text(tmp_path / "new" / "a.md", "π \udcff")
    whole_files.write_json(tmp_path / "new" / "b.json", {"猫": [1]})
    whole_files.write_bytes(tmp_path / "new" / "c.bin", b"\0")
    assert (tmp_path / "new" / "a.md").read_text(encoding="utf-8") == "π ?"
    assert (tmp_path / "new" / "b.json").read_text(encoding="utf-8") == '{\n "猫": [\n  1\n ]\n}\n'
    assert names(tmp_path / "new") == ["a.md", "b.json", "c.bin"]


def test_the_temporary_name_keeps_the_suffix_and_the_folder(tmp_path):
    with whole_files.replacing(tmp_path / "picture.png") as temporary:
        assert (temporary.suffix, temporary.parent) == (".png", tmp_path)
        temporary.write_bytes(b"")


def test_content_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda one: (order.append(stat.S_ISDIR(os.fstat(one).st_mode)), fsync(one)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    whole_files.write_text(tmp_path / "a", "new")
    assert order == [False, "rename", True]


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
def test_any_failure_leaves_what_was_there(tmp_path, error):
    (tmp_path / "a").write_text(OLD)
    with pytest.raises(type(error)), whole_files.replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise error
    assert (tmp_path / "a").read_text() == OLD and names(tmp_path) == ["a"]


def test_a_full_disk_is_one_sentence_and_what_was_there_stays(full_disk):
    (full_disk / "a").write_text(OLD)
    with pytest.raises(UserError, match=r"disk is full: .*a was not written, and what was there stays"):
        whole_files.write_bytes(full_disk / "a", b"x" * 100_000)
    assert (full_disk / "a").read_text() == OLD and names(full_disk) == ["a"]
    whole_files.write_text(full_disk / "a", "after space was made")


def test_a_disk_that_shows_to_be_full_when_flushed(tmp_path, failing_fsync):
    (tmp_path / "a").write_text(OLD)
    with pytest.raises(UserError, match="disk is full"):
        whole_files.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == OLD and names(tmp_path) == ["a"]


def test_folders_are_replaced_whole(tmp_path):
    for text in ("one", "two"):
        with whole_files.replacing_folder(tmp_path / "model") as temporary:
            (temporary / "part").mkdir()
            (temporary / "part" / text).write_text(text)
    assert names(tmp_path) == ["model"] and names(tmp_path / "model" / "part") == ["two"]


def test_a_folder_stays_when_the_disk_is_full(full_disk):
    (full_disk / "model").mkdir()
    (full_disk / "model" / "old").write_text(OLD)
    with pytest.raises(UserError, match="disk is full"), whole_files.replacing_folder(full_disk / "model") as temporary:
        (temporary / "new").write_bytes(b"x" * 100_000)
    assert names(full_disk) == ["model"] and (full_disk / "model" / "old").read_text() == OLD


def test_a_folder_stays_when_the_last_rename_fails(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").write_text(OLD)
    rename = Path.rename

    def fail_once(self, target):
        if self.name.startswith(whole_files.TEMPORARY):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(UserError, match="Input/output error"), whole_files.replacing_folder(tmp_path / "model"):
        pass
    assert names(tmp_path) == ["model"] and (tmp_path / "model" / "old").read_text() == OLD


def test_a_folder_comes_back_after_a_kill_between_the_renames(tmp_path):
    (tmp_path / ".before-model").mkdir()
    with pytest.raises(KeyError), whole_files.replacing_folder(tmp_path / "model"):
        raise KeyError
    assert names(tmp_path) == ["model"]


def test_only_abandoned_temporary_files_are_removed(tmp_path):
    long_ago = time.time() - 2 * whole_files.ABANDONED_SECONDS
    new, old, folder = (tmp_path / f"{whole_files.TEMPORARY}{name}" for name in ("new", "old", "folder"))
    new.touch()
    old.touch()
    folder.mkdir()
    with whole_files.replacing(tmp_path / "b") as written, whole_files.replacing_folder(tmp_path / "c") as filled:
        for path in (old, folder, written, filled):
            os.utime(path, (long_ago, long_ago))
        whole_files.write_text(tmp_path / "a", "")
        assert set(tmp_path.iterdir()) == {new, written, filled, tmp_path / "a"}


def test_what_a_killed_process_left_is_removed(tmp_path):
    program = f"""
import os, signal
from vtkeras.whole_files import replacing
with replacing({str(tmp_path / "a")!r}) as temporary:
    os.utime(temporary, (0, 0))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 1
    whole_files.write_text(tmp_path / "a", "")
    assert names(tmp_path) == ["a"]


def test_writers_of_one_file_do_not_meet(tmp_path):
    texts = [str(number) * 50_000 for number in range(8)]
    threads = [threading.Thread(target=whole_files.write_text, args=(tmp_path / "a", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_text() in texts and names(tmp_path) == ["a"]


def test_errors_of_the_disk_from_tensorflow_are_told(full_disk):
    import tensorflow as tf

    with pytest.raises(UserError, match="disk is full"), whole_files.disk_errors(full_disk / "logs"):
        tf.io.write_file(str(full_disk / "logs" / "a"), b"x" * 1_000_000)


def test_errors_about_other_files_and_of_other_kinds_pass(tmp_path):
    with pytest.raises(FileNotFoundError), whole_files.replacing(tmp_path / "out" / "a"):
        (tmp_path / "input").read_text()
    with pytest.raises(ValueError), whole_files.disk_errors(tmp_path):
        raise ValueError("out of memory")


@pytest.mark.parametrize("size, kept", [(1, True), (0, False)])
def test_what_ends_before_anything_of_worth_is_there_leaves_nothing(tmp_path, size, kept):
    for mine in (True, False):
        run = tmp_path / f"run {mine}"
        run.mkdir()
        (run / "mine.txt").write_text("x" * mine) if mine else None
        with pytest.raises(KeyboardInterrupt), whole_files.leaving_nothing(run, but=["data/*.tfrecord"]):
            (run / "data").mkdir()
            (run / "data" / "train.tfrecord").write_bytes(b"x" * size)
            (run / "plan.md").touch()
            raise KeyboardInterrupt
        assert (run / "plan.md").exists() == (run / "data").exists() == kept
        assert run.exists() == (kept or mine) and (run / "mine.txt").exists() == mine


def test_devices_are_not_renamed_away():
    with pytest.raises(UserError, match="no ordinary file"):
        whole_files.write_text("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
