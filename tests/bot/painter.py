"""The scripted worker of tests/generation, handing in real pictures: each job's are red, green, blue and white squares."""

from __future__ import annotations

import io

from PIL import Image

from generation import messages
from generation.request import GenerationRequest, ImageSize, Request
from tests.generation import stand_in

COMMAND = (*stand_in.COMMAND[:2], "tests.bot.painter")
COLOURS = ("red", "green", "blue", "white")
SMALL = ImageSize(width=16, height=16)


def png(colour: str = "red", size: ImageSize = SMALL) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size.width, size.height), colour).save(out, "PNG")
    return out.getvalue()


def finish(request: Request, number: int) -> None:
    size = request.size if isinstance(request, GenerationRequest) else SMALL
    stand_in.tell(
        messages.Finished(
            job=request.job,
            pictures=tuple(png(colour, size) for colour in COLOURS[: request.images]),
            grid=png(size=size),
            grid_format="png",
            device_seconds=stand_in.SECONDS_PER_COST * request.cost,
        )
    )


if __name__ == "__main__":
    stand_in.finish = finish
    stand_in.main()
