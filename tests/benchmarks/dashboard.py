"""How long a static file takes while a summary runs and ten visitors click: `python tests/benchmarks/dashboard.py`.

The server is the dashboard over the shipped models. The visitors speak Streamlit's own protocol: each opens the pages
in turn and clicks a clip, three seconds after the page before was there. Meanwhile a static file is asked for 500
times.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import vtkeras

ROOT = Path(vtkeras.__file__).parents[1]
PAGES = ("", "browse", "curves", "evaluation", "playground", "attention", "summaries")
VISITORS, REQUESTS = 10, 500
THINKING = 3.0  # seconds between a page and the next click
EVERY = 0.05  # seconds between two requests of the static file
PATIENCE = 300  # seconds


@contextmanager
def served(home: Path, **environment: str):
    """The address of a dashboard and its process; what it prints goes to `home/server.log`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {"VTKERAS_MODELS": str(ROOT / "saved_models"), "VTKERAS_DATA": str(home / "data")}
    places["VTKERAS_SUMMARIES"] = str(home / "summaries")
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboards" / "app.py")]
    with open(home / "server.log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*command, "--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"],
            env={**os.environ, **places, **environment}, cwd=home, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            end = time.monotonic() + PATIENCE
            while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
                if server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((home / "server.log").read_text())
                time.sleep(0.2)
            yield f"127.0.0.1:{port}", server
        finally:
            server.kill()
            server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status == 200
    except OSError:
        return False


class Visitor:
    """A browser's part of Streamlit's protocol, as far as opening pages and clicking buttons goes."""

    def __init__(self, address: str):
        self.address, self.line, self.buttons, self.page = address, None, {}, ""

    async def open(self, page: str) -> None:
        """Opens a page in a session of its own, and waits until it is there."""
        from tornado.websocket import websocket_connect

        self.close()
        self.page, self.buttons = page, {}
        self.line = await websocket_connect(f"ws://{self.address}/_stcore/stream")
        await self._run([])

    async def click(self, label: str) -> bool:
        """Clicks the first button whose label begins so; False if there is none."""
        from streamlit.proto.WidgetStates_pb2 import WidgetState

        found = next((name for text, name in self.buttons.items() if text.startswith(label)), None)
        if found is not None:
            await self._run([WidgetState(id=found, trigger_value=True)])
        return found is not None

    def close(self) -> None:
        if self.line is not None:
            self.line.close()

    async def _run(self, widgets: list) -> None:
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

        message = BackMsg()
        message.rerun_script.page_name = self.page
        message.rerun_script.widget_states.widgets.extend(widgets)
        await self.line.write_message(message.SerializeToString(), binary=True)
        while True:
            data = await asyncio.wait_for(self.line.read_message(), PATIENCE)
            if data is None:
                raise ConnectionError("the server closed the connection")
            found = ForwardMsg.FromString(data)
            if found.WhichOneof("type") == "delta" and found.delta.new_element.WhichOneof("type") == "button":
                self.buttons[found.delta.new_element.button.label] = found.delta.new_element.button.id
            # A page that ends by running again says that it finished, too; so does each part that runs by itself.
            if found.WhichOneof("type") == "script_finished":
                return


async def click_through(address: str) -> None:
    """Ten visitors, until somebody ends this process; prints a line for each page and each click."""

    async def visit(number: int) -> None:
        visitor = Visitor(address)
        for page in itertools.islice(itertools.cycle(PAGES), number, None):
            await visitor.open(page)
            print(page, flush=True)
            await asyncio.sleep(THINKING)
            if await visitor.click(f"Clip {number + 1}"):
                print("click", flush=True)
                await asyncio.sleep(THINKING)

    await asyncio.gather(*(visit(number) for number in range(VISITORS)))


async def start_summary(address: str, summaries: Path) -> None:
    """Starts the summary of the video in the data folder, and waits until the model sees shots."""
    visitor = Visitor(address)
    await visitor.open("summaries")
    if not await visitor.click("Summarise"):
        raise RuntimeError("there is no button to start a summary")
    end = time.monotonic() + PATIENCE
    while not [log for log in summaries.glob("*/shots.jsonl") if log.read_bytes().count(b"\n") > 2]:
        if time.monotonic() > end:
            raise RuntimeError("the summary does not begin")
        await asyncio.sleep(0.2)
    visitor.close()


def measure(requests: int = REQUESTS) -> dict:
    """Starts everything, and times the static file.

    Returns:
        dict with milliseconds p50, p95 and max of the static file, the number of clicks meanwhile, and whether the
        summary ran from the first request to the last.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_film(home / "data")
        with served(home) as (address, _):
            asyncio.run(start_summary(address, home / "summaries"))
            with open(home / "clicks", "w", encoding="utf-8") as clicked:
                visitors = subprocess.Popen([sys.executable, __file__, "--visit", address], stdout=clicked)
                time.sleep(5)  # until all are there
                times = [fetch(f"http://{address}/favicon.png") for _ in range(requests)]
                running = not list((home / "summaries").glob("*/summary.json"))
                visitors.kill()
                visitors.wait()
            clicks = len((home / "clicks").read_text().splitlines())
    p50, p95, longest = np.percentile(times, [50, 95, 100]).round(1).tolist()
    return {"p50": p50, "p95": p95, "max": longest, "requests": requests, "clicks": clicks, "summary_running": running}


def fetch(url: str) -> float:
    """Milliseconds that a file took."""
    time.sleep(EVERY)
    start = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as reply:
        reply.read()
    return 1000 * (time.perf_counter() - start)


def make_film(folder: Path, scenes: int = 3600) -> None:
    """A video of an hour, which is long enough for all requests, where the page Summaries finds it."""
    from vtkeras.data.mp4 import write_video

    folder.mkdir(parents=True)
    levels = np.random.default_rng(0).integers(0, 256, (scenes, 1, 1, 1, 3), dtype=np.uint8)
    frames = np.broadcast_to(levels, (scenes, 10, 64, 64, 3)).reshape(-1, 64, 64, 3)
    write_video(folder / "film.mp4", frames, 10)
    (folder / "annotations.json").write_text(json.dumps({"videos": []}), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visit", help=argparse.SUPPRESS)
    visit = parser.parse_args().visit
    if visit:
        asyncio.run(click_through(visit))
    else:
        print(json.dumps(measure()))
