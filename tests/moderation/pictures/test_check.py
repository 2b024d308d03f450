"""Detectors score and a policy rules: with the real detector, on pictures that depict nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from moderation.onnx_file import open_file, open_packaged
from moderation.pictures import nudenet, opennsfw, registry
from moderation.pictures.check import DetectorBroken, PictureCheck, highest, picture_stances, verdict_of
from moderation.policy import MATURE, Action, Change, ordinary, presets, standard
from moderation.verdict import Category, Ruling
from tests.pictures import FLAGGED, REFUSED, blobs, waves

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Redness:
    """A detector that scores red as nudity."""

    name: str = "redness"

    def score(self, picture: Image.Image) -> Mapping[Category, float]:
        return {Category.NUDITY: np.asarray(picture.resize((1, 1))).ravel()[0] / 255}


@pytest.fixture(scope="module")
def check() -> PictureCheck:
    return PictureCheck(registry.load_detectors(("opennsfw",)))


@pytest.mark.parametrize("side", [64, 128, 512])
def test_a_score_rules_by_the_policy_whatever_the_size(check: PictureCheck, side: int) -> None:
    refused = check.judge(blobs(REFUSED, side), standard())
    assert (refused.ruling, refused.category, refused.rule) == (Ruling.REFUSE, Category.SEXUAL, "opennsfw")
    assert refused.score > 0.85
    assert check.judge(blobs(FLAGGED, side), standard()).ruling is Ruling.FLAG
    assert check.judge(blobs(FLAGGED, side), presets()["family"]).ruling is Ruling.REFUSE
    assert check.judge(blobs(REFUSED, side), presets()["mature"]).ruling is Ruling.ALLOW


@pytest.mark.parametrize("policy", ["family", "standard", "mature"])
def test_harmless_pictures_pass(check: PictureCheck, policy: str) -> None:
    plain = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue", "white", "black")]
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8))
    for picture in [*plain, noise, *(waves(seed) for seed in range(6))]:
        assert check.judge(picture, presets()[policy]).ruling is Ruling.ALLOW


def test_the_stricter_of_two_detectors_wins(check: PictureCheck) -> None:
    both = PictureCheck([*check.detectors, Redness()])
    verdict = both.judge(Image.new("RGB", (64, 64), "red"), standard())
    assert (verdict.ruling, verdict.category, verdict.rule) == (Ruling.REFUSE, Category.NUDITY, "redness")
    assert both.judge(blobs(REFUSED), standard()).rule == "opennsfw"


def test_a_server_that_refuses_what_is_found_refuses_what_a_picture_is_flagged_for(
    check: PictureCheck,
) -> None:
    strict = standard().amended(Category.SEXUAL, Change(action=Action.REFUSE))
    assert check.judge(blobs(FLAGGED), strict).ruling is Ruling.REFUSE
    mild = standard().amended(Category.SEXUAL, Change(action=Action.FLAG))
    assert check.judge(blobs(REFUSED), mild).ruling is Ruling.FLAG


def test_a_mature_server_that_chose_to_refuse_has_pictures_looked_at(check: PictureCheck) -> None:
    strict = presets()[MATURE].amended(Category.SEXUAL, Change(action=Action.REFUSE))
    assert check.judge(blobs(REFUSED), strict).ruling is Ruling.REFUSE
    assert check.judge(waves(1), strict).ruling is Ruling.ALLOW


def test_every_policy_has_thresholds_for_pictures() -> None:
    for policy in presets().values():
        for stances in picture_stances(policy).values():
            assert all(0 < stance.flag <= stance.refuse <= 1 for stance in stances)


def test_what_a_mature_server_lets_pass_is_refused_in_its_ordinary_channels(check: PictureCheck) -> None:
    mature = presets()[MATURE]
    assert check.judge(blobs(REFUSED), mature).ruling is Ruling.ALLOW
    assert check.judge(blobs(REFUSED), ordinary(mature)).ruling is Ruling.REFUSE
    assert check.judge(blobs(FLAGGED), ordinary(mature)).ruling is Ruling.ALLOW


def test_a_check_without_detectors_is_none() -> None:
    with pytest.raises(ValueError, match="without a detector"):
        PictureCheck([])


def test_the_picture_is_prepared_as_the_network_was_trained() -> None:
    seen = opennsfw.prepared(Image.new("RGB", (300, 100), (10, 20, 30)))
    assert (seen.shape, seen.dtype) == ((1, 224, 224, 3), np.float32)
    assert seen[0, 0, 0].tolist() == [30 - 104, 20 - 117, 10 - 123], "blue first, the mean taken off"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("opensfw", "There are: opennsfw, nudenet, safety-checker"),
        ("safety-checker", "pictures.safety_checker is empty"),
        ("nudenet", "pip install --no-deps nudenet==3.4.2"),
    ],
)
def test_a_detector_that_is_missing_says_what_to_do(name: str, says: str) -> None:
    with pytest.raises(DetectorBroken) as broken:
        registry.load_detectors((name,))
    assert says in str(broken.value)


def test_nudenet_reads_what_is_exposed_and_nothing_else(tmp_path: Path) -> None:
    classes = np.zeros(18, np.float32)
    classes[[0, 1, 5, 13, 16]] = 0.9  # covered parts, a face, a man's chest, a belly
    classes[3] = 0.25
    found = np.concatenate([np.full(4, 160, np.float32), classes])[None, :, None].repeat(5, axis=2)
    found[0, 7, 2] = 0.75
    # A graph with a constant answer in the form of the real network, without its weights.
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node(
                "Constant", [], ["answer"], value=onnx.numpy_helper.from_array(found.astype(np.float32))
            )
        ],
        "answer",
        [onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, 320, 320])],
        [onnx.helper.make_tensor_value_info("answer", onnx.TensorProto.FLOAT, found.shape)],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "answer.onnx")
    detector = nudenet.NudeNet(onnxruntime.InferenceSession(tmp_path / "answer.onnx"))
    assert detector.score(waves(1, 200, 100)) == {Category.NUDITY: 0.75}
    seen = nudenet.prepared(Image.new("RGB", (200, 100), (255, 0, 0)))
    assert (seen.shape, seen.dtype) == ((1, 3, 320, 320), np.float32)
    assert seen[0, :, 10, 10].tolist() == [1, 0, 0]
    assert seen[0, :, 300, 10].tolist() == [0, 0, 0], "what is missing to a square is black, below"


def test_a_package_that_is_missing_or_came_without_its_file_is_said() -> None:
    for package, file, says in (
        ("no-such-package-at-all", "x.onnx", "is not installed"),
        ("pillow", "no-such-file.onnx", "no-such-file.onnx can't be loaded"),
        ("pillow", "PIL/__init__.py", "__init__.py can't be loaded"),
    ):
        with pytest.raises(DetectorBroken) as broken:
            open_packaged("mine", package, file, "Install it.")
        assert says in str(broken.value)
        assert str(broken.value).endswith("Install it.")


def test_of_two_looks_at_one_picture_the_higher_score_counts() -> None:
    first = {"a": {Category.SEXUAL: 0.9, Category.NUDITY: 0.1}, "b": {Category.GORE: 0.2}}
    second = {"a": {Category.SEXUAL: 0.3, Category.HATE: 0.4}, "c": {Category.NUDITY: 0.7}}
    both = {
        "a": {Category.SEXUAL: 0.9, Category.NUDITY: 0.1, Category.HATE: 0.4},
        "b": {Category.GORE: 0.2},
        "c": {Category.NUDITY: 0.7},
    }
    assert highest(first, second) == highest(second, first) == both
    assert highest(first, {}) == first
    found = verdict_of(highest(first, second), standard())
    assert (found.ruling, found.category, found.rule) == (Ruling.REFUSE, Category.SEXUAL, "a")


def test_onnx_runtime_is_told_to_send_nothing_before_it_opens_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def opened(*_: object, **_options: object) -> None:
        done.append("opened")

    monkeypatch.setattr(onnxruntime, "disable_telemetry_events", lambda: done.append("silenced"))
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    open_file(tmp_path / "any.onnx")
    assert done == ["silenced", "opened"]
