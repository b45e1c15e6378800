"""The network that tracking remembers with, from a cut-out network's weights.

    python -m mattelier.train.track --start models/cutout/cutout.safetensors --out models/track

It is that one's first blocks as they are; the card is written by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import torch

from mattelier.learning.export import EMBEDDING_GRAPH, export_graph, file_entry
from mattelier.networks.track.network import EmbeddingNet
from mattelier.types.errors import MattelierError


@click.command()
@click.option("--start", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(start: Path, out: Path) -> None:
    """Write OUT/track.safetensors and OUT/track.onnx, and print what a card says of them."""
    from safetensors.torch import load_file

    network = EmbeddingNet().eval()
    state = load_file(start)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            value.copy_(state[name])
    export_graph(network, EMBEDDING_GRAPH, out, "track")
    for suffix in (".safetensors", ".onnx"):
        click.echo(file_entry(out / f"track{suffix}"))


if __name__ == "__main__":
    try:
        main()
    except MattelierError as error:
        sys.exit(f"{error}")
