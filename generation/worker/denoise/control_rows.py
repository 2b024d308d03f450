"""Which rows of a step follow control maps, grouped by the net that sees them. The others' rows get no net's output."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generation.control.kinds import ControlKind
from generation.worker.denoise.slots import Row

CONTROLS = "controls"
"""The model's input for them, in `StepPlan.told`; missing in a step where no row has a map."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlGroup:
    """Rows of one kind. Tensors are on the device."""

    kind: ControlKind
    places: tuple[int, ...]  # the rows of the call that the net sees; padding repeats the first
    seen: Tensor  # (padded rows,): the same
    pictures: tuple[Tensor, ...]  # (padded rows,), as in `RowControl`
    scales: Tensor  # (padded rows,), float32
    served: Tensor  # (served rows,): the rows of the call that get its output
    of_served: Tensor  # (served rows,): which of `seen` that is, as an index


def controls_of(
    slots: Sequence[Sequence[Row]], sizes: Sequence[int], upload: Callable[[Tensor], Tensor]
) -> Mapping[str, tuple[ControlGroup, ...]]:
    """Returns the groups of a step. `slots`: the rows of each picture, in the order of the call. `sizes`: as in
    `BatchState.advance`. `upload`: copies to the device.
    """
    found: dict[ControlKind, list[tuple[int, Row]]] = {}
    served: dict[ControlKind, list[tuple[int, int]]] = {}
    first = 0
    for rows in slots:
        for place, row in enumerate(rows):
            if (control := row.control) is None:
                continue
            seen = found.setdefault(control.kind, [])
            if not (control.is_shared and place):
                seen.append((first + place, row))
            served.setdefault(control.kind, []).append((first + place, len(seen) - 1))
        first += len(rows)
    groups = tuple(_group(kind, seen, served[kind], sizes, upload) for kind, seen in found.items())
    return {CONTROLS: groups} if groups else {}


def _group(
    kind: ControlKind,
    seen: list[tuple[int, Row]],
    served: list[tuple[int, int]],
    sizes: Sequence[int],
    upload: Callable[[Tensor], Tensor],
) -> ControlGroup:
    count = len(seen)
    padded = [*seen, *seen[:1] * (next((size for size in sizes if size >= count), count) - count)]
    controls = [row.control for _, row in padded if row.control is not None]
    numbers = upload(torch.tensor([*(place for place, _ in padded), *(n for pair in served for n in pair)]))
    places, pairs = numbers.split([len(padded), 2 * len(served)])
    return ControlGroup(
        kind=kind,
        places=tuple(place for place, _ in padded),
        seen=places,
        pictures=tuple(control.picture for control in controls),
        scales=upload(torch.tensor([control.scale for control in controls])),
        served=pairs[::2],
        of_served=pairs[1::2],
    )
