"""Models that make control maps: of depths and of poses."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generation.control.kinds import Control, ControlEntry, ControlKind
from generation.request import ImageSize, InputPicture, Role
from generation.worker.control.estimators import DepthEstimator, PoseEstimator, drawn_pose
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order, png
from tests.tiny_controls import tiny_controlnet, tiny_depth_model, tiny_pose_model

pytestmark = pytest.mark.slow

SIZE, CPU = ImageSize(width=96, height=64), torch.device("cpu")


@pytest.fixture(scope="module")
def depth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_depth_model(tmp_path_factory.mktemp("depth"))


@pytest.fixture(scope="module")
def pose(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_pose_model(tmp_path_factory.mktemp("pose"))


def test_what_is_near_is_white(depth: Path) -> None:
    made = DepthEstimator(depth, CPU)
    found = np.asarray(made(png(side=80), SIZE).convert("L"))
    assert found.shape == (64, 96) and (found.min(), found.max()) == (0, 255)
    made.is_metric = True  # of a model that tells metres
    assert (np.asarray(made(png(side=80), SIZE).convert("L")).astype(int) + found - 255 <= 1).all()


class Heatmaps(torch.nn.Module):
    """Sees every joint at its own place, and the last one not at all."""

    config = SimpleNamespace(backbone_config=SimpleNamespace())

    def forward(self, pixels: torch.Tensor) -> Any:
        assert pixels.shape == (1, 3, 64, 48)
        maps = torch.zeros(1, 17, 16, 12)
        for joint in range(16):
            maps[0, joint, 4 + joint // 4, 2 + joint % 4] = 0.9
        return Found(heatmaps=maps)


class Found(dict[str, torch.Tensor]):
    heatmaps = property(lambda self: self["heatmaps"])


def test_joints_are_found_where_they_are_in_the_picture(pose: Path) -> None:
    made = PoseEstimator(pose, CPU)
    assert len(made.joints(Image.new("RGB", (96, 64)))) == 17
    made.model = Heatmaps()
    joints = made.joints(Image.new("RGB", (96, 64)))
    # 96 × 64 lies in 48 × 64 at half its size, 16 pixels from the top; a cell of a heatmap has four pixels.
    assert joints[16] is None and joints[0] == pytest.approx((20, 4)) and joints[5] == pytest.approx((28, 12))


def test_limbs_have_the_colours_of_openpose() -> None:
    joints: list[tuple[float, float] | None] = [None] * 17
    joints[5], joints[6], joints[8] = (70.0, 20.0), (30.0, 20.0), (30.0, 50.0)
    found = np.asarray(drawn_pose(joints, SIZE))
    assert tuple(found[20, 40]) == (153, 0, 0), "from the neck to the right shoulder"
    assert tuple(found[20, 60]) == (153, 51, 0), "and to the left one"
    assert tuple(found[35, 30]) == (153, 102, 0), "the right arm"
    assert tuple(found[20, 50]) == (255, 85, 0), "the neck"
    assert not found[40:, 40:].any()


def test_a_photograph_serves_where_a_model_makes_its_map(
    sd_folder: Path, depth: Path, pose: Path, tmp_path: Path
) -> None:
    net = str(tiny_controlnet(tmp_path / "net", sd_folder))
    controls = ControlEntry(depth=net, pose=net, depth_model=str(depth), pose_model=str(pose))
    one = model(sd_folder, controls=controls)
    assert one.abilities.prepared_only == ()
    found: list[torch.Tensor] = []
    for kind in (ControlKind.DEPTH, ControlKind.POSE):
        picture = InputPicture(source=png(), role=Role.CONTROL, control=Control(kind=kind))
        control = one.seat(order(pictures=(picture,)).drawing, 0).rows[0].control
        assert control is not None and control.kind is kind
        found.append(control.picture)
    assert found[0].shape == (3, 64, 64) and float(found[0].max()) == 1
    assert not torch.equal(*found)
