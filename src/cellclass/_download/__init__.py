"""Fetch files once, verified, into the cache."""

from __future__ import annotations

from cellclass._download._fetch import fetch
from cellclass._download._folder import DATA_DIR, cache_folder

__all__ = ["DATA_DIR", "cache_folder", "fetch"]
