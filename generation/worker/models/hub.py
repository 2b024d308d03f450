"""Fetches models from the Hugging Face hub into its cache: the files that are loaded, and no others."""

import glob
import json
import logging
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download

from generation.files.model_folder import wanted_files

log = logging.getLogger(__name__)


def fetch(name: str, skip: tuple[str, ...] = ()) -> Path:
    """Returns the folder of a hub's model after fetching what it lacks. `skip`: components whose weights are not wanted.

    Raises BrokenModelFolder, and the errors of huggingface_hub.
    """
    info = HfApi().model_info(name, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    index = json.loads(Path(hf_hub_download(name, "model_index.json")).read_bytes())
    files = wanted_files(name, index, tuple(sizes), skip)
    log.info("fetching %s: %d files, %.1f GB", name, len(files), sum(sizes[file] for file in files) / 1e9)
    return Path(snapshot_download(name, allow_patterns=[glob.escape(file) for file in files]))
