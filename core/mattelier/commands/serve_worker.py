"""`mattelier serve-worker`: does the jobs of servers that share a queue."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click

from mattelier.commands.serve import (
    device_option,
    keep_option,
    needing,
    open_shared,
    parallel_option,
)


@click.command(
    epilog="""\b
Examples:
  mattelier serve-worker --broker redis://db:6379/0 --store s3://mats/jobs
  mattelier serve-worker --broker redis://localhost --store /mnt/jobs --parallel 4

As many as you like, on any machines; the server is mattelier serve with the same two places. S3's
address and keys are those of boto3: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY."""
)
@click.option("--broker", required=True, metavar="URL", help="The Redis in which jobs wait.")
@click.option(
    "--store", required=True, metavar="PLACE",
    help="Where the files of jobs lie: s3://bucket/prefix, or a shared folder.",
)  # fmt: skip
@device_option
@parallel_option
@keep_option
@click.option(
    "--alive", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Touch this file every few seconds, for a probe that looks at its age.",
)  # fmt: skip
def serve_worker(
    broker: str, store: str, device: str, parallel: int, keep: float, alive: Path | None
) -> int:
    """Do the jobs of servers that were started with the same --broker and --store.

    A worker that is killed loses nothing: another one does its jobs.
    """
    with needing("serve,queue"):
        from mattelier.service.memory import keep_memory
        from mattelier.service.server import own_folder
        from mattelier.service.shared_worker import SharedWorker
    from mattelier.api_arguments import models
    from mattelier.commands.console import catch_warnings
    from mattelier.worker.jobs import warm

    catch_warnings()
    ledger, files = open_shared(broker, store, keep * 60)
    keep_memory()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    warm(models())  # before threads import what they need
    with own_folder() as folder:
        worker = SharedWorker(
            folder, ledger, files, parallel=parallel, device=device,
            say=lambda sentence: click.echo(sentence, err=True),
        )  # fmt: skip
        click.echo("The worker takes jobs (Ctrl-C ends it).", err=True)
        worker.run(stopping, alive)
    click.echo("The worker has ended.", err=True)
    sys.stdout.flush()
    os._exit(0)  # threads that still compute for nobody must not hold the process
