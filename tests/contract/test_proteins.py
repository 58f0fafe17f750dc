"""The contract of proteins: names, centring, what is missing."""

import warnings

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from cellclass.contract import ProteinContract
from cellclass.errors import GeneError

NAMES = ["CD3", "CD4", "CD8a", "CD14", "CD19", "CD56"]


def proteins(n_obs=90, seed=0, names=NAMES):
    rng = np.random.default_rng(seed)
    codes = np.arange(n_obs) % 3
    rates = np.random.default_rng(7).gamma(2, 30, (3, len(NAMES)))
    n = rng.poisson(rates[codes]).astype(np.float32)
    n = pd.DataFrame(n, columns=NAMES)[list(names)].to_numpy(copy=True)
    return AnnData(n, var=pd.DataFrame(index=list(names))), codes


@pytest.fixture
def contract():
    adata, codes = proteins()
    made = ProteinContract.of(adata, layer=None, modality="prot")
    return made.learned(made.bind(adata, modality="prot").x, codes)


def test_input_is_the_centred_log_ratio(contract):
    adata, _ = proteins(seed=1)
    bound = contract.bind(adata, modality="prot")
    logs = np.log1p(adata.X)
    np.testing.assert_allclose(bound.x, logs - logs.mean(axis=1, keepdims=True), atol=1e-5)
    assert bound.x.dtype == np.float32
    assert bound.told.all()
    assert bound.missing_share == 0
    assert abs(contract.mean.sum()) < 1e-6


def test_order_and_other_proteins_do_not_matter(contract):
    adata, _ = proteins(seed=1)
    more = AnnData(
        np.hstack([adata.X[:, ::-1], 7 * np.ones((90, 1), dtype=np.float32)]),
        var=pd.DataFrame(index=[*NAMES[::-1], "IgG1"]),
    )
    bound = contract.bind(more, modality="prot")
    np.testing.assert_array_equal(bound.x, contract.bind(adata, modality="prot").x)
    assert bound.n_extra == 1


def test_a_cell_does_not_hang_on_the_others(contract):
    adata, _ = proteins(seed=1)
    whole = contract.bind(adata, modality="prot").x
    np.testing.assert_array_equal(contract.bind(adata[5:9], modality="prot").x, whole[5:9])


def test_missing_proteins_are_filled_and_reported(contract):
    adata, _ = proteins(seed=1, names=["CD19", "CD3", "CD4", "CD8a", "CD14"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bound = contract.bind(adata, modality="prot")
    assert bound.missing == ["CD56"]
    assert bound.known.tolist() == [True] * 5 + [False]
    np.testing.assert_allclose(bound.x[:, 5], contract.mean[5], rtol=1e-6)
    # Ratios between the proteins that are there stay as they were.
    whole = contract.bind(proteins(seed=1)[0], modality="prot").x
    np.testing.assert_allclose(np.diff(bound.x[:, :5]), np.diff(whole[:, :5]), atol=1e-5)
    share = contract.importance[5] / contract.importance.sum()
    assert bound.missing_share == pytest.approx(share)
    report = bound.report()
    assert report["n_proteins_matched"] == 5
    assert report["proteins_missing"].tolist() == ["CD56"]
    assert report["protein_scale"] == "counts"


def test_many_missing_proteins_are_warned_of(contract):
    keep = [NAMES[k] for k in np.argsort(contract.importance)[2:]]
    drop = NAMES[int(contract.importance.argmax())]
    adata, _ = proteins(seed=1, names=[name for name in keep if name != drop])
    bound = contract.bind(adata, modality="prot")
    with pytest.warns(UserWarning, match="lacks 3 of the 6 proteins"):
        bound.warn()


@pytest.mark.parametrize("names", [["CD3"], ["CD5", "CD20", "CD45"]])
def test_too_few_known_proteins_are_refused(contract, names):
    adata = AnnData(np.ones((5, len(names))), var=pd.DataFrame(index=names))
    with pytest.raises(GeneError, match=r"of the 6 proteins.*leave the modality out"):
        contract.bind(adata, modality="prot")


def test_duplicated_names_are_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata = AnnData(np.ones((5, 2)), var=pd.DataFrame(index=["CD3", "CD3"]))
    with pytest.raises(GeneError, match=r"mdata\['adt'\]\.var_names holds 1 duplicated"):
        ProteinContract.of(adata, layer=None, modality="adt")


def test_one_protein_is_no_ratio():
    adata = AnnData(np.ones((5, 1)), var=pd.DataFrame(index=["CD3"]))
    with pytest.raises(GeneError, match="takes two"):
        ProteinContract.of(adata, layer=None, modality="prot")


def test_cells_that_say_nothing(contract):
    adata, _ = proteins(seed=1)
    adata.X[3] = 0
    adata.X[4] = 6
    told = contract.bind(adata, modality="prot").told
    assert np.flatnonzero(~told).tolist() == [3, 4]


def test_layer_of_the_reference_is_taken_where_it_is():
    adata, _ = proteins()
    adata.layers["counts"] = adata.X.copy()
    made = ProteinContract.of(adata, layer="counts", modality="prot")
    adata.X = adata.X - 50
    assert made.bind(adata, modality="prot").source.where == "mdata['prot'].layers['counts']"
    del adata.layers["counts"]
    adata.X = adata.X + 50
    assert made.bind(adata, modality="prot").source.where == "mdata['prot'].X"


def test_parts_make_the_same(contract):
    again = ProteinContract.from_parts(contract.to_dict(), contract.to_arrays())
    adata, _ = proteins(seed=1)
    np.testing.assert_array_equal(
        again.bind(adata, modality="prot").x, contract.bind(adata, modality="prot").x
    )
