"""`mattelier worker`: the process that hosts talk to, started by them or by hand."""

from __future__ import annotations

import os
import signal
import sys

import click


@click.command()
@click.option(
    "--idle",
    type=click.FloatRange(min=0),
    default=900,
    show_default=True,
    metavar="SECONDS",
    help="End after so long without work; 0 never ends.",
)
@click.option("--stop", is_flag=True, help="End the worker that runs, once its work is done.")
def worker(idle: float, stop: bool) -> int:
    """Serve GIMP and Blender from one process with warm models.

    They start it themselves when they need it. Start it by hand for a GIMP in a sandbox
    (flatpak), which may not start programs.
    """
    if stop:
        return _stop()
    from mattelier.worker.server import Server

    server = Server(idle or float("inf"))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stopping.set())
    if sys.stdout.isatty():
        click.echo("The worker listens; Ctrl-C ends it.", err=True)
    if not server.serve():
        click.echo("A worker runs already.", err=True)
    sys.stdout.flush()
    os._exit(0)  # threads that still compute for nobody must not hold the process


def _stop() -> int:
    from mattelier.worker import client

    try:
        with client.connect(client.Engine(), "mattelier worker --stop") as running:
            running.run("stop", {})
    except client.Unavailable:
        click.echo("No worker runs.", err=True)
    return 0
