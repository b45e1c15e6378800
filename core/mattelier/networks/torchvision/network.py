"""torchvision's networks behind the contracts, by their own code."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mattelier.networks.architecture import State, with_weights
from mattelier.types.errors import EngineError


def build(state: State, name: str) -> nn.Module:
    """The network of a state dict, behind its contract.

    Raises
    ------
    EngineError
        torchvision is not installed, or does not fit PyTorch.
    RuntimeError
        The weights do not fit.
    """
    try:
        from torchvision.models import detection, segmentation  # type: ignore
    except (ImportError, RuntimeError):
        raise EngineError(
            f"{name} is a network of torchvision's, and torchvision is missing or does not fit "
            "PyTorch; run `pip install torchvision`."
        ) from None
    untrained: dict[str, Any] = {"weights": None, "weights_backbone": None}
    if "roi_heads.mask_predictor.mask_fcn_logits.weight" in state:
        second = "backbone.fpn.inner_blocks.0.1.weight" in state  # its pyramid is normed
        make = detection.maskrcnn_resnet50_fpn_v2 if second else detection.maskrcnn_resnet50_fpn
        count = len(state["roi_heads.box_predictor.cls_score.weight"])
        return Instances(with_weights(make(**untrained, num_classes=count), state)).eval()
    if "backbone.0.0.weight" in state:
        make = segmentation.deeplabv3_mobilenet_v3_large
    elif "backbone.layer3.22.conv1.weight" in state:
        make = segmentation.deeplabv3_resnet101
    else:
        make = segmentation.deeplabv3_resnet50
    auxiliary = any(key.startswith("aux_classifier.") for key in state)
    count = len(state["classifier.4.weight"])
    model = make(**untrained, num_classes=count, aux_loss=auxiliary)
    return Classes(with_weights(model, state)).eval()


class Instances(nn.Module):
    """Mask R-CNN: the objects that it is sure enough of."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        [found] = self.model([picture[0]])
        count = self.model.roi_heads.box_predictor.cls_score.out_features
        labels = nn.functional.one_hot(found["labels"], count)
        return labels * found["scores"][:, None], found["masks"][:, 0]


class Classes(nn.Module):
    """DeepLabV3: a class for each pixel."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, picture: Tensor) -> Tensor:
        shares: Tensor = self.model(picture)["out"][0].softmax(0)
        return shares
