"""ControlNets in a model's entry that can't be used are reported before torch is loaded, each with a sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generation.control.kinds import ControlEntry
from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from tests.generation.worker.requests import entry
from tests.tiny_controls import tiny_controlnet, tiny_depth_model, tiny_union
from tests.tiny_models import edit_json, tiny_sd, tiny_sd3, tiny_sdxl

pytestmark = pytest.mark.slow

WEIGHTS = "diffusion_pytorch_model"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("folders")
    sd, xl = tiny_sd(top / "sd"), tiny_sdxl(top / "xl")
    return {
        "sd": sd,
        "xl": xl,
        "sd3": tiny_sd3(top / "sd3"),
        "net": tiny_controlnet(top / "net", sd),
        "union": tiny_union(top / "union", xl),
        "depth": tiny_depth_model(top / "depth"),
    }


def test_whole_nets_are_counted_once_each(folders: dict[str, Path]) -> None:
    net, union = str(folders["net"]), str(folders["union"])
    alone = inspect_entry(entry(folders["sd"])).bytes(1)
    found = inspect_entry(entry(folders["sd"], controls=ControlEntry(scribble=net, edges=net)))
    assert found.is_complete and alone is not None
    assert found.bytes(1) == alone + found.controls.weights and found.controls.weights > 10_000
    found = inspect_entry(entry(folders["xl"], controls=ControlEntry(pose=union, depth=union)))
    assert found.controls.weights > 10_000


def test_a_hub_name_is_fetched_later(folders: dict[str, Path]) -> None:
    controls = ControlEntry(scribble="owner/net", edges="owner/net", depth=str(folders["net"]))
    found = inspect_entry(entry(folders["sd"], controls=controls))
    assert found.parts_to_fetch == ("owner/net",) and not found.is_complete


def as_pickle(folder: Path) -> None:
    (folder / f"{WEIGHTS}.safetensors").rename(folder / f"{WEIGHTS}.bin")


def half_alone(folder: Path) -> None:
    (folder / f"{WEIGHTS}.safetensors").rename(folder / f"{WEIGHTS}.fp16.safetensors")


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def with_config(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / "config.json", **changes)


@pytest.mark.parametrize(
    ("model", "net", "damage", "said"),
    [
        ("sd", "net", shutil.rmtree, "There is no such folder. Name an existing folder"),
        ("sd", "net", as_pickle, "as *.bin only; such files may run code"),
        ("sd", "net", half_alone, "weights of a variant alone"),
        ("sd", "net", with_config(cross_attention_dim=768), "Its cross_attention_dim is 768 where the model's is 32"),
        ("sd", "net", with_config(block_out_channels=[320, 640]), "Its block_out_channels is [320, 640]"),
        ("sd", "net", with_config(in_channels=9), "Its in_channels is 9 where the model's is 4"),
        ("sd", "net", with_config(conditioning_channels=1), "Its control maps have 1 channels, not 3"),
        ("sd", "net", with_config(addition_embed_type="text_time"), "Its addition_embed_type is text_time"),
        ("sd", "union", None, "of the class ControlNetUnionModel, and a StableDiffusionPipeline takes a ControlNetModel."),
        ("sd", "sd", None, "config.json"),
        ("xl", "net", None, "where the model's is"),
        ("sd3", "net", None, "A StableDiffusion3Pipeline takes no ControlNet here. Remove `controls`."),
    ],
)  # fmt: skip
def test_a_net_that_does_not_fit_is_a_sentence(
    folders: dict[str, Path],
    tmp_path: Path,
    model: str,
    net: str,
    damage: Callable[[Path], None] | None,
    said: str,
) -> None:
    folder = shutil.copytree(folders[net], tmp_path / "net")
    if damage:
        damage(folder)
    with pytest.raises(BrokenModelFolder) as broken:
        inspect_entry(entry(folders[model], controls=ControlEntry(edges=str(folder))))
    assert said in str(broken.value) and f"controls.edges = {folder}" in str(broken.value)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "There is no such folder."),
        (with_config(architectures=["CLIPModel"]), "It holds a CLIPModel. Name the folder of a transformers model"),
        (with_config(architectures=None), "It holds a model without a class."),
        (without("preprocessor_config.json"), "preprocessor_config.json"),
        (without("model.safetensors"), "It holds no weights (*.safetensors)."),
    ],
)  # fmt: skip
def test_a_model_that_makes_no_maps_is_a_sentence(
    folders: dict[str, Path], tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    whole, net = folders["depth"], str(folders["net"])
    inspect_entry(entry(folders["sd"], controls=ControlEntry(depth=net, depth_model=str(whole))))
    folder = shutil.copytree(whole, tmp_path / "depth")
    damage(folder)
    with pytest.raises(BrokenModelFolder) as broken:
        inspect_entry(entry(folders["sd"], controls=ControlEntry(depth=net, depth_model=str(folder))))
    assert said in str(broken.value) and f"controls.depth_model = {folder}" in str(broken.value)


def test_a_model_for_maps_needs_a_net(folders: dict[str, Path]) -> None:
    with pytest.raises(BrokenModelFolder, match=r"No net is named that uses it\. Set `depth`"):
        inspect_entry(entry(folders["sd"], controls=ControlEntry(depth_model=str(folders["depth"]))))
