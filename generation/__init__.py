"""Pictures from requests. Knows diffusers and torch; knows neither Discord nor SQL.

What other packages use of it, in plain values: importing this loads no torch and starts nothing. What talks to the worker is in
`generation.queue`, what reads and writes files in `generation.files` and `generation.provenance`; torch is imported in the worker
process alone.
"""

# ruff: noqa: I001  # a few names in a line

from generation.prompt import MAX_PARTS, BadWeights, Prompt
from generation.queue.ticket import GenerationError, GenerationFailed, JobCancelled, LineFull, Pictures
from generation.queue.ticket import Progress, Running, Ticket, Waiting
from generation.request import DIRECT, MAX_GUIDANCE, MAX_LORA_WEIGHT, Drawing, GenerationRequest, GuildId
from generation.request import ImageSize, InputPicture, JobId, Lora, LoraEntry, LoraName, LoraSet, MemberId
from generation.request import ModelEntry, ModelName, Request, Role, UpscaleRequest

# fmt: off
__all__ = [
    "DIRECT", "MAX_GUIDANCE", "MAX_LORA_WEIGHT", "MAX_PARTS", "BadWeights", "Drawing",
    "GenerationError", "GenerationFailed", "GenerationRequest", "GuildId", "ImageSize", "InputPicture",
    "JobCancelled", "JobId", "LineFull", "Lora", "LoraEntry", "LoraName", "LoraSet", "MemberId",
    "ModelEntry", "ModelName", "Pictures", "Progress", "Prompt", "Request", "Role", "Running", "Ticket",
    "UpscaleRequest", "Waiting",
]
# fmt: on
