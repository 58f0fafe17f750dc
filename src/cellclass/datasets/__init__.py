"""Cells to try things on: real ones that need no network, and simulated ones of known truth."""

from __future__ import annotations

from cellclass.datasets._hgnc_symbols import hgnc_symbols
from cellclass.datasets._pbmc68k_reduced import pbmc68k_reduced
from cellclass.datasets._simulate_counts import simulate_counts

__all__ = ["hgnc_symbols", "pbmc68k_reduced", "simulate_counts"]
