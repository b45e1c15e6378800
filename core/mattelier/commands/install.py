"""`mattelier install …`: what it did in a few lines, what it could not do, and what is next."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mattelier.commands.install_blender import blender
from mattelier.hosts import gimp as host
from mattelier.hosts.engine import engine_command
from mattelier.hosts.gimp_profiles import (
    Profile,
    Unstarted,
    find_profiles,
    find_unstarted,
    has_flatpak,
)
from mattelier.types.errors import OutputError


@click.group()
def install() -> None:
    """Install into GIMP or Blender."""


install.add_command(blender)


@install.command(
    "gimp",
    epilog="""\b
Examples:
  mattelier install gimp                 into every GIMP of this user
  mattelier install gimp --dry-run       say what would be done
  mattelier install gimp --uninstall     take it out again
  mattelier install gimp --profile ~/.config/GIMP/3.0

Run it again after an update of GIMP or Mattelier, or when Mattelier has moved.""",
)
@click.option(
    "--profile",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Only this folder of GIMP's (Edit → Preferences → Folders shows it). Repeatable.",
)
@click.option("--uninstall", is_flag=True, help="Take the plug-in out of GIMP.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
def gimp(folders: tuple[Path, ...], uninstall: bool, dry_run: bool) -> int:
    """Put Filters → AI into GIMP 3 and 2.10."""
    named = [Profile(f.parent if f.name == "plug-ins" else f) for f in folders]
    profiles = named or find_profiles()
    if uninstall:
        return _uninstall(profiles, dry_run)
    unstarted_installs = [] if named else find_unstarted()
    return _install(profiles, unstarted_installs, dry_run)


def _install(profiles: list[Profile], unstarted_installs: list[Unstarted], dry_run: bool) -> int:
    command = engine_command()
    done, failed = [], False
    for unstarted in unstarted_installs:
        if unstarted.console is None:
            _print_message(
                f"{unstarted.profile} has no profile yet; start it once, then run this again."
            )
            continue
        verb = "would be started" if dry_run else "is started"
        click.echo(f"{unstarted.profile}: {verb} once, without a window, to make its profile.")
        if dry_run or unstarted.start():
            profiles = [*profiles, unstarted.profile]
        else:
            _print_message(
                f"{unstarted.profile} made no profile; start it yourself, then run this again."
            )
    for profile in profiles:
        if profile.sandbox and profile.series == "2.10":
            _print_message(f"{profile} cannot reach the engine, so it was passed over; GIMP 3 can.")
            continue
        try:
            before = host.installation(profile)
            if not dry_run:
                host.install(profile, command)
        except OutputError as error:
            failed = True
            _print_message(f"mattelier: {error}")
            continue
        done.append(profile)
        verb = "would be installed into" if dry_run else "installed into"
        replaced = f" (before: {before.version})" if before else ""
        click.echo(f"{profile}: {verb} {profile.plugin}{replaced}")
    if not done and not failed:
        _print_message(
            "mattelier: No GIMP profile was found; start GIMP once and run this again, or name "
            "its folder with --profile (GIMP's Edit → Preferences → Folders shows it)."
        )
    if done and not dry_run:
        click.echo(f"The engine: {command[0]}")
        _print_next_steps(done)
    return 0 if done and not failed else 3


def _uninstall(profiles: list[Profile], dry_run: bool) -> int:
    removed, failed = 0, False
    for profile in profiles:
        try:
            if host.installation(profile) is None:
                continue
        except OutputError:
            _print_message(f"{profile.plugin} is not Mattelier's own folder; it stays.")
            continue
        try:
            if not dry_run:
                host.uninstall(profile)
        except OutputError as error:
            failed = True
            _print_message(f"mattelier: {error}")
            continue
        removed += 1
        verb = "would be removed" if dry_run else "removed"
        click.echo(f"{profile}: {verb} from {profile.plugin.parent}")
    if not removed and not failed:
        click.echo("Mattelier is in none of GIMP's profiles.")
    return 3 if failed else 0


def _print_next_steps(done: list[Profile]) -> None:
    click.echo("Restart GIMP; the tools are in its menu under Filters → AI.")
    sandboxes = {profile.sandbox for profile in done}
    if "flatpak" in sandboxes or has_flatpak():
        click.echo(
            "GIMP as a flatpak cannot start programs: before you use the tools there, run "
            "`mattelier worker` in a terminal."
        )
    if "snap" in sandboxes:
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or "/run/user/$UID") / "snap.gimp"
        click.echo(
            "GIMP as a snap cannot start programs: before you use the tools there, run "
            f"`MATTELIER_RUNTIME={folder / 'mattelier'} mattelier worker` in a terminal."
        )


def _print_message(message: str) -> None:
    click.echo(message, err=True)
