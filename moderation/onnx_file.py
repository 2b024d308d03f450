"""Opens an ONNX file inside a Python package, without importing the package."""

from importlib import metadata
from pathlib import Path

import onnxruntime

from moderation.pictures.check import DetectorBroken


def open_packaged(detector: str, package: str, file: str, advice: str) -> onnxruntime.InferenceSession:
    """Opens the file on one thread, because the other cores are for drawing. Raises DetectorBroken."""
    try:
        path = Path(str(metadata.distribution(package).locate_file(file)))
    except metadata.PackageNotFoundError:
        raise DetectorBroken(detector, f"the package {package} is not installed", advice) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as broken:  # ONNX Runtime has its own exceptions for a missing, short or foreign file
        raise DetectorBroken(
            detector, f"{path.name} can't be loaded: {_one_line(broken)}", advice
        ) from broken


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")
