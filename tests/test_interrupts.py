"""Ctrl-C in long work."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from fixtures.interrupts import PressedInDestructor

from vtkeras.interrupts import end_like_ctrl_c, exit_code, interrupt_between_steps


def press(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def test_ctrl_c_in_a_destructor_ends_the_work_after_the_step(capfd):
    steps = []
    with pytest.raises(KeyboardInterrupt), interrupt_between_steps() as end_of_step:
        for number in range(3):
            PressedInDestructor()
            steps.append(number)
            end_of_step()
    assert steps == [0]
    assert "stopping after this step" in capfd.readouterr().err


def test_a_second_ctrl_c_interrupts_at_once():
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupt_between_steps():
        press()
        reached.append("first")
        press()
        reached.append("second")
    assert reached == ["first"]


def test_ctrl_c_in_the_last_step_and_before_an_error_is_not_lost():
    with pytest.raises(KeyboardInterrupt), interrupt_between_steps():
        press()
    with pytest.raises(KeyboardInterrupt), interrupt_between_steps():
        press()
        raise ValueError
    with pytest.raises(ValueError), interrupt_between_steps():
        raise ValueError


def test_sigterm_ends_the_work_after_the_step_too_where_the_command_line_asked_for_that():
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # which the command line may have changed before
    with interrupt_between_steps():  # in a program of somebody else, SIGTERM stays what it is
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    end_like_ctrl_c()
    usual, steps = signal.getsignal(signal.SIGTERM), []
    assert exit_code() == 130
    try:
        with pytest.raises(KeyboardInterrupt), interrupt_between_steps() as end_of_step:
            press(signal.SIGTERM)
            steps.append("first")
            end_of_step()
            steps.append("second")
        assert signal.getsignal(signal.SIGTERM) is usual and exit_code() == 143
        end_like_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            press(signal.SIGTERM)
        assert exit_code() == 143
    finally:
        signal.signal(signal.SIGTERM, before)
    assert steps == ["first"]


def test_the_handler_before_is_put_back_and_others_are_left_alone():
    def own(number, frame):
        pass

    for before in (own, signal.SIG_IGN, signal.default_int_handler):
        earlier = signal.signal(signal.SIGINT, before)
        try:
            with interrupt_between_steps():
                assert (signal.getsignal(signal.SIGINT) is before) == (before is not signal.default_int_handler)
            assert signal.getsignal(signal.SIGINT) is before
        finally:
            signal.signal(signal.SIGINT, earlier)


def test_inside_another_one_and_in_another_thread():
    with pytest.raises(KeyboardInterrupt), interrupt_between_steps():
        with interrupt_between_steps() as inner:
            press()
            inner()
    before = signal.getsignal(signal.SIGINT)

    def elsewhere():
        with interrupt_between_steps() as end_of_step:
            end_of_step()
            seen.append(signal.getsignal(signal.SIGINT))

    seen = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]


PIPELINE = """
import sys, time
import tensorflow as tf
from vtkeras import cli

@cli.app.command()
def spin():
    def slow(number):
        time.sleep(0.05)
        return number
    numbers = tf.data.Dataset.range(1000).map(lambda n: tf.py_function(slow, [n], tf.int64), num_parallel_calls=4)
    held = [iter(numbers.prefetch(4))]
    next(held[0])
    held.append(held)  # only the garbage collector frees it
    raise KeyboardInterrupt

sys.argv = ["vtkeras", "spin"]
cli.main()
"""


@pytest.mark.whole
def test_ctrl_c_ends_a_command_whose_pipeline_runs_python():
    """When Python ended first, the pipeline waited for its functions forever."""
    done = subprocess.run([sys.executable, "-c", PIPELINE], stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 130 and done.stderr.startswith("vtkeras: interrupted"), done.stderr
