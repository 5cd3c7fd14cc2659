"""The pages in a browser: `dashboard`, `open` on a folder of one's own, and the walk behind them, `demo`."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Annotated, NoReturn

import typer

from vtkeras.cli.common import complain, folder_option, number_option, say
from vtkeras.errors import UserError, command
from vtkeras.processes import start_beside
from vtkeras.run_files import shipped

app = typer.Typer()
Port = Annotated[int, number_option("Port on this machine.", 1, 65535)]
Address = Annotated[str, typer.Option(help="Address to listen on.")]
HERE = "127.0.0.1"


@app.command()
def dashboard(port: Port = 8501, address: Address = HERE) -> None:
    """Opens the Streamlit dashboard."""
    _serve(port, address)


@app.command("open")
def open_folder(
    folder: Annotated[Path, typer.Argument(help="A folder of videos and pictures, with or without texts.")],
    port: Port = 8501,
    address: Address = HERE,
) -> None:
    """Opens the dashboard on your own folder: what is there, what is on it, found by words. No training."""
    from vtkeras.folders import jobs
    from vtkeras.folders.listing import list_folder, spell_closed
    from vtkeras.folders.store import FolderStore

    listing, store = list_folder(folder), FolderStore(folder)
    say(f"{folder}: {len(listing.files):,} videos and pictures")
    if listing.closed:
        complain(spell_closed(listing.closed))
    _serve(port, address, lambda: jobs.start(store), VTKERAS_FOLDER=str(folder.absolute()))


@app.command()
def demo(
    out: Annotated[Path, folder_option("Where runs go.")] = Path("runs"),
    serve: Annotated[bool, typer.Option(help="Open the dashboard, and train behind it.", envvar="DEMO_SERVE")] = True,
    port: Port = 8501,
) -> None:
    """Opens the dashboard on the shipped models; behind it makes data, trains, evaluates, exports what is not yet."""
    if serve:
        _serve(port, HERE, lambda: start_beside("vtkeras.demo", out))
    from vtkeras.demo import run_demo

    run_demo(out, report=say)
    say(f"the dashboard shows it: {command('dashboard', '--port', str(port))}")


def _serve(port: int, address: str, then: Callable[[], object] = lambda: None, **environment: str) -> NoReturn:
    """Serves the pages until Ctrl-C; `then` starts what works behind them, and ends with this process."""
    page = shipped("dashboards") / "app.py"
    _refuse_taken(port, address)
    say(f"dashboard: http://{address}:{port}")
    command = [sys.executable, "-m", "streamlit", "run", str(page), "--server.port", str(port)]
    options = ["--server.address", address, "--server.headless", "true"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that `finally` comes to its turn
    server = Popen([*command, *options], env={**os.environ, **environment})
    try:
        behind = then()  # noqa: F841  kept, as its standard input closes with it
        sys.exit(server.wait())
    except KeyboardInterrupt:
        complain("the dashboard is closed; what worked behind it goes on when the same command opens it again.")
        sys.exit(128 + signal.SIGINT)
    finally:
        server.terminate()
        server.wait()


def _refuse_taken(port: int, address: str) -> None:
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            tried.bind((address, port))
    except OSError as error:
        reason = error.strerror or str(error)
        problem = f"{address}:{port} cannot be listened on ({reason})"
        raise UserError(f"{problem}: end what uses it, or choose another --port or --address.") from None
