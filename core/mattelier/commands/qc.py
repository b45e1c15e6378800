"""`mattelier qc`: a report on a shot's mattes."""

from __future__ import annotations

from pathlib import Path

import click


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

    One HTML file: contact sheets, curves, and the frames that somebody should look at; of mattes
    that may be wrong the worst first, and the frame at which a key (roto --key) helps most.
    """
    from mattelier.shot.qc import find_manifest
    from mattelier.shot.qc_report import write_report

    findings, path = write_report(find_manifest(out), output)
    click.echo(f"{path}: {len(findings.frames)} frames.", err=True)
    click.echo(f"look at: {findings.look_at or 'nothing'}")
    for name, reasons in findings.flags.items():
        for reason, frames in reasons.items():
            click.echo(f"{name}: {reason}: {frames}")
        if worst := findings.worst_first(name):
            click.echo(f"{name}: worst first: {', '.join(map(str, worst))}")
            click.echo(f"{name}: a key helps most at: {findings.next_key(name)}")
    if findings.failed:
        click.echo(f"not written or unreadable: {findings.failed}")
    return 0
