"""A worker that draws at once: each picture is different, and none is too plain to be recognised when it is drawn again.

Run by its path, with a checkout on PYTHONPATH.
"""

from generation import protocol
from generation.request import GenerationRequest, Request
from tests import pictures
from tests.generation import stand_in

SIDE = 64  # pixels


def finish(request: Request, number: int) -> None:
    images = request.drawing.images if isinstance(request, GenerationRequest) else 1
    stand_in.tell(
        protocol.Finished(
            job=request.job,
            pictures=tuple(
                pictures.png(pictures.waves(10 * number + each, SIDE, SIDE)) for each in range(images)
            ),
            device_seconds=stand_in.SECONDS_PER_COST * request.cost,
        )
    )


if __name__ == "__main__":
    stand_in.finish = finish
    # A member's prompt must not be read as one of the stand-in's actions.
    stand_in.script_of = lambda request: []
    stand_in.main()
