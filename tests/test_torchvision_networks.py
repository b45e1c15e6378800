"""torchvision's networks: as their own code runs them, through our doors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zoo_weights

from mattelier.catalogue import Store
from mattelier.engines.open import open_model


def save(model: Any, path: Path) -> Any:
    """The network with weights at which its answer varies, saved as torchvision's are."""
    import torch

    shapes = ((name, tuple(values.shape)) for name, values in model.state_dict().items())
    state = {name: torch.from_numpy(v) for name, v in zoo_weights.weights(shapes).items()}
    for key, values in state.items():
        if key.endswith("bn3.weight"):  # or residuals add up without end
            values *= 0.2
        elif "bbox_pred" in key:  # or boxes leave the picture
            values *= 0.02
    model.load_state_dict(state)
    torch.save(model.state_dict(), path)
    return model.eval()


def assert_same(ours: Any, theirs: Any) -> None:
    expected = theirs.numpy()
    assert ours.shape == expected.shape
    spread = float(np.ptp(expected))
    assert expected.std() > 0.01 * spread > 1e-6
    assert np.abs(ours - expected).max() <= 1e-4 * spread


@pytest.mark.spandrel
@pytest.mark.parametrize(
    ("name", "count"),
    [("deeplabv3_mobilenet_v3_large", 21), ("deeplabv3_resnet50", 5)],
)
def test_deeplab(name: str, count: int, tmp_path: Path) -> None:
    import torch
    from torchvision.models import segmentation

    model = getattr(segmentation, name)(
        weights=None, weights_backbone=None, num_classes=count, aux_loss=count == 21
    )
    official = save(model, tmp_path / "deeplab.pth")
    opened = open_model(tmp_path / "deeplab.pth", Store(), "cpu", task="objects")
    assert opened.labels[-1] == ("tvmonitor" if count == 21 else "4")
    picture = zoo_weights.samples(72, 96)
    ours = opened.run({"picture": picture})["classes"]
    with torch.inference_mode():
        assert_same(ours, official(torch.from_numpy(picture))["out"][0].softmax(0))


@pytest.mark.spandrel
@pytest.mark.parametrize("name", ["maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2"])
def test_mask_rcnn(name: str, tmp_path: Path) -> None:
    import torch
    from torchvision.models import detection

    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=91)
    official = save(model, tmp_path / "mask.pth")
    opened = open_model(tmp_path / "mask.pth", Store(), "cpu", task="objects")
    assert opened.labels[1] == "person"
    assert opened.labels[90] == "toothbrush"
    picture = (0.5 + 0.2 * zoo_weights.samples(128, 160)).clip(0, 1)
    with torch.inference_mode():
        found = official([torch.from_numpy(picture[0])])[0]
    assert len(found["scores"]) > 0
    answer = opened.run({"picture": picture})
    assert_same(answer["masks"], found["masks"][:, 0])
    assert np.allclose(answer["scores"].max(1), found["scores"], atol=1e-4)
    assert (answer["scores"].argmax(1) == found["labels"].numpy()).all()


def test_without_torchvision_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    from safetensors.numpy import save_file

    from mattelier.commands.main import main

    pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setenv("MATTELIER_MODELS", str(tmp_path / "models"))
    names = ["backbone.0.0.weight", "classifier.0.convs.0.0.weight", "classifier.4.weight"]
    save_file({name: np.zeros((21, 1), np.float32) for name in names}, tmp_path / "d.safetensors")
    assert main(["models", "import", str(tmp_path / "d.safetensors")]) == 3
    assert "torchvision is missing" in capsys.readouterr().err
    assert not (tmp_path / "models" / "d").exists()
