"""Execute notebooks in place, as they are to be committed.

    python notebooks/execute.py                     # all of them
    python notebooks/execute.py notebooks/own_model.ipynb

Nothing of this machine gets into the files: no times and no settings of an editor. Large pictures
are stored with a palette, in a third of the space.
"""

import base64
import io
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
LARGE = 40_000  # bytes


def execute(path: Path) -> None:
    """Run a notebook in an empty folder and write it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    notebook.metadata.pop("widgets", None)
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place:02d}"
        cell.metadata = {}
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
    nbformat.write(notebook, path)


def _smaller(encoded: str) -> str:
    picture = base64.b64decode(encoded)
    if len(picture) > LARGE:
        packed = io.BytesIO()
        colors = Image.open(io.BytesIO(picture)).convert("RGB")
        colors.quantize(256, kmeans=1, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        picture = packed.getvalue()
    return base64.b64encode(picture).decode()


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    for notebook in map(Path, sys.argv[1:]) if sys.argv[1:] else sorted(HERE.glob("*.ipynb")):
        execute(notebook)
        print(f"{notebook.name}: {notebook.stat().st_size / 1000:.0f} kB")
