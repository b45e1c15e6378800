"""`mattelier serve`: the tasks over HTTP, and a web page."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mattelier.types.errors import EngineError, UsageError

if TYPE_CHECKING:
    from mattelier.service.ledger import Ledger
    from mattelier.service.stores import Store

_MB = 1_000_000
_KEYS_VARIABLE = "MATTELIER_KEYS"


# Of a server, and of a worker that does its jobs.
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", show_default=True
)
parallel_option = click.option(
    "--parallel", type=click.IntRange(1, 64), default=2, show_default=True,
    help="Pictures in work at once.",
)  # fmt: skip
keep_option = click.option(
    "--keep", type=click.FloatRange(min=0), default=60, show_default=True, metavar="MINUTES",
    help="How long a result is kept that nobody asks for.",
)  # fmt: skip


@click.command(
    epilog="""\b
Examples:
  mattelier serve                                       the page and the API, for this machine alone
  mattelier serve --host 0.0.0.0 --keys keys.txt        for others, who need one of the keys
  mattelier serve --broker redis://db --store s3://mats   workers of other machines do the work
  curl -F picture=@photo.jpg localhost:7000/v1/cutout -o subject.png
  curl -F file=@photo.jpg localhost:7000/api/remove -o subject.png        (as rembg's server)

/api on the server lists all tasks with their options, /openapi.json describes them to programs.
Without keys on an address that others reach, all of them may use it, and it says so."""
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=7000, show_default=True,
    help="0 chooses a free one.",
)  # fmt: skip
@click.option(
    "--keys", type=click.Path(path_type=Path), metavar="FILE",
    help=f"Keys, one a line; clients need one of them. Or in the variable {_KEYS_VARIABLE}.",
)  # fmt: skip
@click.option(
    "--name", "names", multiple=True, metavar="NAME",
    help="A name that the server is called by, beside localhost. Repeatable.",
)  # fmt: skip
@click.option(
    "--origin", "origins", multiple=True, metavar="URL",
    help="A site whose pages may ask, such as https://shop.example. Repeatable.",
)  # fmt: skip
@device_option
@parallel_option
@click.option(
    "--queue", type=click.IntRange(min=0), default=64, show_default=True,
    help="Pictures that may wait; more are told to come again.",
)  # fmt: skip
@click.option(
    "--max-upload", type=click.IntRange(min=1), default=64, show_default=True, metavar="MB",
    help="Of one request.",
)  # fmt: skip
@click.option(
    "--max-pixels", type=click.IntRange(min=1), default=100, show_default=True,
    metavar="MEGAPIXELS", help="Of a picture that is sent or made.",
)  # fmt: skip
@click.option(
    "--max-seconds", type=click.FloatRange(min=0, min_open=True), default=300, show_default=True,
    metavar="SECONDS", help="That one picture may take.",
)  # fmt: skip
@keep_option
@click.option(
    "--broker", metavar="URL",
    help="A Redis in which jobs wait for workers: mattelier serve-worker. With --store.",
)  # fmt: skip
@click.option(
    "--store", metavar="PLACE",
    help="Where the files of jobs lie for workers: s3://bucket/prefix, or a shared folder.",
)  # fmt: skip
def serve(
    host: str,
    port: int,
    keys: Path | None,
    names: tuple[str, ...],
    origins: tuple[str, ...],
    device: str,
    parallel: int,
    queue: int,
    max_upload: int,
    max_pixels: int,
    max_seconds: float,
    keep: float,
    broker: str | None,
    store: str | None,
) -> int:
    """Serve all tasks over HTTP, with a web page, for this machine or for others.

    What is sent lies in a folder of its own while it is worked on, and is deleted with its result.
    """
    secrets = _read_keys(keys)
    if (broker is None) != (store is None):
        raise UsageError("--broker and --store belong together: jobs in one, files in the other.")
    with needing("serve"):
        from mattelier.service.guard import Access, digests
        from mattelier.service.limits import Limits
        from mattelier.service.queue import JobQueue
        from mattelier.service.server import LOOPBACK, is_loopback, listen
        from mattelier.service.server import serve as serve_on
    local = is_loopback(host)
    hosts = frozenset((*LOOPBACK, *names)) if local or names else frozenset()
    access = Access(digests(secrets), hosts, frozenset(one.rstrip("/") for one in origins))
    limits = Limits(
        upload_bytes=max_upload * _MB,
        pixels=max_pixels * _MB,
        direct_pixels=min(max_pixels * _MB, Limits.direct_pixels),
        seconds=max_seconds,
        queue=queue,
        parallel=parallel,
        keep_seconds=keep * 60,
    )
    from mattelier.commands.console import catch_warnings

    catch_warnings()
    make_queue: Callable[[Path, Limits], JobQueue] = JobQueue
    if broker is not None and store is not None:
        with needing("serve,queue"):
            from mattelier.service.shared import SharedQueue
        found = open_shared(broker, store, limits.keep_seconds)
        make_queue = partial(SharedQueue, ledger=found[0], store=found[1])
    listener = listen(host, port)
    if not local and not secrets:
        click.echo(
            f"Careful: everybody who reaches {host} may use this server; --keys FILE asks for one.",
            err=True,
        )
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}"
    serve_on(
        listener,
        access,
        limits,
        device=device,
        make_queue=make_queue,
        ready=lambda: click.echo(f"Mattelier serves on {address} (Ctrl-C ends it).", err=True),
    )
    click.echo("The server has ended.", err=True)
    sys.stdout.flush()
    os._exit(0)  # threads that still compute for nobody must not hold the process


@contextlib.contextmanager
def needing(extras: str) -> Iterator[None]:
    """The block imports what these extras bring.

    Raises
    ------
    EngineError
        They are not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("mattelier", ""):
            raise
        raise EngineError(
            f"The service needs more packages; install them with: pip install 'mattelier[{extras}]'"
        ) from None


def open_shared(broker: str, store: str, keep_seconds: float) -> tuple[Ledger, Store]:
    """The ledger and the store of these places; says it where one does not answer yet.

    Raises
    ------
    UsageError, EngineError
        One can never be used as it is named.
    """
    with needing("serve,queue"):
        from mattelier.service.ledger import Ledger
        from mattelier.service.refusal import Away
        from mattelier.service.stores import open_store

        files = open_store(store)
    ledger = Ledger(broker, keep_seconds)
    for check in (ledger.load, files.check):
        try:
            check()
        except Away as error:
            click.echo(f"{error.detail.partition(';')[0]} yet.", err=True)
    return ledger, files


def _read_keys(path: Path | None) -> list[str]:
    """The keys; none where neither a file nor the variable is given."""
    text = os.environ.get(_KEYS_VARIABLE, "")
    if path is not None:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(f"--keys {path} cannot be read: {reason}.") from None
    keys = text.split()
    if path is not None and not keys:
        raise UsageError(f"--keys {path} holds no key.")
    if short := [key for key in keys if len(key) < 16]:
        raise UsageError(f"A key of {len(short[0])} characters can be guessed; 16 are the least.")
    return keys
