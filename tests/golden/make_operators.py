"""Golden outputs of single operators: small random models and what ONNX Runtime (for the newest opsets ONNX's own
reference evaluator) computes for them, in tests/golden/operators/<name>.onnx and .npz (inputs under their names,
outputs as "out:<name>").

    pip install -r tests/golden/requirements.txt && python tests/golden/make_operators.py
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FOLDER = Path(__file__).parent / "operators"


def save(name, nodes, inputs, outputs, constants, opset=17, contrib=False, reference=False):
    """`inputs` and `constants`: arrays by name; `outputs`: names."""
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64,
             np.dtype(np.int32): TensorProto.INT32, np.dtype(np.int8): TensorProto.INT8,
             np.dtype(bool): TensorProto.BOOL}
    graph = helper.make_graph(
        nodes, name,
        [helper.make_tensor_value_info(k, kinds[v.dtype], v.shape) for k, v in inputs.items()],
        [helper.make_empty_tensor_value_info(k) for k in outputs if k],
        [numpy_helper.from_array(v, k) for k, v in constants.items()])
    imports = [helper.make_opsetid("", opset)]
    if contrib:
        imports.append(helper.make_opsetid("com.microsoft", 1))
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    if reference:
        session = ReferenceEvaluator(model)
    else:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    outputs = [k for k in outputs if k]
    results = session.run(outputs, inputs)
    FOLDER.mkdir(exist_ok=True)
    onnx.save(model, FOLDER / f"{name}.onnx")
    np.savez(FOLDER / f"{name}.npz", **inputs, **{f"out:{k}": v for k, v in zip(outputs, results)})


def recurrent():
    rng = np.random.default_rng(20261124)
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}
    functions = {"RNN": 1, "GRU": 2, "LSTM": 3}
    choices = ["Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "HardSigmoid", "Elu", "Softsign", "ScaledTanh"]

    def real(*shape):
        return (rng.normal(size=shape) * 0.5).astype(np.float32)

    for kind in gates:
        for case in range(6):
            steps, batch, width, hidden = rng.integers(1, 6), rng.integers(1, 4), rng.integers(1, 4), rng.integers(1, 4)
            direction = ["forward", "reverse", "bidirectional"][case % 3]
            d = 2 if direction == "bidirectional" else 1
            given = {"W": real(d, gates[kind] * hidden, width), "R": real(d, gates[kind] * hidden, hidden)}
            names = ["x", "W", "R", "", "", "", "", ""]
            inputs = {"x": real(steps, batch, width)}
            attributes = {"hidden_size": int(hidden), "direction": direction}
            if case != 0:
                given["B"] = real(d, 2 * gates[kind] * hidden)
                names[3] = "B"
            if case in (2, 3, 5):
                lengths = rng.integers(1, steps + 1, size=batch).astype(np.int32)
                (inputs if case == 5 else given)["lengths"] = lengths
                names[4] = "lengths"
            if case in (1, 3, 5):
                inputs["h0"] = real(d, batch, hidden)
                names[5] = "h0"
            if kind == "LSTM" and case in (3, 4, 5):
                inputs["c0"] = real(d, batch, hidden)
                given["P"] = real(d, 3 * hidden)
                names[6], names[7] = "c0", "P"
            if case in (1, 4):
                attributes["clip"] = 0.4
            if case in (2, 4):
                count = functions[kind] * d
                attributes["activations"] = [str(rng.choice(choices)) for _ in range(count)]
                takes_alpha = [f for f in attributes["activations"] if f not in ("Relu", "Tanh", "Sigmoid", "Softsign")]
                takes_beta = [f for f in takes_alpha if f in ("Affine", "HardSigmoid", "ScaledTanh")]
                if takes_alpha:
                    attributes["activation_alpha"] = [0.3 + 0.1 * i for i in range(len(takes_alpha))]
                if takes_beta:
                    attributes["activation_beta"] = [0.7 - 0.1 * i for i in range(len(takes_beta))]
            if kind == "GRU":
                attributes["linear_before_reset"] = case % 2
            if kind == "LSTM":
                # ONNX Runtime couples the gates the other way round where peepholes are given.
                attributes["input_forget"] = 0
            outputs = ["y", "h"] + (["c"] if kind == "LSTM" else [])
            while names[-1] == "":
                names.pop()
            node = helper.make_node(kind, names, outputs, **attributes)
            save(f"{kind.lower()}_{case}", [node], inputs, outputs, given, opset=14)


def microsoft():
    rng = np.random.default_rng(20261125)

    def real(*shape):
        return (rng.normal(size=shape) * 0.7).astype(np.float32)

    def one(name, kind, inputs, constants, outputs=("y",), **attributes):
        given = list(inputs) + list(constants)
        order = attributes.pop("order", given)
        node = helper.make_node(kind, order, list(outputs), domain="com.microsoft", **attributes)
        save(f"microsoft_{name}", [node], inputs, list(outputs), constants, contrib=True)

    x = {"x": real(2, 3, 8)}
    one("bias_gelu", "BiasGelu", x, {"b": real(8)})
    one("fast_gelu", "FastGelu", x, {"b": real(8)})
    one("quick_gelu", "QuickGelu", x, {}, alpha=1.3)
    one("gelu", "Gelu", x, {})
    one("skip_layer_norm", "SkipLayerNormalization", x | {"skip": real(2, 3, 8)},
        {"gamma": real(8), "beta": real(8), "bias": real(8)}, ("y", "", "", "sum"), epsilon=1e-6)
    one("skip_simplified", "SkipSimplifiedLayerNormalization", x | {"skip": real(2, 3, 8)}, {"gamma": real(8)},
        ("y", "", "", "sum"), epsilon=1e-6)
    one("fused_matmul", "FusedMatMul", {"a": real(2, 4, 3), "b": real(2, 5, 4)}, {}, transA=1, transB=1, alpha=0.5)
    one("fused_matmul_batch", "FusedMatMul", {"a": real(3, 2, 4), "b": real(2, 4, 5)}, {}, transBatchA=1)
    one("fused_gemm", "FusedGemm", {"a": real(3, 4)}, {"b": real(4, 5), "c": real(5)}, activation="LeakyRelu",
        activation_alpha=0.2, alpha=0.5, beta=2.0)
    one("fused_conv", "FusedConv", {"image": real(2, 3, 6, 6)}, {"w": real(4, 3, 3, 3), "b": real(4)},
        activation="Relu", pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    ids = {"ids": rng.integers(0, 9, size=(2, 4)).astype(np.int32),
           "kinds": rng.integers(0, 2, size=(2, 4)).astype(np.int32)}
    one("embed_layer_norm", "EmbedLayerNormalization", ids,
        {"words": real(9, 8), "places": real(6, 8), "segments": real(2, 8), "gamma": real(8), "beta": real(8)},
        ("y", "counts"))
    weights = {"w": real(8, 24), "b": real(24)}
    for name, mask in (("attention", None), ("attention_lengths", np.array([2, 3], np.int32)),
                       ("attention_mask", np.array([[1, 1, 0], [1, 0, 1]], np.int32))):
        masks = {} if mask is None else {"mask": mask}
        one(name, "Attention", x | masks, weights, order=["x", "w", "b"] + list(masks), num_heads=2,
            unidirectional=int(mask is None))
    heads = {"q": real(2, 3, 8), "k": real(2, 5, 8), "v": real(2, 5, 6), "bias": real(1, 2, 3, 5)}
    one("multi_head_attention", "MultiHeadAttention", heads, {"b": real(22)}, order=["q", "k", "v", "b", "", "bias"],
        num_heads=2, scale=0.3)
    one("multi_head_attention_mask", "MultiHeadAttention", heads | {"mask": np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)},
        {}, order=["q", "k", "v", "", "mask", "bias"], num_heads=2)
    cache = {"cos": np.cos(real(6, 2)), "sin": np.sin(real(6, 2))}
    one("rotary", "RotaryEmbedding", {"x": real(2, 2, 3, 4), "at": rng.integers(0, 6, size=(2, 3))}, cache, interleaved=1)


def sampling():
    """Operators that read between pixels, or say where they read."""
    rng = np.random.default_rng(20261126)

    def real(*shape):
        return rng.normal(size=shape).astype(np.float32)

    def one(name, kind, inputs, constants, outputs=("y",), opset=17, reference=False, **attributes):
        names = list(inputs) + list(constants)
        save(name, [helper.make_node(kind, names, list(outputs), **attributes)], inputs, outputs, constants, opset,
             reference=reference)

    # Regions of several sizes, one beyond the picture; integer corners would make samples fall on pixels.
    rois = np.array([[0.3, 0.7, 9.1, 5.2], [-2.4, 1.1, 3.3, 14.6], [4.2, 4.4, 5.9, 5.1]], np.float32)
    examples = np.array([1, 0, 1])
    for mode in ("avg", "max"):
        for corners in ("half_pixel", "output_half_pixel"):
            for samples in (0, 2):
                one(f"roi_align_{mode}_{corners}_{samples}", "RoiAlign", {"x": real(2, 2, 7, 6)},
                    {"rois": rois, "examples": examples}, mode=mode, coordinate_transformation_mode=corners,
                    sampling_ratio=samples, output_height=2, output_width=3, spatial_scale=0.7,
                    reference=mode == "max")  # ONNX Runtime warns that its own maximum is wrong
    shapes = {"w": (4, 2, 3, 2), "offset": (2, 2 * 6 * 2, 4, 3), "b": (4,), "mask": (2, 2 * 6, 4, 3)}
    one("deform_conv", "DeformConv", {"x": real(2, 4, 7, 6), **{k: real(*shape) for k, shape in shapes.items()}}, {},
        opset=22, group=2, offset_group=2, kernel_shape=[3, 2], strides=[2, 2], dilations=[1, 2], pads=[1, 1, 1, 0])
    one("det", "Det", {"x": np.concatenate([real(3, 5, 5), np.ones((1, 5, 5), np.float32)])}, {})
    for axes in (1, 2, 3):
        for order in (0, 1):
            one(f"max_pool_indices_{axes}_{order}", "MaxPool", {"x": real(2, 2, *[7, 6, 5][:axes])}, {},
                ("y", "places"), kernel_shape=[3, 2, 2][:axes], strides=[2, 1, 2][:axes],
                pads=[1, 0, 1][:axes] + [0, 1, 0][:axes], storage_order=order)
    # What ONNX Runtime fuses it writes into ai.onnx, although opset 12 has no such operator.
    one("layer_normalization_12", "LayerNormalization", {"x": real(2, 3, 8)}, {"gamma": real(8), "beta": real(8)},
        opset=12, epsilon=0.1)
    one("cast_like_int8", "CastLike", {"x": np.array([127, 128, 300, -129, -1000])}, {"like": np.zeros(1, np.int8)})

    bits = {"x": np.array([-128, -77, -1, 0, 1, 77, 127, -77, -77, 77], np.int32)}
    for direction in ("LEFT", "RIGHT"):
        one(f"bit_shift_{direction.lower()}", "BitShift", {}, {
            **bits, "by": np.array([1, 2, 3, 4, 5, 6, 31, 32, -1, -1], np.int32)}, opset=28, reference=True,
            direction=direction)
    one("space_to_depth_crd", "SpaceToDepth", {"x": real(1, 3, 4, 6)}, {}, opset=28, reference=True, blocksize=2,
        mode="CRD")
    for left, right, causal in ((1, 0, 0), (2, 1, 0), (-1, 1, 0), (1, -1, 1), (0, 0, 0)):
        qkv = {"q": real(2, 4, 3, 5), "k": real(2, 2, 2, 5), "v": real(2, 2, 2, 4)}
        past = {"past_k": real(2, 2, 3, 5), "past_v": real(2, 2, 3, 4)}
        nodes = [helper.make_node("Attention", ["q", "k", "v", "", "past_k", "past_v"], ["y", "present_k", "present_v"],
                                  left_window_size=left, right_window_size=right, is_causal=causal)]
        name = f"attention_window_{left}_{right}_{causal}".replace("-1", "none")
        save(name, nodes, {**qkv, **past}, ["y"], {}, 25, reference=True)


if __name__ == "__main__":
    recurrent()
    microsoft()
    sampling()
