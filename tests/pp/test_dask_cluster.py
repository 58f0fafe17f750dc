"""Two worker processes of dask.distributed, one of which dies half-way."""

import logging
import os
import signal
from pathlib import Path

import anndata as ad
import cloudpickle
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import cellclass as cc

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

N_CHUNKS, STEP = 20, 45


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    rates = rng.gamma(0.4, 3.0, (3, 50))
    codes = rng.integers(0, 3, N_CHUNKS * STEP)
    labels = pd.Categorical.from_codes(codes, ["B", "NK", "T"])
    obs = pd.DataFrame({"label": labels}, index=[f"somebody {i}" for i in range(codes.size)])
    return ad.AnnData(sp.csr_matrix(rng.poisson(rates[codes]).astype(np.float32)), obs=obs)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def on_dask(adata, kind=sp.csr_matrix, dies=None, log=None, *, again=False):
    """Put `X` into chunks; the worker that first reads the middle one is killed, as `dies` tells.

    With `again`, whoever reads it is. `log` gets one byte for each chunk that is read.
    """

    def read(X, block_id=None):
        if log is not None:
            with log.open("ab") as file:
                file.write(b".")
        is_middle = dies is not None and block_id[0] == N_CHUNKS // 2
        if is_middle and (again or not dies.exists()):
            dies.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return kind(X)

    lazy = ad.AnnData(obs=adata.obs.copy(), var=adata.var.copy())
    X = da.from_array(adata.X.toarray(), chunks=(STEP, -1))
    lazy.X = X.map_blocks(read, dtype=X.dtype, meta=kind(np.zeros((0, 0), X.dtype)))
    return lazy


def is_killed(dies: Path) -> bool:
    try:
        os.kill(int(dies.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_a_killed_worker_changes_nothing(counts, client, tmp_path):
    expected = counts.copy()
    cc.pp.rank_genes_js(expected, "label")
    dies, log = tmp_path / "rank", tmp_path / "read"
    lazy = on_dask(counts, dies=dies, log=log)
    cc.pp.rank_genes_js(lazy, "label")
    assert is_killed(dies)
    assert log.stat().st_size > N_CHUNKS  # what the worker had read was read again
    pd.testing.assert_frame_equal(lazy.var, expected.var, check_exact=True)
    for name in ("scores", "names", "pvals"):
        np.testing.assert_array_equal(
            lazy.uns["rank_genes_js"][name], expected.uns["rank_genes_js"][name]
        )

    client.wait_for_workers(2, timeout=60)
    dies = tmp_path / "scale"
    scale = cc.pp.identify_scale(on_dask(counts, dies=dies))
    assert is_killed(dies)
    assert scale == cc.pp.identify_scale(counts)


@pytest.mark.parametrize(
    "function",
    [cc.pp.identify_scale, lambda adata: cc.pp.rank_genes_js(adata, "label", normalize=True)],
)
def test_whoever_reads_a_chunk_is_killed(counts, client, tmp_path, function):
    client.wait_for_workers(2, timeout=60)
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 1))
    lazy = on_dask(counts, dies=tmp_path / "dies", again=True)
    with pytest.raises(MemoryError, match="Make chunks of fewer cells"):
        function(lazy)
    client.wait_for_workers(2, timeout=60)
    assert list(lazy.uns) == list(lazy.var) == []


@pytest.mark.parametrize("kind", [sp.csr_array, np.asarray])
def test_depths_and_bins(counts, client, kind):
    expected, lazy = counts.copy(), on_dask(counts, kind)
    for adata in (expected, lazy):
        cc.pp.rank_genes_js(adata, "label", bins=("quantile", 3), n_top_genes=5)
    pd.testing.assert_frame_equal(lazy.var, expected.var, check_exact=True)


def test_what_is_wrong_is_named_as_in_memory(counts, client):
    wrong = counts.copy()
    wrong.X[700, 7] = np.inf
    for function in (cc.pp.identify_scale, cc.pp.normalize_scale):
        with pytest.raises(cc.errors.ValuesError, match="cell number 700, gene '7'") as found:
            function(on_dask(wrong))
        with pytest.raises(cc.errors.ValuesError) as expected:
            function(wrong)
        assert str(found.value) == str(expected.value)
    with pytest.raises(cc.errors.ValuesError, match="'7' of cell 'somebody 700'"):
        cc.pp.rank_genes_js(on_dask(wrong), "label")


def test_tasks_hold_no_anndata(counts):
    import dask

    sent = []

    def note(tasks, keys, **kwargs):
        sent.append(cloudpickle.dumps(tasks))
        return dask.get(tasks, keys, **kwargs)

    X = da.from_array(counts.X.toarray(), chunks=(STEP, -1)).map_blocks(sp.csr_matrix)
    lazy = ad.AnnData(X, obs=counts.obs.copy())
    with dask.config.set(scheduler=note):
        cc.pp.identify_scale(lazy)
        cc.pp.rank_genes_js(lazy, "label", bins=4, normalize=True)
    assert len(sent) == 4  # the scale, the depths, the largest values, the counts
    assert not any(b"AnnData" in tasks or b"somebody" in tasks for tasks in sent)
