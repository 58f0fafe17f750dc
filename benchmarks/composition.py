"""What correction and intervals of `cc.tl.compare_composition` do on planted mixtures.

Usage: CELLCLASS_TEST_DATA=… python benchmarks/composition.py [what …] [splits]

What: mixtures, donors, simulation, cortex, or names of datasets, for their mixtures alone.

Mixtures: half of the cells of a dataset train a model, with default arguments; the other half is
annotated and is what mixtures are drawn from, without replacement within a mixture. The labels of a
mixture of 400 cells are drawn from known shares, of four kinds: those of training, equal ones,
reversed ones (rare labels are common and the other way round), and ones drawn anew for each
mixture; no label is to have more cells than there are. Every mixture is a repetition: ten of each
kind for each of the splits, 13 by default. "Bias" is the mean over repetitions of the estimate less
the known share, in points. Labels with fewer than 40 cells are left out of the datasets. Further,
for each split: mixtures of 800 cells that are cut in random halves, and two conditions of four
samples of 100 cells, whose shares scatter around the same ones (Dirichlet, 60).

Donors: each donor in turn is what mixtures are drawn from, of 200 cells, as donors have fewer, and
the others train; corrected with the cells held out in training, and with whole donors held out.

Simulation: intervals for proportions and confusion matrices that are drawn at random, by how many
cells of a label were held out and by its share.

Cortex: fetal cortex as the reference, protocols made of its cells; writes pictures to the current
folder.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import torch
from _data import read
from threadpoolctl import threadpool_limits

import cellclass as cc
from cellclass.tl._composition_samples import Samples
from cellclass.tl._composition_tables import Composition

DATASETS = ("pbmc_zheng_facs", "pbmc3k", "pbmc_ifnb", "pbmc_kang_8donors")
KINDS = ("training", "equal", "reversed", "random")
N_CELLS, N_EACH, LEAST = 400, 10, 40
DRAWS = {"n_resamples": 1000}  # half of the default, for time


def trained(reference, **kwargs):
    cc.model.CellClassifierMLP.setup_anndata(reference, labels_key="cell_type")
    model = cc.model.CellClassifierMLP(reference, **kwargs)
    model.train(enable_progress_bar=False)
    return model


def answered(cells, model):
    """Annotate, and drop the expression."""
    cc.tl.annotate(cells, model)
    return cells[:, :1].copy()


def known_shares(kind: str, training: pd.Series, available: pd.Series, n: int, rng) -> np.ndarray:
    """Shares of a kind, such that the cells that there are suffice for a mixture of n cells."""
    shares = training.to_numpy() / training.sum()
    if kind == "equal":
        shares = np.full(len(shares), 1 / len(shares))
    if kind == "reversed":
        order = np.argsort(shares)
        reversed_ = np.empty_like(shares)
        reversed_[order] = shares[order[::-1]]
        shares = reversed_
    if kind == "random":
        shares = rng.dirichlet(np.ones(len(shares)))
    # Three standard deviations above the mean, a label's count is still one that there is.
    top = available.reindex(training.index, fill_value=0).to_numpy()
    most = np.maximum(top - 3 * np.sqrt(top), 0) / n
    for _ in range(100):
        shares = np.minimum(shares, most)
        room = most - shares
        lack = 1 - shares.sum()
        if lack < 1e-9:
            break
        weights = np.where(room > 1e-12, shares + 1e-3, 0)
        shares = shares + lack * weights / weights.sum()
    return shares / shares.sum()


def drawn(pool, labels, counts: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """Rows of cells with these counts `(n_samples, n_labels)`, none of them twice, and samples."""
    truth = pool.obs["cell_type"].astype(str).to_numpy()
    rows, samples = [], []
    for label, count in zip(labels, counts.T, strict=True):
        own = rng.permutation(np.flatnonzero(truth == label))
        sample = np.repeat(np.arange(len(counts)), count)[: len(own)]
        rows.append(own[: len(sample)])
        samples.append(sample)
    order = rng.permutation(sum(map(len, rows)))
    return np.concatenate(rows)[order], np.concatenate(samples)[order]


def js(p, q) -> float:
    middle = (p + q) / 2
    parts = [(x[x > 0] * np.log2(x[x > 0] / middle[x > 0])).sum() for x in (p, q)]
    return float(np.sqrt(max(sum(parts) / 2, 0)))


def holds(table, known) -> np.ndarray:
    return ((table["lower"] <= known + 1e-9) & (known <= table["upper"] + 1e-9)).to_numpy()


def available(pool) -> pd.Series:
    return pool.obs["cell_type"].astype(str).value_counts()


def mixtures_of(pool, training: pd.Series, rng, n_each=N_EACH, n_cells=N_CELLS, **how):
    """Return tables of labels and of distances, a row for each repetition (and label)."""
    labels, exact = list(training.index), training / training.sum()
    by_label, distances = [], []
    for kind in KINDS:
        for _ in range(n_each):
            known = known_shares(kind, training, available(pool), n_cells, rng)
            rows, _ = drawn(pool, labels, rng.multinomial(n_cells, known)[None], rng)
            mixture = pool[rows].copy()
            mixture.obs["sample"] = "one"
            cc.tl.compare_composition(mixture, "sample", reference=exact, rng=rng, **DRAWS, **how)
            table = cc.get.composition_df(mixture).set_index("label").loc[labels]
            by_label.append(
                pd.DataFrame(
                    {
                        "kind": kind,
                        "label": labels,
                        "known": known,
                        "raw": table["raw"].to_numpy() - known,
                        "corrected": table["proportion"].to_numpy() - known,
                        "inside": holds(table, known),
                        "width": (table["upper"] - table["lower"]).to_numpy(),
                    }
                )
            )
            distance = cc.get.composition_df(mixture, table="distances")
            true_distance = js(known, exact.to_numpy())
            distances.append(
                {
                    "kind": kind,
                    "known": true_distance,
                    "corrected": distance["js_distance"].item() - true_distance,
                    "noisy": distance["uncorrected"].item() - true_distance,
                    "inside": holds(distance, true_distance).item(),
                }
            )
    return pd.concat(by_label), pd.DataFrame(distances)


def halves_differ(pool, training: pd.Series, rng) -> bool:
    """Whether two random halves of one sample are found to differ."""
    labels = list(training.index)
    known = known_shares("training", training, available(pool), 2 * N_CELLS, rng)
    rows, _ = drawn(pool, labels, rng.multinomial(2 * N_CELLS, known)[None], rng)
    both = pool[rows].copy()
    both.obs["half"] = np.where(rng.permutation(both.n_obs) % 2, "one", "other")
    cc.tl.compare_composition(both, "half", rng=rng, **DRAWS)
    return bool((cc.get.composition_df(both, table="differences")["pval_adj"] < 0.05).any())


def conditions_of(pool, training: pd.Series, rng) -> tuple[float, bool]:
    """Two conditions of four samples that have the same mean.

    Returns the share of intervals that hold it, and whether a difference was found.
    """
    labels = list(training.index)
    known = known_shares("training", training, available(pool), 8 * 100, rng)
    counts = np.stack([rng.multinomial(100, rng.dirichlet(60 * known)) for _ in range(8)])
    rows, sample = drawn(pool, labels, counts, rng)
    cells = pool[rows].copy()
    cells.obs["sample"] = sample.astype(str)
    cells.obs["condition"] = np.where(sample < 4, "one", "other")
    cc.tl.compare_composition(cells, "sample", "condition", rng=rng, **DRAWS)
    table = cc.get.composition_df(cells)
    inside = holds(table, table["label"].map(dict(zip(labels, known, strict=True))).astype(float))
    differences = cc.get.composition_df(cells, table="differences")
    return float(inside.mean()), bool((differences["pval_adj"] < 0.05).any())


def frequent(adata):
    """Leave labels with few cells out."""
    counts = adata.obs["cell_type"].value_counts()
    return adata[adata.obs["cell_type"].isin(counts.index[counts >= LEAST])].copy()


def percent(x) -> str:
    return f"{100 * x:.1f}"


def summary(name: str, kind: str, table: pd.DataFrame) -> str:
    """One line about all repetitions of a kind."""
    mean = table.groupby("label")[["raw", "corrected"]].mean() * 100
    error = table.groupby("label")["corrected"].sem() * 100
    worst = {arm: mean[arm].abs().idxmax() for arm in mean}
    raw, ours = worst["raw"], worst["corrected"]
    return (
        f"| {name} | {kind} | {len(table) // len(mean)} | {mean['raw'].abs().mean():.2f} | "
        f"{mean['corrected'].abs().mean():.2f} | {mean.loc[raw, 'raw']:+.2f} ({raw}) | "
        f"{mean.loc[ours, 'corrected']:+.2f} ± {error[ours]:.2f} ({ours}) | "
        f"{percent(table['inside'].mean())} | {percent(table['width'].mean())} |"
    )


def summaries(name: str, table: pd.DataFrame) -> None:
    print(
        "| dataset | mixture | repetitions | mean abs. bias, raw | corrected | worst label, raw | "
        "corrected | intervals that hold, % | width |\n" + "|---" * 9 + "|"
    )
    for kind in KINDS:
        print(summary(name, kind, table[table["kind"] == kind]))
    print(f"| {name} | all | | | | | | {percent(table['inside'].mean())} | |")


def per_label(name: str, table: pd.DataFrame) -> None:
    bias = table.groupby(["label", "kind"])[["raw", "corrected"]].mean() * 100
    held = table.groupby("label")["inside"].mean() * 100
    kinds = [kind for kind in KINDS if kind in set(table["kind"])]
    print(f"\n| {name} | {' | '.join(kinds)} | intervals that hold, % |")
    print("|---" * (len(kinds) + 2) + "|")
    for label in held.index:
        cells = " | ".join(
            f"{bias.loc[(label, kind), 'raw']:+.1f} → {bias.loc[(label, kind), 'corrected']:+.1f}"
            for kind in kinds
        )
        print(f"| {label} | {cells} | {held[label]:.1f} |")


def mixtures(names: list[str], n_splits: int) -> None:
    for name in names:
        adata = frequent(read(name))
        labels, distances, halves, conditions = [], [], [], []
        for split in range(n_splits):
            rng = np.random.default_rng([7, split])
            train = rng.permutation(adata.n_obs) % 2 == 0
            model = trained(adata[train].copy(), seed=split)
            training = adata.obs["cell_type"][train].astype(str).value_counts()
            pool = answered(adata[~train].copy(), model)
            found = mixtures_of(pool, training, rng)
            labels.append(found[0].assign(split=split))
            distances.append(found[1])
            halves += [halves_differ(pool, training, rng) for _ in range(4 * N_EACH)]
            conditions += [conditions_of(pool, training, rng) for _ in range(2 * N_EACH)]
            print(name, split, file=sys.stderr, flush=True)
        table, far = pd.concat(labels), pd.concat(distances)
        summaries(name, table)
        per_label(name, table)
        inside, differ = (np.mean(values) for values in zip(*conditions, strict=True))
        print(
            f"\n{name}: {len(halves)} samples, {percent(np.mean(halves))} % of which differ in "
            f"their halves; {len(conditions)} pairs of conditions, {percent(differ)} % of which "
            f"differ, {percent(inside)} % of whose intervals hold\n"
        )
        print("| dataset | mixture | true distance | bias, with noise | corrected | hold, % |")
        print("|---" * 6 + "|")
        for kind, rows in far.groupby("kind", sort=False):
            print(
                f"| {name} | {kind} | {rows['known'].mean():.3f} | {rows['noisy'].mean():+.3f} | "
                f"{rows['corrected'].mean():+.3f} | {percent(rows['inside'].mean())} |"
            )
        print(flush=True)


def donors() -> None:
    """Hold out each donor, with two confusion matrices."""
    adata = frequent(read("pbmc_kang_8donors"))
    owner = adata.obs["donor"].astype(str).to_numpy()
    found: dict[str, list[pd.DataFrame]] = {"held-out cells": [], "held-out donors": []}
    for number, donor in enumerate(np.unique(owner)):
        rng = np.random.default_rng(number)
        train = adata[owner != donor].copy()
        crossed = cc.tl.cross_validate(
            train.copy(),
            cc.model.CellClassifierMLP,
            "cell_type",
            groups_key="donor",
            n_folds=4,
            baseline=None,
            train_kwargs={"enable_progress_bar": False},
        )
        model = trained(train)
        training = train.obs["cell_type"].astype(str).value_counts()
        pool = answered(adata[owner == donor].copy(), model)
        for arm, confusion in zip(found, (None, crossed), strict=True):
            how = {"n_each": 16, "n_cells": N_CELLS // 2, "confusion": confusion}
            table, _ = mixtures_of(pool, training, rng, **how)
            found[arm].append(table.assign(donor=donor))
        print(donor, file=sys.stderr, flush=True)
    for arm, tables in found.items():
        summaries(arm, pd.concat(tables))
        print()


def confusing(n_labels: int, rng) -> np.ndarray:
    """Rates of a classifier that finds 86 % of the cells on average, and errs in few ways."""
    found = rng.beta(6, 1, size=n_labels)
    rates = rng.dirichlet(np.full(n_labels, 0.2), size=n_labels) * (1 - np.eye(n_labels))
    rates = rates / rates.sum(axis=1, keepdims=True) * (1 - found)[:, None]
    return rates + np.diag(found)


def simulated(n_labels: int, n_samples: int, spread: float, rng) -> pd.DataFrame | None:
    """Known and found proportions of one condition, with as many calibration cells as may be."""
    rates = confusing(n_labels, rng)
    n_held_out = np.exp(rng.uniform(np.log(5), np.log(200), size=n_labels)).astype(int)
    known = rng.dirichlet(np.full(n_labels, 0.5))
    confusion = np.stack([rng.multinomial(*row) for row in zip(n_held_out, rates, strict=True)])
    own = confusion / confusion.sum(axis=1, keepdims=True)
    if np.linalg.svd(own, compute_uv=False)[-1] < 0.2:
        return None  # `compare_composition` warns or refuses
    shares = [known] * n_samples if np.isinf(spread) else rng.dirichlet(spread * known, n_samples)
    counts = np.stack([rng.multinomial(300, row @ rates) for row in shares])
    samples = Samples(
        labels=tuple(map(str, range(n_labels))),
        names=tuple(map(str, range(n_samples))),
        conditions=("one",),
        condition=np.zeros(n_samples, dtype=int),
        counts=counts,
        n_cells=counts.sum(axis=1),
        n_unassigned=np.zeros(n_samples, dtype=int),
    )
    table = Composition(samples, confusion, level=0.95, n=500, rng=rng).condition_table()
    return pd.DataFrame(
        {
            "inside": holds(table, known),
            "cells": np.digitize(n_held_out, [12, 40]),
            "share": np.digitize(known, [0.005, 0.03, 0.15]),
            "width": (table["upper"] - table["lower"]).to_numpy(),
        }
    )


def simulation() -> None:
    """Intervals for random confusion matrices and proportions, without any classifier."""
    print("| labels | samples | Dirichlet | hold, % | < 12 held out | 12–39 | ≥ 40 | ", end="")
    print("share < 0.5 % | – 3 % | – 15 % | > 15 % | width |\n" + "|---" * 12 + "|")
    for n_labels in (5, 12):
        for n_samples, spread in ((1, np.inf), (3, np.inf), (3, 100), (4, 30), (8, 100)):
            rng = np.random.default_rng(n_labels)
            tables = [simulated(n_labels, n_samples, spread, rng) for _ in range(400)]
            table = pd.concat(table for table in tables if table is not None)
            parts = [
                percent(rows["inside"].mean())
                for column in ("cells", "share")
                for _, rows in table.groupby(column)
            ]
            print(
                f"| {n_labels} | {n_samples} | {spread:g} | {percent(table['inside'].mean())} | "
                f"{' | '.join(parts)} | {percent(table['width'].mean())} |",
                flush=True,
            )


def cortex() -> None:
    """Which protocol resembles fetal cortex most, where that is known."""
    adata = read("human_fetal_cortex_camp")
    merged = {"N1": "neuron", "N2": "neuron", "N3": "neuron", "BP1": "BP", "BP2": "BP"}
    merged |= {"AP1": "AP", "AP2": "AP"}
    rng = np.random.default_rng(0)
    half = rng.permutation(adata.n_obs) % 2 == 0
    model = trained(adata[half].copy())
    pool = answered(adata[~half].copy(), model)
    kinds = pool.obs["cell_type"].astype(str).map(merged).to_numpy()
    labels = ["neuron", "AP", "BP"]
    cortex_like = np.array([0.73, 0.18, 0.09])
    protocols = {
        "A": cortex_like,
        "B": np.array([0.40, 0.50, 0.10]),
        "C": np.array([0.95, 0.05, 0]),
    }
    rows, names = [], []
    for protocol, shares in protocols.items():
        for sample in range(4):
            drawn_shares = rng.dirichlet(60 * shares + 1e-6)
            # 110 cells are too few for twelve samples without using one in several of them.
            for label, n in zip(labels, rng.multinomial(60, drawn_shares), strict=True):
                own = rng.choice(np.flatnonzero(kinds == label), n)
                rows += list(own)
                names += [(protocol, f"{protocol}{sample + 1}")] * n
    cells = pool[np.array(rows)].copy()
    cells.obs_names_make_unique()
    cells.obs["protocol"], cells.obs["organoid"] = zip(*names, strict=True)
    cc.tl.compare_composition(
        cells,
        "organoid",
        "protocol",
        reference=adata.obs["cell_type"].value_counts(),
        merge=merged,
    )
    for table in ("conditions", "differences", "distances"):
        print(cc.get.composition_df(cells, table=table).round(3).to_string(index=False), "\n")
    for kind in ("bars", "forest", "differences", "distances"):
        ax = cc.pl.composition(cells, kind=kind, show=False)
        ax.figure.savefig(f"composition_{kind}.png", dpi=120, bbox_inches="tight")


def main() -> None:
    # One sample for each mixture is what is meant here; some labels are hard to tell apart.
    ignored = (".*single sample", ".*cells: ", "Little is known", "Labels of obs", ".*not unique")
    for message in ignored:
        warnings.filterwarnings("ignore", message=message)
    asked = [word for word in sys.argv[1:] if not word.isdigit()]
    n_splits = next((int(word) for word in sys.argv[1:] if word.isdigit()), 13)
    names = [word for word in asked if word in DATASETS]
    if names or "mixtures" in asked or not asked:
        mixtures(names or list(DATASETS), n_splits)
    if "donors" in asked or not asked:
        donors()
    if "simulation" in asked or not asked:
        simulation()
    if "cortex" in asked or not asked:
        cortex()


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        main()
