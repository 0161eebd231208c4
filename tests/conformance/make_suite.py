"""Writes the whole ONNX backend test-suite of the installed package onnx to a folder: make_suite.py FOLDER.

Cases of operators and small models are made by the package's own code, those of the folders pytorch-converted,
pytorch-operator and simple are copied from it, and its light models get the input that its own runner gives them. Each
case is KIND/NAME with model.onnx and test_data_set_*/input_*.pb, output_*.pb.
"""

from pathlib import Path
import shutil
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
import onnx.backend.test
from onnx.backend.test.case import model as model_cases
from onnx.backend.test.case import node as node_cases


def serialized(value, port):
    if isinstance(value, onnx.TensorProto):
        return value.SerializeToString()
    writers = {"map_type": numpy_helper.from_dict, "sequence_type": numpy_helper.from_list,
               "optional_type": numpy_helper.from_optional}
    for field, write in writers.items():
        if port.type.HasField(field):
            return write(value, port.name).SerializeToString()
    return numpy_helper.from_array(np.asarray(value), port.name).SerializeToString()


def write_case(folder, model, data_sets):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for k, (inputs, outputs) in enumerate(data_sets):
        data = folder / f"test_data_set_{k}"
        data.mkdir()
        for prefix, values, ports in (("input", inputs, model.graph.input), ("output", outputs, model.graph.output)):
            for i, value in enumerate(values):
                (data / f"{prefix}_{i}.pb").write_bytes(serialized(value, ports[i]))


def light_case(path):
    """The model, its inputs (0 to 1, as the suite's runner makes them) and its recorded output."""
    model = onnx.load(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = []
    for port in model.graph.input:
        if port.name not in weights:
            shape = [extent.dim_value or 1 for extent in port.type.tensor_type.shape.dim]
            size = int(np.prod(shape))
            inputs.append((np.arange(size).reshape(shape) / size).astype(np.float32))
    # The inputs first, so that they stand at their places in the data set.
    ports = sorted(model.graph.input, key=lambda port: port.name in weights)
    del model.graph.input[:]
    model.graph.input.extend(ports)
    return model, [(inputs, [onnx.load_tensor(path.with_name(path.stem + "_output_0.pb"))])]


def main():
    folder = Path(sys.argv[1])
    warnings.simplefilter("ignore")  # of infinities that are meant
    shutil.rmtree(folder, ignore_errors=True)
    for case in node_cases.collect_testcases(None) + model_cases.collect_testcases():
        if case.kind != "real":  # large models that would be downloaded
            write_case(folder / case.kind / case.name, case.model, case.data_sets)
    data = Path(onnx.backend.test.__file__).parent / "data"
    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        for case in sorted((data / kind).iterdir()):
            if (case / "model.onnx").exists() and not (folder / kind / case.name).exists():
                shutil.copytree(case, folder / kind / case.name)
    for path in sorted((data / "light").glob("*.onnx")):
        write_case(folder / "light" / path.stem, *light_case(path))
    print(len(list(folder.glob("*/*/model.onnx"))), "cases of onnx", onnx.__version__)


if __name__ == "__main__":
    main()
