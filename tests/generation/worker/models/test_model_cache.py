"""Several models on one device: loading, eviction, and repeated attempts."""

import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from generation.files.model_source import inspect_entry
from generation.protocol import Configure, Failed, Finished, Generate, ModelBroken, Swapped
from generation.request import MemberId, ModelEntry, ModelName
from generation.worker.models import model_cache
from generation.worker.models.backoff import FIRST, LAST, Backoff
from generation.worker.models.loading import Model
from generation.worker.models.model_cache import GIB, footprint, memory_budget
from tests.generation.worker.loaded import model
from tests.generation.worker.requests import entry, order
from tests.generation.worker.test_loop import Stage
from tests.tiny_models import cut

TINY, OTHER, THIRD = (ModelName(name) for name in ("tiny", "other", "third"))
UNET = "unet/diffusion_pytorch_model.safetensors"


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def one_model(sd_folder: Path) -> float:
    """Returns the size of the tiny model in GiB."""
    return footprint(model(sd_folder).pipe) / GIB


def staged(*folders: Path, **settings: Any) -> tuple[Stage, Clock]:
    stage, clock = Stage(*folders, **settings), Clock()
    stage.loop.clock = clock
    return stage, clock


def generate(job: str, name: ModelName = TINY, **more: Any) -> Generate:
    return Generate(request=order(job, model=name, **more))


def draw(stage: Stage) -> None:
    """Draws all submitted orders to the end."""
    stage.turn()
    while stage.loop.jobs:
        stage.turn()


def test_files_tell_how_much_memory_a_model_will_take(sd_folder: Path, sdxl_folder: Path) -> None:
    for folder in (sd_folder, sdxl_folder):
        measured = footprint(model(folder).pipe)
        assert abs((inspect_entry(entry(folder)).bytes(4) or 0) - measured) < 0.02 * measured


def test_the_owners_number_is_the_budget_and_without_one_it_is_a_share_of_what_is_free() -> None:
    assert memory_budget(torch.device("cpu"), 1.5) == 1.5 * GIB
    assert memory_budget(torch.device("cpu"), 0.0) > GIB // 8


def test_of_three_models_of_which_two_fit_the_one_used_longest_ago_makes_room(
    sd_folder: Path, one_model: float
) -> None:
    stage, clock = staged(sd_folder, sd_folder, sd_folder, memory_gib=2.5 * one_model)
    for job, name in (("a", OTHER), ("b", TINY), ("c", THIRD), ("d", TINY)):
        stage.say(generate(job, name))
        draw(stage)
        clock.now += 1
    stage.loop.image_encoder.close()
    assert {event.job for event in stage.of(Finished)} == set("abcd")
    swaps = [(event.loaded, event.evicted) for event in stage.of(Swapped)]
    assert swaps == [(OTHER, ()), (THIRD, (OTHER,))]
    assert all(
        abs(event.resident_bytes - 2 * one_model * GIB) < 0.01 * one_model * GIB
        for event in stage.of(Swapped)
    )


def test_a_model_in_use_finishes_what_it_has_begun_and_begins_nothing_new_before_it_makes_room(
    sd_folder: Path, one_model: float
) -> None:
    stage, clock = staged(sd_folder, sd_folder, memory_gib=1.5 * one_model, model_wait=30.0, slots=2)
    stage.say(generate("begun", steps=12, images=3), generate("waits", OTHER, member=MemberId(2)))
    stage.turn(2)
    clock.now += 29
    stage.say(generate("early", steps=3, member=MemberId(3)))
    stage.turn()
    assert stage.seated == {"begun": 2, "early": 1}, "the resident model's orders go first"
    clock.now += 2
    stage.say(generate("late", steps=3, member=MemberId(4)))
    stage.turn(4)
    assert "late" not in stage.seated
    stage.finish()
    assert [event.job for event in stage.of(Finished)][-2:] == ["waits", "late"]
    assert {event.job for event in stage.of(Finished)} == {"begun", "early", "waits", "late"}
    assert [event.evicted for event in stage.of(Swapped)] == [(TINY,), (OTHER,)]
    begun = stage.of(Finished, "begun")[0]
    assert stage.events.index(begun) < stage.events.index(stage.of(Swapped)[0])


def test_what_is_kept_of_orders_counts_as_the_models_memory_and_goes_when_it_is_short(
    sd_folder: Path,
) -> None:
    stage, _ = staged(sd_folder)
    stage.say(generate("a"))
    draw(stage)
    cache = stage.loop.model_cache
    cache.restock([], set(), lambda: None)
    one = cache.take(TINY)
    of_prompts = one.conditioner.kept.bytes
    assert of_prompts > 0
    assert cache.policy.resident_bytes == footprint(one.pipe) + of_prompts
    cache.make_room()
    cache.restock([], set(), lambda: None)
    assert cache.policy.resident_bytes == footprint(one.pipe)


def test_what_is_evicted_is_free(sd_folder: Path, one_model: float) -> None:
    stage, _ = staged(sd_folder, sd_folder, memory_gib=1.5 * one_model)
    stage.loop.take_orders()
    gone = weakref.ref(stage.loop.model_cache.take(TINY))
    stage.say(generate("a"), generate("b", OTHER))
    stage.finish()
    assert {event.job for event in stage.of(Finished)} == {"a", "b"}
    assert gone() is None


def test_models_that_nobody_draws_with_take_turns_at_once(sd_folder: Path, one_model: float) -> None:
    stage, _ = staged(sd_folder, sd_folder, memory_gib=1.5 * one_model)
    for job, name in (("a", OTHER), ("b", TINY), ("c", OTHER)):
        stage.say(generate(job, name))
        draw(stage)
    stage.loop.image_encoder.close()
    assert [event.job for event in stage.of(Finished)] == ["a", "b", "c"]
    assert len(stage.of(Swapped)) == 3


def test_a_broken_model_costs_no_other_its_place_and_is_tried_again_later(
    sd_folder: Path, one_model: float, tmp_path: Path
) -> None:
    folder = shutil.copytree(sd_folder, tmp_path / "model")
    weights = (folder / UNET).read_bytes()
    cut(folder / UNET, 1000)
    stage, clock = staged(sd_folder, folder, memory_gib=1.5 * one_model)
    stage.say(generate("a", OTHER), generate("b", OTHER))
    stage.turn()
    (broken,) = stage.of(ModelBroken)
    assert "is tried again after 30 s" in broken.reason
    assert [event.reason for event in stage.of(Failed)] == [broken.reason] * 2
    assert not stage.of(Swapped)
    clock.now += FIRST
    stage.say(generate("c", OTHER))
    stage.turn()
    assert "is tried again after 60 s" in stage.of(ModelBroken)[1].reason
    (folder / UNET).write_bytes(weights)
    clock.now += 2 * FIRST
    stage.say(generate("d", OTHER))
    stage.finish()
    assert [event.job for event in stage.of(Failed)] == ["a", "b", "c"]
    assert [event.job for event in stage.of(Finished)] == ["d"]
    assert [event.loaded for event in stage.of(Swapped)] == [OTHER]


def refusing(full: Callable[[ModelEntry], bool]) -> Callable[..., Model]:
    load = model_cache.load

    def refuse(entry: ModelEntry, device: torch.device, dtype: torch.dtype) -> Model:
        if full(entry):
            raise torch.OutOfMemoryError("tried to allocate")
        return load(entry, device, dtype)

    return refuse


def test_a_model_for_which_memory_runs_out_beside_others_gets_the_device_alone(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, _ = staged(sd_folder, sd_folder)
    crowded = refusing(lambda entry: entry.name == OTHER and TINY in stage.loop.model_cache.policy.resident)
    monkeypatch.setattr(model_cache, "load", crowded)
    stage.say(generate("a"), generate("b", OTHER))
    stage.finish()
    assert {event.job for event in stage.of(Finished)} == {"a", "b"}
    assert [(event.loaded, event.evicted) for event in stage.of(Swapped)] == [(None, ()), (OTHER, (TINY,))]


def test_a_model_that_does_not_fit_alone_is_said(sd_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, _ = staged(sd_folder)
    monkeypatch.setattr(model_cache, "load", refusing(lambda entry: True))
    stage.say(generate("a"))
    stage.finish()
    assert "does not fit into the memory of" in stage.of(ModelBroken)[0].reason
    assert [(event.job, event.kind) for event in stage.of(Failed)] == [("a", "model")]


def test_a_model_that_is_not_in_the_settings_fails_its_job_alone(sd_folder: Path) -> None:
    stage, _ = staged(sd_folder)
    stage.say(generate("a", ModelName("nope")), generate("b"))
    stage.finish()
    assert "no model named nope" in stage.of(Failed)[0].reason
    assert [event.job for event in stage.of(Finished)] == ["b"]


def test_new_settings_begin_anew(sd_folder: Path) -> None:
    stage, _ = staged(sd_folder)
    stage.say(generate("a"))
    draw(stage)
    other = entry(sd_folder, "other")
    stage.say(Configure(models=(other,), default=OTHER), generate("b", OTHER))
    stage.finish()
    assert [event.job for event in stage.of(Finished)] == ["a", "b"]


def test_pauses_double_up_to_a_limit_and_begin_anew_after_success() -> None:
    setbacks: Backoff[str] = Backoff()
    now, pauses = 0.0, list[float]()
    for _ in range(9):
        pauses.append(setbacks.fail("x", "why", now).pause)
        now += pauses[-1]
    assert pauses == [30, 60, 120, 240, 480, 960, LAST, LAST, LAST]
    assert setbacks.standing("x", now - 1) and not setbacks.standing("x", now)
    setbacks.clear("x")
    assert setbacks.fail("x", "why", now).pause == FIRST
