"""The sizes of the transformer are what the docs and the papers say."""

import pytest

import cellclass as cc

Performer = cc.model.CellPerformer


def made(adata, **kwargs):
    Performer.setup_anndata(adata, labels_key="label")
    return Performer(adata, **kwargs)


@pytest.mark.parametrize(
    ("size", "width", "depth", "n_heads", "head_dim", "pooling", "encoding"),
    [
        ("small", 64, 1, 4, 16, "sum", "value"),
        ("medium", 128, 4, 8, 16, "sum", "value"),
        ("scbert", 200, 6, 10, 64, "convolution", "bins"),
        ("rank", 256, 4, 6, 16, "cls", "rank"),
    ],
)
def test_sizes(tiny, size, width, depth, n_heads, head_dim, pooling, encoding):
    model = made(tiny, size=size)
    module = model.module
    blocks = module.encoder.blocks
    assert (module.tokens.genes.embedding_dim, len(blocks)) == (width, depth)
    assert (blocks[0].attention.n_heads, blocks[0].attention.head_dim) == (n_heads, head_dim)
    assert (module.pooling, module.tokens.encoding) == (pooling, encoding)
    n_parameters = sum(p.numel() for p in module.parameters())
    assert f"{n_parameters:,} parameters" in model._model_summary_string
    words = [f"width {width}, {depth} block", f"{n_heads} heads of {head_dim}"]
    text = " ".join(Performer.__doc__.split())
    assert all(word in text for word in words), "the docs say so"


def test_scberts_size(tiny):
    module = made(tiny, size="scbert").module
    attention = module.encoder.blocks[0].attention
    assert attention.attention == "favor"
    assert attention.features.shape == (10, 266, 64)
    assert module.linear is None
    n_genes = module.n_genes
    assert n_genes == 60
    encoder = 6 * (3 * 200 * 640 + 640 * 200 + 200 + 200 * 800 + 800 + 800 * 200 + 200 + 4 * 200)
    tokens = (n_genes + 6 + 2) * 200  # bins, <CLS>, <MASK>
    head = 201 + (n_genes + 1) * 512 + 512 + 512 * 128 + 128 + 128 * 3 + 3
    n_parameters = sum(p.numel() for p in module.parameters())
    assert n_parameters == encoder + 2 * 200 + tokens + head


@pytest.mark.parametrize("size", ["medium", "scbert", "rank"])
def test_sizes_train(tiny, size):
    few = tiny[:30].copy()
    model = made(few, size=size, n_top_genes=9)
    model.train(max_epochs=1, batch_size=15, enable_progress_bar=False)
    assert set(model.predict(few)) <= {*model.labels, "unassigned"}
