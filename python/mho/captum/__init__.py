"""Captum's classes, computed by mho: change `from captum.attr import …` to `from mho.captum import …`.

Constructors and attribute() take Captum's arguments and return tensors of the same shapes. docs/python.md has what is
computed, and where it differs on purpose.
"""

from __future__ import annotations

from ._exports import configure, forget
from ._layer import (
    InternalInfluence,
    LayerActivation,
    LayerConductance,
    LayerGradientXActivation,
    LayerIntegratedGradients,
)

__all__ = [
    "InternalInfluence", "LayerActivation", "LayerConductance", "LayerGradientXActivation", "LayerIntegratedGradients",
    "configure", "forget",
]
