"""Attributions of arrays that no one machine holds: dask arrays in, dask arrays out, on any dask scheduler.

    result = mho.dask.attribute("model.onnx", images, layers="relu4")    # nothing is computed yet
    result["relu4"]                                                      # a dask array [examples, neurons…]
    result.to_zarr("result.zarr")                                        # every block is written where it is computed
"""

from ._attribute import attribute
from ._files import open_zarr
from ._result import Attributions, DaskAttributions

__all__ = ["Attributions", "DaskAttributions", "attribute", "open_zarr"]
