"""Six networks as current PyTorch exports them, with both exporters: tests/golden/exports/<network>_<exporter>.onnx and
.npz (inputs under "in:<name>", "logits", and per layer "layer:<tensor>" and "gradient:<tensor>", all from float64
autograd). The gradient is that of logits[:, 1], summed over examples.

    ./dev exports
"""

import math
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F

FOLDER = Path(__file__).parent / "exports"


class LstmClassifier(nn.Module):
    """Bidirectional LSTM over token embeddings, mean over time."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 8)
        self.lstm = nn.LSTM(8, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.hidden, self.squash = nn.Linear(12, 10), nn.Tanh()
        self.out = nn.Linear(10, 3)

    def forward(self, ids):
        y, _ = self.lstm(self.embedding(ids))
        return self.out(self.squash(self.hidden(y.mean(1))))


class Bert(nn.Module):
    """Two encoder layers with a padding mask, classified at the first token."""

    def __init__(self):
        super().__init__()
        self.words, self.places = nn.Embedding(20, 16), nn.Embedding(8, 16)
        self.norm = nn.LayerNorm(16)
        self.layers = nn.ModuleList([BertLayer(16, 4) for _ in range(2)])
        self.pooler, self.out = nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, ids, mask):
        x = self.words(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        x = self.norm(x)
        bias = (1 - mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, bias)
        return self.out(torch.tanh(self.pooler(x[:, 0])))


class BertLayer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x, bias):
        n, t, d = x.shape
        q, k, v = (f(x).view(n, t, self.heads, d // self.heads).transpose(1, 2) for f in (self.q, self.k, self.v))
        weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // self.heads) + bias, -1)
        x = self.norm1(x + self.o((weights @ v).transpose(1, 2).reshape(n, t, d)))
        return self.norm2(x + self.down(F.gelu(self.up(x))))


class VisionTransformer(nn.Module):
    """Patches by convolution, a class token, fused attention."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, 16) * 0.3)
        self.places = nn.Parameter(torch.randn(1, 10, 16) * 0.3)
        self.blocks = nn.ModuleList([VitBlock(16, 2) for _ in range(2)])
        self.norm, self.out = nn.LayerNorm(16), nn.Linear(16, 3)

    def forward(self, image):
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x = block(x)
        return self.out(self.norm(x)[:, 0])


class VitBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(y.transpose(1, 2).reshape(n, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class UNet(nn.Module):
    """Two scales, transposed convolution and bilinear upsampling, skip connections; mean logits per class."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.bottom = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.join, self.out = nn.Conv2d(12, 6, 3, padding=1), nn.Conv2d(6, 3, 1)

    def forward(self, image):
        a = F.relu(self.down1(image))
        b = F.relu(self.down2(F.max_pool2d(a, 2)))
        c = F.silu(self.norm(self.bottom(F.max_pool2d(b, 2))))
        b = b + F.interpolate(c, scale_factor=2, mode="bilinear", align_corners=False)
        x = F.relu(self.join(torch.cat([a, self.up(b)], 1)))
        return self.out(x).mean((2, 3))


class ConvNext(nn.Module):
    """Depthwise convolution, LayerNorm over channels, GELU, layer scale, residual."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 2, stride=2)
        self.depthwise = nn.ModuleList([nn.Conv2d(12, 12, 5, padding=2, groups=12) for _ in range(2)])
        self.norms = nn.ModuleList([nn.LayerNorm(12, eps=1e-6) for _ in range(2)])
        self.up = nn.ModuleList([nn.Linear(12, 24) for _ in range(2)])
        self.down = nn.ModuleList([nn.Linear(24, 12) for _ in range(2)])
        self.scale = nn.Parameter(torch.full((12,), 0.5))
        self.norm, self.out = nn.LayerNorm(12), nn.Linear(12, 3)

    def forward(self, image):
        x = self.stem(image)
        for depthwise, norm, up, down in zip(self.depthwise, self.norms, self.up, self.down):
            y = norm(depthwise(x).permute(0, 2, 3, 1))
            x = x + (self.scale * down(F.gelu(up(y)))).permute(0, 3, 1, 2)
        return self.out(self.norm(x.mean((2, 3))))


class DilatedDna(nn.Module):
    """BPNet-like: one-hot DNA, dilated residual convolutions, attention pooling."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(4, 12, 7, padding=3)
        self.dilated = nn.ModuleList([nn.Conv1d(12, 12, 3, dilation=2**i, padding=2**i) for i in range(1, 4)])
        self.pool, self.hidden, self.out = nn.Conv1d(12, 12, 1), nn.Linear(12, 10), nn.Linear(10, 3)

    def forward(self, sequence):
        x = F.relu(self.first(sequence))
        for conv in self.dilated:
            x = x + F.relu(conv(x))
        n, c, t = x.shape
        # Softmax pooling in windows of two, as in Enformer.
        weights = torch.softmax(self.pool(x).reshape(n, c, t // 2, 2), -1)
        x = (x.reshape(n, c, t // 2, 2) * weights).sum(-1)
        return self.out(F.relu(self.hidden(x.mean(-1))))


def cases():
    """name, network, inputs of two examples, modules whose outputs are the layers."""
    rng = np.random.default_rng(20261124)

    def image(*shape):
        return torch.from_numpy(rng.normal(size=shape).astype(np.float32))

    ids = torch.from_numpy(rng.integers(1, 20, size=(2, 6)))
    mask = torch.ones(2, 6, dtype=torch.int64)
    mask[1, 4:] = 0
    dna = F.one_hot(torch.from_numpy(rng.integers(0, 4, size=(2, 24))), 4).transpose(1, 2).float()
    return [
        ("lstm", LstmClassifier, {"ids": ids}, ["embedding", "hidden", "squash"]),
        ("bert", Bert, {"ids": ids, "mask": mask}, ["words", "layers.0.up", "pooler"]),
        ("vit", VisionTransformer, {"image": image(2, 3, 12, 12)}, ["patches", "blocks.0.down", "norm"]),
        ("unet", UNet, {"image": image(2, 1, 16, 16)}, ["down1", "bottom", "join"]),
        ("convnext", ConvNext, {"image": image(2, 3, 12, 12)}, ["stem", "depthwise.1", "norm"]),
        ("dna", DilatedDna, {"sequence": dna}, ["first", "dilated.1", "hidden"]),
    ]


def with_gradients(network, inputs, modules):
    """Logits, and per module its output and the gradient of logits[:, 1].sum() there."""
    kept, hooks = {}, []
    for name in modules:
        def keep(_module, _inputs, output, name=name):
            output.retain_grad()
            kept[name] = output

        hooks.append(network.get_submodule(name).register_forward_hook(keep))
    logits = network(**inputs)
    logits[:, 1].sum().backward()
    for hook in hooks:
        hook.remove()
    return logits.detach().numpy(), {k: (v.detach().numpy(), v.grad.numpy()) for k, v in kept.items()}


def export(network, inputs, path, dynamo):
    names = list(inputs)
    shapes = {name: {0: "batch"} for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            torch.onnx.export(network, (), path, kwargs=inputs, input_names=names, output_names=["logits"],
                              dynamic_shapes={n: {0: torch.export.Dim("batch")} for n in names},
                              dynamo=True, external_data=False, verbose=False)
        else:
            torch.onnx.export(network, tuple(inputs.values()), path, input_names=names, output_names=["logits"],
                              dynamic_axes=shapes | {"logits": {0: "batch"}}, dynamo=False, opset_version=17)


def tensors_of(path, inputs):
    """Every tensor of the exported graph, by ONNX Runtime."""
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    known = {v.name for v in model.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in known:
                model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {k: v.numpy() for k, v in inputs.items()})))


def find(tensors, value):
    """The name of the tensor with these values."""
    for name, tensor in tensors.items():
        if tensor.dtype == np.float32 and tensor.shape == value.shape and np.allclose(tensor, value, atol=1e-5):
            return name
    raise LookupError(f"no tensor of shape {value.shape} has these values")


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, make, inputs, modules in cases():
        for dynamo in (False, True):
            torch.manual_seed(7)
            network = make().eval()
            exporter = "dynamo" if dynamo else "torchscript"
            path = FOLDER / f"{name}_{exporter}.onnx"
            export(network, inputs, path, dynamo)
            model = onnx.load(path)
            for node in model.graph.node:
                del node.metadata_props[:]  # stack traces of whoever made the file
                node.doc_string = ""
            for value in list(model.graph.input) + list(model.graph.output) + list(model.graph.value_info):
                del value.metadata_props[:]
            del model.graph.metadata_props[:]
            onnx.save(model, path)
            double = make().eval()
            double.load_state_dict(network.state_dict())
            double.double()
            logits, layers = with_gradients(
                double, {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}, modules)
            tensors = tensors_of(path, inputs)
            arrays = {f"in:{k}": v.numpy() for k, v in inputs.items()} | {"logits": logits}
            for _module, (value, gradient) in layers.items():
                tensor = find(tensors, value)
                arrays[f"layer:{tensor}"], arrays[f"gradient:{tensor}"] = value, gradient
            np.savez(FOLDER / f"{name}_{exporter}.npz", **arrays)
            print(name, exporter, sorted({n.op_type for n in model.graph.node}),
                  [a for a in arrays if a.startswith("layer")])


if __name__ == "__main__":
    main()
