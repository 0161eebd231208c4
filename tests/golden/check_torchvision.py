"""Exports torchvision's networks by both of PyTorch's exporters and compares mho with ONNX Runtime and with its own sums.

check_torchvision.py MHO FOLDER [NAME...]: MHO is the program; models are kept in FOLDER. Prints a Markdown table: the
largest difference of the output relative to its largest element, and the largest residual of DeepLIFT over all cuts,
relative to the sum of absolute attributions; the baseline is another random picture. Where that residual is above 1e-5,
it is computed again in double precision, which tells rounding from a wrong rule. Weights are random (seed 0), so that
nothing is downloaded; without a black picture's zeros, at which the gradient of an untrained transformer overflows.

torchvision's compiled operators are not needed for these networks, and its wheels on PyPI are linked against the
CUDA build of PyTorch: two declarations stand in for them, and it is installed without its dependencies.
"""

from pathlib import Path
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnxruntime
import torch

declarations = torch.library.Library("torchvision", "DEF")
declarations.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
declarations.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from torchvision import models  # noqa: E402

SEGMENTERS = ("fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")
CLASSIFIERS = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_y_400mf", "resnet18", "resnext50_32x4d",
    "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11_bn", "vit_b_16", "wide_resnet50_2",
)
PICTURE = {"alexnet": 224, "swin_t": 224, "swin_v2_t": 224, "vit_b_16": 224, "maxvit_t": 224}


class Segmenter(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)["out"]


def network(name):
    torch.manual_seed(0)
    if name in SEGMENTERS:
        net = getattr(models.segmentation, name)(weights=None, weights_backbone=None, num_classes=4)
        return Segmenter(net).eval(), 64
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = getattr(models, name)(weights=None, **options)
    if name in ("googlenet", "inception_v3"):
        net.aux_logits = False
    if name == "vit_b_16":  # its head starts at zero, and so would the output
        torch.nn.init.normal_(net.heads.head.weight, std=0.05)
    return net.eval(), PICTURE.get(name, 96)


def export(net, x, path, exporter):
    if exporter == "dynamo":
        torch.onnx.export(net, (x,), path, dynamo=True, external_data=False, input_names=["x"], output_names=["y"],
                          dynamic_shapes=({0: torch.export.Dim("N")},), verbose=False)
    else:
        torch.onnx.export(net, (x,), path, dynamo=False, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "N"}, "y": {0: "N"}}, opset_version=17)


def run_mho(program, model, x, *arguments):
    """The arrays that `mho attribute` wrote, or a message."""
    with tempfile.TemporaryDirectory() as folder:
        data, result = f"{folder}/x.npy", f"{folder}/result.npz"
        np.save(data, x)
        np.save(f"{folder}/baseline.npy", x[1:])
        run = subprocess.run([program, "attribute", model, "-i", data, "-o", result, "--quiet",
                              *(a.format(folder=folder) for a in arguments)],
                             capture_output=True, text=True)
        if run.returncode:
            return run.stderr.strip().splitlines()[-1]
        with np.load(result) as arrays:
            return dict(arrays)


def worst_residual(sums):
    """Over all cuts, relative to the sum of absolute attributions; None without a cut."""
    prefix = "mho/residual/"
    return max((abs(sums[key]).max() / max(abs(sums[key[len(prefix):]]).sum(), 1e-30)
                for key in sums if key.startswith(prefix)), default=None)


def residuals(program, path, x):
    """In float32 and, where that is large, in double precision, as texts."""
    arguments = ["-m", "deeplift", "--examples", "0:1", "-b", "{folder}/baseline.npy"]
    sums = run_mho(program, path, x, *arguments)
    if isinstance(sums, str):
        return [sums, ""]
    worst = worst_residual(sums)
    if worst is None:
        return ["no cuts", ""]
    if worst <= 1e-5:
        return [f"{worst:.1e}", ""]
    sums = run_mho(program, path, x, *arguments, "--precision", "double")
    return [f"{worst:.1e}", sums if isinstance(sums, str) else f"{worst_residual(sums):.1e}"]


def row(program, folder, name, exporter):
    net, size = network(name)
    x = torch.randn(2, 3, size, size)
    path = folder / f"{name}_{exporter}.onnx"
    try:
        export(net, x, str(path), exporter)
    except Exception as error:  # what the exporter cannot do is no failure of ours
        return ["the exporter fails: " + str(error).splitlines()[0][:60], "", ""]
    expected = onnxruntime.InferenceSession(path).run(None, {"x": x.numpy()})[0]
    values = run_mho(program, path, x.numpy(), "-m", "activation", "-l", "y", "--probability")
    if isinstance(values, str):
        return [values, "", ""]
    difference = abs(values["y"].reshape(expected.shape) - expected).max() / abs(expected).max()
    return [f"{difference:.1e}", *residuals(program, path, x.numpy())]


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    print("| network | exporter | output against ONNX Runtime | DeepLIFT residual | in double precision |\n"
          "|---|---|---|---|---|", flush=True)
    for name in sys.argv[3:] or CLASSIFIERS + SEGMENTERS:
        for exporter in ("torchscript", "dynamo"):
            print("|", " | ".join([name, exporter, *row(program, folder, name, exporter)]), "|", flush=True)


if __name__ == "__main__":
    main()
