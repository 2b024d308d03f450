"""Finds models of the Hugging Face hub in its cache on this machine. Fetches nothing, so the bot can look at start."""

import os
import re
from pathlib import Path

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def is_hub_name(source: str) -> bool:
    """Returns whether `source` names a model of a hub ("owner/name") and no folder or file of that name exists."""
    is_file = source.endswith((".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf"))
    return _HUB_NAME.fullmatch(source) is not None and not is_file and not os.path.lexists(source)


def cache_folder() -> Path:
    """Returns the cache's folder. See https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables"""
    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    # Not Path.home(), which raises where there is no home.
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(caches) / "huggingface" / "hub"


def repository_folder(name: str) -> Path:
    """Returns the folder of a hub's model in the cache, which may not exist."""
    return cache_folder() / f"models--{name.replace('/', '--')}"


def find_snapshot(name: str, revision: str = "") -> Path | None:
    """Returns the folder of one revision of a hub's model, as far as it was fetched; None if it never was.

    `revision`: a branch, a tag or a commit; empty: main. See https://huggingface.co/docs/huggingface_hub/guides/manage-cache
    """
    repository = repository_folder(name)
    revision = revision or "main"
    try:
        commit = (repository / "refs" / revision).read_text(encoding="utf-8").strip()
    except OSError:
        commit = revision
    snapshot = repository / "snapshots" / commit
    try:
        return snapshot if snapshot.is_dir() else None
    except OSError:  # the bot's user may not look there
        return None


def bytes_in_cache(name: str) -> int:
    """Returns the bytes of a hub's model that are in the cache, of all its revisions and of files that are not complete."""
    return sum(
        file.stat().st_size for file in (repository_folder(name) / "blobs").glob("*") if file.is_file()
    )


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"
