"""The command line: pictures in, results out, messages on stderr, data on stdout, true exit codes.

Exit codes: 0 all done, 2 wrong usage, 3 something failed, 130 interrupted. What is heavy (numpy,
decoders, engines) is imported by the command that needs it, so help and errors come at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import click

from mattelier.tasks.registry import TASKS
from mattelier.types.errors import MattelierError

_OTHERS = {
    "models": "List, show, get, verify and import models.",
    "doctor": "Check this installation and say what mends it.",
    "install": "Install into GIMP or Blender.",
    "roto": "Matte every frame of a shot from a few keys.",
    "live": "Cut out the frames of a camera or a pipe.",
    "farm": "Make a shot on many machines.",
    "inspect": "Say what pictures tell of themselves.",
    "watch": "Do what is put into a folder, as it comes.",
    "qc": "Report on a shot's mattes.",
    "worker": "Serve GIMP and Blender, warm.",
    "serve": "Serve over HTTP, with a web page.",
    "serve-worker": "Do the jobs of servers that share a queue.",
    "train": "Train on your own pictures or by a recipe.",
    "evaluate": "Measure results against truth.",
}


class LazyGroup(click.Group):
    """The registry's tasks and the other commands, each imported when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*TASKS, *_OTHERS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in TASKS and cmd_name not in _OTHERS:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        module = f"mattelier.commands.{name}"
        if find_spec(module) is None:  # a task without examples, checks or flags of its own
            from mattelier.commands.task_command import task_command

            return task_command(cmd_name)
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # A file or folder where a command might stand is to be cut out: `mattelier photo.jpg`.
        if self.get_command(ctx, args[0]) is None and os.path.lexists(args[0]):
            args = ["cutout", *args]
        name, command, rest = super().resolve_command(ctx, args)
        explains = name == "doctor" or ctx.resilient_parsing or {"-h", "--help"}.intersection(rest)
        if name and command and not explains:  # these work with a bad config file, too
            from mattelier.commands.config_defaults import config_defaults

            ctx.default_map = {name: config_defaults(ctx, name, command)}
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        tasks = {name: spec.help for name, spec in TASKS.items()}
        with formatter.section("Commands"):
            formatter.write_dl(list({**tasks, **_OTHERS}.items()))


def _print_version(ctx: click.Context, param: click.Parameter, requested: bool) -> None:
    if requested and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"mattelier {version('mattelier')}")
        except PackageNotFoundError:
            click.echo("mattelier, not installed")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Examples:
  mattelier photo.jpg                             photo-cutout.png beside it
  mattelier cutout photos -o cutouts --jobs 4     a folder with its sub-folders
  mattelier matte shot.exr -o matte.exr           the alpha alone
  mattelier doctor                                what is missing, and how to mend it""",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    allow_from_autoenv=False, help="Show the version.",
)  # fmt: skip
def cli() -> None:
    """Cut subjects out of pictures, on this machine, at full resolution."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one sentence on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console without Unicode still gets its message
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(
            args=arguments,
            prog_name="mattelier",
            standalone_mode=False,
            auto_envvar_prefix="MATTELIER",
        )
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except MattelierError as error:
        click.echo(f"mattelier: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("mattelier: interrupted.", err=True)
        return 130
    except BrokenPipeError:  # whoever read our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except Exception as error:
        from mattelier.log import log_unexpected

        sentence = f"mattelier: unexpected {type(error).__name__}: {error}"
        click.echo(f"{sentence}; details are in {log_unexpected(error)}.", err=True)
        return 3
