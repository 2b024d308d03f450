"""The loop with real models, called method by method on this thread."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from PIL import Image

from generation.files.images import read_parameters, to_png
from generation.protocol import (
    Cancel,
    Cancelled,
    Configure,
    Event,
    Failed,
    Finished,
    Generate,
    ModelAbilities,
    ModelBroken,
    Order,
    Previewed,
    Ready,
    Started,
    Stepped,
    Stop,
    Upscale,
)
from generation.request import (
    DRAFT_STEPS,
    ImageSize,
    JobId,
    MemberId,
    ModelName,
    Prompt,
)
from generation.worker.denoise.slots import Slot
from generation.worker.loop import Loop
from tests.drawings import start_from, upscale_of
from tests.generation.worker.requests import entry, order, png
from tests.pictures import SIDE

# diffusers 0.42 passes torch tensors to numpy 2 in some schedulers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

E = TypeVar("E", bound=Event)

LONG = DRAFT_STEPS + 1
"""Steps of an order that is not a draft."""


class Stage:
    """A loop and the events it sent."""

    def __init__(self, *folders: Path, **settings: Any) -> None:
        self.orders: SimpleQueue[Order] = SimpleQueue()
        self.events: list[Event] = []
        self.loop = Loop(self.orders, self.events.append)
        names = ("tiny", "other", "third")
        models = tuple(entry(folder, name) for folder, name in zip(folders, names, strict=False))
        self.say(Configure(models=models, default=ModelName("tiny"), **settings))

    def say(self, *orders: Order) -> None:
        for one in orders:
            self.orders.put(one)

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            self.loop.take_orders()
            self.loop.sweep()
            self.loop.seat()
            self.loop.step()
            self.loop.retire()

    def finish(self) -> None:
        """Runs until no work is left, and waits for the image encoder."""
        self.turn()
        while self.loop.jobs or self.loop.upscales:
            self.turn()
        self.loop.image_encoder.close()

    def of(self, kind: type[E], job: str | None = None) -> list[E]:
        return [e for e in self.events if isinstance(e, kind) and job in (None, getattr(e, "job", None))]

    @property
    def seated(self) -> Counter[str]:
        return Counter(
            job.id for job in self.loop.jobs.values() for slot in job.slots.values() if not slot.is_finished
        )


@pytest.fixture
def hooks() -> Iterator[list[Any]]:
    """Hooks on real modules, removed after the test."""
    set_on: list[Any] = []
    yield set_on
    for hook in set_on:
        hook.remove()


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_an_order_is_started_stepped_and_finished_with_its_parameters_in_every_picture(
    sd_folder: Path,
) -> None:
    stage = Stage(sd_folder, preview_seconds=0.0)
    stage.say(Generate(request=order("a", images=3, steps=4, negative="blurry")))
    stage.finish()
    told = [type(e) for e in stage.events if not isinstance(e, Previewed)]
    # What the folder says, then what the loaded model says.
    assert told == [ModelAbilities, ModelAbilities, Ready, Started, *[Stepped] * 4, Finished]
    assert [(e.done, e.total) for e in stage.of(Stepped)] == [(3, 12), (6, 12), (9, 12), (12, 12)]
    # A preview is skipped while the previous one is being encoded; the finished pictures follow the last step.
    assert 1 <= len(stage.of(Previewed)) <= 3
    assert all(opened(e.picture).size == (772, 256) for e in stage.of(Previewed))
    (finished,) = stage.of(Finished)
    assert [opened(picture).size for picture in finished.pictures] == [(SIDE, SIDE)] * 3
    assert "Seed: 3" in read_parameters(finished.pictures[2])
    assert "Negative prompt: blurry" in read_parameters(finished.pictures[0])
    assert finished.device_seconds > 0


def test_previews_of_a_tiny_autoencoder_are_decoded_and_unbegun_pictures_are_grey(
    bundled_folder: Path,
) -> None:
    stage = Stage(bundled_folder, slots=1, preview_seconds=0.0)
    stage.say(Generate(request=order("a", images=3, steps=3)))  # a draft: one regular seat, and one extra
    stage.turn()
    stage.loop.image_encoder.close()
    look = opened(stage.of(Previewed)[0].picture)
    assert look.size == (772, 256)
    assert look.getpixel((644, 128)) == (118, 118, 118)
    assert all(look.getpixel((x, 128)) != (118, 118, 118) for x in (128, 386))


def test_a_preview_has_the_colours_of_a_picture_although_its_latents_are_glaring(
    bundled_folder: Path,
) -> None:
    stage = Stage(bundled_folder)
    stage.say(Generate(request=order("a", steps=1)))
    stage.loop.take_orders()
    stage.loop.sweep()
    stage.loop.seat()
    codec = stage.loop.jobs[JobId("a")].seated_model.codec
    calm = torch.randn((1, 12, 8, 8), generator=torch.Generator().manual_seed(1))
    calm /= calm.std()
    assert torch.equal(codec.preview(calm), codec.decode(calm))
    assert torch.allclose(codec.preview(calm * 4), codec.decode(calm * 1.5), atol=1e-4)


def test_a_cancelled_job_frees_its_slots_at_the_next_sweep(sd_folder: Path) -> None:
    stage = Stage(sd_folder, slots=4)
    stage.say(*(Generate(request=order(job, images=4, steps=LONG)) for job in "ab"))
    stage.turn()
    assert stage.seated == {"a": 4}
    stage.say(Cancel(job=JobId("a")))
    stage.turn()
    assert stage.seated == {"b": 4}
    stage.finish()
    assert [e.job for e in stage.of(Cancelled)] == ["a"]
    assert [e.job for e in stage.of(Finished)] == ["b"]


def test_cancelling_what_is_already_done_says_nothing(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    stage.say(Generate(request=order("a", steps=1)))
    stage.turn()
    stage.say(Cancel(job=JobId("a")), Generate(request=order("b", steps=1)))
    stage.finish()
    assert not stage.of(Cancelled)
    assert [e.job for e in stage.of(Finished)] == ["a", "b"]


def test_a_newcomer_takes_its_first_step_before_the_others_go_on(sd_folder: Path) -> None:
    stage = Stage(sd_folder, preview_seconds=0.0)
    stage.say(Generate(request=order("old", steps=6)))
    stage.turn(2)
    stage.say(Generate(request=order("new", member=MemberId(2), steps=6)))
    stage.turn(2)
    assert [(e.job, e.done) for e in stage.of(Stepped)] == [
        ("old", 1),
        ("old", 2),
        ("new", 1),
        ("old", 3),
        ("new", 2),
    ]


def test_of_sizes_that_cannot_share_a_batch_both_get_a_first_step_and_the_shorter_is_done_first(
    sd_folder: Path,
) -> None:
    stage = Stage(sd_folder)
    stage.say(
        Generate(request=order("long", member=MemberId(1), steps=20)),
        Generate(request=order("short", member=MemberId(2), steps=4, size=ImageSize(width=96, height=64))),
    )
    stage.turn(2)
    assert [e.job for e in stage.of(Stepped)] == ["short", "long"], "as they are due, not as they came"
    stage.finish()
    assert [e.job for e in stage.of(Finished)] == ["short", "long"]


def test_a_second_model_is_loaded_when_its_first_job_comes(sd_folder: Path, bundled_folder: Path) -> None:
    stage = Stage(sd_folder, bundled_folder)
    stage.say(Generate(request=order("a")), Generate(request=order("b", model=ModelName("other"))))
    stage.finish()
    assert {e.job for e in stage.of(Finished)} == {"a", "b"}


def test_a_model_that_cannot_be_loaded_fails_its_jobs_and_nobody_elses(
    sd_folder: Path, tmp_path: Path
) -> None:
    stage = Stage(tmp_path / "nowhere", sd_folder)
    stage.say(*(Generate(request=order(job)) for job in "ab"))
    stage.say(Generate(request=order("c", model=ModelName("other"))))
    stage.finish()
    (broken,) = stage.of(ModelBroken)
    assert "no such folder" in broken.reason
    assert [(e.job, e.kind, e.reason) for e in stage.of(Failed)] == [
        (j, "model", broken.reason) for j in "ab"
    ]
    assert [e.job for e in stage.of(Finished)] == ["c"]


def test_a_failing_batch_fails_only_its_own_jobs(
    sd_folder: Path, bundled_folder: Path, hooks: list[Any]
) -> None:
    stage = Stage(sd_folder, bundled_folder)
    stage.say(Generate(request=order("a", images=2)), Generate(request=order("b", model=ModelName("other"))))
    stage.turn()
    unet = stage.loop.model_cache.take(ModelName("tiny")).unet

    def fail(*_: Any) -> None:
        raise RuntimeError("a kernel that does not exist")

    hooks.append(unet.register_forward_pre_hook(fail))
    stage.finish()
    assert [(e.job, e.kind, e.reason) for e in stage.of(Failed)] == [
        ("a", "bug", "RuntimeError: a kernel that does not exist")
    ]
    assert [e.job for e in stage.of(Finished)] == ["b"]


def test_one_order_that_can_not_be_drawn_takes_no_other_of_its_step_with_it(
    sd_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(sd_folder)
    stage.say(*(Generate(request=order(name, seed=10 * n, images=2)) for n, name in enumerate("abc")))
    stage.turn()
    model = stage.loop.model_cache.take(ModelName("tiny"))
    advance, tries = model.advance, list[int]()

    def fails_with_b(slots: Sequence[Slot], *, sizes: Sequence[int] = ()) -> None:
        tries.append(len(slots))
        if any(slot.generator.initial_seed() == 10 for slot in slots):
            raise RuntimeError("a kernel that does not exist")
        advance(slots, sizes=sizes)

    monkeypatch.setattr(model, "advance", fails_with_b)
    stage.finish()
    assert [(e.job, e.kind) for e in stage.of(Failed)] == [("b", "bug")]
    assert {e.job for e in stage.of(Finished)} == {"a", "c"}
    assert tries[0] == 6, "they share steps"


def test_out_of_memory_halves_the_batch_and_goes_on(sd_folder: Path, hooks: list[Any]) -> None:
    stage = Stage(sd_folder)
    stage.say(*(Generate(request=order(f"{i}", seed=i, images=4)) for i in range(2)))
    stage.loop.take_orders()
    rows: list[int] = []

    def fits_three_pictures(_: Any, arguments: tuple[Any, ...]) -> None:
        rows.append(len(arguments[0]))
        if len(arguments[0]) > 6:
            raise torch.OutOfMemoryError("tried to allocate")

    unet = stage.loop.model_cache.take(ModelName("tiny")).unet
    hooks.append(unet.register_forward_pre_hook(fits_three_pictures))
    stage.finish()
    assert rows[:3] == [16, 8, 4]
    assert set(rows[3:]) == {4}  # tried once, then remembered
    assert {e.job for e in stage.of(Finished)} == {"0", "1"}


def test_decoding_that_does_not_fit_is_halved_too(sd_folder: Path, hooks: list[Any]) -> None:
    stage = Stage(sd_folder)
    stage.loop.take_orders()
    decoded: list[int] = []

    def fits_one_picture(_: Any, arguments: tuple[Any, ...]) -> None:
        if len(arguments[0]) > 1:
            raise torch.OutOfMemoryError("tried to allocate")
        decoded.append(len(arguments[0]))

    decoder = stage.loop.model_cache.take(ModelName("tiny")).pipe.vae.decoder
    hooks.append(decoder.register_forward_pre_hook(fits_one_picture))
    stage.say(Generate(request=order("a", images=3)))
    stage.finish()
    assert decoded == [1, 1, 1]
    assert len(stage.of(Finished)[0].pictures) == 3


def test_one_picture_that_does_not_fit_alone_fails_for_memory(sd_folder: Path, hooks: list[Any]) -> None:
    stage = Stage(sd_folder)
    stage.loop.take_orders()

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("tried to allocate")

    hooks.append(stage.loop.model_cache.take(ModelName("tiny")).unet.register_forward_pre_hook(full))
    stage.say(Generate(request=order("a")))
    stage.finish()
    assert [(e.job, e.kind) for e in stage.of(Failed)] == [("a", "memory")]


def test_a_picture_of_numbers_that_are_no_colours_fails_for_them(sd_folder: Path, hooks: list[Any]) -> None:
    stage = Stage(sd_folder)
    stage.loop.take_orders()

    def overflow(_: Any, arguments: tuple[Any, ...], result: torch.Tensor) -> torch.Tensor:
        return result * torch.nan

    decoder = stage.loop.model_cache.take(ModelName("tiny")).pipe.vae.decoder
    hooks.append(decoder.register_forward_hook(overflow))
    stage.say(Generate(request=order("a", images=2)))
    stage.finish()
    assert [(e.job, e.kind) for e in stage.of(Failed)] == [("a", "numbers")]
    assert stage.of(Finished) == []


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"pictures": start_from(b"no picture", strength=0.5)}, "input", "no PNG, JPEG or WebP"),
        ({"size": ImageSize(width=60, height=64)}, "size", "multiples of 8"),
        ({"prompt": Prompt(text="fox::1 forest::-2")}, "weights", "must add up to more than 0"),
        ({"steps": 1001}, "steps", "cannot do 1001 steps"),
    ],
)
def test_a_failure_names_what_the_model_cannot_use(
    sd_folder: Path, changes: dict[str, Any], kind: str, said: str
) -> None:
    stage = Stage(sd_folder)
    stage.say(Generate(request=order("a", **changes)))
    stage.finish()
    (failed,) = stage.of(Failed)
    assert failed.kind == kind
    assert said in failed.reason


def test_an_upscale_goes_between_the_steps_of_others(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    upscale = upscale_of(png(side=16))
    stage.say(Generate(request=order("a", steps=LONG)), Upscale(request=upscale))
    stage.finish()
    finished = {e.job: e for e in stage.of(Finished)}
    assert opened(finished[JobId("large")].pictures[0]).size == (32, 32)
    assert set(finished) == {"a", "large"}
    assert stage.events.index(finished[JobId("large")]) < stage.events.index(finished[JobId("a")])


def test_an_upscale_tells_how_many_of_its_tiles_are_done(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    stage.say(Upscale(request=upscale_of(to_png(Image.new("RGB", (480, 8))))))
    stage.finish()
    assert [(each.done, each.total) for each in stage.of(Stepped)] == [(1, 3), (2, 3)]


def test_an_enlarged_picture_says_how_the_small_one_was_drawn(sd_folder: Path) -> None:
    small = to_png(opened(png(side=16)), "a fox\nSteps: 7, Job: aaaaaaaaaa-1")
    upscale = upscale_of(small)
    stage = Stage(sd_folder)
    stage.say(Upscale(request=upscale))
    stage.finish()
    (finished,) = stage.of(Finished)
    assert read_parameters(finished.pictures[0]) == read_parameters(small)


def test_a_model_that_enlarges_hands_out_enlarged_pictures(bundled_folder: Path) -> None:
    stage = Stage(bundled_folder)
    large = entry(bundled_folder, enlarge=4)
    stage.say(Configure(models=(large,), default=large.name), Generate(request=order("a", steps=1, images=2)))
    stage.finish()
    (finished,) = stage.of(Finished)
    assert opened(finished.pictures[1]).size == (4 * SIDE, 4 * SIDE)


def test_an_owners_scheduler_takes_the_models_place(sd_folder: Path) -> None:
    euler = entry(sd_folder, scheduler="DPMSolverMultistepScheduler")
    stage = Stage(sd_folder)
    stage.say(Configure(models=(euler,), default=euler.name), Generate(request=order("a")))
    stage.finish()
    assert "Sampler: DPMSolverMultistep" in read_parameters(stage.of(Finished)[0].pictures[0])


def test_an_owners_dtype_draws_nearly_the_same_picture(sd_folder: Path) -> None:
    drawn: list[np.ndarray[Any, Any]] = []
    for dtype in ("float32", "bfloat16"):
        stage = Stage(sd_folder)
        half = entry(sd_folder, dtype=dtype)
        stage.say(Configure(models=(half,), default=half.name), Generate(request=order("a")))
        stage.finish()
        assert stage.loop.model_cache.take(half.name).dtype == getattr(torch, dtype)
        drawn.append(np.asarray(opened(stage.of(Finished)[0].pictures[0]), dtype=np.float64))
    difference = np.abs(drawn[0] - drawn[1]).mean()
    assert 0 < difference < 16, "out of 255"


def test_a_scheduler_that_does_not_exist_is_said(sd_folder: Path) -> None:
    stage = Stage(sd_folder)
    wrong = entry(sd_folder, scheduler="EulerSkheduler")
    stage.say(Configure(models=(wrong,), default=wrong.name), Stop())
    stage.loop.take_orders()
    assert "no scheduler EulerSkheduler" in stage.of(ModelBroken)[0].reason


def test_a_member_without_a_slot_gets_one_when_all_are_taken(sd_folder: Path) -> None:
    stage = Stage(sd_folder, slots=4)
    stage.say(*(Generate(request=order(f"a{n}", images=4, steps=LONG)) for n in range(2)))
    stage.turn(2)
    stage.say(*(Generate(request=order(f"b{n}", member=MemberId(2), images=2, steps=LONG)) for n in range(2)))
    stage.turn()
    assert stage.seated == {"a0": 4, "b0": 2}
    assert stage.of(Stepped)[-1].job == "b0"


def test_drafts_are_seated_beyond_the_slots_and_no_more_than_as_many_again(sd_folder: Path) -> None:
    stage = Stage(sd_folder, slots=2)
    stage.say(*(Generate(request=order(f"a{n}", images=4, steps=LONG)) for n in range(2)))
    stage.turn(2)
    stage.say(*(Generate(request=order(f"draft{n}", images=2, steps=DRAFT_STEPS)) for n in range(3)))
    stage.turn()
    assert stage.seated == {"a0": 2, "draft0": 2}


def test_drafts_beyond_the_slots_keep_nobody_from_a_slot(sd_folder: Path) -> None:
    stage = Stage(sd_folder, slots=4)
    stage.say(
        Generate(request=order("a", images=2, steps=20)),
        *(Generate(request=order(f"draft-{n}", member=MemberId(2 + n), images=2)) for n in range(2)),
        Generate(request=order("b", images=2, steps=20)),
    )
    stage.turn()
    assert stage.seated == {"a": 2, "draft-0": 2, "draft-1": 2, "b": 2}
