"""The inference worker: its parts by themselves, and the process as pages and commands meet it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import vtkeras
from vtkeras.errors import UserError
from vtkeras.serving.client import DONE, FAILED, RUNNING, STOPPED, Worker
from vtkeras.serving.generator import Generator
from vtkeras.serving.worker import Jobs, Models, find, load

ROOT = Path(vtkeras.__file__).parents[1]
SHIPPED = ROOT / "saved_models"
MODEL = SHIPPED / "question_answering" / "sort_of_clevr"


def wait_for(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.01)


# Parts


def test_ten_sessions_at_once_load_a_model_once():
    ready, loaded = threading.Barrier(10), []
    models = Models(2, lambda folder, makes: time.sleep(0.05) or loaded.append(folder) or object())
    found = []

    def session():
        ready.wait()
        found.append(models.get("a", False))

    threads = [threading.Thread(target=session) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == ["a"] and len(set(map(id, found))) == 1 and models.loads == 1


def test_the_model_that_was_asked_least_recently_makes_room():
    models = Models(2, lambda folder, makes: [folder])
    for folder in "abacab":
        assert models.get(folder, False) == [folder]
    # a and b are loaded, c drives b out, the last b is loaded again.
    assert models.loads == 4


def test_a_model_that_was_exported_again_is_loaded_again(tmp_path):
    file = tmp_path / "saved_model" / "saved_model.pb"
    file.parent.mkdir()
    file.write_bytes(b"1")
    models = Models(2, lambda folder, makes: object())
    first = models.get(str(tmp_path), False)
    assert models.get(str(tmp_path), False) is first
    os.utime(file, ns=(1, 1))
    assert models.get(str(tmp_path), False) is not first


def test_a_model_that_cannot_be_loaded_is_tried_again():
    answers = iter([UserError("damaged"), None])

    def load(folder, makes):
        if error := next(answers):
            raise error
        return "model"

    models = Models(1, load)
    with pytest.raises(UserError, match="damaged"):
        models.get("a", False)
    assert models.get("a", False) == "model"


def test_a_model_that_makes_videos_is_no_generator_to_who_asks_it_to_read_one():
    maker = SHIPPED / "text_to_video" / "moving_digits"
    assert isinstance(load(str(maker), True), Generator)
    with pytest.raises(UserError, match="trained without captions"):
        load(str(maker), False).captions([np.zeros((2, 32, 32, 3), "uint8")])
    with pytest.raises(UserError, match="makes no video: it is of the task 'multitask'"):
        load(str(SHIPPED / "multitask" / "moving_digits"), True)


def test_a_job_reports_and_gives_its_result():
    jobs, go = Jobs(), threading.Event()

    def run(progress):
        progress("half", 1.0, 2.0)
        go.wait(60)
        return "result"

    jobs.start("one", "a title", run)
    wait_for(lambda: jobs.state("one").progress)
    assert jobs.state("one").progress == ("half", 1.0, 2.0) and jobs.state("one").title == "a title"
    jobs.start("one", "another", run)  # runs already
    assert jobs.state("one").title == "a title"
    go.set()
    wait_for(lambda: jobs.state("one").state == DONE)
    assert jobs.state("one").result == "result" and jobs.state("two") is None


def test_a_stopped_job_ends_at_its_next_step():
    jobs, steps, ended = Jobs(), [], threading.Event()

    def run(progress):
        try:
            while True:
                progress(len(steps), 1000)
                steps.append(1)
                time.sleep(0.01)
        finally:
            ended.set()

    jobs.start("one", "", run)
    wait_for(lambda: steps)
    jobs.stop("one")
    assert ended.wait(60) and jobs.state("one").state == STOPPED


def test_a_job_that_fails_says_why(capfd):
    jobs = Jobs()

    def refuse(progress):
        raise UserError("a.mp4 is empty.")

    def fail(progress):
        raise ZeroDivisionError

    for name, run, message in (("one", refuse, "a.mp4 is empty."), ("two", fail, "in the terminal")):
        jobs.start(name, "", run)
        wait_for(lambda: jobs.state(name).state == FAILED)  # noqa: B023
        assert message in jobs.state(name).message
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_finished_jobs_are_forgotten_in_the_end():
    jobs = Jobs()
    for number in range(40):
        jobs.start(str(number), "", lambda progress: None)
        wait_for(lambda: jobs.state(str(number)) is None or jobs.state(str(number)).state == DONE)  # noqa: B023
    assert jobs.state("0") is None and jobs.state("39").state == DONE


def test_only_functions_of_the_package_are_called():
    assert find("vtkeras.serving.worker:Jobs.start") is Jobs.start
    with pytest.raises(ValueError, match="no function of vtkeras"):
        find("os:system")


# The process


@pytest.fixture
def worker():
    with Worker() as worker:
        yield worker


def refused(worker):
    """The sentence for a model that is not there, which needs no TensorFlow."""
    with pytest.raises(UserError) as refusal:
        worker.ask("absent", "captions", [])
    return str(refusal.value)


def test_a_worker_starts_when_it_is_needed_and_ends_when_closed(worker):
    assert worker.pid is None and worker.job("none") is None and worker.loads() == 0 and worker.pid is None
    assert "is not a run" in refused(worker)
    process, folder = worker._process, worker._folder
    assert folder.stat().st_mode & 0o077 == 0  # nobody else can enter
    worker.close()
    assert process.returncode == 0 and not folder.exists() and worker.pid is None


def test_a_worker_that_was_killed_is_told_once_and_started_anew(worker):
    refused(worker)
    first = worker.pid
    os.kill(first, signal.SIGSTOP)  # so that it cannot answer before
    killed = threading.Timer(0.2, lambda: os.kill(first, signal.SIGKILL))
    killed.start()
    with pytest.raises(UserError, match="ended unexpectedly"):
        worker.call("vtkeras.serving.worker:find", MODEL)
    assert "is not a run" in refused(worker) and worker.pid != first


def test_a_job_of_a_worker_that_was_killed_has_failed(worker):
    worker.start("one", "", "vtkeras.serving.worker:find", MODEL)
    assert worker.job("one").state == RUNNING
    os.kill(worker.pid, signal.SIGKILL)
    wait_for(lambda: worker.pid is None)
    assert worker.job("one").state == FAILED and "started anew" in worker.job("one").message


def test_no_orphan_is_left_when_the_owner_is_killed(tmp_path):
    program = (
        "from vtkeras.serving.client import Worker\nimport time\nworker = Worker()\n"
        "worker.start('a', '', 'vtkeras.serving.worker:find', 'absent')\n"
        "print(worker.pid, worker._folder, flush=True)\ntime.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT, text=True)
    pid, folder = owner.stdout.readline().split()
    assert Path(f"/proc/{pid}").exists()
    owner.kill()
    owner.wait()
    wait_for(lambda: not Path(f"/proc/{pid}").exists() and not Path(folder).exists(), 30)


def test_an_error_of_the_program_is_no_refusal(worker, tmp_path):
    with pytest.raises(RuntimeError, match="no function of vtkeras"):
        worker.call("os:system", MODEL)
