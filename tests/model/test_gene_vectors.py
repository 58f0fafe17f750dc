"""Vectors of genes from elsewhere: matched by name, kept or tuned, saved with the model."""

import numpy as np
import pandas as pd
import pytest
import torch

import cellclass as cc
from cellclass.errors import FileFormatError

Performer = cc.model.CellPerformer
QUIET = {"enable_progress_bar": False}


@pytest.fixture
def vectors(tiny):
    """Vectors of 50 of the 60 genes and of one that the reference lacks, in another order."""
    rng = np.random.default_rng(0)
    names = rng.permutation([*tiny.var_names[:50], "Other"])
    return pd.DataFrame(rng.normal(size=(51, 7)) * 5, index=names)


def made(adata, **kwargs):
    Performer.setup_anndata(adata, labels_key="label")
    return Performer(adata, **kwargs)


def direction(frame):
    values = np.asarray(frame, dtype=np.float64)
    return values / np.linalg.norm(values)


def test_each_gene_has_its_vector(tiny, vectors, unchanged):
    with unchanged(vectors):
        model = made(tiny, gene_embedding=vectors)
    found = model.gene_embedding
    assert set(found.index) == set(tiny.var_names[:50])
    assert found.index.tolist() == [g for g in model.contract.model_genes if g in vectors.index]
    np.testing.assert_allclose(direction(found), direction(vectors.loc[found.index]), atol=1e-6)
    assert np.square(found).sum(axis=1).mean() == pytest.approx(1)
    assert model.card["gene_embedding"] == {"n_matched": 50, "share": 50 / 60}


def test_genes_without_one_learn_theirs(tiny, vectors):
    model = made(tiny, gene_embedding=vectors)
    tokens = model.module.tokens
    before = tokens.genes.weight.detach().clone()
    model.train(max_epochs=2, plan_kwargs={"weight_decay": 0.0}, **QUIET)
    moved = (tokens.genes.weight != before).any(dim=1)
    assert moved.equal(~tokens.has_vector)
    assert int(moved.sum()) == 10


@pytest.mark.parametrize("tune", [False, True])
def test_kept_or_tuned(tiny, vectors, tune):
    model = made(tiny, gene_embedding=vectors, tune_gene_embedding=tune)
    before = model.gene_embedding
    projection = model.module.tokens.project.weight.detach().clone()
    model.train(max_epochs=2, plan_kwargs={"weight_decay": 0.0}, **QUIET)
    assert before.equals(model.gene_embedding) is not tune
    assert not torch.equal(model.module.tokens.project.weight, projection)


@pytest.mark.parametrize("kind", [str, None], ids=["str", "Path"])
@pytest.mark.parametrize("header", ["", "51 7\n"])
def test_a_file_of_word2vec(tiny, vectors, tmp_path, kind, header):
    path = tmp_path / "vectors.txt"
    rows = (
        f"{gene} {' '.join(map(repr, row))}\n"
        for gene, row in zip(vectors.index, vectors.to_numpy().tolist(), strict=True)
    )
    path.write_text(header + "".join(rows))
    model = made(tiny, gene_embedding=kind(path) if kind else path)
    pd.testing.assert_frame_equal(
        model.gene_embedding, made(tiny, gene_embedding=vectors).gene_embedding
    )


def test_a_file_that_is_none(tiny, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("Gene1 1 2\nGene2 1\n")
    with pytest.raises(FileFormatError, match="'Gene2' has 1 numbers, where line 1 has 2"):
        made(tiny, gene_embedding=path)
    with pytest.raises(FileNotFoundError):
        made(tiny, gene_embedding=tmp_path / "none.txt")


def test_symbols_beside_identifiers(tiny, vectors):
    """Names of the reference are Ensembl's, and the symbols stand in a column."""
    symbol = {  # of several lengths and heads, as real ones
        gene: f"{chr(65 + j % 26)}{'LMN'[j // 26]}{'D' * (j % 3)}{j % 7 + 1}"
        for j, gene in enumerate(tiny.var_names)
    }
    tiny.var["symbol"] = list(symbol.values())
    tiny.var_names = [f"ENSG{j:011d}" for j in range(60)]
    named = vectors.rename(index=symbol)
    model = made(tiny, gene_embedding=named)
    assert model.card["gene_embedding"]["n_matched"] == 50
    found = model.gene_embedding
    expected = named.loc[tiny.var.loc[found.index, "symbol"]]
    np.testing.assert_allclose(direction(found), direction(expected), atol=1e-6)


def test_identifiers_of_another_version(tiny, vectors):
    number = {gene: f"ENSG{j:011d}" for j, gene in enumerate(tiny.var_names)}
    tiny.var_names = [f"{number[gene]}.3" for gene in tiny.var_names]
    named = vectors.drop(index="Other").rename(index=number)
    assert made(tiny, gene_embedding=named).card["gene_embedding"]["n_matched"] == 50


def test_there_and_back(tiny, vectors, tmp_path):
    model = made(tiny, gene_embedding=vectors, tune_gene_embedding=True)
    model.train(max_epochs=1, **QUIET)
    model.save(tmp_path / "m")
    again = Performer.load(tmp_path / "m")
    pd.testing.assert_frame_equal(again.gene_embedding, model.gene_embedding)
    np.testing.assert_array_equal(again.predict(tiny, soft=True), model.predict(tiny, soft=True))
    assert again.card["gene_embedding"] == {"n_matched": 50, "share": 50 / 60}


@pytest.mark.parametrize("encoding", ["value", "rank"])
def test_pretraining_with_them(tiny, vectors, encoding):
    model = made(tiny, gene_embedding=vectors, encoding=encoding)
    before = model.gene_embedding
    model.pretrain(max_epochs=1, **QUIET)
    pd.testing.assert_frame_equal(model.gene_embedding, before)


def test_without_any(tiny):
    assert made(tiny).gene_embedding is None


def test_few_genes_with_a_vector(tiny, vectors):
    few = vectors.loc[["Gene1", "Gene2", "Other"]]
    with pytest.warns(UserWarning, match="vectors of 3% of the 60 genes.*name genes alike"):
        made(tiny, gene_embedding=few)


def test_no_gene_with_a_vector(tiny, vectors):
    with pytest.raises(
        ValueError, match=r"none of the 60 genes.*as 7157, the reference as 'Gene0'.*column of var"
    ):
        made(tiny, gene_embedding=vectors.set_axis(range(7157, 7208)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none(tiny, vectors, bad):
    vectors.iloc[3, 2] = bad
    with pytest.raises(ValueError, match="NaN, infinite, or too large"):
        made(tiny, gene_embedding=vectors)


def test_a_gene_twice(tiny, vectors):
    twice = pd.concat([vectors, vectors.loc[["Gene4"]]])
    with pytest.raises(ValueError, match=r"'Gene4' twice: keep one row.*duplicated\(\)"):
        made(tiny, gene_embedding=twice)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda frame: frame.to_numpy(), "is a ndarray; a DataFrame"),
        (lambda frame: frame.reset_index(), "genes belong into the index"),
        (lambda frame: frame.iloc[:0], "is empty"),
        (lambda frame: frame.iloc[:, :0], "is empty|genes belong into the index"),
    ],
)
def test_what_is_no_table_of_vectors(tiny, vectors, spoil, words):
    with pytest.raises(TypeError, match=words):
        made(tiny, gene_embedding=spoil(vectors))


@pytest.mark.parametrize("kind", ["Float64", "Int64", "float16"])
def test_all_kinds_of_real_numbers(tiny, vectors, kind):
    model = made(tiny, gene_embedding=vectors.round().astype(kind))
    assert model.card["gene_embedding"]["n_matched"] == 50


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.astype("category"), "type category"),
        (lambda v: v > 0, "type bool"),
        (lambda v: v + 1j, "type complex128"),
        (lambda v: v.set_index(pd.MultiIndex.from_arrays([v.index, v.index])), "several levels"),
        (lambda v: v.iloc[:0], "is empty"),
    ],
)
def test_what_are_no_numbers(tiny, vectors, change, words):
    with pytest.raises(TypeError, match=words):
        made(tiny, gene_embedding=change(vectors))


def test_numbers_too_large_and_nothing_to_tune(tiny, vectors):
    with pytest.raises(ValueError, match="too large for float32"):
        made(tiny, gene_embedding=vectors * 1e300)
    with pytest.raises(ValueError, match="give gene_embedding"):
        made(tiny, tune_gene_embedding=True)
