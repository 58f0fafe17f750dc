"""Items come in their order; what goes wrong while one is made is seen by the caller."""

import threading

import pytest

from cellclass.contract import ahead


def test_items_are_made_elsewhere():
    threads = set()

    def items():
        for k in range(5):
            threads.add(threading.get_ident())
            yield k

    assert list(ahead(items())) == list(range(5))
    assert threading.get_ident() not in threads


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("broken")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)


def test_a_caller_may_stop():
    found = ahead(iter(range(100)))
    assert next(found) == 0
    found.close()
