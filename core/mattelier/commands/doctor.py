"""`mattelier doctor`: what is here, what is missing, and the command that mends it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from mattelier.doctor import Report, examine


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def doctor(as_json: bool) -> int:
    """Check this installation and say what mends it; exit code 0 when cut-outs can be made."""
    report = examine()
    if as_json:
        click.echo(json.dumps(asdict(report) | {"works": report.works}))
    else:
        _print(report)
    return 0 if report.works else 3


def _print(report: Report) -> None:
    def section(title: str, rows: dict[str, Any]) -> None:
        click.echo(title)
        for name, value in rows.items():
            click.echo(f"  {name:24} {value}")

    section("Versions", {name: text or "not installed" for name, text in report.versions.items()})
    section("Devices", report.devices)
    here = {True: "installed", False: "not installed"}
    section("Engines", {name: here[there] for name, there in report.engines.items()})
    section("Models", report.models)
    section("Best on this machine", report.best)
    section("Folders", report.folders)
    section("GIMP", report.gimp or {"none": "no profile was found"})
    for problem in report.problems:
        click.echo(f"{'✗' if problem.fatal else '!'} {problem.what}\n    mend: {problem.mend}")
    click.echo("Cut-outs can be made." if report.works else "Cut-outs cannot be made yet.")
