"""The worker's loop in four verbs: sweep cancelled jobs, seat waiting pictures, step once, retire finished pictures.

One thread runs it and is the only one that computes with torch. Orders arrive in the order in which the bot wants them served.
The loop only decides which of the seated pictures take the next step. Every change happens between two steps.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from queue import Empty, SimpleQueue

from generation import protocol
from generation.files.images import PictureError, open_picture, parameters_of, read_parameters
from generation.logs import of_job
from generation.prompt import BadWeights
from generation.protocol import (
    Cancelled,
    Configure,
    Event,
    Failed,
    ModelAbilities,
    Order,
    Ready,
    Started,
    Stepped,
)
from generation.request import Drawing, JobId, ModelName, Role, UpscaleRequest
from generation.worker.batch_scheduler import BatchScheduler
from generation.worker.heartbeat import Heartbeat, WorkTally
from generation.worker.job import Job, Seat, jobs_of, seats_of
from generation.worker.memory import is_device_lost, is_out_of_memory, optional_work
from generation.worker.models import abilities
from generation.worker.models.eviction_policy import EvictionPolicy
from generation.worker.models.loading import (
    BrokenModel,
    Model,
    UnusableRequest,
    device_name,
    pick_device,
    watch_compiling,
)
from generation.worker.models.loras import BrokenLora
from generation.worker.models.model_cache import ModelCache, memory_budget
from generation.worker.models.offload import Verb
from generation.worker.oom_recovery import JobOutcomes, OomRecovery
from generation.worker.output.decode import Finisher, NotFinite
from generation.worker.output.image_encoder import ImageEncoder
from generation.worker.output.preview import JobPreview
from generation.worker.tiled_picture import TiledPicture
from generation.worker.warm_up import warm_up

log = logging.getLogger(__name__)

DECODED_AT_ONCE = {"cpu": 4, "cuda": 8}
"""Pictures decoded between two steps, if memory allows. One at a time would be too slow for few-step models; more would delay the
other pictures. On a large card many at once are cheaper: on an H100 four SDXL pictures took 2.7 times as long as one.
"""

DOWNLOAD_PAUSE = 0.2
"""Seconds between two looks at a download while there is no other work."""

UNREADABLE = "The picture to start from is no PNG, JPEG or WebP, or it is too large."


class Loop:
    def __init__(
        self,
        orders: SimpleQueue[Order],
        tell: Callable[[Event], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        image_encoder: ImageEncoder | None = None,
    ) -> None:
        self.orders = orders
        self.tell = tell
        self.clock = clock  # seconds
        self.image_encoder = image_encoder or ImageEncoder(tell)
        self.device = pick_device()
        self.settings = Configure(models=(), default=ModelName(""))
        self.model_cache = self._empty_cache()
        self.jobs: dict[JobId, Job] = {}  # oldest first
        self.upscales: dict[JobId, UpscaleRequest] = {}
        self.cancelled: set[JobId] = set()
        self.is_default_due = False  # it is being downloaded, and is loaded afterwards
        self.batch_scheduler = BatchScheduler()
        self.oom_recovery = OomRecovery(
            self.device,
            tell,
            clock,
            JobOutcomes(
                is_alive=lambda job: job.id in self.jobs,
                account=self._account,
                fail=self._fail,
                fail_for=self._fail_for,
            ),
            lambda: self.model_cache.graph_bytes,
        )
        self.is_stopped = False
        self.finisher = Finisher(self.device)
        self.tally = WorkTally()
        self.heartbeat = Heartbeat(is_cpu=self.device.type == "cpu")

    def run(self) -> None:
        """Runs the loop. Returns after Stop."""
        while not self.is_stopped:
            self.heartbeat.beat()
            self.tally.slots = sum(not seat.slot.is_finished for seat in seats_of(self.jobs.values()))
            self.take_orders()
            self.sweep()
            self.seat()
            self.step()
            self.retire()
        self.image_encoder.close()

    # ---- orders

    def take_orders(self) -> None:
        """Takes all orders that have arrived. Waits for one if there is no work, or none before a download ends."""
        is_idle = not (self.upscales or self.is_stopped) and all(
            job.model is None and self.model_cache.downloads.is_running(job.request.drawing.model)
            for job in self.jobs.values()
        )
        pause = DOWNLOAD_PAUSE if self.model_cache.downloads.is_busy or self.is_default_due else None
        with self.heartbeat.rest() if is_idle else nullcontext(), suppress(Empty):
            while True:
                self._take(self.orders.get(block=is_idle, timeout=pause if is_idle else None))
                is_idle = False

    def _take(self, order: Order) -> None:
        match order:
            case Configure():
                self._configure(order)
            case protocol.Generate(request=request):
                self.jobs[request.job] = Job(request=request)
            case protocol.Upscale(request=request):
                self.upscales[request.job] = request
            case protocol.Cancel(job=job):
                self.cancelled.add(job)
            case protocol.Stop():
                self.is_stopped = True
            case protocol.Ping(number=number):
                self.tell(protocol.Pong(number=number))

    def _configure(self, settings: Configure) -> None:
        began = self.clock()
        self.settings = settings
        self.batch_scheduler = BatchScheduler(settings.weights)
        self.oom_recovery.pin(settings.pinned_rows)
        if any(model.compile for model in settings.models):
            watch_compiling(self.heartbeat.begin_rest, self.heartbeat.end_rest)
        self.model_cache = self._empty_cache()
        for model in settings.models:
            if (known := abilities.of_files(model.source, model.style_adapter)) is not None:
                can = abilities.with_controls(known, model)
                self.tell(ModelAbilities(model=model.name, abilities=can))
        self.is_default_due = self.model_cache.prepare(settings.default)
        with suppress(BrokenModel):  # already reported; the other models may work
            if not self.is_default_due:
                self._load_default()
            seconds = round(self.clock() - began, 2)
            self.tell(Ready(device=device_name(self.device), seconds=seconds))

    def _load_default(self) -> None:
        """Raises BrokenModel."""
        default = self.settings.default
        with self.heartbeat.rest():  # loading may take long
            self.model_cache.load(default)
            if self.device.type == "cuda":
                warm_up(self.model_cache.take(default), self.oom_recovery)

    def _empty_cache(self) -> ModelCache:
        settings = self.settings
        policy = EvictionPolicy(memory_budget(self.device, settings.memory_gib), bound=settings.model_wait)
        entries = {entry.name: entry for entry in settings.models}
        return ModelCache(entries, self.device, policy, self.tell, self.clock)

    # ---- the four verbs

    def sweep(self) -> None:
        for job in self.cancelled:
            # A job in neither was just reported as finished or failed.
            if self.jobs.pop(job, None) or self.upscales.pop(job, None):
                self.tell(Cancelled(job=job))
        self.cancelled.clear()
        self.oom_recovery.relax()

    def seat(self) -> None:
        """Fills free slots. Drafts, and members with no running picture, may use up to as many extra slots, so that newcomers get
        a preview early. Pictures whose model is not loaded, or is being evicted, wait.
        """
        self._restock()
        seated = [seat for seat in seats_of(self.jobs.values()) if not seat.slot.is_finished]
        members = {seat.job.request.member for seat in seated}
        slots = self.oom_recovery.slots(self.settings.slots)
        free = 2 * slots - len(seated)
        others = slots - sum(not seat.job.request.is_draft for seat in seated)  # drafts do not use these
        for job in list(self.jobs.values()):
            if not job.model and not self.model_cache.is_open(job.request.drawing.model):
                continue
            is_let_in = job.request.is_draft or (others <= 0 and job.request.member not in members)
            room = free if is_let_in else min(free, others)
            for index in job.unseated[: max(0, room)]:
                with of_job(job.id, job.request.drawing.prompt):
                    is_seated = self._seat_picture(job, index)
                if not is_seated:
                    break
                members.add(job.request.member)
                free -= 1
                others -= not job.request.is_draft

    def _restock(self) -> None:
        self.model_cache.note_downloads()
        if self.is_default_due and not self.model_cache.downloads.is_running(self.settings.default):
            self.is_default_due = False
            if not self.model_cache.policy.resident:  # else the policy decides when it is loaded
                with suppress(BrokenModel):  # already reported
                    self._load_default()
        jobs = self.jobs.values()
        begun = {job.request.drawing.model for job in jobs if job.model}
        with self.heartbeat.rest():
            waiting = [job.request.drawing.model for job in jobs if not job.model]
            self.model_cache.restock(waiting, begun, self.oom_recovery.settle)

    def _seat_picture(self, job: Job, index: int) -> bool:
        model = job.model
        try:
            model = model or self.model_cache.take(job.request.drawing.model)
            reading = model.reading(job.request.drawn(0))
            with self.oom_recovery.timed(partial(self._account_seat, job)):
                slot = model.seat(self._drawn(job, model, index), index)
        except Exception as error:
            if is_device_lost(error):
                raise
            if not is_out_of_memory(error):
                return self._fail_for(job, error)
            reason = str(error)
        else:
            if job.model is None:
                job.model, job.total = model, len(slot.table)
                log.info("started: %d steps with %s", job.total, model.entry.name)
                self.tell(Started(job=job.id, reading=reading))
            job.slots[index] = slot
            return True
        # Outside the except block, because the traceback would keep the allocated tensors alive.
        self.oom_recovery.free_memory()
        if model is not None and self.oom_recovery.climb("encode", model):
            return self._seat_picture(job, index)
        return self._fail(job, "memory", reason)

    def _drawn(self, job: Job, model: Model, index: int) -> Drawing[bytes]:
        """Returns the drawing of a picture or a tile. Raises generation.files.images.PictureError, NotFinite."""
        request = job.request
        asked = request.drawing.picture(Role.CREATIVE)
        if asked is None or not request.tiles:
            return request.drawn(index)
        if job.tiled is None:
            large = self.finisher.enlarge(open_picture(asked.source), asked.factor)
            job.tiled = TiledPicture(large.wait(), request.tiles, job.pictures, model.entry.enlarge)
        return job.tiled.drawing_of(request.drawing, index)

    def step(self) -> None:
        """Takes one step with the pictures that are due, or upscales one picture if this is due before."""
        work = self.batch_scheduler.next_work(
            seats_of(self.jobs.values()),
            lambda seat: self.oom_recovery.sizes(seat.model),
            self.upscales.values(),
        )
        if isinstance(work, UpscaleRequest):
            del self.upscales[work.job]
            with of_job(work.job):
                self._upscale(work)
            return
        batch = self.oom_recovery.fitting("step", work)
        self.oom_recovery.run("step", batch, self._advance)
        if not batch:
            self.oom_recovery.settle()
        now = self.clock()
        for job in self._alive(batch):
            self._tell_progress(job, now)

    def retire(self) -> None:
        """Decodes a few finished pictures, and sends complete jobs to the image encoder."""
        finished = [seat for seat in seats_of(self.jobs.values()) if seat.slot.is_finished]
        at_once = 1 if self.settings.pinned_rows else DECODED_AT_ONCE[self.device.type]
        kinds = [(seat.slot.key, seat.slot.shape) for seat in finished]
        batch = [seat for seat, kind in zip(finished, kinds, strict=True) if kind == kinds[0]][:at_once]
        self.oom_recovery.run("decode", batch, self._develop)

    # ---- work on the device

    def _account(self, verb: Verb, batch: Sequence[Seat], seconds: float) -> None:
        """Accounts for finished work. A step's time is divided by rows, because rows determine its cost;
        a decode's by pictures.
        """
        shares = [len(seat.slot.rows) if verb == "step" else 1 for seat in batch]
        for seat, share in zip(batch, shares, strict=True):
            own = seat.job.seat_seconds + seconds * share / sum(shares)
            seat.job.seat_seconds = 0.0
            seat.job.device_seconds += own
            self.batch_scheduler.charge(seat.job.request, own)
        self.tally.count(verb, seconds, sum(shares))
        if verb == "step":
            self.batch_scheduler.learn(batch, seconds)
            if (cost := self.batch_scheduler.news(batch)) is not None:
                self.tell(cost)
        if verb == "decode":
            for seat in batch:
                seat.job.accounted += 1
        for job in self._alive(batch):
            if job.is_drawn:
                with of_job(job.id, job.request.drawing.prompt):
                    self._deliver(job)

    def _account_seat(self, job: Job, seconds: float) -> None:
        # Charged with its next step: before its first one, a member who is charged counts as served.
        job.seat_seconds += seconds
        self.tally.count("encode", seconds, 0)

    def _advance(self, batch: Sequence[Seat]) -> None:
        model = batch[0].model
        # A picture that is drawn in one go may take longer than a hung loop is waited for.
        with nullcontext() if model.abilities.tells_steps else self.heartbeat.rest():
            model.advance([seat.slot for seat in batch], sizes=self.oom_recovery.sizes(model))

    def _develop(self, batch: Sequence[Seat]) -> None:
        model = batch[0].model
        developed = model.develop([seat.slot for seat in batch])
        turned = [
            picture.flip(-1) if seat.job.request.is_mirrored(seat.index) else picture
            for seat, picture in zip(batch, developed, strict=True)
        ]
        masks = [seat.slot.mask for seat in batch]
        pictures = self.finisher.finish(turned, model.entry.enlarge, masks)
        for seat, picture in zip(batch, pictures, strict=True):
            seat.job.pictures[seat.index] = picture
            del seat.job.slots[seat.index]

    def _tell_progress(self, job: Job, now: float) -> None:
        self.tell(Stepped(job=job.id, done=job.steps_done, total=job.steps_total))
        if not job.is_denoised and now - job.last_preview >= self.settings.preview_seconds:
            job.last_preview = now
            with optional_work():
                self.image_encoder.encode_preview(job.id, JobPreview.of(job))

    def _deliver(self, job: Job) -> None:
        drawing = job.request.drawing
        every = range(drawing.images)
        pictures = [job.tiled] if job.tiled else [job.pictures[index] for index in every]
        scheduler = job.seated_model.scheduler_name(drawing.scheduler)
        texts = [parameters_of(drawing, index, scheduler) for index in every]
        log.info("drawn in %.2f s of the device", job.device_seconds)
        del self.jobs[job.id]
        self.image_encoder.encode(job.id, pictures, texts, job.device_seconds)

    def _upscale(self, request: UpscaleRequest) -> None:
        self.oom_recovery.settle()  # the device is still busy with the work before
        began = self.clock()
        self.tell(Started(job=request.job))

        def tell(done: int, total: int) -> None:
            self.tell(Stepped(job=request.job, done=done, total=total))

        try:
            (picture,) = request.drawing.pictures
            text = read_parameters(picture.source)
            large = self.finisher.enlarge(open_picture(picture.source), request.factor, tell)
            large.wait()  # the measured seconds must include it
        except Exception as error:
            if is_device_lost(error):
                raise
            kind, reason = _told(error)
            self.tell(Failed(job=request.job, kind=kind, reason=reason))
        else:
            seconds = self.clock() - began
            self.batch_scheduler.learn_upscale(seconds)
            self.batch_scheduler.charge(request, seconds)
            self.tally.count("enlarge", seconds, 0)
            self.image_encoder.encode(request.job, [large], [text], seconds)
            return
        if (
            kind == "memory"
        ):  # outside the except block, because the traceback would keep the allocated tensors alive
            self.model_cache.make_room()
            self.oom_recovery.free_memory()

    # ---- the details

    def _alive(self, batch: Sequence[Seat]) -> list[Job]:
        return [job for job in jobs_of(batch) if job.id in self.jobs]

    def _fail(self, job: Job, kind: str, reason: str) -> bool:
        del self.jobs[job.id]
        self.tell(Failed(job=job.id, kind=kind, reason=reason))
        return False

    def _fail_for(self, job: Job, error: Exception) -> bool:
        with of_job(job.id, job.request.drawing.prompt):
            return self._fail(job, *_told(error))


def _told(error: Exception) -> tuple[str, str]:
    """Returns the kind and the reason of a Failed. Logs what the bot does not log."""
    match error:
        case BrokenLora():
            log.error("%s", error)
            return error.kind, str(error)
        case BrokenModel() | UnusableRequest():
            return error.kind, str(error)
        case BadWeights():
            return "weights", str(error)
        case PictureError():
            return "input", UNREADABLE
        case NotFinite():
            return "numbers", "the model made numbers that are no colours"
        case _ if is_out_of_memory(error):
            return "memory", str(error)
        case _:
            log.error("failed", exc_info=error)
            return "bug", f"{type(error).__name__}: {error}"
