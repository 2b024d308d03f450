"""Pictures from requests. Knows diffusers and torch; knows neither Discord nor SQL.

What other packages use of it, in plain values: importing this loads no torch and starts nothing. What talks to the worker is in
`generation.queue`, what reads and writes files in `generation.files` and `generation.provenance`; torch is imported in the worker
process alone.
"""

# Others import them from here.
# pyright: reportUnusedImport=false

from generation.logs import Format, Level
from generation.prompt import MAX_PARTS, BadWeights, Prompt
from generation.protocol import Configure, Event, Ready, Strained, Swapped, Vitals
from generation.queue.ticket import (
    GenerationFailed,
    JobCancelled,
    Pictures,
    Progress,
    Running,
    Ticket,
    Waiting,
)
from generation.request import (
    DIRECT,
    MAX_GUIDANCE,
    MAX_LORA_WEIGHT,
    Drawing,
    GenerationRequest,
    GuildId,
    ImageSize,
    InputPicture,
    JobId,
    Lora,
    LoraEntry,
    LoraSet,
    MemberId,
    ModelEntry,
    ModelName,
    Request,
    Role,
    UpscaleRequest,
)
