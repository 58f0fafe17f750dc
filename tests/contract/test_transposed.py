"""A query the wrong way round."""

import pandas as pd
import pytest

from cellclass.contract._transposed import refuse_transposed
from cellclass.errors import GeneError


def test_genes_among_the_cells(cells):
    genes = cells.var_names[:40]
    assert refuse_transposed(cells, genes) is None
    with pytest.raises(GeneError, match=r"40 of the 40 genes .* names of cells.*adata\.T\.copy"):
        refuse_transposed(cells.T, genes)


def test_few_shared_names_prove_nothing(cells):
    genes = pd.Index([*cells.obs_names[:3], *cells.var_names[:37]])
    assert refuse_transposed(cells, genes) is None


def test_what_is_no_anndata_is_left_to_others():
    assert refuse_transposed({"a": 1}, pd.Index(["a"])) is None
