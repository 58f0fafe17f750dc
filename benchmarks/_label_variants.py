"""Other spellings of real label names, for the benchmark and the test of `harmonize_labels`.

The spellings are made from how people write labels, by operations on the whole text; none of the
rules of the package is used. Every set below holds labels that mean different things, and many of
them look alike: a proposal that joins two of them, or their spellings, is wrong.
"""

from __future__ import annotations

import random
import re

#: Labels of real datasets, as in their files.
REAL = {
    "pbmc_zheng_facs": (
        "CD19+ B|CD34+|CD4+/CD45RO+ Memory|CD4+ T Helper2|CD8+/CD45RA+ Naive Cytotoxic|CD56+ NK|"
        "CD4+/CD25 T Reg|CD14+ Monocyte|CD8+ Cytotoxic T|CD4+/CD45RA+/CD25- Naive T"
    ),
    "pbmc_kang_8donors": (
        "CD14+ Monocytes|CD4 T cells|Dendritic cells|NK cells|CD8 T cells|B cells|Megakaryocytes|"
        "FCGR3A+ Monocytes"
    ),
    "pbmc_ifnb": (
        "CD14 Mono|CD4 Naive T|CD8 T|CD4 Memory T|CD16 Mono|B Activated|NK|pDC|B|Mk|T activated|DC|"
        "Eryth"
    ),
    "pbmc3k": "Memory CD4 T|B|CD14+ Mono|NK|CD8 T|Naive CD4 T|FCGR3A+ Mono|DC|Platelet",
    "pbmc_3tech": "B|T_CD8|T_CD4|DC|MK|Mono_CD14|NK|Mono_CD16|HSC",
    "pbmc10k_citeseq_rna": (
        "CD14+ monocytes|NK cells|CD4+ T cells|B cells|CD8+ T cells|Dendritic cells|CD16+ monocytes"
    ),
    "mouse_embryo_deng": (
        "16-cell|4-cell|8-cell|liver|late 2-cell|early 2-cell|early blastocyst|late blastocyst|"
        "mid 2-cell|mid blastocyst|zygote|fibroblast"
    ),
    "mouse_embryo_seqfish": (
        "Forebrain/Midbrain/Hindbrain|Endothelium|Cranial mesoderm|Haematoendothelial progenitors|"
        "Neural crest|Surface ectoderm|Spinal cord|Intermediate mesoderm|Anterior somitic tissues|"
        "Definitive endoderm|NMP|ExE endoderm|Gut tube|Dermomyotome|Sclerotome|Erythroid|"
        "Blood progenitors|Splanchnic mesoderm|Cardiomyocytes|Mixed mesenchymal mesoderm|Allantois|"
        "Lateral plate mesoderm|Presomitic mesoderm"
    ),
    "mouse_cortex_osmfish": (
        "Inhibitory|Pyramidals|Astrocytes|Oligodendrocytes|Microglias|Endothelials"
    ),
    "pancreas_baron_2species": "beta|delta|alpha|macrophage|activated_stellate",
    "ipsc_cardiac_d2d5": ("day2_sub2|day2_sub1|day2_sub3|day5_sub1|day5_sub2|day5_sub3|day5_sub4"),
    "human_lines_pollen": (
        "2338 (skin line)|2339 (B-lymphoblast)|BJ (fibroblast)|GW16|GW21|GW21+3|HL-60|iPS|K562|"
        "Keratinocyte|NPC"
    ),
    "human_fetal_cortex_camp": "N3|BP1|N2|BP2|AP2|N1|AP1",
    "human_organoid100": "IPC|ExcitatoryNeuron|RadialGlia|Astrocyte",
    "mouse_bladder_mca": "|".join(f"cluster_{number:02}" for number in range(1, 17)),
}

#: Well-known names, with as many look-alikes as there are.
WELL_KNOWN = {
    "immune": (
        "naive CD4 T cell|memory CD4 T cell|naive CD8 T cell|memory CD8 T cell|effector CD8 T cell|"
        "Th1|Th2|Th17|Th22|Tfh|Treg|γδ T cell|αβ T cell|NK cell|NKT cell|MAIT cell|ILC1|ILC2|ILC3|"
        "naive B cell|memory B cell|pre-B cell|pro-B cell|plasma cell|plasmablast|pDC|cDC1|cDC2|"
        "mDC|moDC|classical monocyte|non-classical monocyte|intermediate monocyte|M1 macrophage|"
        "M2 macrophage|neutrophil|basophil|eosinophil|mast cell|platelet|erythrocyte|erythroblast|"
        "megakaryocyte|haematopoietic stem cell|CD56bright NK|CD56dim NK|CD4+ CD8- T|CD4- CD8+ T|"
        "CD4+ CD8+ T|CD4- CD8- T|CD25+ T|CD25- T|CD27+ B|CD27- B|IFN-γ+ T|IFN-α+ T|TNF-α+ T|"
        "Vδ1 T cell|Vδ2 T cell|kappa+ B|lambda+ B"
    ),
    "cortex": (
        "L2/3 IT|L4 IT|L5 IT|L6 IT|L5 ET|L5/6 NP|L6 CT|L6b|Sst|Sst Chodl|Pvalb|Vip|Lamp5|Sncg|"
        "radial glia|outer radial glia|ventricular radial glia|astrocyte|oligodendrocyte|"
        "oligodendrocyte precursor cell|microglia|pericyte|endothelial cell|Cajal-Retzius cell|"
        "excitatory neuron|inhibitory neuron|Müller glia|Bergmann glia|α motor neuron|"
        "γ motor neuron|D1 MSN|D2 MSN|intermediate progenitor|ependymal cell"
    ),
    "organs": (
        "pancreatic α cell|pancreatic β cell|pancreatic δ cell|pancreatic ε cell|acinar cell|"
        "ductal cell|activated stellate cell|quiescent stellate cell|hepatocyte|cholangiocyte|"
        "Kupffer cell|type I pneumocyte|type II pneumocyte|AT1|AT2|club cell|goblet cell|"
        "ciliated cell|basal cell|fibroblast|myofibroblast|adipocyte|pre-adipocyte|Schwann cell|"
        "smooth muscle cell|cardiomyocyte|atrial cardiomyocyte|ventricular cardiomyocyte|"
        "lymphatic endothelial cell|vascular endothelial cell|proximal tubule S1|"
        "proximal tubule S2|proximal tubule S3|podocyte|keratinocyte|melanocyte|"
        "oesophageal epithelium|tumour cell|foetal hepatocyte|stem cell|germ cell|"
        "monocyte-derived macrophage|epithelial to mesenchymal|mesenchymal to epithelial"
    ),
}

SETS = {name: tuple(text.split("|")) for name, text in {**REAL, **WELL_KNOWN}.items()}

GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "kappa": "κ"}
BRITISH = {"haem": "hem", "Haem": "Hem", "oesoph": "esoph", "tumour": "tumor", "foetal": "fetal"}


def _change_case(label: str, rng: random.Random) -> str:
    return rng.choice([str.lower, str.upper, str.title, str.capitalize])(label)


def _change_space(label: str, rng: random.Random) -> str:
    if rng.random() < 0.2:
        return rng.choice([f" {label}", f"{label} ", label.replace(" ", "  ")])
    between = rng.choice(["_", " ", "-", "."])
    if between in "-." and re.search(r"[+-]", label):  # which would read as a sign
        between = "_"
    return re.sub("[ _]", between, label)


def _write_together(label: str, _rng: random.Random) -> str:
    words = label.split(" ")
    if len(words) < 2 or not all(word.isalpha() and len(word) > 2 for word in words):
        return label
    return "".join(word[0].upper() + word[1:] for word in words)


def _change_number(label: str, _rng: random.Random) -> str:
    if re.search(r"[a-z]{3}s$", label):
        return label[:-1]
    return label + "s" if re.search(r"[a-z]{3}$|[A-Z]{2}C$", label) else label


def _change_cell(label: str, rng: random.Random) -> str:
    if re.search(r"\d-cell", label):  # the number of cells of an embryo
        return label
    if re.search(r" cells?$", label):
        return re.sub(r" cells?$", "", label)
    return label + rng.choice([" cell", " cells", "-cell", "-cells"])


def _change_greek(label: str, _rng: random.Random) -> str:
    for name, letter in GREEK.items():
        if letter in label:
            label = re.sub(f"{letter}(?=[{''.join(GREEK.values())}])", name + "-", label)
            label = label.replace(letter, name)
        else:
            label = re.sub(rf"\b{name}\b", letter, label, flags=re.IGNORECASE)
    return label


def _change_order(label: str, rng: random.Random) -> str:
    words = re.split("[ _]", label)
    if len(words) < 2 or " to " in label or "-derived" in label:
        return label
    first, rest = words[0], " ".join(words[1:])
    last, start = words[-1], " ".join(words[:-1])
    return rng.choice(
        [f"{rest} {first}", f"{last} {start}", f"{rest}, {first}", f"{rest} ({first})"]
    )


def _change_sign(label: str, rng: random.Random) -> str:
    return re.sub(r"(CD\w+)\+", rng.choice([r"\1 positive", r"\1-positive", r"\1pos"]), label)


def _change_country(label: str, _rng: random.Random) -> str:
    for here, there in BRITISH.items():
        label = label.replace(here, there) if here in label else label
    return label.replace("ü", "u")


OPERATIONS = {
    "case": _change_case,
    "space and punctuation": _change_space,
    "written together": _write_together,
    "plural": _change_number,
    "cell": _change_cell,
    "Greek letters": _change_greek,
    "word order": _change_order,
    "sign": _change_sign,
    "country": _change_country,
}


def variant(label: str, taken: set[str], rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """Return another spelling, one to three operations away, and the operations."""
    for _ in range(100):
        text, done = label, []
        for name in rng.sample(sorted(OPERATIONS), rng.choice([1, 1, 2, 2, 3])):
            changed = OPERATIONS[name](text, rng)
            if changed != text:
                done.append(name)
            text = changed
        # single letters in another case, such as "t" for "T", are not the same without more words
        if text != label and text not in taken and not (len(text) == 1 and text.isascii()):
            return text, tuple(done)
    return label, ()


def planted(n: int, seed: int):
    """Yield `(name of the set, its labels, {spelling: (label, operations)})`, `n` spellings in all.

    Sets are taken in turn; at most half of a set's labels are spelled otherwise at a time.
    """
    rng = random.Random(seed)
    names = sorted(SETS)
    rng.shuffle(names)
    while n > 0:
        for name in names:
            labels = SETS[name]
            taken, spellings = set(labels), {}
            for label in rng.sample(labels, min(n, (len(labels) + 1) // 2)):
                text, done = variant(label, taken, rng)
                if done:
                    taken.add(text)
                    spellings[text] = (label, done)
            n -= len(spellings)
            yield name, labels, spellings
            if n <= 0:
                return
