"""The dashboard's process runs no model: Streamlit clears Keras's session and collects all garbage after every run
of a page, which takes seconds where TensorFlow is loaded, for every visitor.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.dashboard import PAGES, Visitor, make_film, measure, served, start_summary

import vtkeras

ROOT = Path(vtkeras.__file__).parent.parent
# Every page is opened and clicked through while a summary runs, as `streamlit run` would run it.
WALK = """
import json, os, sys, time
from pathlib import Path
from streamlit.testing.v1 import AppTest
from vtkeras.folders import jobs
from vtkeras.pretrained import imagenet

root, film = map(Path, sys.argv[1:])
heavy = lambda: [name for name in ("tensorflow", "keras", "tensorboard.compat.tf") if name in sys.modules]

def open_page(name, **address):
    app = AppTest.from_file(str(root / "dashboards" / "app.py"), default_timeout=300)
    app.query_params.update(address)
    return app.switch_page(f"views/{name}.py").run()

def first_clip(name):
    app = open_page(name)
    return next(button for button in app.button if button.label == "Clip 1").click().run()

def choose(app, label, value):
    return next(one for one in app.button_group if one.label == label).set_value(value).run()

def finished(app):
    while app.get("progress"):
        time.sleep(0.2)
        app.run()
    return app

def open_folder():
    imagenet.class_names = lambda: ["golden retriever", "tabby cat", "sports car"]  # few to embed
    jobs.start = lambda store: None  # what it does is not of this process
    app = open_page("folder", folder=str(film.parent))
    return app.text_input(key="search").set_value("ein Hund").run()

pages = {}
pages["folder"] = open_folder()
app = choose(open_page("summaries"), "Video", "Path on this machine")
next(box for box in app.text_input if box.label.startswith("Path")).set_value(str(film)).run()
next(button for button in app.button if button.label == "Summarise").click().run()
[job] = [folder.name for folder in Path(os.environ["VTKERAS_SUMMARIES"]).iterdir()]
running = bool(open_page("summaries", job=job).get("progress"))
pages["curves"] = open_page("curves")
pages["home"] = open_page("home")
pages["browse"] = open_page("browse")
pages["cleaning"] = open_page("cleaning")
pages["embeddings"] = open_page("embeddings")
app = open_page("create")
app.text_input[0].set_value("digit 7 is moving left and right")
app = next(button for button in app.button if button.label == "Create").click().run()
pages["create"] = next(button for button in app.button if button.label == "Next candidates").click().run()
pages["compare"] = finished(open_page("compare").button[0].click().run())
pages["evaluation"] = open_page("evaluation")
pages["playground"] = app = first_clip("playground")
app.text_input(key="question").set_value("how many digits are there?").run()
choose(app, "Decoding", "beam")
pages["attention"] = app = first_clip("attention")
finished(app.toggle[0].set_value(True).run())
pages["dense"] = finished(first_clip("dense"))
pages["summaries"] = finished(open_page("summaries", job=job))
print(json.dumps({
    "heavy": heavy(), "running": running,
    "wrong": {name: [str(one.value) for one in (*app.exception, *app.error)] for name, app in pages.items()},
    "files": len(pages["folder"].metric), "compared": len(pages["compare"].metric),
    "created": len(pages["create"].get("image")),
    "captions": len(pages["playground"].subheader), "curves": len(pages["curves"].get("vega_lite_chart")),
    "events": len(pages["dense"].dataframe), "checked": len(pages["attention"].metric),
    "downloads": len(pages["summaries"].get("download_button")),
}))
"""


@pytest.mark.whole
def test_no_page_brings_tensorflow_or_keras_into_the_server(tmp_path):
    from fixtures.summaries import scenes
    from fixtures.videos import make_video

    film = make_video(tmp_path / "film.mp4", scenes(20, 200, 110, 20, 200, 110))
    environment = {"PYTHONPATH": str(ROOT), "VTKERAS_SUMMARIES": str(tmp_path / "summaries")}
    command = [sys.executable, "-c", WALK, ROOT, film]
    walk = subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True)
    assert walk.returncode == 0, walk.stderr
    found = json.loads(walk.stdout.splitlines()[-1])
    assert found["heavy"] == [] and found["running"]
    assert not any(found["wrong"].values()), found["wrong"]
    # Each page did its work: nothing above is true because a page was empty.
    assert found["captions"] and found["curves"] and found["events"] and found["downloads"] == 6
    assert found["files"] == 5 and found["compared"] == 3 and found["created"] == 6


DUMP = """
import os, signal, sys

def dump(*_):
    with open(os.environ["MODULES"], "w") as file:
        file.write("\\n".join([*sys.modules, "end"]))

signal.signal(signal.SIGUSR1, dump)
"""


@pytest.mark.slow
def test_no_page_brings_them_into_a_real_server(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(DUMP)  # which Python runs at its start
    modules = tmp_path / "modules"
    make_film(tmp_path / "data", scenes=600)

    async def click_through(address):
        await start_summary(address, tmp_path / "summaries")
        visitor = Visitor(address)
        for page in (*PAGES, "dense"):
            await visitor.open(page)
            await visitor.click("Clip 1")

    search_path = os.pathsep.join([str(tmp_path), str(ROOT)])
    with served(tmp_path, PYTHONPATH=search_path, MODULES=str(modules)) as (address, server):
        asyncio.run(click_through(address))
        server.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 60
        while not modules.is_file() or not modules.read_text().endswith("end"):
            assert time.monotonic() < end
            time.sleep(0.1)
    loaded = set(modules.read_text().split())
    assert {"dashboards.clips", "vtkeras.serving.client"} <= loaded and not {"tensorflow", "keras"} & loaded


@pytest.mark.slow
def test_static_files_come_while_a_summary_runs_and_ten_visitors_click():
    found = measure()  # raises where a file does not come; how quickly depends on the machine, and is printed there
    assert found["summary_running"] and found["clicks"] > 50
    print(found)
