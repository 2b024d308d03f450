"""Orders over time, at a load below the loop's capacity: measures first previews, and the waits of other members when one member
sends 60 %."""

from collections.abc import Sequence

from benchmarks.crowd import LOAD, SHARE, SHORT_STEPS, STEPS, dealt, mean_work, one_at_a_time, others
from benchmarks.gpu.bench import SMOKE, Bench
from benchmarks.gpu.speed import Rows
from benchmarks.shared.orders import Arrival
from benchmarks.shared.report import percentile
from generation.request import GenerationRequest


def previews(bench: Bench, asked: float) -> Rows:
    """Measures first previews. `asked` is the required p95 in seconds."""
    arrivals = _arrivals(bench, bench.scale.orders, STEPS, share=0.0)
    done = bench.played(bench.model, arrivals)
    at = {one.request.job: one.at for one in arrivals}
    looks = [(record.preview or record.ended) - at[job] for job, record in done.records.items()]
    p95 = percentile(looks, 95)
    bench.note(first_preview_p50=percentile(looks, 50), first_preview_p95=p95)
    return [(f"first preview, p95, at {LOAD:.0%} load, s", p95, f"at most {asked}")]


def crowd(bench: Bench) -> Rows:
    arrivals = _arrivals(bench, bench.scale.crowd, SHORT_STEPS, share=SHARE)
    done = bench.played(bench.model, arrivals)
    waits = [done.records[one.request.job].ended - one.at for one in others(arrivals)]
    ours = percentile(waits, 95)
    bench.note(others_p95=ours, others_orders=len(waits))
    theirs = one_at_a_time(arrivals, _Calls(bench, arrivals).seconds_for)
    bench.note(others_p95_one_order_at_a_time=theirs)
    return [
        ("others' p95 when one member sends 60 %, against one order at a time", ours / theirs, "at most 0.4")
    ]


def _arrivals(bench: Bench, count: int, steps: Sequence[int], *, share: float) -> list[Arrival]:
    scale = bench.scale
    if scale is SMOKE:
        steps = (2, 4)
    rate = bench.saturated(bench.model, min(16, scale.saturating)).rate
    bench.note(loop_at_saturation_before_orders_over_time=rate)
    gap = mean_work(steps) / scale.steps / rate / LOAD
    return dealt(bench.order, gap, count, steps, share=share)


class _Calls:
    """A model of the pipeline's time per order. Measures a call for each number of pictures at two step counts. The queue of such
    calls is then computed."""

    def __init__(self, bench: Bench, arrivals: Sequence[Arrival]) -> None:
        few, many = 2, bench.scale.steps
        self._lines: dict[int, tuple[float, float]] = {}
        for images in sorted({one.request.drawing.images for one in arrivals}):
            bench.pipeline_seconds(images, few)
            short, long = bench.pipeline_seconds(images, few), bench.pipeline_seconds(images, many)
            a_step = max(0.0, (long - short) / (many - few))
            self._lines[images] = (short - few * a_step, a_step)
        bench.note(pipeline_seconds_of_a_call_and_a_step_by_pictures=self._lines)

    def seconds_for(self, request: GenerationRequest) -> float:
        fixed, a_step = self._lines[request.drawing.images]
        return fixed + a_step * request.drawing.steps
