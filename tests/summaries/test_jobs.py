from fixtures.videos import make_video

from vtkeras.serving.client import DONE, FAILED, RUNNING, STOPPED, JobState
from vtkeras.summaries import jobs


class FakeWorker:
    """Remembers what was started, and says that it runs until told otherwise."""

    def __init__(self):
        self.states, self.started = {}, []

    def job(self, name):
        return self.states.get(name)

    def start(self, name, *call):
        self.started.append(call)
        self.states[name] = JobState(RUNNING)


def test_the_same_video_and_model_have_one_folder(tmp_path):
    video = make_video(tmp_path / "a.mp4", 2)
    folder = jobs.job_folder(tmp_path, video, "m")
    assert folder == jobs.job_folder(tmp_path, video, "m") != jobs.job_folder(tmp_path, video, "n")
    assert jobs.status(FakeWorker(), folder) is None


def test_an_upload_outlasts_the_visit(tmp_path):
    uploads = [tmp_path / f"vtkeras-upload-{number}" / "0123456789abcdef.mp4" for number in range(2)]
    for upload in uploads:  # the same file, handed in twice
        upload.parent.mkdir()
        upload.write_bytes(b"film")
    folder = jobs.job_folder(tmp_path, uploads[0], "m")
    assert folder == jobs.job_folder(tmp_path, uploads[1], "m")
    worker = FakeWorker()
    jobs.start(worker, uploads[0], "m", folder, 0.15)
    uploads[0].unlink()
    assert jobs.video_of(folder) == folder / uploads[0].name and jobs.video_of(folder).read_bytes() == b"film"
    assert worker.started[0][3] == str(folder / uploads[0].name)


def test_a_video_is_called_as_the_visitor_calls_it(tmp_path):
    worker, video = FakeWorker(), tmp_path / "0123456789abcdef.mp4"
    jobs.start(worker, video, "m", tmp_path / "job", 0.15, name="holiday.mp4")
    assert worker.started[0][0] == "summary of holiday.mp4" and worker.started[0][-1] == "holiday.mp4"
    assert jobs.name_of(tmp_path / "job") == "holiday.mp4" and jobs.video_of(tmp_path / "job") == video
    (tmp_path / "job" / jobs.JOB).write_text('{"video": "/a/b.mp4"}')  # of an older version
    assert jobs.name_of(tmp_path / "job") == "b.mp4"


def test_a_job_from_start_to_end(tmp_path):
    worker, video, folder = FakeWorker(), tmp_path / "a.mp4", tmp_path / "job"
    for _ in range(2):  # the second time it runs already
        jobs.start(worker, video, "m", folder, 0.15, "a.vtt")
    [(title, function, model, *arguments)] = worker.started
    assert (title, function, model) == ("summary of a.mp4", "vtkeras.summaries.jobs:run", "m")
    assert arguments[:2] == [str(video), str(folder)] and arguments[2].startswith("/") and arguments[3] == 0.15
    assert jobs.status(worker, folder).state == RUNNING and jobs.video_of(folder) == video
    (folder / "summary.json").write_text("{}")
    worker.states[folder.name] = JobState(DONE)
    assert jobs.status(worker, folder).state == DONE
    assert jobs.status(FakeWorker(), folder).state == DONE  # after the dashboard was started again
    jobs.start(worker, video, "m", folder, 0.2)
    assert jobs.status(worker, folder).state == RUNNING and not (folder / "summary.json").exists()


def test_a_job_that_failed_or_was_stopped(tmp_path):
    worker, folder = FakeWorker(), tmp_path / "job"
    jobs.start(worker, tmp_path / "a.mp4", "m", folder, 0.15)
    (folder / "shots.jsonl").write_text('{"version": 1}\n{"end": 2.0}\n{"end": 5.5}\n{"end": 7.')
    worker.states[folder.name] = JobState(FAILED, message="a.mp4 is empty.")
    assert jobs.status(worker, folder).message == "a.mp4 is empty."
    worker.states[folder.name] = JobState(STOPPED)
    assert jobs.status(worker, folder).state == STOPPED and jobs.count_shots(folder) == 2
    assert jobs.status(FakeWorker(), folder).state == STOPPED
