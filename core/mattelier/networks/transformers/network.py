"""The package transformers' networks behind the contracts: their own code, from local files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mattelier.catalogue import Input
from mattelier.networks.streams import Streams
from mattelier.types.errors import EngineError, ModelError

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is looked for anywhere but in the folder
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

try:
    import torch
    import torch.nn.functional as F  # noqa: N812 - as everybody calls it
    import transformers
    from torch import Tensor, nn
except ImportError as error:
    raise EngineError(
        "This network needs the package transformers and PyTorch; run `pip install "
        "'mattelier[transformers]'`."
    ) from error

_SURE_EVIDENCE = 0.99  # of a hint that is obeyed to the pixel, as a trimap's
_LIKELY_EVIDENCE = 0.5  # of one that is roughly right
_BAND_SHARE = 0.02  # of the longer side: how far a rough mask's edge may be off
_MASK_LOGIT = 6.0  # what a rough mask is taken to say of a pixel


def build(head: str, wrapper: str, folder: Path, seen: Input) -> nn.Module:
    """The network in a folder, behind its contract.

    Raises
    ------
    ModelError
        Weights are missing or do not fit.
    """
    model = load(head, folder)
    module: nn.Module = _WRAPPERS[wrapper](model, folder, seen)
    return module.eval()


def load(head: str, folder: Path) -> Any:
    """The network alone, as its package builds it.

    Raises
    ------
    ModelError
        Weights are missing or do not fit.
    """
    transformers.utils.logging.set_verbosity(transformers.logging.CRITICAL)
    transformers.utils.logging.disable_progress_bar()
    try:
        model, told = getattr(transformers, head).from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except Exception as error:  # of a dozen kinds, each library's its own
        reason = " ".join(str(error).split())[:160].rstrip(".") or type(error).__name__
        raise ModelError(f"The network in {folder} cannot be built ({reason}).") from error
    missing = [*told["missing_keys"], *(str(key) for key in told["mismatched_keys"])]
    if missing:
        raise ModelError(
            f"The weights in {folder} do not fit its configuration: {len(missing)} are missing, "
            f"such as {missing[0]}."
        )
    return model


class _Wrapped(nn.Module):
    def __init__(self, model: Any, folder: Path, seen: Input) -> None:
        super().__init__()
        self.model = model
        self._folder, self._seen = folder, seen


class Queries(_Wrapped):
    """MaskFormer and its kind: a class and a mask of each query."""

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        answer = self.model(pixel_values=picture)
        scores = answer.class_queries_logits[0].softmax(-1)[:, :-1]  # the last: no object
        return scores, answer.masks_queries_logits[0].sigmoid()


class Classes(_Wrapped):
    """One class for each pixel."""

    def forward(self, picture: Tensor) -> Tensor:
        shares: Tensor = self.model(pixel_values=picture).logits[0].softmax(0)
        return shares


class Classifier(_Wrapped):
    """What a picture shows as a whole, and which of its places say so."""

    def forward(self, picture: Tensor) -> Tensor:
        scores: Tensor = self.model(pixel_values=picture).logits.softmax(-1)
        return scores

    def activate(self, picture: Tensor, label: int) -> Tensor:
        """Grad-CAM (Selvaraju et al. 2017, ICCV) of a class: (h', w') 0…1.

        The last features are weighted by their gradients of the class's logit, each's mean over all
        places, summed, and what speaks against the class left out. Of networks of patches (ViT)
        they are those that go into the last block, as what comes out of it is asked at one place.
        """
        with torch.inference_mode(False), torch.enable_grad():
            answer = self.model(pixel_values=picture.clone(), output_hidden_states=True)
            features = self._last_features(answer)
            [gradient] = torch.autograd.grad(answer.logits[0, label], features)
            maps, slopes = (self._as_map(values, picture) for values in (features, gradient))
            cam = (slopes.mean((1, 2), keepdim=True) * maps).sum(0).relu().detach()
        return cam / cam.max().clamp(min=torch.finfo(cam.dtype).tiny)

    def _last_features(self, answer: Any) -> Tensor:
        hidden = answer.hidden_states
        pooled = getattr(answer, "reshaped_hidden_states", None) is not None  # Swin's: all places
        last: Tensor = hidden[-1] if pooled or hidden[-1].dim() == 4 else hidden[-2]
        return last

    def _as_map(self, values: Tensor, picture: Tensor) -> Tensor:
        """(C, h', w') of features in rows and columns, or of patches in one row after others."""
        if values.dim() == 4:
            return values[0]
        height, width = picture.shape[2:]
        count = values.shape[1]
        step = max(1, round((height * width / count) ** 0.5))
        rows, columns = height // step, width // step
        return values[0, count - rows * columns :].T.reshape(-1, rows, columns)


class Depth(_Wrapped):
    """Nearness, larger is nearer; metres are turned into it."""

    def forward(self, picture: Tensor) -> Tensor:
        depth: Tensor = self.model(pixel_values=picture).predicted_depth[:, None]
        if getattr(self.model.config, "depth_estimation_type", "relative") == "metric":
            return 1 / depth.clamp(min=1e-3)
        return depth


class Trimap(_Wrapped):
    """ViTMatte: what lies open between sure subject and sure background."""

    def forward(self, picture: Tensor, hint: Tensor) -> Tensor:
        trimap = trimap_of(hint)
        alphas: Tensor = self.model(pixel_values=torch.cat([picture, trimap], 1)).alphas
        known = trimap != 0.5
        return torch.where(known, trimap, alphas)


def trimap_of(hint: Tensor) -> Tensor:
    """(1, 2, h, w) evidence → (1, 1, h, w) of 0, 0.5 and 1; around a rough mask's edge all is open.

    ViTMatte's authors give the trimap as values 0…1 that are not normalised.
    """
    size = 2 * max(1, round(_BAND_SHARE * max(hint.shape[-2:]))) + 1
    likely = (hint > _LIKELY_EVIDENCE).float()
    well_inside = -F.max_pool2d(F.pad(-likely, (size // 2,) * 4, mode="replicate"), size, 1)
    known = ((hint > _SURE_EVIDENCE) | (well_inside > 0.5)).float()
    return 0.5 + 0.5 * (known[:, :1] - known[:, 1:])


class Prompt(_Wrapped):
    """SAM and its kind: one look, then clicks, boxes and masks."""

    def look(self, picture: Tensor) -> tuple[Tensor, ...]:
        size = self._seen.size
        rows, columns = size - picture.shape[2], size - picture.shape[3]
        padded = F.pad(picture, (0, columns, 0, rows))  # SAM 1 keeps the aspect
        features = self.model.get_image_embeddings(padded)
        return tuple(features) if isinstance(features, list | tuple) else (features,)

    def ask(self, *asked: Tensor) -> tuple[Tensor, Tensor]:
        *features, points, signs, box, known = asked
        settings: dict[str, Any] = {}
        if len(points):
            settings["input_points"] = points[None, None]
            settings["input_labels"] = signs[None, None].to(torch.int32)
        if len(box):
            settings["input_boxes"] = box[None, None]
        size = self._seen.size
        if known.numel():
            logits = _MASK_LOGIT * (2 * known[None, None] - 1)
            rows, columns = size - known.shape[0], size - known.shape[1]
            logits = F.pad(logits, (0, columns, 0, rows), value=-_MASK_LOGIT)
            # A quarter of the picture: what all of the kind take.
            settings["input_masks"] = F.interpolate(logits, (size // 4, size // 4), mode="area")
        kept: Any = list(features) if len(features) > 1 else features[0]
        answer = self.model(
            image_embeddings=kept,
            # One click may mean a thing or a part of it; more say which.
            multimask_output=len(points) + 2 * len(box) + known.numel() == 1,
            **settings,
        )
        return answer.pred_masks[0, 0].sigmoid(), answer.iou_scores[0, 0]


class _Video(Prompt):
    """Video networks: prompts, and subjects followed by what the last views showed."""

    network: str
    session: str

    def __init__(self, model: Any, folder: Path, seen: Input) -> None:
        super().__init__(model, folder, seen)
        self._video: Any = None  # built when it is first needed: it is the picture's network anew
        self._sessions: Streams[Any] = Streams()

    def follow(self, stream: int, place: int, picture: Tensor, first: Tensor) -> Tensor:
        if self._video is None:
            self._video = load(self.network, self._folder).eval().to(picture.device)
        session = self._begin(stream, first) if place == 0 else self._sessions[stream]
        answer = self._video(inference_session=session, frame=picture, frame_idx=place)
        self._forget(session, place)
        masks = F.interpolate(answer.pred_masks, picture.shape[2:], mode="bilinear")
        return masks[:, 0].sigmoid()

    def _begin(self, stream: int, first: Tensor) -> Any:
        session = getattr(transformers, self.session)(
            inference_device=first.device,
            inference_state_device=first.device,
            video_storage_device=first.device,
            dtype=torch.float32,  # the default is a word that torch does not take
        )
        numbers = list(range(1, len(first) + 1))
        for number, mask in zip(numbers, first, strict=True):
            subject = session.obj_id_to_idx(number)
            session.add_mask_inputs(subject, 0, (mask[None, None] >= 0.5).float())
        session.obj_with_new_inputs = numbers
        return self._sessions.begin(stream, session)

    def _forget(self, session: Any, place: int) -> None:
        """What is too long ago to be looked at again, so that long shots need no more memory."""
        session.processed_frames[place] = None  # their number counts
        kept = max(self._video.num_maskmem, self._video.config.max_object_pointers_in_encoder)
        for outputs in session.output_dict_per_obj.values():
            outputs["non_cond_frame_outputs"].pop(place - kept, None)


class Sam2Video(_Video):
    """SAM 2's."""

    network, session = "Sam2VideoModel", "Sam2VideoInferenceSession"


class EdgeTamVideo(_Video):
    """EdgeTAM's, which keeps less of each view; its backbone is the package timm's."""

    network, session = "EdgeTamVideoModel", "EdgeTamVideoInferenceSession"


class Phrases(_Wrapped):
    """Grounding DINO: boxes of what a phrase means."""

    def __init__(self, model: Any, folder: Path, seen: Input) -> None:
        super().__init__(model, folder, seen)
        self._tokens = _tokenizer(folder)

    def forward(self, picture: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        phrase = _phrase(text).lower().rstrip(".") + "."
        tokens = self._tokens([phrase], return_tensors="pt").to(picture.device)
        answer = self.model(pixel_values=picture, **tokens)
        # Of each box, how sure it is of its surest word; padding beyond the words is -inf.
        scores = answer.logits[0].sigmoid().amax(-1, keepdim=True)
        return scores, _corners(answer.pred_boxes[0])


class Queried(_Wrapped):
    """OWL: boxes of what a phrase means, by its likeness to CLIP's text."""

    def __init__(self, model: Any, folder: Path, seen: Input) -> None:
        super().__init__(model, folder, seen)
        self._tokens = _tokenizer(folder)
        self._length = int(model.config.text_config.max_position_embeddings)

    def forward(self, picture: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self._tokens(
            [_phrase(text)],
            padding="max_length",
            max_length=self._length,
            truncation=True,
            return_tensors="pt",
        ).to(picture.device)
        height, width = picture.shape[2:]
        black = -torch.tensor(self._seen.mean) / torch.tensor(self._seen.std)
        square = black.to(picture)[None, :, None, None].repeat(1, 1, *[self._seen.size] * 2)
        square[..., :height, :width] = picture  # OWLv2 keeps the aspect
        answer = self.model(
            pixel_values=square,
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
        )
        scale = torch.tensor([width, height] * 2).to(picture) / self._seen.size
        return answer.logits[0].sigmoid(), _corners(answer.pred_boxes[0]) / scale


def _tokenizer(folder: Path) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise ModelError(f"{folder} lacks what reads its text, tokenizer.json.") from error


def _phrase(text: Tensor) -> str:
    return bytes(text.to(torch.uint8).tolist()).decode()


def _corners(boxes: Tensor) -> Tensor:
    """Left, top, right and bottom of boxes that are given by centre and size."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat([centre - half, centre + half], 1)


_WRAPPERS: dict[str, Any] = {
    one.__name__: one
    for one in (
        Queries,
        Classes,
        Classifier,
        Depth,
        Trimap,
        Prompt,
        Sam2Video,
        EdgeTamVideo,
        Phrases,
        Queried,
    )
}
