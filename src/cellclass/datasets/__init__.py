"""Cells to try things on, real ones and simulated ones of known truth, and tables of genes.

`pbmc68k_reduced` and `simulate_counts` need no network. The others download published files at
the first call, verify them, and keep them in the folder that the environment variable
`CELLCLASS_DATA_DIR` names, or in the system's cache.
"""

from __future__ import annotations

from cellclass.datasets._celllines3_2tech import celllines3_2tech
from cellclass.datasets._gene2vec import gene2vec
from cellclass.datasets._hgnc_symbols import hgnc_symbols
from cellclass.datasets._mouse_bladder import mouse_bladder
from cellclass.datasets._mouse_cortex_osmfish import mouse_cortex_osmfish
from cellclass.datasets._mouse_cortex_starmap import mouse_cortex_starmap
from cellclass.datasets._pbmc68k_reduced import pbmc68k_reduced
from cellclass.datasets._pbmc_citeseq import pbmc5k, pbmc10k_citeseq
from cellclass.datasets._simulate_counts import simulate_counts

__all__ = [
    "celllines3_2tech",
    "gene2vec",
    "hgnc_symbols",
    "mouse_bladder",
    "mouse_cortex_osmfish",
    "mouse_cortex_starmap",
    "pbmc5k",
    "pbmc10k_citeseq",
    "pbmc68k_reduced",
    "simulate_counts",
]
