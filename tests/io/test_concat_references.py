"""The result is that of `anndata.concat`; what does not fit together is refused, by name."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import cellclass as cc
from cellclass.errors import GeneError, ScaleError, ValuesError

KINDS = {"csr": sp.csr_matrix, "csc": sp.csc_matrix, "dense": np.asarray, "coo": sp.coo_matrix}


def counts(n_obs=12, genes=6, *, seed=0, prefix="c", kind="csr", dtype=np.float32, label="label"):
    """Counts of some cells; `genes` are numbers of genes, or how many of the first."""
    numbers = range(genes) if isinstance(genes, int) else genes
    rng = np.random.default_rng(seed)
    X = rng.poisson(3, (n_obs, len(numbers))).astype(dtype)
    X[:, 0] += 1  # no cell without counts
    return ad.AnnData(
        KINDS[kind](X) if kind != "coo" else sp.csr_matrix(X),
        obs=pd.DataFrame(
            {label: pd.Categorical(np.array(["B", "T", "NK"])[np.arange(n_obs) % 3])},
            index=[f"{prefix}{number}" for number in range(n_obs)],
        ),
        var=pd.DataFrame(index=[f"G{number}" for number in numbers]),
    )


def expected(references, *, join="inner", labels_key="label"):
    """What `anndata.concat` gives for the expression and the columns of cells."""
    plain = {}
    for name, adata in references.items():
        plain[name] = ad.AnnData(
            sp.csr_matrix(adata.X), obs=adata.obs.copy(), var=pd.DataFrame(index=adata.var_names)
        )
    return ad.concat(plain, join=join, label="batch", fill_value=0)


def assert_same(found, wanted):
    assert found.X.format == "csr"
    assert found.X.dtype == wanted.X.dtype
    np.testing.assert_array_equal(found.X.toarray(), wanted.X.toarray())
    pd.testing.assert_index_equal(found.var_names, wanted.var_names, check_names=False)
    pd.testing.assert_index_equal(found.obs_names, wanted.obs_names, check_names=False)
    pd.testing.assert_frame_equal(
        found.obs.reset_index(drop=True), wanted.obs[list(found.obs)].reset_index(drop=True)
    )


def written(adata, path):
    with warnings.catch_warnings():  # AnnData 0.12 announces a new version of Zarr
        warnings.simplefilter("ignore")
        (adata.write_zarr if path.suffix == ".zarr" else adata.write_h5ad)(path)
    return path


references = st.lists(
    st.builds(
        lambda n, genes, kind, dtype, seed: (n, genes, kind, dtype, seed),
        st.integers(1, 9),
        st.permutations(range(6)).map(lambda order: [0, *[g for g in order if g][:3]]),
        st.sampled_from(["csr", "csc", "dense"]),
        st.sampled_from([np.float32, np.float64, np.int32]),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=12)
@given(references, st.sampled_from(["inner", "outer"]), st.sampled_from([".h5ad", ".zarr"]))
def test_file_and_memory_are_as_anndata_has_them(drawn, join, suffix):
    with TemporaryDirectory() as folder:
        compare(drawn, join, suffix, Path(folder))


def compare(drawn, join, suffix, folder):
    adatas, paths = {}, {}
    for place, (n, genes, kind, dtype, seed) in enumerate(drawn):
        name = f"r{place}"
        adatas[name] = counts(n, genes, seed=seed, prefix=f"{name}-", kind=kind, dtype=dtype)
        paths[name] = written(
            adatas[name], folder / f"{name}{'.zarr' if seed % 3 == 0 else '.h5ad'}"
        )
    wanted = expected(adatas, join=join)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of genes that are lacking
        for sources in (adatas, paths):
            assert_same(cc.io.concat_references(sources, labels_key="label", join=join), wanted)
            out = folder / f"out{suffix}"
            assert (
                cc.io.concat_references(sources, out, labels_key="label", join=join, overwrite=True)
                == out
            )
            assert_same(ad.read_h5ad(out) if suffix == ".h5ad" else ad.read_zarr(out), wanted)
    assert {path.name for path in folder.iterdir()} == {path.name for path in paths.values()} | {
        out.name
    }


def test_names_come_from_the_files(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    places = ["one/filtered.h5ad", "two/filtered.h5ad", "blood.h5ad"]
    paths = [written(counts(prefix=f"{p}"), tmp_path / place) for p, place in enumerate(places)]
    joined = cc.io.concat_references(paths, labels_key="label", batch_key="file")
    names = ["one/filtered", "two/filtered", "blood"]
    assert joined.obs["file"].cat.categories.tolist() == names
    for place in ("one", "two"):
        (tmp_path / place / "same").mkdir()
        paths.append(written(counts(), tmp_path / place / "same" / "filtered.h5ad"))
    with pytest.raises(ValueError, match="Two references are called 'same/filtered'"):
        cc.io.concat_references(paths, labels_key="label")


def test_names_of_cells_are_made_unique_where_needed():
    pair = {"a": counts(3), "b": counts(3)}
    assert cc.io.concat_references(pair, labels_key="label").obs_names[3] == "b-c0"
    pair["a"].obs_names = ["x", "y", "z"]
    assert cc.io.concat_references(pair, labels_key="label").obs_names[3] == "c0"
    pair["a"].obs_names = ["x", "x", "z"]
    assert cc.io.concat_references(pair, labels_key="label").obs_names.tolist() == [
        *("x", "x-1", "z", "c0", "c1", "c2")
    ]


def test_the_references_stay_as_they_are(unchanged, tmp_path):
    one, two = counts(4), counts(4, prefix="d")
    one.X.indices[:3], one.X.data[:3] = one.X.indices[:3][::-1].copy(), one.X.data[:3][::-1].copy()
    one.X.has_sorted_indices = False
    with unchanged(one, two):
        joined = cc.io.concat_references([one, two], labels_key="label")
        cc.io.concat_references([one, two], tmp_path / "out.h5ad", labels_key="label")
        joined.X.data[:] = 0


def test_labels_may_stand_in_different_columns_and_layers(unchanged):
    one, two = counts(4, label="cluster"), counts(5, prefix="d", label="cell type")
    two.layers["counts"] = two.X.copy()
    two.X = np.log1p(two.X)
    with unchanged(one, two):
        joined = cc.io.concat_references(
            [one, two], labels_key=["cluster", "cell type"], layer={"0": None, "1": "counts"}
        )
    assert joined.obs["cell_type"].tolist() == ["B", "T", "NK", "B", "B", "T", "NK", "B", "T"]
    np.testing.assert_array_equal(
        joined.X.toarray(), sp.vstack([one.X, two.layers["counts"]]).toarray()
    )
    assert list(joined.obs) == ["cell_type", "batch"]


def test_columns_of_several_kinds_are_text(tmp_path):
    one, two = counts(2), counts(2, prefix="d")
    one.obs["donor"], two.obs["donor"] = [1256, 1488], ["D1", None]
    one.obs["age"], two.obs["age"] = [1, 2], [1.5, np.nan]
    one.obs["sorted"] = [True, False]
    for out in (None, tmp_path / "out.h5ad"):
        joined = cc.io.concat_references([one, two], out, labels_key="label", join="outer")
        joined = joined if out is None else ad.read_h5ad(joined)
        assert joined.obs["donor"].astype(object).tolist()[:3] == ["1256", "1488", "D1"]
        assert joined.obs["donor"].isna().tolist() == [False, False, False, True]
        assert joined.obs["age"].tolist()[:3] == [1.0, 2.0, 1.5]
        assert joined.obs["sorted"].isna().tolist() == [False, False, True, True]


def test_columns_of_genes_are_kept_where_they_agree(tmp_path):
    one, two = counts(2), counts(2, [0, 5, 7], prefix="d")
    one.var["gene_ids"] = [f"ENSG0000000000{n}" for n in range(6)]
    two.var["gene_ids"] = ["ENSG00000000000", "ENSG00000000005", None]
    one.var["mean"], two.var["mean"] = 1.0, 2.0
    one.var["length"], two.var["length"] = np.arange(6), [0, 5, 7]
    for out in (None, tmp_path / "out.h5ad"):
        with pytest.warns(UserWarning, match="filled with 0"):
            joined = cc.io.concat_references([one, two], out, labels_key="label", join="outer")
        joined = joined if out is None else ad.read_h5ad(joined)
        assert list(joined.var) == ["gene_ids", "length"]
        assert joined.var.loc["G5", "gene_ids"] == "ENSG00000000005"
        assert pd.isna(joined.var.loc["G7", "gene_ids"])
        assert joined.var["length"].tolist() == [0, 1, 2, 3, 4, 5, 7]


def test_gaps_of_an_outer_join_are_named():
    with pytest.warns(
        UserWarning, match=r"2 of the references lack some of the 7 genes.*'1' 57[.]1%"
    ):
        cc.io.concat_references(
            [counts(), counts(genes=[0, 1, 6], prefix="d")], labels_key="label", join="outer"
        )


def test_few_shared_genes_are_named():
    upper, lower = counts(genes=6), counts(genes=6, prefix="d")
    lower.var_names = ["G0", *lower.var_names[1:].str.lower()]
    with pytest.warns(UserWarning, match=r"share 1 genes.*6 names are equal but for upper"):
        cc.io.concat_references([upper, lower], labels_key="label")
    lower.var_names = lower.var_names.str.lower()
    with pytest.raises(GeneError, match=r"no gene in common.*upper and lower case"):
        cc.io.concat_references([upper, lower], labels_key="label")


def test_spellings_are_doubted_and_kept():
    one, two = counts(), counts(prefix="d")
    two.obs["label"] = two.obs["label"].cat.rename_categories(
        {"B": "b cells", "T": "nan", "NK": "7"}
    )
    one.obs["label"] = one.obs["label"].cat.rename_categories({"NK": "7"})
    with pytest.warns(UserWarning, match="label") as caught:
        joined = cc.io.concat_references([one, two], labels_key="label")
    caught = [warning for warning in caught if warning.category is UserWarning]
    first, second = (str(warning.message) for warning in caught)
    assert "2 label(s) look like others" in first
    assert "'b cells' (1) → 'B'" in first
    assert "harmonize_labels" in first
    assert "bare numbers in several references, such as '7'" in second
    assert {warning.filename for warning in caught} == {__file__}
    assert set(joined.obs["label"]) == {"B", "T", "7", "b cells", "nan"}


def log1p(adata):
    totals = np.asarray(adata.X.sum(axis=1))
    adata.X = sp.csr_matrix(np.log1p(adata.X.toarray() / totals * 1e4))
    return adata


def test_scales_that_differ_are_named(tmp_path):
    paths = [
        written(counts(40, 50), tmp_path / "raw.h5ad"),
        written(log1p(counts(40, 50, prefix="d")), tmp_path / "logged.h5ad"),
    ]
    with pytest.raises(
        ScaleError,
        match=r"'raw'.*has counts in X, 'logged'.*has log1p of values normalized to 10,000",
    ):
        cc.io.concat_references(paths, tmp_path / "out.h5ad", labels_key="label")
    scaled = counts(prefix="e")
    scaled.X = scaled.X.toarray() - 3.5
    with pytest.raises(ScaleError, match=r"Reference '1'.*negative"):
        cc.io.concat_references([counts(), scaled], labels_key="label")
    assert {path.name for path in tmp_path.iterdir()} == {"raw.h5ad", "logged.h5ad"}


def test_genes_of_another_namespace_are_named_with_the_fix():
    symbols, ensembl = counts(), counts(prefix="d")
    ensembl.var["name"] = ensembl.var_names
    ensembl.var_names = [f"ENSG{number:011}" for number in range(6)]
    with pytest.raises(
        GeneError, match=r"'1'.*Ensembl identifiers.*var_names = adata.var\['name'\]"
    ):
        cc.io.concat_references([symbols, ensembl, counts(prefix="e")], labels_key="label")
    del ensembl.var["name"]
    with pytest.raises(GeneError, match="which no column of its var holds"):
        cc.io.concat_references([symbols, ensembl, counts(prefix="e")], labels_key="label")


def with_column(name):
    adata = counts()
    adata.obs[name] = "x"
    return adata


def not_finite():
    adata = counts()
    adata.X.data[3] = np.nan
    return adata


@pytest.mark.parametrize(
    ("references", "arguments", "error", "message"),
    [
        ([], {}, ValueError, "no reference"),
        (counts(), {}, TypeError, "several"),
        ([counts(), 3], {}, TypeError, "is a int; an AnnData"),
        ([counts(label="x")], {}, KeyError, "Reference '0'.*labels_key='label'"),
        (
            [counts(), with_column("batch")],
            {},
            ValueError,
            r"'1'.*obs\['batch'\] already.*batch_key",
        ),
        ([with_column("kind")], {"key_added": "kind"}, ValueError, "already.*key_added"),
        ([counts()], {"batch_key": "label"}, ValueError, "cannot both"),
        ([counts()], {"join": "left"}, ValueError, "join='left'"),
        ([counts()], {"layer": "counts"}, KeyError, "Reference '0'.*layer='counts'"),
        ([counts(), counts()], {"labels_key": ["label"]}, ValueError, "each of the 2 references"),
        ([counts()], {"out": "out.csv"}, ValueError, "end in .h5ad or .zarr"),
        ([counts()], {"out": "nowhere/out.h5ad"}, FileNotFoundError, "no folder .nowhere."),
        (["absent.h5ad"], {}, FileNotFoundError, "no file absent.h5ad"),
        (["table.csv"], {}, ValueError, "no .h5ad or .zarr file"),
        ([not_finite()], {}, ValuesError, "Reference '0'.*NaN"),
    ],
)
def test_errors(references, arguments, error, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        cc.io.concat_references(references, **{"labels_key": "label"} | arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_an_existing_file_is_replaced_only_on_request(tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    cc.io.concat_references([counts(3)], out, labels_key="label")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        cc.io.concat_references([counts(4)], out, labels_key="label")
    cc.io.concat_references([counts(5)], out, labels_key="label", overwrite=True)
    found = ad.read_h5ad(out) if suffix == ".h5ad" else ad.read_zarr(out)
    assert found.n_obs == 5
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    with pytest.raises(ValueError, match="also the reference"):
        cc.io.concat_references([out], out, labels_key="label", overwrite=True)


MEASURE = """
import sys
from pathlib import Path
import anndata as ad
import cellclass as cc
def peak():  # since the last call
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    Path("/proc/self/clear_refs").write_text("5")
    return int(line.split()[1]) * 1024
folder, *paths = sys.argv[1:]
X = ad.read_h5ad(paths[0]).X
size = X.data.nbytes + X.indices.nbytes
del X
cc.io.concat_references(paths[:2], folder + "/first.h5ad", labels_key="label")  # what is compiled
peak()
before = peak()
cc.io.concat_references(paths, folder + "/all.h5ad", labels_key="label")
print((peak() - before) / size)
"""


@pytest.mark.oldest
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is reset through /proc")
def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    X = sp.csr_matrix(np.random.default_rng(0).poisson(0.3, (8000, 2500)).astype(np.float32))
    obs, var = counts(8000, 1).obs, counts(1, 2500).var
    paths = []
    for number in range(8):
        adata = ad.AnnData(X, obs=obs.set_axis([f"{number}-{cell}" for cell in obs.index]), var=var)
        paths.append(str(written(adata, tmp_path / f"f{number}.h5ad")))
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", MEASURE, str(tmp_path), *paths],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000"},  # what is freed is given back
    )
    assert float(done.stdout) < 2.5  # of eight files of 40 MB; two, and the names of all cells
    found = ad.read_h5ad(tmp_path / "all.h5ad", backed="r")
    assert found.n_obs == 8 * 8000
    assert (found.X[7 * 8000 :] != X).nnz == 0


@pytest.mark.parametrize(("dtype", "written"), [(">f4", "float32"), ("float16", "float32")])
def test_types_that_scipy_does_not_know(tmp_path, dtype, written):
    parts = {name: counts(kind="dense", dtype=dtype, seed=seed) for seed, name in enumerate("ab")}
    both = cc.io.concat_references(parts, labels_key="label")
    assert both.X.dtype == written
    np.testing.assert_array_equal(both.X.toarray(), np.vstack([part.X for part in parts.values()]))


@pytest.mark.parametrize("argument", ["key_added", "batch_key"])
@pytest.mark.parametrize("name", ["a/b", ""])
def test_names_that_files_do_not_hold(argument, name):
    parts = {"a": counts(), "b": counts(seed=1)}
    with pytest.raises(ValueError, match=f"{argument}='{name}' is no name for a column"):
        cc.io.concat_references(parts, labels_key="label", **{argument: name})
