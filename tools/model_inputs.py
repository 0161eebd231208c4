"""Inputs for the real models of ../shared/data: recorded ones where they exist, else from the data sets beside them."""

import csv
import gzip
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


def tensor(path):
    return numpy_helper.to_array(onnx.load_tensor(str(path)))


def mnist(data, n=2):
    """uint8 [n, 1, 28, 28]."""
    with gzip.open(data / "datasets/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(16 + n * 784), np.uint8, offset=16)
    return pixels.reshape(n, 1, 28, 28)


def cifar(data, n=2):
    """float32 [n, 3, 32, 32], 0..255."""
    with open(data / "datasets/cifar10_test_100.csv", newline="") as file:
        rows = [row for row, _ in zip(csv.reader(file), range(n))]
    pixels = np.array([row[1:] for row in rows], np.float32)
    return pixels.reshape(n, 32, 32, 3).transpose(0, 3, 1, 2)


def enlarged(data, height, width):
    """One CIFAR picture, float32 [1, 3, height, width], 0..255: every pixel repeated, rows cut off below."""
    factor = max(height, width) // 32
    return cifar(data, 1).repeat(factor, 2).repeat(factor, 3)[:, :, :height, :width]


def normalized(pixels):
    return ((pixels / 255 - IMAGENET_MEAN) / IMAGENET_STD).astype(np.float32)


def dna(data, n=2):
    """One-hot float32 [n, 4, 200] of the first sequences."""
    with gzip.open(data / "datasets/talgata/sequences.simdata.gz", "rt") as file:
        next(file)
        sequences = [line.split("\t")[1] for line, _ in zip(file, range(n))]
    return np.array([[[letter == base for letter in s] for base in "ACGT"] for s in sequences], np.float32)


def file_bytes(data, *names):
    """Token ids as Magika takes them: the first and the last 1,024 bytes, 256 for padding."""
    rows = []
    for name in names:
        content = (data / "datasets/magika_samples" / name).read_bytes().strip()
        head, tail = list(content[:1024]), list(content[-1024:])
        rows.append(head + [256] * (2048 - len(head) - len(tail)) + tail)
    return np.array(rows, np.int32)


def noise(*shape, scale=1.0):
    return (scale * np.random.default_rng(1).standard_normal(shape)).astype(np.float32)


def make(model, data):
    """(inputs by name, recorded outputs by name or None)."""
    data, stem = Path(data), Path(model).stem
    models = data / "models"
    if stem == "mnist-7":
        recorded = models / "mnist-7_test_data_set_0"
        return {"Input3": tensor(recorded / "input_0.pb")}, {"Plus214_Output_0": tensor(recorded / "output_0.pb")}
    if stem == "squeezenet1.1_fp32":
        sets = sorted((models / "squeezenet_test_data").iterdir())[:2]
        stack = lambda kind: np.concatenate([tensor(s / f"{kind}_0.pb").reshape(1, *shape[kind]) for s in sets])
        shape = {"input": (3, 224, 224), "output": (1000, 1, 1)}
        return {"data_0": stack("input")}, {"softmaxout_1": stack("output")}
    if stem == "tract_byte_sb_bidi_lstm":
        pair = np.load(models / "tract_byte_sb_bidi_lstm_io.npz")
        return {"input": pair["input"]}, {"output": pair["Add_26"]}
    return {
        "mnist-8": lambda: {"Input3": mnist(data).astype(np.float32)},
        "burn_mnist_op16": lambda: {"input.1": ((mnist(data) / 255 - 0.1307) / 0.3081).astype(np.float32)},
        "mnist_deeplift_allconv": lambda: {"input": (mnist(data) / 255).astype(np.float32)},
        "talgata_deeplift": lambda: {"input": dna(data)},
        "cifar10_resnet20": lambda: {"input": normalized(cifar(data))},
        "cifar10_resnet20_bn": lambda: {"input": normalized(cifar(data))},
        "cifar10_captum_lenet": lambda: {"input": (cifar(data) / 127.5 - 1).astype(np.float32)},
        "shufflenetv2_dequant_fp32": lambda: {"input": normalized(enlarged(data, 224, 224))},
        "magika_standard_v3_3": lambda: {"bytes": file_bytes(data, "json/doc.json", "txt/few-words.txt")},
        "ultraface_RFB-320": lambda: {"input": (enlarged(data, 240, 320) - 127) / 128},
        "FastestDet": lambda: {"input.1": enlarged(data, 352, 352) / 255},
        "ch_ppocr_mobile_v1.1_det": lambda: {"image": normalized(enlarged(data, 640, 640))},
        "dtln_model_1": lambda: {"input_2": np.abs(noise(1, 1, 257)), "input_3": np.zeros((1, 2, 128, 2), np.float32)},
        "dtln_model_2": lambda: {"input_4": noise(1, 1, 512, scale=0.1), "input_5": np.zeros((1, 2, 128, 2), np.float32)},
        "silero_vad_v4": lambda: {"input": noise(1, 512, scale=0.1), "sr": np.array(16000, np.int64),
                                  "h": np.zeros((2, 1, 64), np.float32), "c": np.zeros((2, 1, 64), np.float32)},
        "oww_embedding_model": lambda: {"input_1": noise(2, 76, 32, 1)},
        "super_resolution_10": lambda: {"input": (mnist(data, 1).repeat(8, 2).repeat(8, 3) / 255).astype(np.float32)},
    }[stem](), None
