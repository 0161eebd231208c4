"""The work that is measured: noisy digits through the demo's network; run by itself, one process's half of it."""

import os
import sys
import time
from pathlib import Path

import numpy as np

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
MODEL = DIGITS / "cnn.onnx"
REQUEST = {"layers": ["relu1"]}


def block(number: int, size: int) -> np.ndarray:
    """Examples of one block, made where they are needed: no input travels."""
    images = np.resize(np.load(DIGITS / "digits.npz")["images"], (size, 1, 8, 8))
    return (images + np.random.default_rng(number).uniform(0, 0.1, images.shape)).astype(np.float32)


def attribute_blocks(first: int, last: int, size: int) -> tuple[float, float]:
    """Wall and CPU seconds of these blocks, one after the other."""
    import mho

    model = mho.load(MODEL, threads=1)
    model.attribute(block(0, 4), **REQUEST)
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(first, last):
        model.attribute(block(number, size), **REQUEST)
    return time.perf_counter() - wall, time.process_time() - cpu


def count_inside() -> None:
    """On a worker: from now on, the CPU seconds of this process inside blocks are counted."""
    from mho.dask import _blocks

    def counted(function):
        def call(*arguments, **named):
            begin = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                _blocks.inside += time.thread_time() - begin
        return call

    _blocks.inside = 0.0
    _blocks.attribute_block = counted(_blocks.attribute_block)
    sys.modules[__name__].block = counted(block)


def seconds_inside() -> float:
    from mho.dask import _blocks

    return _blocks.inside


if __name__ == "__main__":
    print(*attribute_blocks(*map(int, sys.argv[1:4])))
    sys.stdout.flush()
    os._exit(0)
