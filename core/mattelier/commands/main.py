"""The command line: pictures in, results out, messages on stderr, data on stdout, true exit codes.

Exit codes: 0 all done, 2 wrong usage, 3 something failed, 130 interrupted. What is heavy (numpy,
decoders, engines) is imported by the command that needs it, so help and errors come at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mattelier.commands.options import (
    FileOptions,
    confidence_option,
    file_options,
    request_from_flags,
    request_options,
)
from mattelier.requests import CutoutRequest, HintRequest, MatteRequest, RefineRequest
from mattelier.types.errors import MattelierError, UsageError

if TYPE_CHECKING:
    from mattelier.batch.pool import Compute

_SUBJECT_BOX = ("crop", "padding", "match_light")


class LazyGroup(click.Group):
    """Commands that live elsewhere are listed here with their help and imported when run."""

    lazy: Mapping[str, tuple[str, str]] = {
        "upscale": ("mattelier.commands.upscale:upscale", "Enlarge pictures."),
        "denoise": ("mattelier.commands.denoise:denoise", "Remove noise and JPEG blocks."),
        "enhance": ("mattelier.commands.enhance:enhance", "Mend light and colour, match a look."),
        "style": ("mattelier.commands.style:style", "Paint pictures in another's style."),
        "bokeh": ("mattelier.commands.bokeh:bokeh", "Blur by depth as a wide lens does."),
        "depth": ("mattelier.commands.bokeh:depth", "Write a picture's depth map."),
        "models": (
            "mattelier.commands.models:models",
            "List, show, get, verify and import models.",
        ),
        "doctor": (
            "mattelier.commands.doctor:doctor",
            "Check this installation and say what mends it.",
        ),
        "install": ("mattelier.commands.install:install", "Install into GIMP or Blender."),
        "roto": ("mattelier.commands.roto:roto", "Matte every frame of a shot from a few keys."),
        "farm": ("mattelier.commands.farm:farm", "Make a shot on many machines."),
        "qc": ("mattelier.commands.qc:qc", "Report on a shot's mattes."),
        "worker": ("mattelier.commands.worker:worker", "Serve GIMP and Blender, warm."),
        "train": ("mattelier.commands.train:train", "Train on your own pictures or by a recipe."),
        "evaluate": ("mattelier.commands.evaluate:evaluate", "Measure results against truth."),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.lazy:
            module, _, attribute = self.lazy[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
        rows += [(name, text) for name, (_, text) in self.lazy.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _print_version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
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
  mattelier cutout photo.jpg                      photo-cutout.png beside it
  mattelier cutout photos -o cutouts --jobs 4     a folder with its sub-folders
  mattelier matte shot.exr -o matte.exr           the alpha alone
  mattelier doctor                                what is missing, and how to mend it""",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version.",
)  # fmt: skip
def cli() -> None:
    """Cut subjects out of pictures, on this machine, at full resolution."""


@cli.command(
    epilog="""\b
Examples:
  mattelier cutout photo.jpg -o subject.png
  mattelier cutout photos -o cutouts --format webp
  mattelier cutout group.jpg --box 120,80,400,900 --crop --padding 20
  mattelier cutout group.jpg --point 300,420 --point 700,400,-
  mattelier cutout photos -o cutouts --hint masks   (masks holds files of the same names)
  mattelier cutout portrait.jpg --background "#ff8800" -o orange.jpg
  mattelier cutout - < photo.jpg > subject.png

A folder is searched recursively and its structure kept; hidden files and earlier results are
passed over. Pictures whose results would share a name get their suffix into it."""
)
@file_options("png", "webp", "tiff", "exr", "jpg")
@request_options(CutoutRequest, omit=_SUBJECT_BOX)
@confidence_option
@request_options(CutoutRequest, only=_SUBJECT_BOX)
def cutout(confidence: bool, **flags: Any) -> int:
    """Cut the subject out: the picture with alpha and clean edge colour."""
    from mattelier.commands import console

    request = request_from_flags(CutoutRequest, flags)
    if request.padding and not request.crop:
        raise UsageError("--padding works together with --crop.")
    if request.background is not None:
        _check_background(request.background)
    elif request.match_light:
        raise UsageError("--match-light works together with --background.")

    def open_compute() -> Compute:
        from mattelier.commands.task_run import open_task, record
        from mattelier.media import stills

        cut = open_task(request)

        def compute(picture: Any, hint: Any) -> Any:
            result: Any = cut(picture, hint=hint)

            def save(path: Path) -> None:
                stills.write_cutout(path, result.picture)

            report = record(result.report)
            if not confidence:
                return save, report
            from mattelier.batch.confidence_files import with_confidence
            from mattelier.matting.compose import subject_box

            box = subject_box(result.alpha, request.padding) if request.crop else None
            shown = result.confidence if box is None else result.confidence[box.slices]
            return with_confidence(save, shown, result.picture), report

        return compute

    return console.run(
        "cutout",
        FileOptions.of(flags),
        request.matte.hint,
        open_compute,
        background=request.background,
        confidence=confidence,
    )


@cli.command(
    epilog="""\b
Examples:
  mattelier matte photo.jpg -o matte.png --bits 16
  mattelier matte plate.exr -o matte.exr
  mattelier matte photo.jpg --trimap trimap.png --quality best
  mattelier matte photos -o mattes --confidence   (mattes/NAME-confidence.png: white is sure)
  mattelier matte photos -o mattes --json > results.jsonl   (each line has its confidence)"""
)
@file_options("png", "tiff", "exr")
@request_options(MatteRequest)
@confidence_option
@click.option("--bits", type=click.Choice(["8", "16"]), help="Default: as deep as the picture.")
def matte(confidence: bool, bits: str | None, **flags: Any) -> int:
    """Write the alpha alone: white where the subject is."""
    from mattelier.commands import console

    request = request_from_flags(MatteRequest, flags)

    def open_compute() -> Compute:
        from mattelier.commands.task_run import open_task, record
        from mattelier.media import stills

        solve = open_task(request)
        depth = int(bits) if bits else None

        def compute(picture: Any, hint: Any) -> Any:
            result: Any = solve(picture, hint=hint)

            def save(path: Path) -> None:
                stills.write_matte(path, result.alpha, bits=depth, like=picture)

            report = record(result.report)
            if not confidence:
                return save, report
            from mattelier.batch.confidence_files import with_confidence

            return with_confidence(save, result.confidence, picture, depth or 16), report

        return compute

    return console.run(
        "matte", FileOptions.of(flags), request.hint, open_compute, confidence=confidence
    )


@cli.command(
    epilog="""\b
Examples:
  mattelier refine photo.jpg --mask rough.png -o matte.png
  mattelier refine photos --mask masks -o mattes --width 30   (files of the same names)"""
)
@file_options("png", "tiff", "exr")
@request_options(RefineRequest)
def refine(**flags: Any) -> int:
    """Solve a rough mask's edge again, as hair, fur or a clean line; writes the alpha."""
    from mattelier.commands import console

    request = request_from_flags(RefineRequest, flags)

    def open_compute() -> Compute:
        from mattelier.commands.task_run import open_task, record
        from mattelier.media import stills

        refine = open_task(replace(request, mask=None))  # each picture has its own

        def compute(picture: Any, hint: Any) -> Any:
            result: Any = refine(picture, mask=hint.mask)
            report = record(result.report)
            return lambda path: stills.write_matte(path, result.alpha, like=picture), report

        return compute

    hint = HintRequest(mask=request.mask)
    return console.run("refine", FileOptions.of(flags), hint, open_compute, mask_flag="--mask")


def _check_background(background: str) -> None:
    if background != "blur" and not os.path.isfile(background):
        from mattelier.types.colour import parse_colour

        try:
            parse_colour(background)
        except (MattelierError, ValueError):
            raise UsageError(
                f"--background {background} is neither a colour nor 'blur' nor a picture's file."
            ) from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; every failure is one sentence on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console without Unicode still gets its message
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(args=arguments, prog_name="mattelier", standalone_mode=False)
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
