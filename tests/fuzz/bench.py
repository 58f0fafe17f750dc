"""How a case is run: made, called, held against what must be, and counted."""

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from fuzz.cells import ODD_TYPES, Recipe, make
from fuzz.judge import count, judged

FUZZERS: dict[str, tuple[int, Callable]] = {}


def fuzzes(name: str, n: int = 15):
    """Say which public name a function tries, and with how many cases in CI."""

    def register(function):
        FUZZERS[name] = (n, function)
        return function

    return register


@dataclass
class Bench:
    """One case of a public name."""

    name: str
    draw: Callable
    unchanged: Callable

    def call(self, call, *inputs, writes=(), copies=False):
        """Call it, with AnnData that must stay as they are but for `writes`; count the outcome.

        Where the call `copies`, anndata may say that names are not unique, and nothing is written.
        """
        becomes_own = bool(writes) and any(one.is_view for one in inputs)
        with self.unchanged(*inputs, but=() if copies else writes):
            result, refusal = judged(self.name, call, copies=copies or becomes_own)
        count(self.name, refusal)
        return result, refusal

    def run(self, call, recipe: Recipe, *, writes=(), copies=False, read=None):
        """Call a function of an AnnData.

        Where the cells come in another array kind or type, the same values in a plain array must
        give what `read` takes from the result and the AnnData, or be refused, too.
        """
        adata = make(recipe)
        if adata.is_view and writes:
            writes = (*writes, "adata.is_view")
        result, refusal = self.call(lambda: call(adata), adata, writes=writes, copies=copies)
        plain = recipe.plain()
        if recipe.is_plain or recipe.kind == "masked" or recipe.dtype in ODD_TYPES:
            return adata, result, refusal
        other = make(plain)
        expected, refused = judged(self.name, lambda: call(other), copies=copies)
        if refusal is None:
            if refused is not None:
                raise AssertionError(f"A plain array is refused: {refused}") from refused
            if read is not None:
                same(read(result, adata), read(expected, other))
        elif refused is None and not because_of_kind(refusal):
            raise AssertionError(f"A plain array is not refused: {refusal}") from refusal
        elif refused is not None and not because_of_kind(refusal):
            assert type(refused) is type(refusal), (refusal, refused)
        return adata, result, refusal


def because_of_kind(refusal) -> bool:
    """Tell whether an error is about where the matrix is kept, not about what it holds."""
    return any(word in str(refusal) for word in ("backed", "memory", "is a view", "chunks"))


def same(found, expected, where="result"):
    """Assert that two results say the same, up to rounding in float32."""
    if isinstance(expected, ad.AnnData):
        found = {"X": found.X, "obs": found.obs, "var": found.var}
        expected = {"X": expected.X, "obs": expected.obs, "var": expected.var}
    if is_dataclass(expected) and not isinstance(expected, type):
        for field in fields(expected):
            one, other = getattr(found, field.name), getattr(expected, field.name)
            same(one, other, f"{where}.{field.name}")
    elif isinstance(expected, dict):
        assert list(found) == list(expected), where
        for key, value in expected.items():
            same(found[key], value, f"{where}[{key!r}]")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), where
        for i, value in enumerate(expected):
            same(found[i], value, f"{where}[{i}]")
    elif isinstance(expected, pd.DataFrame):
        assert list(found.columns) == list(expected.columns), where
        for column in expected.columns:
            same(found[column].to_numpy(), expected[column].to_numpy(), f"{where}.{column}")
    else:
        _same_values(dense(found), dense(expected), where)


def _same_values(found, expected, where):
    if expected.dtype.names:
        for name in expected.dtype.names:
            _same_values(found[name], expected[name], f"{where}.{name}")
        return
    assert found.shape == expected.shape, where
    if expected.dtype.kind in "fiub" and found.dtype.kind in "fiub":
        np.testing.assert_allclose(
            found.astype(float), expected.astype(float), rtol=1e-4, atol=1e-5, err_msg=where
        )
    else:
        assert found.astype(str).tolist() == expected.astype(str).tolist(), where


def dense(value) -> np.ndarray:
    """Return a value as a plain array."""
    if hasattr(value, "compute"):
        value = value.compute()
    return value.toarray() if sp.issparse(value) else np.asarray(value)
