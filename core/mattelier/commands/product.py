"""`mattelier product`: a folder of photos becomes a shop's pictures, all of one kind."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.resources import files as resources
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mattelier.commands.config_defaults import flag_defaults
from mattelier.commands.options import FileOptions, request_options
from mattelier.commands.task_command import task_command
from mattelier.config import config_path
from mattelier.requests import ProductRequest, Size
from mattelier.requests.flat import flat_fields
from mattelier.requests.product import MAX_CANVAS_PX, parse_gradient
from mattelier.types.atomic import replacing
from mattelier.types.errors import OutputError, UsageError
from mattelier.types.plain_files import read_toml

if TYPE_CHECKING:
    from mattelier.batch.pool import Compute, Save
    from mattelier.batch.pool import Result as JobResult
    from mattelier.requests import HintRequest
    from mattelier.tasks.registry import TaskSpec
    from mattelier.types.result import Result

SETTINGS_FILE = "mattelier-product.toml"
SHEET_FILE = "contact-sheet.jpg"
REVIEW_FOLDER = "review"

_FORMATS = ("png", "webp", "tiff", "jpg", "ora", "psd", "exr")

Also = tuple[str, int | None]
"""A further file of each product: its format, and its longer side in pixels."""

_REMEMBERED = {
    "format", "also", "review_below", "sheet",
    "model", "quality", "edge_shift", "feather", "refine",
    *(leaf.name for leaf in flat_fields(ProductRequest, omit=("matte",))),
}  # fmt: skip
_ABOUT_SETTINGS = "# How the pictures of this folder are made; `mattelier product` reads it."


def _presets() -> dict[str, Path]:
    """Those of Mattelier, and the user's own beside the config file, which go before them."""
    found: dict[str, Path] = {}
    own = config_path()
    for folder in (
        Path(str(resources("mattelier.commands"))) / "presets",
        *([] if own is None else [own.parent / "presets"]),
    ):
        if folder.is_dir():
            found |= {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return found


def _read_preset(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    if name is None or ctx.resilient_parsing:
        return name
    path = Path(name) if name.endswith(".toml") else _presets().get(name)
    if path is None:
        raise UsageError(f"There is no preset {name!r}; there are {', '.join(_presets())}.")
    _lay_over(ctx, path)
    return name


def _lay_over(ctx: click.Context, path: Path) -> None:
    """A file of flags becomes defaults, and goes before those that there are."""
    try:
        values = read_toml(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{path} is not TOML: {error}.") from None
    found = flag_defaults(path, "product", ctx.command, values)
    ctx.default_map = {**(ctx.default_map or {}), **found}


class _ProductCommand(click.Command):
    """What was decided for a folder holds in it until something else is said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        output = next((b for a, b in pairwise(args) if a in ("-o", "--output")), None)
        settings = Path(output, SETTINGS_FILE) if output else None
        if settings is not None and settings.is_file() and not ctx.resilient_parsing:
            _lay_over(ctx, settings)
        return super().parse_args(ctx, args)


def _parse_also(
    ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]
) -> tuple[Also, ...]:
    found = []
    for text in texts:
        match = re.fullmatch(rf"({'|'.join(_FORMATS)})(?:@(\d+))?", text)
        if match is None or (match[2] and not 16 <= int(match[2]) <= MAX_CANVAS_PX):
            raise click.BadParameter(f"{text!r} is no FORMAT or FORMAT@PIXELS, such as webp@800.")
        found.append((match[1], int(match[2]) if match[2] else None))
    return tuple(found)


def _check(flags: dict[str, Any]) -> None:
    formats = {flags["format"], *(kind for kind, _ in flags["also"])}
    if flags["background"] == "transparent" and "jpg" in formats:
        raise UsageError("JPEG has no transparency; choose another format, or a --background.")
    if flags["background"] != "transparent" and not os.path.isfile(flags["background"]):
        parse_gradient(flags["background"])
    ctx = click.get_current_context()
    series = _Series(flags)
    # A watched folder has no end at which a sheet could be made.
    ctx.obj = partial(ctx.obj, **series.hooks) if ctx.obj else series.run


def _writer(flags: Mapping[str, Any], result: Result) -> Save:
    """What writes a product in all sizes and formats, where it belongs by its confidence."""
    from mattelier.commands.console import SUFFIXES
    from mattelier.media import stills
    from mattelier.media.layered import LAYER_SUFFIXES, write_layers
    from mattelier.types.resize import shrink

    picture = result.picture
    assert picture is not None

    def write(path: Path, side: int | None) -> None:
        if not flags["overwrite"] and os.path.lexists(path):
            raise OutputError(f"{path} exists already; add --overwrite to replace it.")
        if path.suffix in LAYER_SUFFIXES:
            layers = [replace(one, picture=shrink(one.picture, side)) for one in result.layers]
            write_layers(path, layers, shrink(picture, side))
        else:
            stills.write_cutout(path, shrink(picture, side))

    def save(path: Path) -> list[Path]:
        place = path.parent
        if _is_unsure(result.report.values(), flags):
            place = path.parent / REVIEW_FOLDER
            place.mkdir(exist_ok=True)
        made = [place / path.name]
        write(made[0], None)
        for kind, side in flags["also"]:
            stem = path.stem if side is None else f"{path.stem}-{side}"
            beside = place / f"{stem}{SUFFIXES[kind]}"
            if beside not in made:
                write(beside, side)
                made.append(beside)
        return made

    return save


def _review(output: Path) -> Path:
    """Where an unsure result waits."""
    return output.parent / REVIEW_FOLDER / output.name


def _is_unsure(report: Mapping[str, Any], flags: Mapping[str, Any]) -> bool:
    """Whether a person should look: a network in doubt, or a subject that the photo cuts off."""
    if not flags["review_below"]:
        return False
    confidence = report.get("confidence")
    in_doubt = confidence is not None and confidence < flags["review_below"]
    return in_doubt or bool(report.get("cut_off"))


@dataclass
class _Series:
    """One run over products."""

    flags: Mapping[str, Any]
    aside: list[Path] = field(default_factory=list)

    def run(
        self,
        spec: TaskSpec,
        files: FileOptions,
        hint: HintRequest,
        open_compute: Callable[[], Compute],
        **options: Any,
    ) -> int:
        """As `console.run`; then the sheet, and the folder remembers how it was made."""
        from mattelier.commands import console

        results = console.run_pictures(
            spec,
            files,
            hint,
            open_compute,
            **self.hooks,
            **options,
        )
        done = [result.job.output for result in results if result.error is None]
        if self.aside:
            click.echo(
                f"{len(self.aside)} of {len(done)} are less sure than "
                f"{self.flags['review_below']:g}, or cut off by their photo's border, and wait in "
                f"{self.aside[0].parent}.",
                err=True,
            )
        if files.output is not None and os.path.isdir(files.output) and done:
            folder = Path(files.output)
            _remember(folder, self.flags)
            if self.flags["sheet"]:
                from mattelier.batch.contact_sheet import write_contact_sheet

                write_contact_sheet(folder / SHEET_FILE, done, framed=self.aside)
                click.echo(f"{folder / SHEET_FILE} shows them all.", err=True)
        return console.exit_code(results)

    @property
    def hooks(self) -> dict[str, Any]:
        """What `console.run_pictures` is told of results that wait for review."""
        return {"finish": self._tell_place, "elsewhere": _review}

    def _tell_place(self, result: JobResult) -> JobResult:
        if result.error or not _is_unsure(result.report, self.flags):
            return result
        output = result.job.output
        self.aside.append(_review(output))
        return replace(result, job=replace(result.job, output=self.aside[-1]))


def _remember(folder: Path, flags: Mapping[str, Any]) -> None:
    import tomli_w

    ctx = click.get_current_context()
    told: dict[str, Any] = {}
    for param in ctx.command.params:
        name, value = str(param.name), flags.get(str(param.name))
        decided = ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
        if name not in _REMEMBERED or value is None or not decided:
            continue
        flag = param.opts[0].removeprefix("--")
        if isinstance(value, Size):
            told[flag] = f"{value.width}x{value.height}"
        elif name == "also":
            told[flag] = [kind if side is None else f"{kind}@{side}" for kind, side in value]
        elif name == "background" and os.path.isfile(value):
            told[flag] = os.path.abspath(value)
        else:
            told[flag] = value
    path = folder / SETTINGS_FILE
    with replacing(path) as temporary:
        temporary.write_text(f"{_ABOUT_SETTINGS}\n{tomli_w.dumps(told)}", "utf-8")


product = task_command(
    "product",
    about="""Put products on a shop's canvas: size, margin, background, shadow, all of one kind.""",
    notes="""\b
Examples:
  mattelier product photos -o shop --preset marketplace
  mattelier product photos -o shop --canvas 1600x2000 --background "#fff,#e4e4e4" --shadow make
  mattelier product photos -o shop --format jpg --also webp@800 --also psd
  mattelier product glass.jpg --see-through --background transparent --shadow keep
  mattelier product more -o shop --skip-existing     (made as the others in that folder)

A preset is a TOML file of these flags: one that comes with Mattelier (marketplace, studio, layers),
one of your own in "presets" beside the config file, or a path that ends in .toml. A folder holds
how its pictures were made in mattelier-product.toml. A flag goes before a preset, and that before
what the folder holds.""",
    options=[
        click.option(
            "--preset",
            callback=_read_preset,
            is_eager=True,
            metavar="NAME|FILE.toml",
            help="Flags from a file.",
        ),
        request_options(ProductRequest, omit=("matte",)),
        click.option(
            "--also",
            multiple=True,
            callback=_parse_also,
            metavar="FORMAT[@PIXELS]",
            help="Write another format, or NAME-PIXELS with that longer side, too; repeatable.",
        ),
        click.option(
            "--review-below",
            type=click.FloatRange(0, 1),
            default=0.9,
            show_default=True,
            metavar="0..1",
            help="Results less sure than this, and what its photo cuts off, go to the folder "
            "review, for a person to look at; 0: none do.",
        ),
        click.option(
            "--sheet/--no-sheet", default=True, help="Write contact-sheet.jpg into the folder."
        ),
        request_options(ProductRequest, only=("matte",)),
    ],
    formats=_FORMATS,
    check=_check,
    writer=_writer,
    cls=_ProductCommand,
)
