"""Makes pictures from requests. Uses diffusers and torch; knows neither Discord nor SQL.

This file exports the plain values that other packages use. Importing it loads no torch and starts nothing. `generation.queue`
talks to the worker. `generation.files` and `generation.provenance` read and write files. Only the worker process imports torch.
"""

# Other packages import these names from here.
# pyright: reportUnusedImport=false

from generation.abilities import Abilities, GuidanceKind
from generation.control.kinds import Control, ControlKind
from generation.logs import Format, Level
from generation.prompt import (
    MAX_PARTS,
    MAX_WORD_WEIGHT,
    BadWeights,
    Notation,
    Prompt,
    Reading,
    WeightFault,
)
from generation.protocol import Configure, Event, Ready, Strained, Swapped, Vitals
from generation.queue.ticket import (
    Download,
    GenerationFailed,
    JobCancelled,
    JobParked,
    Pictures,
    Progress,
    QueueClosed,
    Running,
    Ticket,
    Waiting,
)
from generation.request import (
    DIRECT,
    MAX_GUIDANCE,
    MAX_LORA_WEIGHT,
    Drawing,
    EmbeddingEntry,
    GenerationRequest,
    GuildId,
    ImageSize,
    InputPicture,
    JobId,
    LicenceClass,
    Lora,
    LoraEntry,
    LoraSet,
    MemberId,
    ModelEntry,
    ModelName,
    Placement,
    PlannedPicture,
    Region,
    Request,
    Role,
    UpscaleRequest,
)
from generation.scheduler_names import SCHEDULERS, find_scheduler, scheduler_names, unsuitable
