"""The pages in a browser, and the walk that ends there: `dashboard`, `demo`."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from vtkeras.cli.common import folder_option, number_option, say
from vtkeras.errors import UserError
from vtkeras.run_files import shipped

app = typer.Typer()


@app.command()
def dashboard(
    port: Annotated[int, number_option("Port on this machine.", 1, 65535)] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Opens the Streamlit dashboard."""
    _serve(port, address)


@app.command()
def demo(
    out: Annotated[Path, folder_option("Where runs go.")] = Path("runs"),
    serve: Annotated[bool, typer.Option(help="Open the dashboard at the end.", envvar="DEMO_SERVE")] = True,
    port: Annotated[int, number_option("Port of the dashboard.", 1, 65535)] = 8501,
) -> None:
    """The whole walk on the embedded data: make, train, evaluate, export, dashboard. Reuses what is done."""
    from vtkeras.demo import run_demo

    run_demo(out, report=say)
    if serve:
        _serve(port, "127.0.0.1")
    else:
        say(f"the dashboard would be served at http://127.0.0.1:{port} (vtkeras dashboard)")


def _serve(port: int, address: str) -> None:
    page = shipped("dashboards") / "app.py"
    _refuse_taken(port, address)
    say(f"dashboard: http://{address}:{port}")
    command = [sys.executable, "-m", "streamlit", "run", str(page), "--server.port", str(port)]
    sys.exit(subprocess.call([*command, "--server.address", address, "--server.headless", "true"]))


def _refuse_taken(port: int, address: str) -> None:
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            tried.bind((address, port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{address}:{port} cannot be listened on ({reason}): choose another --port.") from None
