"""Which published files the datasets are made of: address, checksum, licence, paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from cellclass._download import fetch

if TYPE_CHECKING:
    from pathlib import Path


class RemoteFile(NamedTuple):
    """A file at an address that names one version of it."""

    url: str
    sha256: str
    n_bytes: int
    licence: str


_SCVI = (
    "https://raw.githubusercontent.com/YosefLab/scVI-data/9a647afc8893604fa11024ddcd5fc5bb22b8e50e"
)
_TOTALVI = (
    "https://raw.githubusercontent.com/YosefLab/totalVI_reproducibility/"
    "27d65a9c49182f39df0c4325249bc7dc8e663dd0/data/raw_data"
)
_BREMSC = (
    "https://raw.githubusercontent.com/tarot0410/BREMSC/"
    "d5b89c26c9b25f3df3ebdcec2372ba108a100638/data/RealData/10X10k"
)
_SCDEEPCLUSTER = (
    "https://raw.githubusercontent.com/ttgump/scDeepCluster/"
    "ff7f29d003be7112c6a3dcab37c44d461423647d/scRNA-seq%20data"
)
_MIXOLOGY = (
    "https://raw.githubusercontent.com/LuyiTian/sc_mixology/"
    "7d00ffb0bd043467f365a9358d7312f294f13c9f/data/csv"
)
_NONE_STATED = "none stated"
_10X = "CC BY 4.0 (10x Genomics)"

PAPERS: Final = {
    "mouse_cortex_osmfish": "Codeluppi et al. 2018, doi:10.1038/s41592-018-0175-z",
    "mouse_cortex_starmap": "Wang et al. 2018, doi:10.1126/science.aat5691",
    "pbmc10k_citeseq": (
        "Gayoso et al. 2021, doi:10.1038/s41592-020-01050-x; labels of Wang et al. 2020, "
        "doi:10.1093/nar/gkaa314"
    ),
    "pbmc5k": "Gayoso et al. 2021, doi:10.1038/s41592-020-01050-x",
    "mouse_bladder": "Han et al. 2018, doi:10.1016/j.cell.2018.02.001",
    "celllines3_2tech": "Tian et al. 2019, doi:10.1038/s41592-019-0425-8",
}

FILES: Final[dict[str, dict[str, RemoteFile]]] = {
    "mouse_cortex_osmfish": {
        "smfish.h5ad": RemoteFile(
            f"{_SCVI}/smfish.h5ad",
            "49c6e5e0e00d963f6510b795d06d78752d24f8c8127c80c8563c73d7fa107ac6",
            1_537_716,
            _NONE_STATED,
        ),
    },
    "mouse_cortex_starmap": {
        "mpfc-starmap.loom": RemoteFile(
            f"{_SCVI}/mpfc-starmap.loom",
            "c5e744fb7f780b4b140781a455d632058a7aa9c789b4c4a150c2a7cd3ab6682b",
            529_817,
            _NONE_STATED,
        ),
    },
    "pbmc10k_citeseq": {
        "pbmc10k_harmo_rna.csv.gz": RemoteFile(
            f"{_TOTALVI}/pbmc10k_harmo_rna.csv.gz",
            "77cacfec0e17dce2a9b00c479a07a162e29dc9263ff5dc4cb5235df4679baba9",
            3_076_357,
            _10X,
        ),
        "pbmc10k_harmo_pro.csv.gz": RemoteFile(
            f"{_TOTALVI}/pbmc10k_harmo_pro.csv.gz",
            "184afe670d264b598e24cca73ccfd4f07c7bde696b8fb4cb53ba62d89b13f048",
            161_082,
            _10X,
        ),
        "truth_10X10k.csv": RemoteFile(
            f"{_BREMSC}/truth_10X10k.csv",
            "3ede3f6ca2f4245bb585b3b1afd4d1d9c737bcccb0424e4069979e2a6572e8a9",
            275_784,
            "GPL-3 (repository)",
        ),
    },
    "pbmc5k": {
        "pbmc5k_harmo_rna.csv.gz": RemoteFile(
            f"{_TOTALVI}/pbmc5k_harmo_rna.csv.gz",
            "7c2467fb1974355fdf4907228be1d4f47be4286300e65b5efe6379a12b6208fa",
            2_458_112,
            _10X,
        ),
    },
    "mouse_bladder": {
        "mouse_bladder_cell_select_2100.h5": RemoteFile(
            f"{_SCDEEPCLUSTER}/mouse_bladder_cell_select_2100.h5",
            "4e686932884fc04d8bc9a92dad1a648d6e23f490b0c106903bca95d68093f591",
            4_175_513,
            "Apache-2.0",
        ),
    },
    "celllines3_2tech": {
        "sc_celseq2.count.csv.gz": RemoteFile(
            f"{_MIXOLOGY}/sc_celseq2.count.csv.gz",
            "a82aa89b8995aed412f4260c0adb343967e33a801af6f2e0aa647c1d897a5a21",
            2_089_195,
            "MIT",
        ),
        "sc_celseq2.metadata.csv.gz": RemoteFile(
            f"{_MIXOLOGY}/sc_celseq2.metadata.csv.gz",
            "78429916bac394d92d8c972059a8f195c5479ce578da04f1eb3ba599585ef3d9",
            15_903,
            "MIT",
        ),
        "sc_dropseq.count.csv.gz": RemoteFile(
            f"{_MIXOLOGY}/sc_dropseq.count.csv.gz",
            "98c0bb6a9fbf4b93967ef82cef9985d7691cf59a31dc5b0b3699f70ed1a0fd08",
            1_299_691,
            "MIT",
        ),
        "sc_dropseq.metadata.csv.gz": RemoteFile(
            f"{_MIXOLOGY}/sc_dropseq.metadata.csv.gz",
            "4c48f3e13778e89192d9861095bc102cc0deb9eba1a7f47a093f5a058ce1aa6a",
            10_611,
            "MIT",
        ),
    },
}


def fetch_file(dataset: str, name: str) -> Path:
    """Download a file of a dataset, or find it in the cache."""
    file = FILES[dataset][name]
    return fetch(
        file.url, sha256=file.sha256, n_bytes=file.n_bytes, file_name=f"datasets/{dataset}/{name}"
    )


def about(dataset: str) -> dict[str, str]:
    """Return what `uns` says of a dataset: where it is from, and under which licence."""
    files = FILES[dataset].values()
    return {
        "source": f"{PAPERS[dataset]}; {' '.join(file.url for file in files)}",
        "licence": "; ".join(dict.fromkeys(file.licence for file in files)),
    }
