# For pyright alone. The package's own `__init__.py` imports each of its thousands of modules for type checkers. To follow that
# takes a third of a check's time and says little: what comes out of its classes is unknown all the same.
from typing import Any

def __getattr__(name: str) -> Any: ...
