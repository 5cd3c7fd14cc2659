"""The playground in a real browser: headless Chromium over a server of our own."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import vtkeras

pytestmark = pytest.mark.browser
playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")

ROOT = Path(vtkeras.__file__).parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 180_000  # milliseconds
WIDE, NARROW = {"width": 1280, "height": 1400}, {"width": 390, "height": 1400}


@pytest.fixture(scope="module")
def address(install):
    """Where the dashboard of a small install is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboards" / "app.py")]
    roots = {"VTKERAS_MODELS": str(install.models), "VTKERAS_DATA": str(install.data)}
    server = subprocess.Popen(
        [*command, "--server.port", str(port)], env={**os.environ, **roots}, cwd=install.home
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def wait_for(url, server):
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            return urllib.request.urlopen(url, timeout=1)
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


@pytest.fixture(scope="module")
def chromium():
    if not CHROMIUM:
        pytest.skip("there is no chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, address):
    """A callable from a page's address and a window size to the page; asserts that it stays on this machine."""
    strangers, pages = [], []

    def open_page(name, size=WIDE):
        page = chromium.new_page(viewport=size)
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: strangers.append(request.url) if is_strange(request.url) else None)
        page.goto(f"{address}/{name}")
        page.get_by_role("heading", level=1).wait_for()
        pages.append(page)
        return page

    def is_strange(url):
        return not url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))

    yield open_page
    for page in pages:
        page.close()
    assert not strangers


def choose_clip(page):
    page.get_by_role("button", name="Clip 1", exact=True).click()
    page.get_by_text("this word's attention sums to").first.wait_for()


def is_cut_off(page):
    """True if something sticks out of the window to the right."""
    return page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth > window.innerWidth + 1")


def test_from_a_clip_to_where_the_model_looked(open_page, tmp_path):
    page = open_page("playground")  # the first address this server is asked for: a deep link works
    choose_clip(page)
    assert page.locator("h3").first.inner_text().strip()

    page.wait_for_function("document.querySelector('video')?.duration > 0")
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(2.0, abs=0.2)

    pictures = page.get_by_test_id("stImage").locator("img:visible")
    tinted = [picture.get_attribute("src") for picture in pictures.all()]
    words = page.get_by_test_id("stButtonGroup").filter(has_text="Each word").get_by_role("radio")
    words = (
        words
        if words.count()
        else page.get_by_test_id("stButtonGroup").filter(has_text="Each word").get_by_role("button")
    )
    words.nth(words.count() - 1).click()
    page.wait_for_function(
        "before => [...document.querySelectorAll('[data-testid=stImage] img')].some(i => i.naturalWidth > 0)"
        " && JSON.stringify([...document.querySelectorAll('[data-testid=stImage] img')]"
        ".filter(i => i.checkVisibility()).map(i => i.getAttribute('src'))) !== JSON.stringify(before)",
        arg=tinted,
    )
    assert page.get_by_text("this word's attention sums to 1.000").first.is_visible()

    page.get_by_role("tab", name="Answers").click()
    page.get_by_label("Question", exact=True).fill("how many digits are there?")
    page.keyboard.press("Enter")
    page.get_by_text("Frames looked at most").wait_for()
    page.screenshot(path=str(tmp_path / "playground.png"), full_page=True)
    assert (tmp_path / "playground.png").stat().st_size > 10_000
    assert not is_cut_off(page)


@pytest.mark.parametrize("name", ["", "playground", "attention", "browse", "curves"])
def test_pages_fit_a_narrow_window(open_page, name):
    page = open_page(name, NARROW)
    if name in ("playground", "attention"):
        choose_clip(page)
    page.wait_for_timeout(2000)
    assert not is_cut_off(page)
    assert page.get_by_text("Traceback").count() == 0


def test_a_clip_is_chosen_by_keyboard(open_page):
    page = open_page("playground")
    page.get_by_role("button", name="Clip 2", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_text("this word's attention sums to").first.wait_for()


def test_caption_over_the_video(open_page):
    page = open_page("playground")
    choose_clip(page)
    page.get_by_text("Caption over the video").click()
    page.wait_for_function("document.querySelector('video')?.textTracks[0]?.cues?.length === 1")
