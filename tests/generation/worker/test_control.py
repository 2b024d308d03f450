"""Pictures that follow a control map: as from diffusers' ControlNet pipelines, in batches with pictures that follow none."""

import importlib
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import torch
from PIL import Image
from torch import Tensor

from generation.control.kinds import Control, ControlEntry, ControlKind
from generation.files.model_source import inspect_entry
from generation.protocol import Configure, Failed, Finished, Generate, ModelAbilities
from generation.request import Drawing, GenerationRequest, ImageSize, InputPicture, Role
from generation.worker.control import nets as control_nets
from generation.worker.control.nets import ControlledDenoiser
from generation.worker.control.residuals import PARTS, between_blocks
from generation.worker.denoise.inpaint import read_mask
from generation.worker.models.loading import Model, UnusableRequest
from generation.worker.models.model_cache import footprint
from generation.worker.output.decode import read_init
from tests.drawings import start_from
from tests.generation.worker.company import draw_in_company, relative_difference
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import order, png
from tests.generation.worker.test_loop import Stage
from tests.tiny_controls import tiny_controlnet, tiny_qwen_net, tiny_union, tiny_z_image_net

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SCRIBBLE, EDGES, DEPTH = (
    Control(kind=kind, is_prepared=True)
    for kind in (ControlKind.SCRIBBLE, ControlKind.EDGES, ControlKind.DEPTH)
)
RED, BLUE = png((230, 10, 30)), png((0, 40, 250))


def controlled(
    content: bytes = RED, control: Control = SCRIBBLE, strength: float = 1.0
) -> tuple[InputPicture[bytes], ...]:
    return (InputPicture(source=content, role=Role.CONTROL, strength=strength, control=control),)


@pytest.fixture(scope="module")
def sd(sd_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("nets")
    scribble, edges = (str(tiny_controlnet(folder / f"{seed}", sd_folder, seed)) for seed in (20, 30))
    return quiet(model(sd_folder, controls=ControlEntry(scribble=scribble, edges=edges)))


@pytest.fixture(scope="module")
def xl(sdxl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("nets")
    union = str(tiny_union(folder / "union", sdxl_folder))
    plain = str(tiny_controlnet(folder / "plain", sdxl_folder))
    return quiet(model(sdxl_folder, controls=ControlEntry(scribble=union, depth=union, edges=plain)))


def quiet(one: Model) -> Model:
    one.pipe.set_progress_bar_config(disable=True)
    return one


def expected(one: Model, drawing: Drawing[bytes]) -> Tensor:
    """Returns the latents that diffusers' own pipeline gives."""
    [picture] = [each for each in drawing.pictures if each.role is Role.CONTROL]
    assert picture.control and one.nets
    net: Any = one.nets.nets[picture.control.kind]
    is_union = type(net).__name__ == "ControlNetUnionModel"
    start, mask = drawing.picture(Role.START), drawing.picture(Role.MASK)
    kind = "StableDiffusion" + ("XL" if hasattr(one.pipe, "text_encoder_2") else "") + "ControlNet"
    kind += "Union" * is_union + ("Inpaint" if mask else "Img2Img" if start else "")
    image = read_init(picture.source, drawing.size)
    asked: dict[str, Any] = {
        "prompt": drawing.prompt.text,
        "negative_prompt": drawing.prompt.negative or None,
        "num_inference_steps": drawing.steps,
        "guidance_scale": drawing.guidance,
        "generator": torch.Generator().manual_seed(drawing.seed),
        "height": drawing.size.height,
        "width": drawing.size.width,
        "controlnet_conditioning_scale": picture.strength,
        "output_type": "latent",
    }
    if is_union:
        asked["control_mode"] = {"scribble": 2, "depth": 1}[picture.control.kind]
    if start is None:
        asked["control_image" if is_union else "image"] = image
    else:
        asked |= {
            "image": read_init(start.source, drawing.size),
            "strength": start.strength,
            "control_image": image,
        }
    if mask:
        asked["mask_image"] = read_mask(mask.source, drawing.size)
    parts = {**one.pipe.components, "controlnet": net}
    pipe = getattr(diffusers, f"{kind}Pipeline")(**parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe(**asked).images[0]


def check(one: Model, asked: Sequence[GenerationRequest], seed: int) -> None:
    """Draws the orders in one batch, and compares each with a pipeline that draws it alone."""
    slots = draw_in_company([(one, each) for each in asked], seed=seed)
    assert len({slot.key for slot in slots}) == 1, "they share steps"
    for slot, each in zip(slots, asked, strict=True):
        if each.drawing.picture(Role.CONTROL):
            wanted = expected(one, each.drawing)
            assert float((slot.latents - wanted).abs().max() / wanted.abs().max()) < 1e-4, each
        else:
            assert relative_difference(slot, one, each) < 1e-4, each


def test_pictures_with_and_without_maps_share_steps_and_come_out_as_from_the_pipelines(sd: Model) -> None:
    half = png((255, 255, 255))
    check(
        sd,
        [
            order("1", pictures=controlled()),
            order("2", text="tea", negative="blurry", steps=6, seed=2),
            order("3", pictures=controlled(BLUE, EDGES, 0.4), guidance=8.0, seed=3),
            order("4", pictures=controlled(BLUE), guidance=1.0, steps=3, seed=4),
            order("5", pictures=(*start_from(png(), 0.5), *controlled(RED, EDGES)), steps=6, seed=5),
            order("6", pictures=start_from(png(), 0.7), seed=6),
            order("7", pictures=(*start_from(png(), 1.0, half), *controlled()), seed=7),
        ],
        seed=1,
    )


def test_one_net_of_xl_serves_several_kinds_beside_a_net_of_one_kind(xl: Model) -> None:
    check(
        xl,
        [
            order("1", pictures=controlled()),
            order("2", pictures=controlled(BLUE, DEPTH, 0.6), negative="blurry", steps=6, seed=2),
            order("3", text="tea", seed=3),
            order("4", pictures=controlled(BLUE, EDGES, 0.6), seed=4),
        ],
        seed=2,
    )
    assert xl.nets and len(xl.nets.modules) == 2, "it is loaded once"


def drawn(one: Model, *pictures: InputPicture[bytes], **more: Any) -> Tensor:
    slot = one.seat(order(pictures=pictures, **more).drawing, 0)
    while not slot.is_finished:
        one.advance([slot])
    return slot.latents.clone()


def test_a_stronger_map_changes_more_and_none_of_strength_0_is_seen(sd: Model) -> None:
    free, none, weak, strong = (
        drawn(sd), drawn(sd, *controlled(strength=0.0)), drawn(sd, *controlled(strength=0.2)), drawn(sd, *controlled())
    )  # fmt: skip
    assert torch.equal(none, free)
    assert 0.01 < float((weak - free).norm()) < 0.7 * float((strong - free).norm())
    assert not torch.allclose(strong, drawn(sd, *controlled(BLUE)), atol=1e-3), "the map is seen"


def test_a_net_sees_its_rows_alone_and_none_in_a_step_without_maps(sd: Model) -> None:
    assert sd.nets
    seen: list[int] = []
    hooks = [
        net.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
        for net in sd.nets.modules
    ]
    plain = [sd.seat(order(seed=seed).drawing, 0) for seed in (1, 2)]
    sd.advance(plain)
    sd.advance([*plain, sd.seat(order(pictures=controlled(strength=0.0)).drawing, 0)])
    assert not seen
    sd.advance([*plain, sd.seat(order(pictures=controlled()).drawing, 0)])
    assert seen == [2], "the prompt's row and the negative's, of three pictures"
    for hook in hooks:
        hook.remove()


def test_padding_changes_nothing(sd: Model) -> None:
    asked = [order("1", pictures=controlled((RED, BLUE)[seed % 2]), seed=seed) for seed in (0, 1, 2)]
    asked.append(order("free"))
    found: list[Tensor] = []
    for sizes in ((), (16,)):
        slots = [sd.seat(each.drawing, 0) for each in asked]
        for _ in range(2):
            sd.advance(slots, sizes=sizes)
        found.append(torch.stack([slot.latents.clone() for slot in slots]))
    assert torch.allclose(*found, rtol=1e-5, atol=1e-5)


def test_all_pictures_of_a_job_have_one_map(sd: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ControlKind] = []

    def counted(content: bytes, kind: ControlKind, size: Any) -> Any:
        made.append(kind)
        return control_map(content, kind, size)

    control_map = control_nets.control_map
    monkeypatch.setattr(control_nets, "control_map", counted)
    asked = order(pictures=controlled(png(side=80), Control(kind=ControlKind.EDGES)), images=4).drawing
    slots = [sd.seat(asked, index) for index in range(4)]
    assert made == [ControlKind.EDGES]
    assert len({id(slot.rows[0].control and slot.rows[0].control.picture) for slot in slots}) == 1


def test_what_a_model_does_not_follow_is_a_sentence(sd: Model, sd_folder: Path) -> None:
    for one, control, said in (
        (sd, DEPTH, "tiny follows no control picture of the kind depth."),
        (model(sd_folder), SCRIBBLE, "tiny follows no control picture of the kind scribble."),
    ):
        with pytest.raises(UnusableRequest) as refused:
            one.seat(order(pictures=controlled(control=control)).drawing, 0)
        assert (refused.value.kind, refused.value.reason) == ("control", said)


def test_the_loop_draws_it_and_a_broken_map_fails_its_order_alone(sd: Model) -> None:
    controls = replace(sd.entry.controls, depth=sd.entry.controls.edges)
    stage = Stage()
    stage.say(Configure(models=(replace(sd.entry, controls=controls),), default=sd.entry.name))
    stage.say(Generate(request=order("broken", pictures=controlled(b"no picture"))))
    stage.say(Generate(request=order("photo", pictures=controlled(control=Control(kind=ControlKind.DEPTH)))))
    stage.say(Generate(request=order("whole", pictures=controlled(), images=2)))
    stage.finish()
    (finished,) = stage.of(Finished)
    failed = {str(each.job): (each.kind, each.reason) for each in stage.of(Failed)}
    assert finished.job == "whole" and failed["broken"][0] == "input"
    assert failed["photo"] == (
        "control",
        "tiny makes no control maps of the kind depth: it takes prepared ones.",
    )
    kinds = (ControlKind.SCRIBBLE, ControlKind.EDGES, ControlKind.DEPTH)
    for told in stage.of(ModelAbilities):
        assert told.abilities.control_kinds == kinds, "also before the model is loaded"
        assert told.abilities.prepared_only == (ControlKind.DEPTH,)
    assert b"ControlNet 0" in finished.pictures[0]


def test_its_memory_counts_and_it_moves_with_the_denoiser(sd: Model) -> None:
    assert sd.nets
    whole = footprint(sd.pipe, sd.nets.modules)
    assert inspect_entry(sd.entry).bytes(4) == pytest.approx(whole, rel=0.001)
    assert whole > 1.2 * footprint(sd.pipe)
    found = drawn(sd, *controlled())
    for rung in ("aside", "apart", "streamed"):
        sd.offload.climb(rung)
        assert torch.allclose(drawn(sd, *controlled()), found, atol=1e-5), rung
    while sd.offload.descend():
        pass
    assert torch.equal(drawn(sd, *controlled()), found)


def test_kept_maps_count_as_memory_and_go_when_it_is_short(sd: Model) -> None:
    assert sd.nets
    found = drawn(sd, *controlled(strength=0.5))
    sd.make_room()
    before = sd.grown_bytes
    slot = sd.seat(order(pictures=controlled(strength=0.5)).drawing, 0)
    (row, *_) = slot.rows
    assert row.control
    assert sd.grown_bytes - before >= sd.nets.kept.bytes == row.control.picture.nbytes
    sd.advance([slot])
    sd.make_room()
    assert sd.grown_bytes == before == sd.adapters.bytes
    while not slot.is_finished:
        sd.advance([slot])
    assert torch.equal(slot.latents, found), "a picture in progress goes on with its map"


def test_a_compiled_denoiser_is_not_compiled_again_for_maps(sd: Model) -> None:
    calls: list[int] = []

    def compiled(*args: Any, **more: Any) -> Any:
        calls.append(1)
        return sd.unet._call_impl(*args, **more)

    sd.unet._compiled_call_impl = compiled
    try:
        with_map = drawn(sd, *controlled())
        assert not calls
        drawn(sd)
        assert len(calls) == 4, "each step without maps"
    finally:
        sd.unet._compiled_call_impl = None
    assert torch.equal(with_map, drawn(sd, *controlled()))


def test_a_step_without_maps_is_replayed_and_one_with_maps_is_not(sd: Model) -> None:
    replayed: list[int] = []

    def replay(x: Tensor, timesteps: Tensor, **told: Any) -> Any:
        replayed.append(len(x))
        return sd.unet(x, timesteps, **told)

    assert sd.nets
    denoiser = ControlledDenoiser(replay, sd.unet, sd.unet, sd.nets)
    for pictures, count in ((), 1), (controlled(), 1):
        slot = sd.seat(order(pictures=pictures).drawing, 0)
        sd.batch_states.of(slot.key).advance(denoiser, [slot], sd.dtype)
        assert len(replayed) == count


def test_z_images_net_follows_maps_in_lists_of_several_sizes(z_image_folder: Path, tmp_path: Path) -> None:
    net = str(tiny_z_image_net(tmp_path / "net", z_image_folder))
    one = quiet(model(z_image_folder, controls=ControlEntry(pose=net)))
    pose = Control(kind=ControlKind.POSE, is_prepared=True)
    asked = [
        order("1", pictures=controlled(control=pose, strength=0.7)),
        order("2", text="two cups of tea, please" + ", and a red fox" * 9, guidance=0.0, seed=2),
        order("3", pictures=controlled(BLUE, pose), guidance=0.0, steps=3, seed=3),
        order("4", size=ImageSize(width=80, height=64), seed=4),
    ]
    slots = [one.seat(each.drawing, 0) for each in asked]
    assert len({slot.key for slot in slots}) == 1, "they share steps"
    while live := [slot for slot in slots if not slot.is_finished]:
        one.advance(live)
    assert one.nets
    kind: Any = diffusers.ZImageControlNetPipeline
    pipe = kind(**one.pipe.components, controlnet=one.nets.modules[0])
    for slot, each in zip(slots, asked, strict=True):
        wanted = _of_transformer(pipe, each.drawing) if each.drawing.pictures else None
        if wanted is None:
            assert relative_difference(slot, one, each) < 1e-4, each
        else:
            assert float((slot.latents - wanted).abs().max() / wanted.abs().max()) < 1e-4, each
    free = drawn(one)
    assert float((slots[0].latents - free).abs().max()) > 1e-3, "the map is seen"


def test_z_images_nets_of_two_kinds_may_serve_different_layers(z_image_folder: Path, tmp_path: Path) -> None:
    few, many = (
        str(tiny_z_image_net(tmp_path / f"{len(layers)}", z_image_folder, layers))
        for layers in ((0,), (0, 1))
    )
    one = quiet(model(z_image_folder, controls=ControlEntry(edges=few, depth=many)))
    asked = [order(pictures=controlled(control=each)).drawing for each in (EDGES, DEPTH)]
    together, alone = ([one.seat(each, 0) for each in asked] for _ in range(2))
    one.advance(together)
    for slot, other in zip(together, alone, strict=True):
        one.advance([other])
        assert float((slot.latents - other.latents).abs().max()) < 1e-4
    assert float((together[0].latents - together[1].latents).abs().max()) > 1e-3, "their nets differ"


def test_qwen_images_net_serves_the_negative_with_what_it_says_of_the_prompt(
    qwen_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = str(tiny_qwen_net(tmp_path / "net", qwen_folder))
    one = quiet(model(qwen_folder, controls=ControlEntry(edges=net)))
    asked = [
        order("1", pictures=controlled(control=EDGES, strength=0.7), negative="blurry"),
        order("2", text="tea", seed=2),
        order("3", pictures=controlled(BLUE, EDGES), guidance=1.0, steps=3, seed=3),
    ]
    slots = draw_in_company([(one, each) for each in asked], seed=4)
    assert len({slot.key for slot in slots}) == 1, "they share steps"
    # The pipeline draws a sample of the map's latents; the loop takes their mode, which all pictures of a job have in common.
    module = importlib.import_module("diffusers.pipelines.qwenimage.pipeline_qwenimage_controlnet")

    def mode(encoded: Any, generator: Any = None) -> Tensor:
        return encoded.latent_dist.mode()

    monkeypatch.setattr(module, "retrieve_latents", mode)
    assert one.nets
    kind: Any = diffusers.QwenImageControlNetPipeline
    pipe = kind(**one.pipe.components, controlnet=one.nets.modules[0])
    for slot, each in zip(slots, asked, strict=True):
        if not each.drawing.pictures:
            assert relative_difference(slot, one, each) < 1e-4, each
            continue
        tokens = _of_transformer(pipe, each.drawing)[None]
        size = each.drawing.size
        wanted = pipe._unpack_latents(tokens, size.height, size.width, pipe.vae_scale_factor)[0, :, 0]
        assert float((slot.latents - wanted).abs().max() / wanted.abs().max()) < 1e-4, each
    assert float((slots[0].latents - drawn(one, negative="blurry")).abs().max()) > 1e-3, "the map is seen"


def test_qwen_images_nets_of_different_depths_share_a_step(qwen_folder: Path, tmp_path: Path) -> None:
    shallow, deep = (str(tiny_qwen_net(tmp_path / f"{layers}", qwen_folder, layers)) for layers in (1, 2))
    one = quiet(model(qwen_folder, controls=ControlEntry(edges=shallow, depth=deep)))
    asked = [order(pictures=controlled(control=each)).drawing for each in (EDGES, DEPTH)]
    asked.append(order(seed=3).drawing)
    together, alone = ([one.seat(each, 0) for each in asked] for _ in range(2))
    one.advance(together)
    for slot, other in zip(together, alone, strict=True):
        one.advance([other])
        assert float((slot.latents - other.latents).abs().max()) < 1e-4
    assert float((together[0].latents - together[1].latents).abs().max()) > 1e-3, "their nets differ"


@pytest.mark.parametrize(("blocks", "depths"), [(7, (2, 3)), (60, (5, 12)), (5, (5, 1)), (4, (3, 3))])
def test_each_block_gets_what_it_would_get_of_its_own_net_alone(blocks: int, depths: tuple[int, int]) -> None:
    """diffusers' transformer takes `samples[block // ceil(blocks / len(samples))]`."""
    parts: list[Any] = []
    for row, depth in enumerate(depths):
        group = SimpleNamespace(served=torch.tensor([row]), of_served=torch.tensor([0]))
        parts.append(([torch.full((1, 2, 2), 100.0 * row + number) for number in range(depth)], group))
    laid = between_blocks({PARTS: list(parts)}, 3, blocks)["control_samples"]
    for block in range(blocks):
        found = laid[block // math.ceil(blocks / len(laid))][:, 0, 0].tolist()
        assert found == [
            *(100.0 * row + block // math.ceil(blocks / depth) for row, depth in enumerate(depths)),
            0.0,
        ]
    assert len({id(each) for each in laid}) <= sum(depths), "no tensor for each block"


def _of_transformer(pipe: Any, drawing: Drawing[bytes]) -> Tensor:
    pipe.set_progress_bar_config(disable=True)
    [picture] = drawing.pictures
    is_qwen = type(pipe).__name__.startswith("Qwen")
    guided = {"true_cfg_scale": drawing.guidance} if is_qwen else {"guidance_scale": drawing.guidance}
    return pipe(
        prompt=drawing.prompt.text,
        negative_prompt=drawing.prompt.negative or (" " if is_qwen else None),
        control_image=Image.open(io.BytesIO(picture.source)),
        controlnet_conditioning_scale=picture.strength,
        num_inference_steps=drawing.steps,
        generator=torch.Generator().manual_seed(drawing.seed),
        height=drawing.size.height,
        width=drawing.size.width,
        output_type="latent",
        **guided,
    ).images[0]
