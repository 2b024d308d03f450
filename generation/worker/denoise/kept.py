"""Tensors that a model keeps for speed alone: they are counted as its memory, and dropped when memory is short."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar, cast

from torch import Tensor

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by key; the least recently used go first. A value: a tensor, or tuples of them and of None."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()

    def of(self, key: K, make: Callable[[], V]) -> V:
        """Returns the value of the key, which is made now if it is not kept."""
        if key not in self._values:
            self._values[key] = make()
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]

    @property
    def bytes(self) -> int:
        return sum(map(_bytes, self._values.values()))

    def drop(self) -> None:
        """Forgets all values. Pictures in progress go on with those that they have."""
        self._values.clear()


def _bytes(value: object) -> int:
    if isinstance(value, Tensor):
        return value.nbytes
    return sum(map(_bytes, cast("tuple[Any, ...]", value))) if isinstance(value, tuple) else 0
