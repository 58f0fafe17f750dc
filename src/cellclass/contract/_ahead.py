"""Make the next item while the last one is used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items, each of which a thread makes while the caller works on the one before."""
    nothing = object()
    source = iter(items)
    with ThreadPoolExecutor(1) as executor:
        coming = executor.submit(next, source, nothing)
        while (item := coming.result()) is not nothing:
            coming = executor.submit(next, source, nothing)
            yield cast("T", item)
