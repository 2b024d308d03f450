"""The saved result of the GPU benchmark: each part separately, with the machine that measured it."""

import json
from pathlib import Path
from typing import Any

from benchmarks.shared.report import RESULTS

KEPT = RESULTS / "gpu.json"


class Record:
    def __init__(self, machine: dict[str, Any], path: Path | None) -> None:
        """Starts with the earlier parts, from `path` or from the repository. `path` is the output file; None saves nothing."""
        self._machine, self._path = machine, path
        before = path if path is not None and path.exists() else KEPT
        kept = json.loads(before.read_text(encoding="utf-8")) if path is not None and before.exists() else {}
        self.parts: dict[str, Any] = kept.get("parts", {})
        self.begun: set[str] = set()

    def note(self, part: str, figures: dict[str, Any]) -> None:
        """Saves figures at once, because a run may end at any time. The first figure of a part replaces the part's earlier
        figures."""
        if part not in self.begun:
            self.begun.add(part)
            self.parts[part] = {"machine": self._machine, "figures": {}}
        self.parts[part]["figures"] |= figures
        if self._path is not None:
            content = {"benchmark": "gpu", "seconds": "wall clock", "parts": self.parts}
            self._path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
