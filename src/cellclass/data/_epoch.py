"""An epoch as one batch, for plans that make their steps themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Minibatches(Protocol):
    def __len__(self) -> int: ...


_M = TypeVar("_M", bound=_Minibatches)


class EpochAtOnce(Generic[_M]):
    """All minibatches of an epoch as the one batch that Lightning sees.

    Parameters
    ----------
    minibatches
        They are on the training device already: Lightning does not look into them.
    """

    def __init__(self, minibatches: _M) -> None:
        self.minibatches = minibatches

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[_M]:
        yield self.minibatches
