"""GradientShap: expected gradients between noisy inputs and baselines drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._arguments import as_additional, as_tuple, baseline_distribution
from ._base import Attribution, Bound
from ._deeplift import repeated, repeated_argument
from ._input import require_real


class GradientShap(Attribution):
    """The mean over samples of (x - x') dF/dx at a random point between a noisy x and a random baseline x'.

    Numbers are drawn as Captum draws them, from numpy's and torch's global generators: the same seeds, the same points.
    """

    def __init__(self, forward_func: nn.Module, multiply_by_inputs: bool = True) -> None:
        super().__init__(forward_func)
        self._multiply_by_inputs = multiply_by_inputs

    def has_convergence_delta(self) -> bool:
        return True

    def attribute(self, inputs: Any, baselines: Any, n_samples: int = 5, stdevs: Any = 0.0, target: Any = None,
                  additional_forward_args: Any = None, return_convergence_delta: bool = False) -> Any:
        if not isinstance(n_samples, int) or n_samples < 1:
            raise ValueError(f"n_samples is {n_samples}; it must be a positive int")
        distribution = baseline_distribution(baselines, inputs, 1)
        x = as_tuple(inputs)
        count = x[0].shape[0]
        starts = tuple(b[np.random.choice(b.shape[0], n_samples * count).tolist()] for b in distribution)
        ends = tuple(_noisy(t.detach(), s, n_samples) for t, s in zip(x, _deviations(stdevs, len(x))))
        share = torch.tensor(np.random.uniform(0.0, 1.0, ends[0].shape[0]), device=x[0].device, dtype=ends[0].dtype)
        points = tuple(_between(start, end, share) for start, end in zip(starts, ends))

        additional = tuple(repeated_argument(a, count, n_samples) for a in as_additional(additional_forward_args))
        wanted = repeated(target, n_samples)
        bound = Bound(self.forward_func, tuple(p.to(t.dtype) for p, t in zip(points, x)), additional)
        require_real(bound)
        result = bound.run(path=False, layers=bound.reaching(bound.output), method="gradient", output=bound.output,
                           target=bound.target(wanted))
        samples = bound.of_inputs(result)
        if self._multiply_by_inputs:
            samples = tuple((end - start) * g for start, end, g in zip(starts, ends, samples))
        means = tuple(s.reshape(count, n_samples, *s.shape[1:]).mean(1) for s in samples)
        attributions = means if isinstance(inputs, tuple) else means[0]
        if not return_convergence_delta:
            return attributions
        return attributions, self.compute_convergence_delta(samples, starts, ends, wanted, additional or None)


def _deviations(stdevs: Any, count: int) -> tuple[float, ...]:
    given = stdevs if isinstance(stdevs, tuple) else (stdevs,) * count
    for part in given:
        if isinstance(part, bool) or not isinstance(part, (int, float)):
            raise TypeError(f"stdevs must be a float or a tuple of them, not {type(part).__name__}")
    if len(given) != count:
        raise ValueError(f"{len(given)} stdevs for {count} inputs")
    return tuple(float(part) for part in given)


def _noisy(x: Tensor, deviation: float, samples: int) -> Tensor:
    shape = (x.shape[0] * samples, *x.shape[1:])
    noise = torch.normal(0, torch.tensor(deviation, device=x.device).repeat(shape))
    return x.repeat_interleave(samples, dim=0) + noise


def _between(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    share = share.reshape(-1, *[1] * (end.ndim - 1))
    return share * end + (1.0 - share) * start
