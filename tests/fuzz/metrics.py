"""Cases for `cc.metrics` and `cc.datasets`: numbers, and none of them in an AnnData."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import cellclass as cc
from fuzz.arguments import number, one_of
from fuzz.bench import fuzzes
from fuzz.cells import new_path

TYPES = ["float64", "float32", "float16", ">f8", "int8", "int64", "uint8", "bool", "longdouble"]
STRANGE = [0, -1, 1, 2**53, 1e300, np.nan, np.inf, -np.inf]


def array(draw, shape, low=0.0, high=1.0):
    """Draw an array: of any type, locked or strided, seldom with a strange number in it."""
    X = np.random.default_rng(draw(st.integers(0, 5))).uniform(low, high, shape)
    if X.size and draw(st.sampled_from([False] * 4 + [True])):
        X.flat[draw(st.integers(0, X.size - 1))] = draw(st.sampled_from(STRANGE))
    with np.errstate(all="ignore"):
        X = X.astype(one_of(draw, TYPES[:2], *TYPES))
    if draw(st.booleans()) and X.ndim:
        X = np.repeat(X, 2, axis=-1)[..., ::2]
    X.flags.writeable = draw(st.booleans())
    return X


def rows_of_one(X):
    """Scale rows to the sum 1."""
    with np.errstate(all="ignore"):
        return X / X.sum(axis=1, keepdims=True)


def shape(draw, *usual):
    """Draw a shape."""
    return one_of(draw, usual, (0, 3), (5, 1), (5,), (), (2, 3, 4), (1, 3), (0, 0))


def finite(value):
    return bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())


@fuzzes("metrics.softmax", 18)
def softmax(bench):
    X = array(bench.draw, shape(bench.draw, (6, 3)), -50, 50)
    t = one_of(bench.draw, [1.0, 2.5], 0, -1, float("nan"), float("inf"), 1e-300)
    found, refusal = bench.call(lambda: cc.metrics.softmax(X, temperature=t))
    if refusal is None and found.size:
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)


@fuzzes("metrics.log_losses", 18)
def log_losses(bench):
    X = array(bench.draw, shape(bench.draw, (6, 3)), -50, 50)
    t = one_of(bench.draw, [1.0, 2.5], 0, -1, float("nan"), float("inf"), 1e-300)
    found, refusal = bench.call(lambda: cc.metrics.log_losses(X, temperature=t))
    if refusal is None and found.size:
        assert (found >= 0).all()
        np.testing.assert_allclose(np.exp(-found).sum(axis=1), 1, atol=1e-6)


def codes_of(draw, n, n_labels):
    """Draw codes of labels, seldom ones that are none."""
    codes = np.random.default_rng(draw(st.integers(0, 5))).integers(0, n_labels, n)
    return draw(st.sampled_from([codes] * 5 + [codes - 1, codes + 5, codes[:-1], codes + 0.5]))


@fuzzes("metrics.fit_temperature", 18)
def fit_temperature(bench):
    X, codes = array(bench.draw, shape(bench.draw, (6, 3)), -9, 9), codes_of(bench.draw, 6, 3)
    found, refusal = bench.call(lambda: cc.metrics.fit_temperature(X, codes))
    if refusal is None:
        assert 0.05 <= found <= 20


@fuzzes("metrics.reliability_curve", 18)
def reliability_curve(bench):
    draw = bench.draw
    confidence, correct = array(draw, shape(draw, (7,))), array(draw, shape(draw, (7,))) > 0.5
    n = one_of(draw, [15, 2], 0, -1, 1.5, float("nan"), "many")
    found, refusal = bench.call(lambda: cc.metrics.reliability_curve(confidence, correct, n_bins=n))
    if refusal is None:
        assert found["n_obs"].sum() == confidence.size


@fuzzes("metrics.expected_calibration_error", 18)
def expected_calibration_error(bench):
    draw = bench.draw
    confidence, correct = array(draw, shape(draw, (7,))), array(draw, shape(draw, (7,))) > 0.5
    n = one_of(draw, [15, 2], 0, -1, 1.5)
    found, refusal = bench.call(
        lambda: cc.metrics.expected_calibration_error(confidence, correct, n_bins=n)
    )
    if refusal is None and confidence.size:
        assert 0 <= found <= 1


def given(draw, n):
    """Draw labels of cells, in some kind of sequence."""
    codes = np.random.default_rng(draw(st.integers(0, 5))).integers(0, 3, n)
    text = np.array(["B", "β 🧬", ""])[codes]
    kinds = {
        "text": text, "list": text.tolist(), "codes": codes, "series": pd.Series(text),
        "categorical": pd.Categorical(text), "objects": text.astype(object),
        "missing": pd.Series(text).where(codes > 0), "square": text.reshape(-1, 1),
    }  # fmt: skip
    return kinds[draw(st.sampled_from(list(kinds)))]


def _two(function):
    def case(bench):
        draw = bench.draw
        n = draw(st.sampled_from([7, 7, 7, 1, 0]))
        truth, predicted = given(draw, n), given(draw, draw(st.sampled_from([n, n, n, 3])))
        found, refusal = bench.call(lambda: function(truth, predicted))
        if refusal is None:
            assert len(truth) == len(predicted)
            if function is cc.metrics.confusion_df:
                assert found.to_numpy().sum() == len(truth)

    return case


for name in ("classification_report_df", "classification_scores", "confusion_df"):
    fuzzes(f"metrics.{name}", 15)(_two(getattr(cc.metrics, name)))


@fuzzes("metrics.correct_proportions", 18)
def correct_proportions(bench):
    draw = bench.draw
    counts = array(draw, one_of(draw, [(3,), (4, 3)], (0, 3), (2,), ()), 0, 50)
    confusion = array(draw, one_of(draw, [(3, 3)], (3, 2), (3,), (0, 0), ()), 0, 9)
    if confusion.ndim == 2 and draw(st.booleans()):
        confusion = confusion + 30 * np.eye(*confusion.shape)
    found, refusal = bench.call(lambda: cc.metrics.correct_proportions(counts, confusion))
    if refusal is None:
        assert found.shape == counts.shape
        np.testing.assert_allclose(found.sum(axis=-1), 1, atol=1e-6)
        assert (found >= 0).all()


@fuzzes("metrics.estimate_prior_shift", 18)
def estimate_prior_shift(bench):
    draw = bench.draw
    p = array(draw, shape(draw, (6, 3)))
    p = rows_of_one(p) if p.ndim == 2 and p.shape[1] else p
    prior = array(draw, one_of(draw, [(3,)], (1,), (2,), (0,), ()))
    kwargs = {
        "max_iterations": one_of(draw, [50], 0, -1, 1.5),
        "tolerance": one_of(draw, [1e-6], 0, -1, float("nan")),
    }
    found, refusal = bench.call(lambda: cc.metrics.estimate_prior_shift(p, prior, **kwargs))
    if refusal is None:
        assert finite(found.query_prior)
        np.testing.assert_allclose(found.query_prior.sum(), 1, atol=1e-6)


@fuzzes("metrics.corrected", 15)
def corrected(bench):
    draw = bench.draw
    shift = cc.metrics.estimate_prior_shift([[0.9, 0.1], [0.8, 0.2]], [0.5, 0.5])
    p = array(draw, shape(draw, (6, 2)))
    found, refusal = bench.call(lambda: shift.corrected(p))
    if refusal is None:
        assert found.shape == p.shape


@fuzzes("metrics.attribution_stability", 15)
def attribution_stability(bench):
    draw = bench.draw
    frames = [
        pd.DataFrame(
            np.random.default_rng(k).random((5, 2)).astype(draw(st.sampled_from(TYPES[:4]))),
            index=[f"g{j}" for j in range(k, k + 5)],
            columns=["B", draw(st.sampled_from(["T", "β"]))],
        )
        for k in range(draw(st.integers(0, 4)))
    ]
    spoil = one_of(draw, ["no"], "missing", "empty", "twice")
    if frames and spoil == "missing":
        frames[0].iloc[0, 0] = np.nan
    if frames and spoil == "empty":
        frames[0] = frames[0].iloc[:0]
    if frames and spoil == "twice":
        frames[0].index = ["g"] * 5
    n = one_of(draw, [2, 20], 0, -1, 1.5)
    bench.call(lambda: cc.metrics.attribution_stability(frames, n_top_genes=n))


def losses(draw):
    """Draw what `log_losses` may give."""
    return cc.metrics.log_losses(
        np.random.default_rng(draw(st.integers(0, 5))).normal(0, 3, (draw(st.integers(0, 30)), 3))
    )


@fuzzes("metrics.fit", 15)
def conformal_sets(bench):
    loss = losses(bench.draw)
    codes = codes_of(bench.draw, len(loss), 3)
    bench.call(lambda: cc.metrics.ConformalSets.fit(loss, codes))


@fuzzes("metrics.thresholds", 15)
def thresholds(bench):
    draw = bench.draw
    loss = losses(draw)
    sets = cc.metrics.ConformalSets.fit(loss, np.arange(len(loss)) % 3)
    coverage = one_of(draw, [0.9, 0.5], 0, 1, -1, 7, float("nan"))
    n = one_of(draw, [3], 0, 1, 7)

    def call():
        found = sets.thresholds(n, coverage)
        return sets.contains(loss[:, :1].repeat(n, axis=1), found)

    found, refusal = bench.call(call)
    if refusal is None:
        assert found.shape == (len(loss), n)


@fuzzes("datasets.simulate_counts", 22)
def simulate_counts(bench):
    draw = bench.draw
    kwargs = {
        "n_obs": one_of(draw, [20, 40], 0, -1, 1.5, 1, "many", None),
        "n_vars": one_of(draw, [50], 0, -1, 1.5, 1),
        "n_labels": one_of(draw, [2, 3], 0, 1, -1, 1.5, 50),
        "n_batches": one_of(draw, [1, 2], 0, -1, 1.5, 50),
        "n_markers": one_of(draw, [5], 0, -1, 1.5, 40),
        "depth": number(draw, 200.0),
        "fold_change": one_of(draw, [4.0], 0, -1, float("nan"), float("inf"), 1e300),
        "dispersion": one_of(draw, [0.2], 0, -1, float("nan"), float("inf"), 1e300),
        "batch_effect": one_of(draw, [0.2], 0, -1, float("nan"), 1e300),
        "proportions": one_of(draw, [None], [1, 1], [1, -1], [0, 0], [0.5, float("nan")], "ab"),
    }
    if kwargs["depth"] == 10**9:
        kwargs["depth"] = 10**6
    adata, refusal = bench.call(lambda: cc.datasets.simulate_counts(**kwargs))
    if refusal is None:
        assert adata.shape == (kwargs["n_obs"], kwargs["n_vars"])
        assert finite(adata.X.sum(axis=1))


def _table_file(function, whole):
    def case(bench):
        draw = bench.draw
        content = bytearray(whole)
        what = one_of(draw, ["whole", "whole"], "cut", "flipped", "empty", "noise", "gone")
        if what == "cut":
            content = content[: draw(st.integers(0, len(content)))]
        if what == "flipped":
            content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
        if what == "empty":
            content = b""
        if what == "noise":
            content = draw(st.binary(max_size=200))
        path = new_path(".txt")
        if what != "gone":
            path.write_bytes(bytes(content))
        bench.call(lambda: function(path))

    return case


fuzzes("datasets.gene2vec", 15)(
    _table_file(cc.datasets.gene2vec, b"3 2\nCD3D 0.5 1.0\nCST3 0.25 -1\nNKG7 0 2e-3\n")
)
fuzzes("datasets.hgnc_symbols", 15)(
    _table_file(
        cc.datasets.hgnc_symbols,
        "hgnc_id\tsymbol\tname\tlocus_group\tstatus\talias_symbol\tprev_symbol\tensembl_gene_id\n"
        "HGNC:1\tCD3D\tß\tprotein-coding gene\tApproved\tT3D\t\tENSG00000167286\n".encode(),
    )
)
