"""Makes the small HDF5 and gzip files in tests/data/io that the tests of src/io read, as h5py and gzip write them.

Run: python tests/data/make_format_fixtures.py  (needs numpy, h5py and onnx; the files are committed)
"""
import gzip
import pathlib

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent / "io"

# Every element is index - 3, or index where the type has no sign, as in make_io_fixtures.py.
TYPES = ["<f2", "<f4", "<f8", ">f4", ">f8", "|i1", "<i2", "<i4", "<i8", ">i8", "|u1", "<u2", "<u4", "<u8", "|b1"]
with h5py.File(FOLDER / "types.h5", "w") as file:
    for text in TYPES:
        dtype = np.dtype(text)
        start = -3 if dtype.kind in "fi" else 0
        file[text.replace("<", "little_").replace(">", "big_").replace("|", "")] = (
            np.arange(start, start + 6).reshape(2, 3).astype(dtype))

cube = np.arange(5 * 3 * 4, dtype="<f4").reshape(5, 3, 4)
with h5py.File(FOLDER / "layouts.h5", "w") as file:
    file["plain"] = cube
    file.create_dataset("group/packed", data=cube, chunks=(2, 3, 2), compression="gzip", shuffle=True, fletcher32=True)
    file["scalar"] = np.float64(2.5)
    file["empty"] = np.zeros((0, 3), dtype="<f4")
    file["text"] = "grüße"
    file["null"] = h5py.Empty("f4")
    file["large"] = np.array([2**64 - 1], dtype="u8")
    file["complex"] = np.zeros(2, dtype="<c8")
    file["loop"] = file["/"]
    file["alias"] = h5py.SoftLink("/plain")

# Data outside the file, which must not be followed, and claims that no data stands behind.
with h5py.File(FOLDER / "hostile.h5", "w") as file:
    file["link"] = h5py.ExternalLink("types.h5", "/little_f4")
    file["folder"] = h5py.ExternalLink("types.h5", "/")
    file.create_dataset("raw", (4,), "u1", external=[("grey.pgm", 0, 4)])
    layout = h5py.VirtualLayout((2, 3), "<f4")
    layout[...] = h5py.VirtualSource("types.h5", "little_f4", (2, 3))
    file.create_virtual_dataset("virtual", layout)
    file.create_dataset("vast", (2**40, 8), "f4", chunks=(1024, 8))
    file.create_dataset("overflow", (2**62, 2**10), "f4", chunks=(1024, 8))
    file.create_dataset("chunk", (2**20, 2**10), "f4", chunks=(2**20, 2**9))

with gzip.GzipFile(FOLDER / "two.fa.gz", "wb", mtime=0) as file:
    file.write(b">a first\nACGT\nac\n>b\nNNNNTT\n")
whole = (FOLDER / "two.fa.gz").read_bytes()
(FOLDER / "cut.fa.gz").write_bytes(whole[:-12])

# Large inputs and results that cost nothing to compute: what streams is the data.
weight = (np.arange(48, dtype="<f4").reshape(16, 3) % 7 - 3) / 8
graph = helper.make_graph(
    [helper.make_node("AveragePool", ["x"], ["pooled"], kernel_shape=[64, 64], strides=[64, 64]),
     helper.make_node("Relu", ["pooled"], ["active"]),
     helper.make_node("Flatten", ["active"], ["flat"]),
     helper.make_node("MatMul", ["flat", "weight"], ["scores"])],
    "wide", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 256, 256])],
    [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 3])], [numpy_helper.from_array(weight, "weight")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.save(model, FOLDER / "wide.onnx")
