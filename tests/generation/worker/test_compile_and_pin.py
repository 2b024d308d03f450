"""Two settings of step execution: compilation, and a fixed number of rows."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from generation.protocol import Configure, Failed, Finished, Generate
from generation.request import MemberId
from generation.worker.denoise.batch_state import COMPILED_ROW_COUNTS
from generation.worker.models import loading
from generation.worker.models.loading import compile_denoiser
from generation.worker.models.offload import denoiser_of
from tests.generation.worker.company import SCHEDULERS, with_schedulers
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage

# diffusers 0.42 passes torch tensors to numpy 2 in its Euler schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def dynamo() -> Iterator[Any]:
    """torch.compile's settings, restored after the test."""
    config: Any = importlib.import_module("torch._dynamo.config")
    with config.patch(recompile_limit=config.recompile_limit, suppress_errors=config.suppress_errors):
        yield config
    torch.compiler.reset()


@pytest.mark.parametrize("folder", ["sd_folder", "sd3_folder"])
def test_a_compiled_model_draws_the_same(folder: str, request: pytest.FixtureRequest, dynamo: Any) -> None:
    plain, compiled = model(request.getfixturevalue(folder)), model(request.getfixturevalue(folder))
    compile_denoiser(compiled.pipe, torch.device("cpu"), backend="eager")
    assert denoiser_of(compiled.pipe)._compiled_call_impl is not None
    slots: list[torch.Tensor] = []
    for one in (plain, compiled):
        pictures = [one.seat(order(seed=seed, steps=3).drawing, 0) for seed in (1, 2, 3)]
        for _ in range(3):
            one.advance(pictures, sizes=COMPILED_ROW_COUNTS)
        slots.append(torch.stack([slot.sample for slot in pictures]))
    assert torch.allclose(*slots, rtol=1e-5, atol=1e-5)


def test_the_setting_compiles_and_what_cannot_be_compiled_runs_as_it_is(
    sd_folder: Path, dynamo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This compiler exists on every machine and can compile nothing."""

    def broken(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no compiler found")

    def with_broken_backend(pipe: Any, device: torch.device) -> None:
        compile_denoiser(pipe, device, backend=broken)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(loading, "compile_denoiser", with_broken_backend)
    stage = Stage(sd_folder)
    chosen = entry(sd_folder, compile=True)
    stage.say(Configure(models=(chosen,), default=chosen.name), Generate(request=order("a", steps=2)))
    stage.finish()
    assert denoiser_of(stage.loop.model_cache.take(chosen.name).pipe)._compiled_call_impl is not None
    assert not stage.of(Failed)
    assert [event.job for event in stage.of(Finished)] == ["a"]


def test_a_compiled_model_that_is_put_apart_runs_uncompiled_until_it_is_back(sd_folder: Path) -> None:
    base = model(sd_folder)
    compile_denoiser(base.pipe, torch.device("cpu"), backend="eager")
    offload = loading.Model(base.entry, base.pipe, base.device, base.dtype).offload
    denoiser = denoiser_of(base.pipe)
    was = denoiser._compiled_call_impl
    offload.climb("apart")
    assert denoiser._compiled_call_impl is None
    offload.descend()
    assert denoiser._compiled_call_impl is was


def drawn(sd_folder: Path, others: int, pinned: int) -> bytes:
    """Returns job "a" as PNG, drawn while other jobs come and go."""
    stage = Stage(sd_folder, pinned_rows=pinned)
    stage.say(Generate(request=order("a", seed=5, steps=6, negative="blurry")))
    for n in range(others):
        stage.turn()
        company = order(f"{n}", member=MemberId(2 + n), seed=n, steps=3 + n, images=1 + n, guidance=1.0 + n)
        stage.say(Generate(request=company))
    stage.finish()
    assert len(stage.of(Finished)) == 1 + others
    return stage.of(Finished, "a")[0].pictures[0]


def test_with_pinned_rows_a_seed_gives_the_same_picture_to_the_bit_in_any_company(sd_folder: Path) -> None:
    pictures = {drawn(sd_folder, others, pinned=8) for others in (0, 1, 3)}
    assert len(pictures) == 1


def test_pinned_latents_are_the_same_to_the_bit_with_any_schedulers_beside_them(sd_folder: Path) -> None:
    base = model(sd_folder)
    dpm, pndm, ancestral = with_schedulers(
        base,
        {
            "DPMSolverMultistepScheduler": {},
            "PNDMScheduler": SCHEDULERS["PNDMScheduler"],
            "EulerAncestralDiscreteScheduler": {},
        },
    )
    found: list[torch.Tensor] = []
    for company in ([], [pndm], [ancestral, pndm, base]):
        slot = dpm.seat(order(seed=5, steps=6).drawing, 0)
        beside = [one.seat(order(seed=n, steps=20).drawing, 0) for n, one in enumerate(company)]
        while not slot.is_finished:
            base.advance([*beside, slot], sizes=(8,))
        found.append(slot.sample.clone())
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_no_pinned_step_has_more_rows_than_pinned_but_for_a_picture_that_has_more_alone(
    sd_folder: Path,
) -> None:
    stage = Stage(sd_folder, pinned_rows=4)
    stage.loop.take_orders()
    rows: list[int] = []
    unet = stage.loop.model_cache.take(entry(sd_folder).name).pipe.unet

    def note(_: Any, arguments: tuple[Any, ...]) -> None:
        rows.append(len(arguments[0]))

    unet.register_forward_pre_hook(note)
    stage.say(Generate(request=order("a", images=4)), Generate(request=order("b", text="::1".join("uvwxyz"))))
    stage.finish()
    assert set(rows) == {4, 7}
    assert len(stage.of(Finished)) == 2
