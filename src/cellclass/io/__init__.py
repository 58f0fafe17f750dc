"""Read, convert and join files.

`concat_references`
    Any number of labelled references, one below the other, in memory or in a file.
"""

from __future__ import annotations

from cellclass.io._concat_references import concat_references

__all__ = ["concat_references"]
