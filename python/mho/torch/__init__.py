"""PyTorch modules as mho models: exported to ONNX in memory, with layers named as submodules.

    model = mho.torch.load(resnet, torch.zeros(1, 3, 224, 224))
    model.attribute(x, layers="layer3.1.relu")["layer3.1.relu"]
"""

from __future__ import annotations

from ._load import Call, TorchModel, load

__all__ = ["Call", "TorchModel", "load"]
