"""Makes control maps of photographs with models of transformers: how near each pixel is, or where a person's limbs are.

They rest in the host's memory, and are on the device only while they work.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from transformers import AutoImageProcessor, AutoModelForDepthEstimation, VitPoseForPoseEstimation

from generation.control.kinds import ControlKind
from generation.files.images import fitted, open_picture
from generation.files.model_folder import read_json
from generation.request import ImageSize

Estimator = Callable[[bytes, ImageSize], Image.Image]
"""Returns the control map of a picture, cut to the size. Raises generation.files.images.PictureError."""

_METRIC = ("ZoeDepth", "GLPN", "DepthPro")
"""Beginnings of the classes of models that tell metres. Others tell how near a pixel is."""

_SURE = 0.3
"""From this value of its heatmap on, a joint counts as seen."""

_LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
"""Pairs of joints in the order of OpenPose, which nets for poses were trained with: nose, neck, right arm, left arm, right leg,
left leg, right eye, left eye, ears. See https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/doc/02_output.md
"""
_OF_COCO = (0, None, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""For each of these joints, its number among the 17 of COCO. The neck is between the shoulders."""

_Point = tuple[float, float]  # pixels


def load_estimator(kind: ControlKind, folder: Path, device: torch.device) -> Estimator:
    return (DepthEstimator if kind is ControlKind.DEPTH else PoseEstimator)(folder, device)


class DepthEstimator:
    def __init__(self, folder: Path, device: torch.device) -> None:
        named: dict[str, Any] = {"local_files_only": True}
        self.model: Any = AutoModelForDepthEstimation.from_pretrained(folder, use_safetensors=True, **named)
        self._processor: Any = AutoImageProcessor.from_pretrained(folder, **named)
        self._device = device
        told = getattr(self.model.config, "depth_estimation_type", "relative")
        self.is_metric = told == "metric" or type(self.model).__name__.startswith(_METRIC)

    @torch.inference_mode()
    def __call__(self, content: bytes, size: ImageSize) -> Image.Image:
        picture = fitted(open_picture(content), size)
        pixels = self._processor(images=picture, return_tensors="pt")["pixel_values"]
        depth = _computed(self.model, pixels, self._device).predicted_depth
        if depth.ndim == 3:
            depth = depth[:, None]
        full = torch.nn.functional.interpolate(depth.float(), (size.height, size.width), mode="bicubic")[0, 0]
        near = -full if self.is_metric else full
        low, high = near.min(), near.max()
        grey = ((near - low) / (high - low).clamp(min=1e-6) * 255).round().to(torch.uint8).numpy()
        return Image.fromarray(grey).convert("RGB")


class PoseEstimator:
    """Finds one person, who should fill most of the picture: there is no detector before it."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.model: Any = VitPoseForPoseEstimation.from_pretrained(
            folder, use_safetensors=True, local_files_only=True
        )
        self._device = device
        told = read_json(str(folder), folder / "preprocessor_config.json")
        height, width = self.model.config.backbone_config.image_size
        self._box = ImageSize(width=width, height=height)
        self._mean, self._deviation = (
            torch.tensor(told.get(key, usual)).view(1, 3, 1, 1)
            for key, usual in (("image_mean", (0.485, 0.456, 0.406)), ("image_std", (0.229, 0.224, 0.225)))
        )

    def __call__(self, content: bytes, size: ImageSize) -> Image.Image:
        picture = fitted(open_picture(content), size)
        return drawn_pose(self.joints(picture), size)

    @torch.inference_mode()
    def joints(self, picture: Image.Image) -> list[_Point | None]:
        """Returns the joints of COCO in pixels of the picture; None for those that are not seen."""
        scale = min(self._box.width / picture.width, self._box.height / picture.height)
        inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        left, top = (self._box.width - inner[0]) // 2, (self._box.height - inner[1]) // 2
        canvas = Image.new("RGB", (self._box.width, self._box.height))
        canvas.paste(picture.resize(inner, Image.Resampling.BILINEAR), (left, top))
        pixels = torch.from_numpy(np.array(canvas)).movedim(-1, 0)[None].float() / 255
        more: dict[str, Tensor] = {}
        if getattr(self.model.config.backbone_config, "num_experts", 1) > 1:
            more["dataset_index"] = torch.zeros(1, dtype=torch.int64)  # COCO
        normal = (pixels - self._mean) / self._deviation
        maps = _computed(self.model, normal, self._device, **more).heatmaps[0].numpy()
        found: list[_Point | None] = []
        for each in maps:
            x, y = _peak(each)
            at = (x + 0.5) * self._box.width / each.shape[1], (y + 0.5) * self._box.height / each.shape[0]
            is_seen = each.max() >= _SURE
            found.append(((at[0] - left) / scale, (at[1] - top) / scale) if is_seen else None)
        return found


def drawn_pose(joints: list[_Point | None], size: ImageSize) -> Image.Image:
    """Draws limbs in the colours of OpenPose. `joints`: the 17 of COCO."""
    shoulders = [each for each in (joints[5], joints[6]) if each is not None]
    neck = None
    if len(shoulders) == 2:
        neck = ((shoulders[0][0] + shoulders[1][0]) / 2, (shoulders[0][1] + shoulders[1][1]) / 2)
    points = [neck if number is None else joints[number] for number in _OF_COCO]
    canvas = Image.new("RGB", (size.width, size.height))
    draw = ImageDraw.Draw(canvas)
    thick = max(2, max(size.width, size.height) // 128)
    for number, (one, other) in enumerate(_LIMBS):
        start, end = points[one], points[other]
        if start is not None and end is not None:
            draw.line([start, end], fill=_colour(number, 0.6), width=thick)
    for number, point in enumerate(points):
        if point is not None:
            x, y = point
            draw.ellipse([x - thick, y - thick, x + thick, y + thick], fill=_colour(number, 1.0))
    return canvas


def _colour(number: int, brightness: float) -> tuple[int, int, int]:
    """Returns one of the 18 colours of OpenPose: red, orange, yellow, … around the circle."""
    sixth, share = divmod(number / 3, 1)
    rising, falling = round(255 * brightness * share), round(255 * brightness * (1 - share))
    full = round(255 * brightness)
    return [
        (full, rising, 0),
        (falling, full, 0),
        (0, full, rising),
        (0, falling, full),
        (rising, 0, full),
        (full, 0, falling),
    ][int(sixth) % 6]


def _peak(heatmap: npt.NDArray[np.float32]) -> _Point:
    """Returns the highest place, a quarter of a cell towards its higher neighbours."""
    y, x = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
    wide = np.pad(heatmap, 1, mode="edge")
    return (
        float(x + 0.25 * np.sign(wide[y + 1, x + 2] - wide[y + 1, x])),
        float(y + 0.25 * np.sign(wide[y + 2, x + 1] - wide[y, x + 1])),
    )


def _computed(model: Any, pixels: Tensor, device: torch.device, **more: Tensor) -> Any:
    """Calls the model on the device. Its outputs are in the host's memory."""
    model.to(device)
    try:
        out = model(pixels.to(device), **{name: value.to(device) for name, value in more.items()})
        return type(out)(**{name: value.cpu() for name, value in out.items() if isinstance(value, Tensor)})
    finally:
        model.to("cpu")
