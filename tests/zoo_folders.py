"""Folders as the package transformers' networks are published in: their layouts, made small.

Their weights are random, but scaled so that the answer differs from place to place: as they are
drawn by default, most networks answer the same everywhere, and any comparison would be empty.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
NAMES = {0: "person", 1: "car", 2: "tree"}


def write(kind: str, folder: Path) -> Any:
    """The network of that kind, saved as its authors save theirs; the network itself."""
    import torch

    torch.manual_seed(5)
    model, numbers = _KINDS[kind]()
    save(model, numbers, folder, kind)
    return model


def save(model: Any, numbers: dict[str, Any], folder: Path, kind: str) -> None:
    """A network with weights stirred, in a folder; `numbers` say how pictures are prepared."""
    stir(model)
    model.eval().save_pretrained(folder)
    numbers = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255} | numbers
    (folder / "preprocessor_config.json").write_text(json.dumps(numbers))
    if kind in _WORDS:
        _WORDS[kind](folder)


def write_finder(folder: Path) -> None:
    """A network that finds every word in a large part of a picture."""
    import torch

    model = write("grounding_dino", folder)
    with torch.no_grad():
        for head in model.bbox_embed:
            head.layers[-1].weight.zero_()
            head.layers[-1].bias.copy_(torch.tensor([0.0, 0.0, 6.0, 6.0]))
    model.save_pretrained(folder)
    # Of a square picture as small as its layout wants it would see one place alone.
    numbers = folder / "preprocessor_config.json"
    told = json.loads(numbers.read_text())
    numbers.write_text(json.dumps(told | {"size": {k: 2 * v for k, v in told["size"].items()}}))


def stir(model: Any) -> None:
    """Weights of the strength at which signals keep their size, and norms that did see pictures."""
    import torch

    with torch.no_grad():
        for name, values in model.named_parameters():
            if "obj_score_head.proj_out" in name:  # the object is there: else all is empty
                values.fill_(float(name.endswith("bias")))
            elif values.ndim > 1 and "embed" not in name:
                values.normal_(0, (2 / values[0].numel()) ** 0.5)
            elif name.endswith("bias"):
                values.normal_(0, 0.1)
            elif "norm" in name or "convs" in name or ".bn." in name:  # some begin with 0
                values.uniform_(0.5, 1.5)
        for name, values in model.named_buffers():
            if name.endswith("running_mean"):
                values.normal_(0, 0.1)
            elif name.endswith("running_var"):
                values.uniform_(0.5, 1.5)


def _swin() -> dict[str, Any]:
    return {
        "model_type": "swin", "image_size": 64, "embed_dim": 16, "depths": [1, 1, 1, 1],
        "num_heads": [2, 2, 2, 2], "window_size": 4,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
    }  # fmt: skip


def _mask2former() -> tuple[Any, dict[str, Any]]:
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    config = Mask2FormerConfig(
        backbone_config=SwinConfig(**_swin()), feature_size=32, mask_feature_size=32,
        hidden_dim=32, encoder_feedforward_dim=32, encoder_layers=1, decoder_layers=2,
        num_attention_heads=2, dim_feedforward=32, num_queries=8, id2label=NAMES,
    )  # fmt: skip
    numbers = IMAGENET | {"size": {"height": 64, "width": 64}, "size_divisor": 32}
    return Mask2FormerForUniversalSegmentation(config), numbers


def _maskformer() -> tuple[Any, dict[str, Any]]:
    from transformers import (
        DetrConfig,
        MaskFormerConfig,
        MaskFormerForInstanceSegmentation,
        SwinConfig,
    )

    decoder = DetrConfig(
        d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, num_queries=8,
    )  # fmt: skip
    config = MaskFormerConfig(
        backbone_config=SwinConfig(**_swin()), decoder_config=decoder, fpn_feature_size=32,
        mask_feature_size=32, id2label=NAMES,
    )  # fmt: skip
    numbers = IMAGENET | {"size": {"shortest_edge": 64, "longest_edge": 128}, "size_divisor": 32}
    return MaskFormerForInstanceSegmentation(config), numbers


def _segformer() -> tuple[Any, dict[str, Any]]:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        hidden_sizes=[8, 16, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2],
        decoder_hidden_size=16, id2label=NAMES,
    )  # fmt: skip
    return SegformerForSemanticSegmentation(config), IMAGENET | {"size": 64}


def _sam2(width: int = 32) -> tuple[Any, dict[str, Any]]:
    from transformers import Sam2Config, Sam2HieraDetConfig, Sam2Model, Sam2VisionConfig

    backbone = Sam2HieraDetConfig(
        hidden_size=8, image_size=[128, 128], num_attention_heads=1,
        blocks_per_stage=[1, 1, 2, 1], embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 2, 4, 8], window_size_per_stage=[8, 4, 8, 4],
        global_attention_blocks=[3], window_positional_embedding_background_size=[2, 2],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=width,
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )  # fmt: skip
    config = Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": width, "image_size": 128, "mask_input_channels": 8},
        mask_decoder_config={
            "hidden_size": width, "mlp_dim": 32, "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    return Sam2Model(config), IMAGENET | {"size": {"height": 128, "width": 128}}


def _sam2_video() -> tuple[Any, dict[str, Any]]:
    from transformers import Sam2VideoConfig, Sam2VideoModel

    still = _sam2(128)[0].config  # of its memories the width is fixed
    config = Sam2VideoConfig(
        vision_config=still.vision_config,
        prompt_encoder_config=still.prompt_encoder_config,
        mask_decoder_config=still.mask_decoder_config,
        image_size=128,
        memory_attention_hidden_size=128, memory_attention_num_layers=1,
        memory_attention_num_attention_heads=1, memory_attention_downsample_rate=1,
        memory_attention_feed_forward_hidden_size=32, memory_attention_rope_feat_sizes=[8, 8],
        memory_encoder_hidden_size=128, memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=128, memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=32, memory_fuser_num_layers=1,
    )  # fmt: skip
    return Sam2VideoModel(config), IMAGENET | {"size": {"height": 128, "width": 128}}


def _edgetam_video() -> tuple[Any, dict[str, Any]]:
    """Its backbone has one layout alone; what follows it is small."""
    from transformers import (
        EdgeTamVideoConfig,
        EdgeTamVideoModel,
        EdgeTamVisionConfig,
        TimmWrapperConfig,
    )

    settings = {"in_chans": 3, "features_only": True, "out_indices": [0, 1, 2, 3]}
    vision = EdgeTamVisionConfig(
        backbone_config=TimmWrapperConfig(architecture="repvit_m1", model_args=settings),
        fpn_hidden_size=128, backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
    )  # fmt: skip
    config = EdgeTamVideoConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 128, "image_size": 128, "mask_input_channels": 8},
        mask_decoder_config={
            "hidden_size": 128, "mlp_dim": 32, "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
        image_size=128,
        memory_attention_hidden_size=128, memory_attention_num_layers=1,
        memory_attention_mlp_hidden_size=32, memory_attention_rope_feat_sizes=[8, 8],
        memory_attention_rope_k_sizes=[4, 4], perceiver_resampler_num_latents=16,
        perceiver_resampler_num_latents_2d=16, memory_encoder_hidden_size=128,
        mask_downsampler_embed_dim=128, memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=32, memory_fuser_num_layers=1,
    )  # fmt: skip
    return EdgeTamVideoModel(config), IMAGENET | {"size": {"height": 128, "width": 128}}


def _sam() -> tuple[Any, dict[str, Any]]:
    from transformers import SamConfig, SamModel

    config = SamConfig(
        vision_config={
            "hidden_size": 16, "output_channels": 32, "num_hidden_layers": 2,
            "num_attention_heads": 2, "image_size": 128, "patch_size": 16, "window_size": 4,
            "num_pos_feats": 16,
            "global_attn_indexes": [1], "mlp_dim": 32,
        },
        prompt_encoder_config={
            "hidden_size": 32, "image_size": 128, "patch_size": 16, "mask_input_channels": 8,
        },
        mask_decoder_config={
            "hidden_size": 32, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    return SamModel(config), IMAGENET | {"size": {"longest_edge": 128}}


def _vitmatte() -> tuple[Any, dict[str, Any]]:
    from transformers import VitDetConfig, VitMatteConfig, VitMatteForImageMatting

    backbone = VitDetConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=64, patch_size=16,
        pretrain_image_size=64, num_channels=4, out_features=["stage2"], window_size=2,
    )  # fmt: skip
    config = VitMatteConfig(
        backbone_config=backbone, hidden_size=16, convstream_hidden_sizes=[8, 8, 8],
        fusion_hidden_sizes=[16, 16, 16, 16],
    )  # fmt: skip
    # As published pictures stay as they are; here they are small, as the network is.
    numbers = HALF | {"size": {"height": 128, "width": 128}, "do_pad": True, "size_divisor": 32}
    return VitMatteForImageMatting(config), numbers


def _depth_anything() -> tuple[Any, dict[str, Any]]:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone = Dinov2Config(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=70,
        out_features=["stage1", "stage2", "stage3", "stage4"], reshape_hidden_states=False,
    )  # fmt: skip
    config = DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16, head_hidden_size=8,
    )  # fmt: skip
    numbers = IMAGENET | {
        "size": {"height": 70, "width": 70}, "keep_aspect_ratio": True, "ensure_multiple_of": 14,
    }  # fmt: skip
    return DepthAnythingForDepthEstimation(config), numbers


def _write_bert_words(folder: Path) -> None:
    """A tokenizer of BERT's kind; some words have the numbers that Grounding DINO knows."""
    words = [f"[unused{number}]" for number in range(1100)]
    words[0], words[100:104] = "[PAD]", ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words[1012], words[1029] = ".", "?"
    words[1040:1044] = ["the", "red", "car", "ball"]
    (folder / "vocab.txt").write_text("\n".join(words))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    )


def _grounding_dino() -> tuple[Any, dict[str, Any]]:
    from transformers import (
        BertConfig,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        SwinConfig,
    )

    text = BertConfig(
        vocab_size=1100, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32,
    )  # fmt: skip
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(**_swin() | {"out_features": ["stage2", "stage3", "stage4"]}),
        text_config=text, num_queries=12, encoder_layers=1, decoder_layers=2, d_model=32,
        encoder_ffn_dim=32, decoder_ffn_dim=32, encoder_attention_heads=2,
        decoder_attention_heads=2, positional_embedding_temperature=20,
    )  # fmt: skip
    numbers = IMAGENET | {"size": {"shortest_edge": 64, "longest_edge": 128}}
    return GroundingDinoForObjectDetection(config), numbers


def _write_clip_words(folder: Path) -> None:
    """A tokenizer of CLIP's kind that knows letters alone."""
    letters = [chr(number) for number in range(33, 127)]
    words = [*letters, *(f"{one}</w>" for one in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "CLIPTokenizer"}))


def _owlv2() -> tuple[Any, dict[str, Any]]:
    from transformers import Owlv2Config, Owlv2ForObjectDetection

    small = {
        "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }  # fmt: skip
    config = Owlv2Config(
        text_config={**small, "vocab_size": 190, "max_position_embeddings": 16,
                     "bos_token_id": 188, "eos_token_id": 189, "pad_token_id": 0},
        vision_config={**small, "image_size": 64, "patch_size": 16},
        projection_dim=32,
    )  # fmt: skip
    numbers = IMAGENET | {"size": {"height": 64, "width": 64}, "do_pad": True}
    return Owlv2ForObjectDetection(config), numbers


def _resnet() -> tuple[Any, dict[str, Any]]:
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 24], depths=[1, 1, 1, 1], layer_type="basic",
        id2label=NAMES,
    )  # fmt: skip
    return ResNetForImageClassification(config), IMAGENET | {"size": {"shortest_edge": 96}}


def _vit() -> tuple[Any, dict[str, Any]]:
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=48,
        image_size=64, patch_size=8, id2label=NAMES,
    )  # fmt: skip
    return ViTForImageClassification(config), HALF | {"size": {"height": 64, "width": 64}}


def _swin_classifier() -> tuple[Any, dict[str, Any]]:
    from transformers import SwinConfig, SwinForImageClassification

    config = SwinConfig(**{**_swin(), "image_size": 128}, id2label=NAMES)
    return SwinForImageClassification(config), IMAGENET | {"size": {"height": 128, "width": 128}}


_WORDS = {"grounding_dino": _write_bert_words, "owlv2": _write_clip_words}
_KINDS: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "mask2former": _mask2former,
    "maskformer": _maskformer,
    "segformer": _segformer,
    "sam2": _sam2,
    "sam2_video": _sam2_video,
    "edgetam_video": _edgetam_video,
    "sam": _sam,
    "vitmatte": _vitmatte,
    "depth_anything": _depth_anything,
    "grounding_dino": _grounding_dino,
    "owlv2": _owlv2,
    "resnet": _resnet,
    "vit": _vit,
    "swin": _swin_classifier,
}
