"""Names of genes are found by what a column holds, whatever it is called."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from cellclass.contract._gene_names import GeneNames, gene_names_of, names_beside

SYMBOLS = ["CD3D", "MS4A1", "NKG7", "LYZ", "ACTB"]
IDS = [f"ENSG{j:011d}" for j in (167286, 156738, 105374, 90382, 75624)]


def cells(names, **columns):
    var = pd.DataFrame(columns, index=pd.Index(names).astype(str))
    return ad.AnnData(np.zeros((1, len(names)), dtype=np.float32), var=var)


@pytest.mark.parametrize("dtype", [object, "category", "string"])
@pytest.mark.parametrize("column", ["gene_ids", "feature_name", "whatever"])
def test_columns_are_found_by_content(column, dtype):
    other = {
        "feature_types": ["Gene Expression"] * 5,
        "genome": pd.Categorical(["GRCh38"] * 5),
        "n_cells": range(5),
        "highly_variable": [True, False] * 2 + [True],
        "mean": np.linspace(0, 1, 5),
        "chromosome": ["chr1", "chr1", "chr2", "chr2", "chr3"],
    }
    by_symbol = gene_names_of(cells(SYMBOLS, **{column: pd.array(IDS, dtype=dtype)}, **other))
    assert by_symbol.symbols == {}
    assert by_symbol.ids[column].tolist() == IDS
    assert by_symbol.others.tolist() == IDS
    assert by_symbol.identifiers.tolist() == IDS
    assert by_symbol.organism == "human"
    by_id = gene_names_of(cells(IDS, **{column: pd.array(SYMBOLS, dtype=dtype)}, **other))
    assert by_id.ids == {}
    assert by_id.symbols[column].tolist() == SYMBOLS
    assert by_id.others.tolist() == SYMBOLS
    assert by_id.identifiers.tolist() == IDS


def test_without_columns():
    plain = gene_names_of(cells(SYMBOLS))
    assert plain.others is None
    assert plain.identifiers.tolist() == [""] * 5
    assert plain.organism == ""


def test_a_second_column_of_symbols_is_left_alone():
    names = gene_names_of(cells(SYMBOLS, nearest_gene=SYMBOLS[::-1]))
    assert names.symbols == {}


def test_names_beside_numbers_are_used():
    names = gene_names_of(cells(range(5), gene_name=SYMBOLS))
    assert names.symbols["gene_name"].tolist() == SYMBOLS
    assert names.others.tolist() == SYMBOLS


def test_missing_values_and_blanks():
    values = [" CD3D", None, "NKG7 ", np.nan, "ACTB"]
    names = gene_names_of(cells(IDS, symbol=pd.Series(values, dtype=object).to_numpy()))
    assert names.symbols["symbol"].tolist() == ["CD3D", "", "NKG7", "", "ACTB"]


def test_columns_that_disagree_give_no_identifier():
    old = [IDS[0] + ".3", IDS[3], IDS[2], IDS[1], IDS[3]]
    names = gene_names_of(cells(SYMBOLS, old=old, new=IDS, newer=IDS))
    assert names.identifiers.tolist() == [IDS[0], "", IDS[2], "", ""]
    assert gene_names_of(cells(IDS, orthologue=IDS[::-1])).identifiers.tolist() == [
        "",
        "",
        IDS[2],
        "",
        "",
    ]


def test_names_of_a_saved_model():
    symbols, ids = pd.Index(SYMBOLS), pd.Index(IDS)
    assert names_beside(symbols, None).ids == {}
    assert names_beside(symbols, ids).identifiers.tolist() == IDS
    assert names_beside(ids, symbols).symbols[""].tolist() == SYMBOLS
    assert isinstance(names_beside(ids, symbols), GeneNames)
