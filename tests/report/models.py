"""Models and results made for the tests: a small DNA network, wide and hostile results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MOTIF = "GATAAG"


def one_hot(sequences: list[str]) -> np.ndarray:
    """[N, 4, L]; N is 0 everywhere."""
    return np.array([[[float(letter == base) for letter in text] for base in "ACGT"] for text in sequences], np.float32)


def dna_sequences(count: int, length: int, seed: int = 0) -> list[str]:
    """Random sequences; all but the last hold the motif."""
    random = np.random.default_rng(seed)
    texts = []
    for i in range(count):
        text = "".join(random.choice(list("ACGT"), length))
        at = int(random.integers(8, length - 16))
        texts.append(text if i == count - 1 else text[:at] + MOTIF + text[at + len(MOTIF):])
    return texts


def save_dna_model(path: Path, length: int) -> None:
    """One filter that matches the motif, three random ones; ReLU, max pooling, a sum."""
    random = np.random.default_rng(1)
    filters = random.normal(0, 0.15, (4, 4, len(MOTIF))).astype(np.float32)
    filters[0] = (one_hot([MOTIF])[0] - 0.3)
    positions = (length - len(MOTIF) + 1) // 2
    weights = {
        "filters": filters, "bias": np.array([-2.6, 0, 0, 0], np.float32),
        "dense": random.normal(0.05, 0.02, (4 * positions, 1)).astype(np.float32) * np.repeat([20, 1, -1, 1], positions)[:, None].astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["sequence", "filters", "bias"], ["conv"], name="conv"),
        helper.make_node("Relu", ["conv"], ["relu"], name="relu"),
        helper.make_node("MaxPool", ["relu"], ["pool"], name="pool", kernel_shape=[2], strides=[2]),
        helper.make_node("Flatten", ["pool"], ["flat"], name="flat"),
        helper.make_node("MatMul", ["flat", "dense"], ["binding"], name="binding"),
    ]
    graph = helper.make_graph(
        nodes, "dna", [helper.make_tensor_value_info("sequence", TensorProto.FLOAT, ["N", 4, length])],
        [helper.make_tensor_value_info("binding", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def save_result(path: Path, layers: Mapping[str, np.ndarray], run: Mapping[str, str] | None = None) -> None:
    """A result file as `mho attribute -o` writes them, with these attributions."""
    count = len(next(iter(layers.values())))
    sums = next(iter(layers.values())).reshape(count, -1).sum(1)
    arrays: dict[str, np.ndarray] = {
        "mho/f_input": sums, "mho/f_baseline": np.zeros(count), "mho/target": np.arange(count) % 10,
        "mho/evaluations": np.full(count, 64), "mho/steps": np.full(count, 64), "mho/converged": np.ones(count, bool),
    }
    rows = []
    for i, (name, values) in enumerate(layers.items()):
        arrays[f"a{i}"] = values
        arrays[f"mho/estimated_error/a{i}"] = np.full(count, 1e-3)
        rows.append({"name": name, "array": f"a{i}", "node": name, "op": "Relu", "cut": True, "shape": list(values.shape)})
    metadata = {"target_tensor": "out", "target_note": "", "batching": "", "micro_batch": 1, "layers": rows,
                "run": {"method": "nig", **(run or {})}}
    np.savez(path, **arrays, **{"mho/metadata": np.array(json.dumps(metadata))})


def save_evaluation(path: Path, layers: Mapping[str, int]) -> None:
    """What `mho evaluate` writes (docs/cli.md), with made-up numbers: layers are name: units."""
    methods = {"nig": 5.0, "deeplift": 4.0, "activation": 1.5, "random": 0.4}
    document: dict = {"format": "mho evaluation 1", "command": "mho evaluate", "examples": [{"example": i} for i in range(8)], "layers": [],
                      "methods": [{"name": name, "seconds": 0.01 * rate, "evaluations": 10 * rate} for name, rate in methods.items() if name != "random"]}
    for name, units in layers.items():
        removed = [round(units * i / 20) for i in range(21)]
        rows = []
        for method, rate in methods.items():
            fall = [float(np.exp(-rate * i / 20) - np.exp(-rate) * i / 20) for i in range(21)]
            curve = {"value": fall, "low": [v - 0.04 for v in fall], "high": [v + 0.04 for v in fall]}
            area = sum(fall) / 21
            rows.append({"name": method, "reference": method == "random", "deletion": curve,
                         "insertion": {"value": [1 - v for v in fall], "low": curve["low"], "high": curve["high"]} | {
                             "low": [1 - v - 0.04 for v in fall], "high": [1 - v + 0.04 for v in fall]},
                         "scores": {"deletion_area": {"value": area, "low": area - 0.01, "high": area + 0.01, "per_example": [area] * 8},
                                    "insertion_area": {"value": 1 - area, "low": 0.99 - area, "high": 1.01 - area},
                                    "spearman": {"value": rate / 6, "low": None, "high": None},
                                    "completeness": {"value": None, "low": None, "high": None}}})
        document["layers"].append({"name": name, "node": name, "op": "Relu", "cut": True, "units": units,
                                   "single_units": units, "removed": removed, "methods": rows, "overlap": []})
    path.write_text(json.dumps(document))
