"""`python -m generation "a fox" -o fox.png`: makes pictures from the command line, with the same loop as the bot."""

import argparse
import os
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from tqdm import tqdm

from generation.files.distilled import with_own_defaults
from generation.files.images import open_picture, read_parameters, to_png
from generation.files.model_source import inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.prompt import BadWeights, Prompt, Reading
from generation.protocol import Configure, Event, Failed, Finished, Generate, Order, Started, Stepped, Stop
from generation.request import (
    MAX_GUIDANCE,
    MAX_LORA_WEIGHT,
    MAX_SEED,
    Drawing,
    GenerationRequest,
    ImageSize,
    InputPicture,
    JobId,
    Lora,
    LoraEntry,
    LoraName,
    MemberId,
    ModelEntry,
    ModelName,
    Role,
)
from generation.scheduler_names import find_scheduler

BUNDLED = ModelEntry(
    name=ModelName("bundled"),
    source=str(Path(__file__).parents[1] / "models" / "bundled"),
    licence="MIT",
    side=128,
    multiple=8,
    steps=20,
    guidance=4.0,
)
MAX_SIDE = 4096
"""Pixels. A model's own `side` has the same limit."""

BAD_INPUT = 2
FAILED = 1


class BadInput(Exception):
    """Command-line input that can't be used. The text is a sentence for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line. Returns 0, FAILED or BAD_INPUT; argparse itself exits with 2."""
    options = _parser().parse_args(arguments)
    try:
        entry, drawing = _entry_and_drawing(options)
        inspect_entry(entry)
        return _draw(entry, drawing, Path(options.output))
    except (BadInput, BrokenModelFolder) as bad:
        print(bad, file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generation", description="Pictures from a sentence.")
    parser.add_argument("prompt")
    add = parser.add_argument
    add("-o", "--output", default="picture.png", help="PNG; several become picture-1.png, ...")
    add("--model", default="", help="a .safetensors file, a folder in diffusers' layout or a hub name")
    add(
        "--base",
        default="",
        help="a folder or hub name that the parts that a .safetensors file lacks come from",
    )
    add("--vae", default="", help="a file, folder or hub name of a VAE that replaces the model's own")
    add("--negative", default="", help="what should not be in the picture")
    add("--steps", type=int, default=0, help="default: the model's own")
    add("--guidance", type=float, default=-1.0, help="1 switches guidance off")
    add("--seed", type=int, default=-1, help="default: random")
    add("--images", type=int, default=1, help="number of pictures, 1 to 4")
    add("--size", default="", help="WIDTHxHEIGHT in pixels, such as 512x768")
    add("--scheduler", default="", help="such as 'Euler a', or a class of diffusers")
    add("--init", default="", help="a picture to start from")
    add("--strength", type=float, default=0.6, help="how far from --init, above 0 and at most 1")
    add("--mask", default="", help="a picture: where it is white, --init is drawn anew")
    add("--lora", action="append", default=[], help="a .safetensors file, or FILE:WEIGHT; may be repeated")
    add("--enlarge", type=int, choices=(1, 2, 4), default=1, help="the factor for the finished pictures")
    return parser


def _entry_and_drawing(options: argparse.Namespace) -> tuple[ModelEntry, Drawing[bytes]]:
    loras: dict[str, LoraEntry] = {}
    for lora in map(_lora, options.lora):
        if loras.setdefault(lora.name, lora).source != lora.source:
            raise BadInput(f"Two files of --lora have the name {lora.name}. Rename one of them.")
        loras[lora.name] = lora  # of the same file twice, the last weight counts
    entry = replace(_entry(options), loras=tuple(loras.values()))
    steps = options.steps or entry.steps
    guidance = entry.guidance if options.guidance == -1.0 else options.guidance
    seed = random.randrange(2**32) if options.seed == -1 else options.seed
    for name, value, least, most in (
        ("images", options.images, 1, 4),
        ("steps", steps, 1, entry.max_steps),
        ("seed", seed, 0, MAX_SEED - 3),  # picture n of at most 4 has the seed + n - 1
        ("guidance", guidance, 0, MAX_GUIDANCE),
    ):
        if not least <= value <= most:  # also for nan
            raise BadInput(f"--{name} is {least} to {most:g}, not {value}.")
    prompt = Prompt(text=options.prompt, negative=options.negative)
    try:
        _ = prompt.parts, prompt.negative_words
    except BadWeights as bad:
        raise BadInput(str(bad)) from bad
    for path in _outputs(Path(options.output), options.images):
        _check_output(path)
    return entry, Drawing(
        model=entry.name,
        prompt=prompt,
        size=_size(options.size, entry),
        steps=steps,
        guidance=guidance,
        seed=seed,
        images=options.images,
        scheduler=entry.default_scheduler,
        loras=tuple(Lora(name=lora.name, weight=lora.weight) for lora in loras.values()),
        pictures=_pictures(options),
    )


def _lora(written: str) -> LoraEntry:
    source, _, weight = written.rpartition(":")
    try:
        scale = float(weight) if source else 1.0
    except ValueError:  # the colon is part of the file's name
        scale, source = 1.0, ""
    source = source or written
    if not (scale and abs(scale) <= MAX_LORA_WEIGHT):
        reason = f"-{MAX_LORA_WEIGHT:g} to {MAX_LORA_WEIGHT:g} and not 0, not {scale}"
        raise BadInput(f"The weight of --lora {source} is {reason}.")
    # PEFT uses this as a module name, and a dot would separate modules.
    name = re.sub(r"[^A-Za-z0-9_-]", "-", Path(source).stem)
    return LoraEntry(name=LoraName(name), source=source, weight=scale)


def _entry(options: argparse.Namespace) -> ModelEntry:
    entry = BUNDLED
    if options.model:
        name = ModelName(Path(options.model).name)
        entry = ModelEntry(name=name, source=options.model, licence="", multiple=8)
    entry = replace(entry, base=options.base, vae=options.vae, enlarge=options.enlarge)
    if options.model:
        entry = with_own_defaults(entry)
    if named := find_scheduler(options.scheduler):
        return replace(entry, schedulers=(named,))
    return replace(entry, scheduler=options.scheduler)


def _size(text: str, entry: ModelEntry) -> ImageSize:
    if not text:
        return entry.size_for((1, 1))
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise BadInput(f"--size is WIDTHxHEIGHT, as 512x768, not {text}.")
    if max(len(width), len(height)) > 9:
        raise BadInput(f"Width and height of --size are at most {MAX_SIDE} pixels.")
    size = ImageSize(width=int(width), height=int(height))
    if max(size.width, size.height) > MAX_SIDE:
        raise BadInput(f"Width and height of --size are at most {MAX_SIDE} pixels, not {text}.")
    if not (size.width and size.height) or size.width % entry.multiple or size.height % entry.multiple:
        raise BadInput(f"Width and height of --size must be multiples of {entry.multiple}, not {text}.")
    return size


def _outputs(output: Path, images: int) -> list[Path]:
    """Returns the path of each picture."""
    if images == 1:
        return [output]
    return [output.with_stem(f"{output.stem}-{number}") for number in range(1, images + 1)]


def _check_output(path: Path) -> None:
    """Raises BadInput if no PNG can be written to `path`."""
    folder = path.absolute().parent
    if path.is_dir():
        raise BadInput(f"--output is a file's name, and {path} is a folder.")
    if path.suffix.lower() != ".png":
        raise BadInput(f"--output ends in .png, because the pictures are PNG; {path.name or path} does not.")
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder} to write to.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise BadInput(f"{path} can't be written: permission denied.")


def _pictures(options: argparse.Namespace) -> tuple[InputPicture[bytes], ...]:
    if not options.init:
        if options.mask:
            raise BadInput("--mask needs --init: it marks the part of that picture that is drawn anew.")
        return ()
    if not 0 < options.strength <= 1:
        raise BadInput(f"--strength is above 0 and at most 1, not {options.strength}.")
    start = InputPicture(source=_read(options.init), role=Role.START, strength=options.strength)
    return (start, InputPicture(source=_read(options.mask), role=Role.MASK)) if options.mask else (start,)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as unreadable:
        raise BadInput(f"{path} cannot be read: {unreadable.strerror}.") from unreadable


def _draw(entry: ModelEntry, drawing: Drawing[bytes], output: Path) -> int:
    # Without this, transformers warns that torchvision is missing. Nothing here needs torchvision.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Imported here, so that bad input is refused immediately: importing torch takes seconds.
    from generation.worker.loop import Loop
    from generation.worker.models.loading import limit_threads

    orders: SimpleQueue[Order] = SimpleQueue()
    ends: list[Finished | Failed] = []
    bar = tqdm(desc="loading", unit="step", bar_format="{desc}: {percentage:3.0f}% |{bar}| {elapsed}")

    def tell(event: Event) -> None:
        match event:
            case Started(reading=reading):
                bar.set_description_str("drawing")
                for line in _notes(reading or Reading()):
                    tqdm.write(line, file=sys.stderr)
            case Stepped(done=done, total=total):
                bar.total, bar.n = total, done
                bar.refresh()
            case Finished() | Failed():
                ends.append(event)
                orders.put(Stop())
            case _:  # a broken model is also reported by the job's Failed event
                pass

    orders.put(Configure(models=(entry,), default=entry.name, preview_seconds=float("inf")))
    request = GenerationRequest(job=JobId("shell"), member=MemberId(0), drawing=drawing)
    orders.put(Generate(request=request))
    limit_threads()
    Loop(orders, tell).run()
    bar.close()
    match ends[0]:
        case Failed(kind=kind, reason=reason):
            print(reason, file=sys.stderr)
            return FAILED if kind in ("memory", "numbers", "bug") else BAD_INPUT
        case Finished(pictures=pictures):
            for number, (path, picture) in enumerate(
                zip(_outputs(output, len(pictures)), pictures, strict=True)
            ):
                # The loop does not compress them.
                path.write_bytes(to_png(open_picture(picture), read_parameters(picture)))
                print(f"{path} (seed {drawing.seed + number})")
            return 0


def _notes(reading: Reading) -> Iterator[str]:
    """Yields what the model leaves out of the prompt."""
    for notation in reading.ignored:
        yield f"The model can't follow the {notation} in the prompt: they are left out."
    for name, read, tokens in (
        ("prompt", reading.read, reading.tokens),
        ("negative prompt", reading.negative_read, reading.negative_tokens),
    ):
        if read < tokens:
            yield f"The model reads the first {read} of {tokens} tokens of the {name}."


if __name__ == "__main__":
    sys.exit(main())
