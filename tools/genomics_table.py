"""docs/genomics.md: DeepLIFT's rules on DeepLIFT's own genomics model. `./dev genomics` runs it.

The model predicts from simulated DNA whether a sequence has motifs of GATA1, of TAL1, or of both; where they were put is
known. For every rule: do the scores of the test sequences stand out at those positions?
"""

import argparse
import gzip
from pathlib import Path
import re
import subprocess
import tempfile

import numpy as np

TASKS = {0: ("both", ("GATA", "TAL1")), 1: ("GATA1", ("GATA",)), 2: ("TAL1", ("TAL1",))}
MOTIF = re.compile(r"pos-(\d+)_([A-Z0-9]+)_[a-z0-9]+-([ACGT]+)")
METHODS = {
    "DeepLIFT, genomics default": ["-m", "deeplift", "--rule", "genomics"],
    "DeepLIFT, RevealCancel": ["-m", "deeplift", "--rule", "reveal_cancel"],
    "DeepLIFT, Rescale": ["-m", "deeplift"],
    "DeepLIFT, gradient rule": ["-m", "deeplift", "--rule", "gradient"],
    "DeepLIFT, linear rule": ["-m", "deeplift", "--rule", "linear"],
    "Integrated Gradients": ["-m", "ig"],
}
REFERENCES = {"zeros": [], "10 shuffles": ["--shuffles", "10"]}


def read_sequences(data):
    """One-hot [N, 4, 200], labels [N, 3], and per sequence the positions of each motif."""
    folder = data / "datasets/talgata"
    with gzip.open(folder / "test.txt.gz", "rt") as file:
        names = set(file.read().split())
    x, labels, motifs = [], [], []
    with gzip.open(folder / "sequences.simdata.gz", "rt") as file:
        next(file)
        for line in file:
            name, sequence, embeddings, *tasks = line.rstrip("\n").split("\t")
            if name not in names:
                continue
            x.append([[letter == base for letter in sequence] for base in "ACGT"])
            labels.append([int(task) for task in tasks])
            motifs.append([(kind, int(start), len(text)) for start, kind, text in MOTIF.findall(embeddings)])
    return np.array(x, np.float32), np.array(labels), motifs


def auroc(scores, positive):
    """Probability that a position of a motif scores higher than one elsewhere."""
    ranks = np.empty(len(scores))
    order = np.argsort(scores, kind="stable")
    values, start = scores[order], 0
    while start < len(values):
        end = np.searchsorted(values, values[start], side="right")
        ranks[order[start:end]] = (start + end + 1) / 2
        start = end
    n = positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n))


def measure(program, model, x, masks, task, options):
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/x.npy", x)
        layer = [] if "ig" in options else ["-l", "input"]
        subprocess.run([program, "attribute", model, "-i", f"{folder}/x.npy", "-t", str(task), *layer, *options, "--quiet",
                        "-o", f"{folder}/r.npz"], check=True)
        with np.load(f"{folder}/r.npz") as arrays:
            scores, residual = arrays["input"].sum(1), np.abs(arrays["mho/residual/input"])
            size = np.abs(arrays["input"]).sum((1, 2))
    inside = np.mean([s[m].mean() for s, m in zip(scores, masks)])
    outside = np.mean([s[~m].mean() for s, m in zip(scores, masks)])
    spread = np.mean([s[~m].std() for s, m in zip(scores, masks)])
    area = np.mean([auroc(s, m) for s, m in zip(scores, masks)])
    return inside, outside, spread, area, np.max(residual / size)


HEADER = """\
# DeepLIFT's rules on its own genomics model

Made by `./dev genomics` with mho {version}; do not edit. The model (`talgata_deeplift`) and the simulated sequences are
those of the DeepLIFT authors; of the {total} test sequences the positives of each task are scored, at the logit of the
task. The score of a position is the sum of the contributions of its four letters. *Inside* and *outside*: mean score at
the planted motifs of the task and elsewhere, with the standard deviation there; *auROC*: how often a motif's position
scores higher than another one of its sequence; means over sequences. *Residual*: the worst |sum - dF| / sum of |contributions|.

"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    program, model = str(arguments.program), arguments.data / "models/talgata_deeplift.onnx"
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.split()[-1]
    x, labels, motifs = read_sequences(arguments.data)
    page = HEADER.format(version=version, total=len(x))
    for task, (title, kinds) in TASKS.items():
        chosen = np.flatnonzero(labels[:, task])
        masks = []
        for i in chosen:
            mask = np.zeros(x.shape[2], bool)
            for kind, start, length in motifs[i]:
                if kind in kinds:
                    mask[start:start + length] = True
            masks.append(mask)
        page += f"## Task {task}: {title} ({len(chosen)} sequences)\n\n"
        page += "| method | reference | inside | outside | auROC | residual |\n|---|---|---:|---:|---:|---:|\n"
        for method, options in METHODS.items():
            for reference, more in REFERENCES.items():
                if "ig" in options and more:
                    continue
                inside, outside, spread, area, residual = measure(program, model, x[chosen], masks, task,
                                                                           [*options, *more])
                page += (f"| {method} | {reference} | {inside:.3f} | {outside:.4f} ± {spread:.3f} | {area:.3f} | "
                         f"{residual:.1e} |\n")
        page += "\n"
    arguments.output.write_text(page.rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
