"""Opens ONNX files: on one thread, without telemetry. A file inside a Python package is found without importing the package."""

from importlib import metadata
from pathlib import Path

import onnxruntime

from moderation.pictures.check import DetectorBroken


def open_packaged(
    detector: str, package: str, file: str, advice: str, *, keeps_memory: bool = True
) -> onnxruntime.InferenceSession:
    """Opens a file of a package as `open_file` does. Raises DetectorBroken."""
    try:
        path = Path(str(metadata.distribution(package).locate_file(file)))
    except metadata.PackageNotFoundError:
        raise DetectorBroken(detector, f"the package {package} is not installed", advice) from None
    try:
        return open_file(path, keeps_memory=keeps_memory)
    except Exception as broken:  # ONNX Runtime has its own exceptions for a missing, short or foreign file
        raise DetectorBroken(
            detector, f"{path.name} can't be loaded: {_one_line(broken)}", advice
        ) from broken


def open_file(path: Path, *, keeps_memory: bool = True) -> onnxruntime.InferenceSession:
    """Opens the file on one thread, because the other cores are for drawing. Raises errors of ONNX Runtime.

    `keeps_memory`: between two runs, memory for the largest input so far is kept. That is faster.
    """
    # Otherwise it queues events with an id of the machine and the program's path, for its maker.
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = keeps_memory
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
