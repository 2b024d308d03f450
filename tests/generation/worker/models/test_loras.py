"""LoRAs in shared slots: the same pictures as diffusers' own pipeline with them, and no change of other pictures."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor

from generation.files.images import read_parameters
from generation.files.lora_file import BrokenLoraFile, inspect_lora
from generation.protocol import Configure, Failed, Finished, Generate, Started
from generation.request import GenerationRequest, Lora, LoraEntry, LoraName, ModelName
from generation.worker.denoise.slots import Slot
from generation.worker.models import loras
from generation.worker.models.backoff import FIRST
from generation.worker.models.loading import Model, load
from generation.worker.models.loras import BrokenLora
from tests.generation.worker import reference
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage
from tests.tiny_loras import tiny_lora
from tests.tiny_models import cut, edit_json

pytestmark = [
    # diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    # Two LoRAs are intended; the reference pipeline warns about them.
    pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning"),
]


@pytest.fixture(scope="module")
def files(sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("loras")
    return {
        "pixel": tiny_lora(sd_folder, folder / "pixel.safetensors", 1, "unet", "text_encoder"),
        "ink": tiny_lora(sd_folder, folder / "ink.safetensors", 2, "unet"),
    }


def listed(files: dict[str, Path]) -> tuple[LoraEntry, ...]:
    return tuple(LoraEntry(name=LoraName(name), source=str(path)) for name, path in files.items())


def wearing(**weights: float) -> dict[str, Any]:
    return {"loras": tuple(Lora(name=LoraName(name), weight=weight) for name, weight in weights.items())}


def drawn_by_diffusers(folder: Path, files: dict[str, Path], request: GenerationRequest) -> Tensor:
    pipe: Any = DiffusionPipeline.from_pretrained(folder, **dict.fromkeys(["safety_checker"]))
    pipe.set_progress_bar_config(disable=True)
    asked = [lora for lora in request.drawing.loras if lora.weight]
    for lora in asked:
        pipe.load_lora_weights(
            str(files[lora.name].parent), weight_name=files[lora.name].name, adapter_name=lora.name
        )
    if asked:
        pipe.set_adapters([lora.name for lora in asked], [lora.weight for lora in asked])
    return reference.latents(pipe, request.drawing, 0)


def draw(one: Model, requests: Sequence[GenerationRequest]) -> list[Slot]:
    """Draws in turns: one step of each set of LoRAs after another."""
    slots = [one.seat(request.drawing, 0) for request in requests]
    while live := [slot for slot in slots if not slot.is_finished]:
        for key in dict.fromkeys(slot.key for slot in live):
            one.advance([slot for slot in live if slot.key == key])
    return slots


def difference(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def test_sets_that_take_turns_come_out_as_from_the_pipeline_each_and_a_plain_picture_too(
    sd_folder: Path, files: dict[str, Path]
) -> None:
    requests = [
        order("plain"),
        order("pixel", **wearing(pixel=0.8)),
        order("again", steps=6, seed=3, negative="blurry", **wearing(pixel=0.8)),
        order("ink", **wearing(ink=1.0)),
        order("both", **wearing(ink=0.5, pixel=-0.7)),
        order("plain again", steps=6, seed=9),
    ]
    drawn = draw(model(sd_folder, loras=listed(files)), requests)
    for slot, request in zip(drawn, requests, strict=True):
        expected = drawn_by_diffusers(sd_folder, files, request)
        assert difference(slot.sample, expected) < 1e-4, request.job
    assert difference(drawn[1].sample, drawn[0].sample) > 0.01, "the LoRA must show"
    assert difference(drawn[3].sample, drawn[0].sample) > 0.01


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("sdxl_folder", ("unet", "text_encoder", "text_encoder_2")),
        ("sd3_folder", ("transformer", "text_encoder")),
        ("flux_folder", ("transformer",)),
        ("klein_folder", ("transformer",)),
        ("qwen_folder", ("transformer",)),
        ("chroma_folder", ("transformer",)),
        ("z_image_folder", ("transformer",)),
    ],
)
def test_other_kinds_wear_loras_as_their_pipelines_do(
    name: str, parts: tuple[str, ...], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(name)
    files = {"pixel": tiny_lora(folder, tmp_path / "pixel.safetensors", 1, *parts)}
    requests = [order("plain"), order("pixel", **wearing(pixel=0.6))]
    drawn = draw(model(folder, loras=listed(files)), requests)
    for slot, one in zip(drawn, requests, strict=True):
        assert difference(slot.latents, drawn_by_diffusers(folder, files, one)) < 1e-4, one.job
    assert difference(drawn[1].sample, drawn[0].sample) > 0.001


@pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing`:FutureWarning"
)  # PEFT asks transformers for it
@pytest.mark.parametrize("part", ["unet", "text_encoder"])
def test_a_lora_that_peft_wrote_gives_the_picture_of_weights_merged_by_hand(
    sd_folder: Path, tmp_path: Path, part: str
) -> None:
    layers = ("mid_block.*to_q", "up_blocks.*to_out.0") if part == "unet" else ("layers.0.*q_proj",)
    pipe: Any = DiffusionPipeline.from_pretrained(sd_folder, **dict.fromkeys(["safety_checker"]))
    module: Any = getattr(pipe, part)
    torch.manual_seed(3)
    wrapped: Any = get_peft_model(
        module,
        LoraConfig(
            r=4,
            lora_alpha=6,
            init_lora_weights=False,
            target_modules=f".*({'|'.join(layers)})",
            alpha_pattern={"attn1.to_q": 2} if part == "unet" else {},
        ),
    )
    wrapped.save_pretrained(tmp_path / "peft")
    wrapped.merge_and_unload()
    request = order(**wearing(ink=0.5))
    file = tmp_path / "peft" / "adapter_model.safetensors"
    if part == "text_encoder":  # the names before transformers 5
        save_file(
            {
                name.replace("model.encoder", "model.text_model.encoder"): weight
                for name, weight in load_file(file).items()
            },
            file,
        )
    (slot,) = draw(model(sd_folder, loras=listed({"ink": file})), [request])

    merged: Any = DiffusionPipeline.from_pretrained(sd_folder, **dict.fromkeys(["safety_checker"]))
    merged.set_progress_bar_config(disable=True)
    for name, weight in load_file(file).items():
        if "lora_B" in name:
            layer = name.removeprefix("base_model.model.").removeprefix("text_model.")
            layer = layer.removesuffix(".lora_B.weight")
            alpha = 2 if layer.endswith("attn1.to_q") else 6
            lower = load_file(file)[name.replace("lora_B", "lora_A")]
            own = getattr(merged, part).get_submodule(layer).weight
            own.data += 0.5 * alpha / 4 * weight @ lower
    assert difference(slot.sample, reference.latents(merged, request.drawing, 0)) < 1e-4
    plain = reference.latents(
        DiffusionPipeline.from_pretrained(sd_folder, **dict.fromkeys(["safety_checker"])), request.drawing, 0
    )
    assert difference(slot.sample, plain) > 0.001


def test_a_lora_that_is_read_between_two_steps_of_a_plain_picture_leaves_it_bit_for_bit_the_same(
    sd_folder: Path, files: dict[str, Path]
) -> None:
    one = model(sd_folder, loras=listed(files))
    (alone,) = draw(one, [order("plain")])
    slot = one.seat(order("plain").drawing, 0)
    one.advance([slot])
    other = one.seat(order("pixel", **wearing(pixel=1.0)).drawing, 0)
    one.advance([other])
    while not slot.is_finished:
        one.advance([slot])
    assert torch.equal(slot.sample, alone.sample)


def test_sets_are_equal_whatever_their_order_and_a_weight_of_nothing_is_no_lora(
    sd_folder: Path, files: dict[str, Path]
) -> None:
    one = model(sd_folder, loras=listed(files))
    keys = [
        one.seat(order(**wearing(**weights)).drawing, 0).key
        for weights in ({"pixel": 0.5, "ink": 1.0}, {"ink": 1.0, "pixel": 0.5}, {"pixel": 0.0}, {})
    ]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3] != keys[0]
    nothing, plain = draw(one, [order(**wearing(pixel=0.0)), order()])
    assert torch.equal(nothing.sample, plain.sample)


def test_two_sets_never_share_a_forward_pass(sd_folder: Path, files: dict[str, Path]) -> None:
    stage = Stage(sd_folder)
    wears = entry(sd_folder, loras=listed(files))
    stage.say(Configure(models=(wears,), default=wears.name))
    sets = {"a": wearing(pixel=0.5), "b": wearing(pixel=0.5), "c": wearing(pixel=0.6), "d": {}}
    stage.say(*(Generate(request=order(job, seed=7, **more)) for job, more in sets.items()))
    stage.turn()
    shared: list[set[str]] = []
    advance = stage.loop.model_cache.take(wears.name).advance

    def watched(slots: Sequence[Slot], **more: Any) -> None:
        jobs = stage.loop.jobs.values()
        shared.append({job.id for job in jobs for slot in job.slots.values() if slot in slots})
        advance(slots, **more)

    stage.loop.model_cache.take(wears.name).advance = watched  # type: ignore[method-assign]
    stage.finish()
    assert {"a", "b"} in shared, "who shares a set shares a batch"
    assert all(len({str(sets[job]) for job in batch}) == 1 for batch in shared)
    pictures = {event.job: event.pictures[0] for event in stage.of(Finished)}
    assert len(pictures) == 4
    assert "a red fox <lora:pixel:0.5>\n" in read_parameters(pictures[order("a").job])
    assert "<lora" not in read_parameters(pictures[order("d").job])


def test_a_pipeline_as_a_whole_wears_them_too(
    sd_folder: Path, files: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(sd_folder, tmp_path / "whole")
    edit_json(folder / "model_index.json", _class_name="StableDiffusionPAGPipeline")
    stage = Stage(folder)
    wears = entry(folder, loras=listed(files))
    stage.say(Configure(models=(wears,), default=wears.name))
    stage.say(Generate(request=order("plain")), Generate(request=order("pixel", **wearing(pixel=0.9))))
    stage.finish()
    pictures = {event.job: event.pictures[0] for event in stage.of(Finished)}
    alone = Stage(folder)
    alone.say(Generate(request=order("plain")))
    alone.finish()
    assert pictures[order("plain").job] == alone.of(Finished)[0].pictures[0]
    assert pictures[order("pixel").job] != pictures[order("plain").job]


def broken_loras(sd_folder: Path, sdxl_folder: Path, tmp_path: Path) -> dict[str, Path]:
    whole = tiny_lora(sd_folder, tmp_path / "whole.safetensors", 1, "unet")
    cut_off = tmp_path / "cut.safetensors"
    cut_off.write_bytes(whole.read_bytes())
    cut(cut_off, 900)
    return {
        "absent": tmp_path / "absent.safetensors",
        "cut": cut_off,
        "other": tiny_lora(sdxl_folder, tmp_path / "other.safetensors", 1, "unet"),
        "none": sd_folder / "unet" / "diffusion_pytorch_model.safetensors",
        "pickle": Path(__file__),
        "folder": tmp_path,
    }


def test_a_broken_lora_fails_its_own_job_with_a_sentence_and_nobody_elses(
    sd_folder: Path, sdxl_folder: Path, tmp_path: Path
) -> None:
    files = broken_loras(sd_folder, sdxl_folder, tmp_path)
    stage = Stage(sd_folder)
    wears = entry(sd_folder, loras=listed(files))
    stage.say(Configure(models=(wears,), default=wears.name), Generate(request=order("plain", steps=9)))
    stage.say(*(Generate(request=order(name, **wearing(**{name: 1.0}))) for name in files))
    stage.say(Generate(request=order("unknown", **wearing(nope=1.0))))
    stage.finish()
    reasons = {event.job: event.reason for event in stage.of(Failed)}
    said = {
        "absent": "There is no such file",
        "cut": "is cut off",
        "other": "It was made for a model whose text is 64 wide; here it is 32.",
        "none": "holds no LoRA",
        "pickle": "no .safetensors file",
        "folder": "name the one that is meant",
        "unknown": "There is no LoRA named nope for tiny",
    }
    assert {event.kind for event in stage.of(Failed)} == {"lora"}
    assert reasons.keys() == said.keys()
    for job, part in said.items():
        assert part in reasons[order(job).job]
    assert [event.job for event in stage.of(Finished)] == ["plain"]
    assert [event.job for event in stage.of(Started)] == ["plain"]


def test_what_only_loading_finds_out_leaves_the_model_as_it_was_and_is_tried_again_later(
    sd_folder: Path, sd3_folder: Path, tmp_path: Path
) -> None:
    # from a U-Net with other layers; the file's header does not show that
    file = tiny_lora(sd3_folder, tmp_path / "pixel.safetensors", 1, "transformer")
    whole = tiny_lora(sd_folder, tmp_path / "whole.safetensors", 1, "unet")
    clock = [0.0]
    one = model(sd_folder, loras=listed({"pixel": file}))
    one.adapters = loras.Adapters(one.entry, one.pipe, clock=lambda: clock[0])
    (before,) = draw(one, [order()])
    for _ in range(2):
        with pytest.raises(BrokenLora, match=r"LoRA pixel cannot be used with tiny.*tried again after 30 s"):
            one.seat(order(**wearing(pixel=1.0)).drawing, 0)
        file.write_bytes(whole.read_bytes())
    (after,) = draw(one, [order()])
    assert torch.equal(before.sample, after.sample)
    clock[0] = FIRST
    one.adapters.load(order(**wearing(pixel=1.0)).drawing.lora_set)
    assert one.adapters.bytes > 0


def test_a_lora_of_other_shapes_is_found_out_and_the_next_one_works(
    sd_folder: Path, tmp_path: Path, files: dict[str, Path]
) -> None:
    state = load_file(files["pixel"])
    wrong = {
        name: torch.zeros(tensor.shape[0], 7) if "attn1.to_q" in name and "down" in name else tensor
        for name, tensor in state.items()
    }
    save_file(wrong, tmp_path / "wrong.safetensors")
    one = model(sd_folder, loras=listed({"wrong": tmp_path / "wrong.safetensors", **files}))
    (before,) = draw(one, [order()])
    with pytest.raises(BrokenLora, match="cannot be used with tiny"):
        one.seat(order(**wearing(wrong=1.0)).drawing, 0)
    request = order(**wearing(ink=1.0))
    plain, ink = draw(one, [order(), request])
    assert torch.equal(before.sample, plain.sample)
    assert difference(ink.sample, drawn_by_diffusers(sd_folder, files, request)) < 1e-4


def test_loras_count_as_memory_and_the_ones_used_longest_ago_are_dropped(
    sd_folder: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loras, "KEPT", 1)
    one = model(sd_folder, loras=listed(files))
    requests = [order(**wearing(ink=1.0)), order(**wearing(pixel=1.0)), order(**wearing(ink=1.0, pixel=0.3))]
    for request in [*requests, *reversed(requests)]:
        (slot,) = draw(one, [request])
        assert difference(slot.sample, drawn_by_diffusers(sd_folder, files, request)) < 1e-4
        assert one.adapters.bytes > 0
    assert list(one.pipe.get_list_adapters()["unet"]) == ["lora-ink"]


def test_half_precision_models_wear_loras_of_their_own_precision(
    sd_folder: Path, files: dict[str, Path]
) -> None:
    one = load(entry(sd_folder, loras=listed(files)), torch.device("cpu"), torch.bfloat16)
    (slot,) = draw(one, [order(**wearing(pixel=1.0))])
    assert torch.isfinite(slot.sample).all()
    own = {p.dtype for name, p in one.unet.named_parameters() if "lora-pixel" in name.split(".")}
    assert own == {torch.bfloat16}


def test_a_folder_with_one_file_or_the_usual_one_names_it(sd_folder: Path, tmp_path: Path) -> None:
    lone = tiny_lora(sd_folder, tmp_path / "lone.safetensors", 1, "unet")
    assert inspect_lora(str(tmp_path), str(sd_folder)) == lone
    usual = tiny_lora(sd_folder, tmp_path / "pytorch_lora_weights.safetensors", 1, "unet")
    assert inspect_lora(str(tmp_path), str(sd_folder)) == usual
    with pytest.raises(BrokenLoraFile):
        inspect_lora(str(tmp_path / "nowhere"), str(ModelName("owner/name")))


def test_loras_of_pictures_in_progress_are_read_once_however_many_there_are(
    sd_folder: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loras, "KEPT", 1)
    one = model(sd_folder, loras=listed(files))
    read: list[str] = []
    load_weights = one.pipe.load_lora_weights

    def watched(*arguments: Any, **more: Any) -> None:
        read.append(more["adapter_name"])
        load_weights(*arguments, **more)

    monkeypatch.setattr(one.pipe, "load_lora_weights", watched, raising=False)
    drawn = draw(one, [order(**wearing(ink=1.0)), order(**wearing(pixel=1.0))])
    assert read == ["lora-ink", "lora-pixel"]
    assert all(slot.is_finished for slot in drawn)
    (again,) = draw(one, [order(**wearing(pixel=0.5))])
    assert read == ["lora-ink", "lora-pixel"]
    assert again.is_finished
    assert list(one.pipe.get_list_adapters()["unet"]) == ["lora-pixel"], "and then as many as are kept"


@pytest.mark.parametrize("name", ["weight", "keys", "to_q", "0"])
def test_a_lora_with_the_name_of_a_layer_touches_its_own_weights_alone(
    sd_folder: Path, files: dict[str, Path], name: str
) -> None:
    named = model(sd_folder, torch.bfloat16, loras=listed({name: files["ink"]}))
    usual = model(sd_folder, torch.bfloat16, loras=listed(files))
    for module in (named, usual):
        module.pipe.vae.to(torch.float32)  # a part of another precision than the first
    before = {parameter.dtype for parameter in named.pipe.text_encoder.parameters()}
    (drawn,) = draw(named, [order(**wearing(**{name: 1.0}))])
    (expected,) = draw(usual, [order(**wearing(ink=1.0))])
    assert torch.equal(drawn.sample, expected.sample)
    assert named.adapters.bytes == usual.adapters.bytes
    assert {parameter.dtype for parameter in named.pipe.text_encoder.parameters()} == before


def test_costs_are_kept_by_the_number_of_loras_and_not_by_their_weights(
    sd_folder: Path, files: dict[str, Path]
) -> None:
    stage = Stage(sd_folder)
    wears = entry(sd_folder, loras=listed(files))
    stage.say(Configure(models=(wears,), default=wears.name))
    for number in range(6):
        asked = order(f"{number}", steps=2, **wearing(ink=0.1 + number / 10))
        stage.say(Generate(request=asked))
        stage.turn()
    stage.say(Generate(request=order("plain", steps=2)))
    stage.finish()
    assert len(stage.of(Finished)) == 7
    assert {key[-1] for key in stage.loop.batch_scheduler.curves} == {0, 1}
    assert len(stage.loop.batch_scheduler.curves) == 2
    footprints = stage.loop.oom_recovery._footprints  # pyright: ignore[reportPrivateUsage]
    assert {verb for verb, _ in footprints} == {"step", "decode"}
    assert len(footprints) == 4
