"""`mattelier qc`: a report on a shot's mattes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mattelier.shot.qc import Findings


def write_report(manifest: Path, path: Path | None = None) -> tuple[Findings, Path]:
    """Measure a shot and write its report, atomically; by default beside the results."""
    from mattelier.media.atomic import replacing
    from mattelier.shot.qc import examine
    from mattelier.shot.qc_report import report

    findings = examine(manifest)
    path = path or manifest.parents[2] / f"{findings.shot}_qc.html"
    with replacing(path) as temporary:
        temporary.write_text(report(findings), "utf-8")
    return findings, path


@click.command(
    epilog="""\b
Example:
  mattelier qc mattes/hero.####.exr -o hero.html"""
)
@click.argument("out")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Of the report. Default: SHOT_qc.html beside the results.",
)
def qc(out: str, output: Path | None) -> int:
    """Report on the mattes that mattelier roto wrote to OUT; it changes nothing.

    One HTML file: contact sheets, curves, and the frames that somebody should look at.
    """
    from mattelier.shot.qc import find_manifest

    findings, path = write_report(find_manifest(out), output)
    click.echo(f"{path}: {len(findings.frames)} frames.", err=True)
    click.echo(f"look at: {findings.look_at or 'nothing'}")
    for name, reasons in findings.flags.items():
        for reason, frames in reasons.items():
            click.echo(f"{name}: {reason}: {frames}")
    if findings.failed:
        click.echo(f"not written or unreadable: {findings.failed}")
    return 0
