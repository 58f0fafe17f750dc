"""Run a benchmark and keep what it prints where the documentation shows it.

Usage: python benchmarks/record.py [--list] NAME [NAME …]

Runs the commands of a benchmark and writes `benchmarks/results/NAME.md`: what they printed on
stdout, and below that the commands, the date, the versions and the number of cores. The pages in
`docs/benchmarks` include these files; the text around them is written by hand, so read it again
after a run. Most benchmarks need `CELLCLASS_TEST_DATA`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import shlex
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
# What was run for each file of results; {folder} is one that is removed afterwards.
COMMANDS = {
    "attributions": ("attributions.py",),
    "citeseq": ("citeseq.py",),
    "cnn": ("cnn.py mouse_embryo_deng pbmc3k pbmc_ifnb mouse_bladder_mca",),
    "composition": ("composition.py pbmc_zheng_facs pbmc3k pbmc_ifnb", "composition.py donors"),
    "concat": ("concat.py 20",),
    "corruption": ("corruption.py",),
    "dask_ranking": ("dask_ranking.py {folder}",),
    "ddp": ("ddp.py",),
    "export_onnx": ("export_onnx.py",),
    "faults": ("faults.py",),
    "fit_time": ("fit_time.py 0 50000",),
    "genes": ("genes.py",),
    "genes_in_common": ("genes_in_common.py",),
    "hierarchy": ("hierarchy_and_votes.py hierarchy",),
    "labels": ("labels.py 10",),
    "leaders": ("leaders.py",),
    "load": ("load.py {folder}",),
    "missing_genes": ("missing_genes.py",),
    "novelty": ("novelty.py",),
    "panels": (
        "panels.py --model lr",
        "panels.py --model mlp --selectors 'JS per label,Wilcoxon,HVG Seurat v3'",
    ),
    "performer_accuracy": (
        "performer_accuracy.py full --folds 5",
        "performer_accuracy.py few previous",
    ),
    "performer_bounds": ("performer_bounds.py 2048",),
    "performer_encoder": ("performer.py encoder",),
    "performer_error": ("performer.py error",),
    "performer_why": ("performer_accuracy.py 20 --not-pretrained --why",),
    "predict_speed": ("predict_speed.py {folder}",),
    "prediction_sets": ("prediction_sets.py",),
    "rank_genes_js": ("rank_genes_js.py s20k", "rank_genes_js.py s50k"),
    "scale": ("scale.py {folder}",),
    "scale_names": ("scale_names.py",),
    "scales": ("scales.py",),
    "seeds": ("seeds.py pbmc3k pbmc_zheng_facs",),
    "text_matrix": ("text_matrix.py",),
    "train_speed": ("train_speed.py",),
    "votes": ("hierarchy_and_votes.py votes",),
}
PACKAGES = (
    "cellclass",
    "anndata",
    "numba",
    "numpy",
    "pandas",
    "scanpy",
    "scikit-learn",
    "scipy",
    "scvi-tools",
    "torch",
)


def as_markdown(printed: str) -> str:
    """Leave Markdown as it is; what has no table in it is shown as it was printed."""
    printed = printed.strip("\n")
    if not re.search(r"^\|", printed, flags=re.MULTILINE):
        return f"```text\n{printed}\n```\n"
    lines: list[str] = []
    for line in printed.split("\n"):
        begins = line.startswith("|") and lines and lines[-1] and not lines[-1].startswith("|")
        ends = line and not line.startswith("|") and lines and lines[-1].startswith("|")
        lines += ["", line] if begins or ends else [line]
    return "\n".join(lines) + "\n"


def commit() -> str:
    """Name the commit, and say so where files differ from it."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True
    )
    return found.stdout.strip()


def setting() -> str:
    """Say when, with which versions and on how many cores, as one line of text."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    if name := commit():
        found[0] += f" ({name})"
    python = ".".join(map(str, sys.version_info[:3]))
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    today = dt.datetime.now(tz=dt.UTC).date()
    cores = f"{n_cores} core{'' if n_cores == 1 else 's'}"
    return f"{today}; {', '.join([*found, f'Python {python}'])}; {cores}"


def record(name: str, commands: tuple[str, ...], folder: Path) -> Path:
    """Run a benchmark and write its file, which is whole or as it was."""
    parts = []
    with tempfile.TemporaryDirectory(prefix="cellclass-bench-") as room:
        for command in commands:
            arguments = shlex.split(command.replace("{folder}", room))
            arguments[0] = str(HERE / arguments[0])
            done = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
            if done.returncode:
                raise SystemExit(f"{command} failed ({done.returncode}); {name}.md is as it was.")
            parts.append(as_markdown(done.stdout))
    shown = ", ".join(f"`python benchmarks/{c.replace('{folder}', 'FOLDER')}`" for c in commands)
    parts.append(f"*{shown}: {setting()}.*\n")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.md"
    path.with_suffix(".part").write_text("\n".join(parts), encoding="utf-8")
    path.with_suffix(".part").replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="list the names and their commands")
    options = parser.parse_args()
    if options.list or not options.names:
        for name, commands in COMMANDS.items():
            print(f"{name:20}{'; '.join(commands)}")
        return
    if unknown := sorted(set(options.names) - set(COMMANDS)):
        raise SystemExit(f"No benchmark is called {', '.join(unknown)}; --list shows the names.")
    for name in options.names:
        print(record(name, COMMANDS[name], RESULTS))


if __name__ == "__main__":
    main()
