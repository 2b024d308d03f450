"""Model families and their differences. `FAMILIES` names the pipeline classes whose pictures share steps."""

from generation.worker.models.families.chroma import ChromaFamily
from generation.worker.models.families.family import ModelFamily as ModelFamily
from generation.worker.models.families.flux import FluxFamily
from generation.worker.models.families.flux2 import Flux2Family
from generation.worker.models.families.qwen import QwenImageFamily
from generation.worker.models.families.stable_diffusion import SD3Family, UNetFamily
from generation.worker.models.families.z_image import ZImageFamily

FAMILIES: dict[str, type[ModelFamily]] = {
    "StableDiffusionPipeline": UNetFamily,
    "StableDiffusionXLPipeline": UNetFamily,
    "StableDiffusion3Pipeline": SD3Family,
    "FluxPipeline": FluxFamily,
    "Flux2Pipeline": Flux2Family,
    "Flux2KleinPipeline": Flux2Family,
    "QwenImagePipeline": QwenImageFamily,
    "ChromaPipeline": ChromaFamily,
    "ZImagePipeline": ZImageFamily,
}
