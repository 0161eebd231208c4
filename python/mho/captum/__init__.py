"""Captum's classes, computed by mho: change `from captum.attr import …` to `from mho.captum import …`.

Constructors and attribute() take Captum's arguments and return tensors of the same shapes. docs/python.md has what is
computed, and where it differs on purpose.
"""

from __future__ import annotations

from ._deeplift import DeepLift, DeepLiftShap, LayerDeepLift, NeuronDeepLift
from ._exports import configure, forget
from ._gradient_shap import GradientShap
from ._input import IntegratedGradients
from ._layer import (
    InternalInfluence,
    LayerActivation,
    LayerConductance,
    LayerGradientXActivation,
    LayerIntegratedGradients,
)
from ._neuron import NeuronConductance, NeuronGradient, NeuronIntegratedGradients

__all__ = [
    "DeepLift", "DeepLiftShap", "GradientShap", "IntegratedGradients", "InternalInfluence", "LayerActivation",
    "LayerConductance", "LayerDeepLift", "LayerGradientXActivation", "LayerIntegratedGradients", "NeuronConductance",
    "NeuronDeepLift", "NeuronGradient", "NeuronIntegratedGradients", "configure", "forget",
]
