"""`mattelier install blender`: what it did in a few lines, what it could not do, what is next."""

from __future__ import annotations

from pathlib import Path

import click

from mattelier.hosts import blender as host
from mattelier.hosts.blender_programs import MIN_VERSION, Blender, find_blenders, probe
from mattelier.hosts.engine import engine_command
from mattelier.types.errors import OutputError


@click.command(
    epilog="""\b
Examples:
  mattelier install blender                 into every Blender that is found here
  mattelier install blender --dry-run       say what would be done
  mattelier install blender --uninstall     take it out again
  mattelier install blender --blender ~/blender-4.5/blender

Run it again after an update of Blender or Mattelier, or when Mattelier has moved.""",
)
@click.option(
    "--blender",
    "programs",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="PROGRAM",
    help="Only this Blender. Repeatable.",
)
@click.option("--uninstall", is_flag=True, help="Take the add-on out of Blender.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def blender(programs: tuple[Path, ...], uninstall: bool, dry_run: bool) -> int:
    """Put Add → AI → Rotoscope, Upscale and Bokeh into Blender's compositor, 4.2 and later."""
    named = [_probe_named(program) for program in programs]
    found = [one for one in named if one] if named else find_blenders()
    failed = len(found) < len(named)
    command = [] if uninstall else engine_command()
    done = 0
    for one in found:
        if one.version < MIN_VERSION:
            _print_message(
                f"{one} is too old for the add-on; it was passed over, 4.2 or later can."
            )
            failed = failed or bool(named)
            continue
        try:
            done += _uninstall(one, dry_run) if uninstall else _install(one, command, dry_run)
        except OutputError as error:
            failed = True
            _print_message(f"mattelier: {error}")
    if uninstall:
        if not done and not failed:
            click.echo("Mattelier is in no Blender that was found.")
        return 3 if failed else 0
    if not done and not failed:
        _print_message(
            "mattelier: No Blender 4.2 or later was found; install one, or name its program with "
            "--blender."
        )
    if done and not dry_run:
        click.echo(f"The engine: {command[0]}")
        click.echo("In Blender's compositor: Add → AI. Restart a Blender that runs.")
        if any(one.sandbox for one in found):
            click.echo(
                "Blender as a flatpak cannot start programs: before you bake there, run "
                "`mattelier worker` in a terminal."
            )
    return 0 if done and not failed else 3


def _probe_named(program: Path) -> Blender | None:
    """The named program, or the one in a named folder; None, and told, where it is none."""
    inside = [program / name for name in ("blender", "blender.exe", "Contents/MacOS/Blender")]
    executable = next((file for file in inside if file.is_file()), program)
    found = probe(str(executable))
    if found is None:
        _print_message(f"mattelier: {program} does not start as Blender does.")
    return found


def _install(one: Blender, command: list[str], dry_run: bool) -> bool:
    if not dry_run:
        host.install(one, command)
    click.echo(f"{one}: {'would be installed' if dry_run else 'installed'}.")
    return True


def _uninstall(one: Blender, dry_run: bool) -> bool:
    installed = host.is_installed(one) if dry_run else host.uninstall(one)
    if installed:
        click.echo(f"{one}: {'would be removed' if dry_run else 'removed'}.")
    return installed


def _print_message(message: str) -> None:
    click.echo(message, err=True)
