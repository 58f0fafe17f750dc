"""Whether the chunks of a zarr folder are as long as they say."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cellclass._disk import damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CHUNK = re.compile(r"(?:c|[0-9]+)(?:\.[0-9]+)*")
_METADATA = ("zarr.json", ".zarray")  # zarr goes by the first that it finds
_LENGTH = slice(12, 16)
"""Bytes of a Blosc header that count all bytes of the chunk."""


def check_chunks(path: Path, parts: Sequence[str] = ("",)) -> None:
    """Refuse a zarr folder with a chunk compressed by Blosc that was cut short, or an empty shard.

    Blosc reads as many bytes as the chunk's header says, whether they are there or not, which can
    end the process. Other codecs find out for themselves, and so does zarr for shards (their
    index, at the end by default, has a checksum); but an empty shard is read as if all of its
    values were zero.

    Parameters
    ----------
    path
        The folder. Only the names and lengths of its files are read, their metadata, and 16 bytes
        of each chunk that Blosc compressed.
    parts
        Groups and arrays in it to look at; those that are not there are left out.

    Raises
    ------
    FileFormatError
        A chunk is shorter, or longer, than it says, or a shard is empty.
    """
    inside = (one for part in parts for one in os.walk(path / part))
    for folder, folders, files in inside:
        metadata = _metadata(Path(folder), files)
        if "shape" in metadata:  # an array: below it there are only chunks
            folders.clear()
            codec = _last_codec(metadata)
            if codec == "blosc":
                _check_array(Path(folder), path, _doubt_blosc)
            elif codec == "sharding_indexed":
                _check_array(Path(folder), path, _doubt_shard)


def _metadata(folder: Path, files: list[str]) -> dict[str, Any]:
    """Return what zarr says of a folder; nothing where it is damaged, as zarr will tell."""
    name = next((name for name in _METADATA if name in files), None)
    try:
        found = json.loads((folder / name).read_bytes()) if name else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _last_codec(metadata: dict[str, Any]) -> str | None:
    """Return the name of what made the bytes of a chunk."""
    try:
        if "codecs" in metadata:
            return str(metadata["codecs"][-1]["name"]).removeprefix("numcodecs.")
        return str(metadata["compressor"]["id"])
    except (TypeError, LookupError):  # none, or damaged
        return None


def _check_array(folder: Path, path: Path, doubt: Callable[[BinaryIO], str]) -> None:
    for inner, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if _CHUNK.fullmatch(name)]
        for name in filter(_CHUNK.fullmatch, files):
            chunk = Path(inner, name)
            with chunk.open("rb") as file:
                found = doubt(file)
            if found:
                error = ValueError(f"{chunk.relative_to(path)} {found}")
                raise damaged(path, error) from error


def _doubt_blosc(file: BinaryIO) -> str:
    """Say how many bytes Blosc would read of a chunk that has others."""
    said = int.from_bytes(file.read(_LENGTH.stop)[_LENGTH], "little")
    there = os.fstat(file.fileno()).st_size
    if said == there and there >= _LENGTH.stop:
        return ""
    return f"has {there} bytes, of which its header says there are {said}"


def _doubt_shard(file: BinaryIO) -> str:
    return "" if os.fstat(file.fileno()).st_size else "is empty"
