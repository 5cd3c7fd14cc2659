"""Jobs of the pages, over a worker that does nothing."""

import pytest

from dashboards import jobs
from vtkeras.errors import UserError
from vtkeras.serving.client import FAILED, RUNNING, JobState


class FakeWorker:
    """Remembers what was started, and says that it runs until told otherwise."""

    def __init__(self):
        self.states, self.started = {}, []

    def job(self, name):
        return self.states.get(name)

    def start(self, name, *call, **options):
        self.started.append((name, call, options))
        self.states[name] = JobState(RUNNING)


@pytest.fixture
def worker(monkeypatch):
    worker = FakeWorker()
    monkeypatch.setattr(jobs, "shared_worker", lambda: worker)
    monkeypatch.setattr(jobs, "follow", lambda name: None)
    monkeypatch.setattr(jobs.st, "query_params", {})
    return worker


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_an_upload_stays_until_its_job_has_ended(worker, tmp_path, kind):
    upload = tmp_path / "vtkeras-upload-x" / "0123456789abcdef.mp4"
    upload.parent.mkdir()
    upload.write_bytes(b"film")
    call = f"a film {kind}", "vtkeras.a:b", None, kind(upload), "words", 3
    assert jobs.run(*call, apart=True) is None
    [(name, (_, function, model, kept, *rest), options)] = worker.started
    assert (function, model, rest, options) == ("vtkeras.a:b", None, ["words", 3], {"apart": True})
    assert type(kept) is type(kind(upload))
    upload.unlink()  # the visitor hands in another one, or leaves
    jobs.run("another", "vtkeras.a:b", None)
    assert jobs.Path(kept).read_bytes() == b"film"
    worker.states[name] = JobState(FAILED, message=f"{kept} is cut.")
    with pytest.raises(UserError, match=f"^{upload} is cut"):
        jobs.run(*call, apart=True)
    jobs.run("a third", "vtkeras.a:b", None)
    assert not jobs.Path(kept).exists()


def test_a_file_of_this_machine_is_read_where_it_is(worker, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"film")
    jobs.run("a file", "vtkeras.a:b", None, tmp_path / "a.mp4")
    assert worker.started[0][1][3] == tmp_path / "a.mp4"


def test_time_left_by_hand():
    assert jobs.spell_left(10.0, done=5.0, left=20.0) == ", about 40 s left"
    assert jobs.spell_left(60.0, done=1.0, left=10.0) == ", about 10 min left"
    for unknown in ((0.5, 5.0, 20.0), (10.0, 0.0, 20.0), (10.0, 5.0, 0.0)):  # too early, nothing done, all done
        assert jobs.spell_left(*unknown) == ""
