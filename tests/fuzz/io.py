"""Cases for `cc.io`: text matrices and references."""

import warnings

import anndata as ad
import numpy as np
from hypothesis import strategies as st

import cellclass as cc
from fuzz.arguments import layer_of, one_of
from fuzz.bench import fuzzes, same
from fuzz.cells import make, names, new_path, recipes

WORDS = ["1", "0", "2.5", "-1", "NaN", "inf", "1e400", "", "many", "9007199254740993", "0x1", "1,5"]


def text_matrix(draw):
    """Draw a table of genes and cells as text, mostly a sound one, and the values in it."""
    n_genes, n_cells = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    values = np.random.default_rng(draw(st.integers(0, 5))).integers(0, 9, (n_genes, n_cells))
    cells = [str(values[i, j]) for i in range(n_genes) for j in range(n_cells)]
    is_sound = draw(st.sampled_from([True] * 2 + [False]))
    if not is_sound:
        for _ in range(draw(st.integers(1, 3))):
            cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(WORDS))
    mark = draw(st.sampled_from(["\t", ",", ";"]))
    by = draw(st.sampled_from(["plain", "plain", "unicode", "twice the same", "numbers"]))
    genes, heads = names(by, n_genes, "Gene"), names("plain", n_cells, "cell")
    lines = [mark.join(["gene", *heads])]
    for i, gene in enumerate(genes):
        lines.append(mark.join([gene, *cells[i * n_cells : (i + 1) * n_cells]]))
    text = draw(st.sampled_from(["\n", "\n", "\r\n"])).join(lines) + "\n"
    content = text.encode()
    if not is_sound and draw(st.booleans()):
        content = content[: draw(st.integers(0, len(content)))]
    if not is_sound and draw(st.booleans()):
        content = bytearray(content)
        if content:
            content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
    path = new_path(".tsv")
    path.write_bytes(bytes(content))
    sound = values.T if is_sound and by == "plain" and mark != ";" else None
    return path, sound


def reading(draw):
    """Draw the arguments of both readers."""
    return {
        "orientation": one_of(draw, ["genes_by_cells"], "auto", "cells_by_genes", "sideways"),
        "delimiter": one_of(draw, [None], "\t", "", "ab", ";"),
        "id_separator": one_of(draw, ["|", None], "", "e"),
        "dtype": one_of(draw, ["float32", "auto"], "float64", "int8", "text", None),
    }


@fuzzes("io.read_gene_by_cell", 28)
def read_gene_by_cell(bench):
    path, sound = text_matrix(bench.draw)
    kwargs = reading(bench.draw)
    before = path.read_bytes()
    adata, refusal = bench.call(
        lambda: cc.io.read_gene_by_cell(path, **kwargs, progress=False), copies=True
    )
    assert path.read_bytes() == before
    usual = kwargs["orientation"] == "genes_by_cells" and kwargs["delimiter"] is None
    if sound is not None and usual and kwargs["dtype"] in ("float32", "float64", "auto"):
        assert refusal is None or kwargs["id_separator"] in ("", "e")
        if refusal is None:
            same(adata.X, sound)


@fuzzes("io.convert_gene_by_cell", 18)
def convert_gene_by_cell(bench):
    path, _ = text_matrix(bench.draw)
    out = new_path(one_of(bench.draw, [".h5ad"], ".txt", ""))
    kwargs = reading(bench.draw)
    memory = one_of(bench.draw, ["1GB"], 0, -1, "1 elephant", "100MB")
    _, refusal = bench.call(
        lambda: cc.io.convert_gene_by_cell(path, out, **kwargs, max_memory=memory, progress=False),
        copies=True,
    )
    assert out.exists() == (refusal is None)
    if refusal is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = cc.io.read_gene_by_cell(path, **kwargs, progress=False)
            same(ad.read_h5ad(out).X, expected.X)


@fuzzes("io.concat_references", 22)
def concat_references(bench):
    draw = bench.draw
    drawn = [draw(recipes(raw=False)) for _ in range(draw(st.integers(0, 3)))]
    many = [make(recipe) for recipe in drawn]
    out = one_of(draw, [None, new_path(".h5ad")], new_path(".txt"))
    kwargs = {
        "labels_key": one_of(draw, ["label"], "nowhere", ["label"], {}, ""),
        "join": one_of(draw, ["inner", "outer"], "neither"),
        "layer": layer_of(draw, drawn[0]) if drawn else None,
        "batch_key": one_of(draw, ["batch"], "label", "", "a/b"),
    }
    found, refusal = bench.call(
        lambda: cc.io.concat_references(many, out, **kwargs), *many, copies=True
    )
    if refusal is None and out is None:
        assert found.n_obs == sum(one.n_obs for one in many)
    if out is not None:
        assert out.exists() == (refusal is None)
