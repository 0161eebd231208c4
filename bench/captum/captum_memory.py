"""Memory of a process with Captum on the ResNet-50 shape: captum_memory.py FOLDER STEPS BATCH. Prints MiB resident when
the network is loaded, and the most while one layer was explained. BATCH 0: internal_batch_size None."""

import os
from pathlib import Path
import sys
import warnings

from captum.attr import LayerConductance
import torch

import networks


def status_mib(field):
    """Of this program alone: ru_maxrss would count what its parent had when it started it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def main():
    folder, steps, batch = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    net, examples = networks.make("resnet50", folder)
    x = examples[:1].contiguous()
    loaded = status_mib("VmRSS")
    explainer = LayerConductance(net, net.get_submodule("blocks.8.relu3"))
    explainer.attribute(x, baselines=0.0, target=0, n_steps=steps, method="riemann_trapezoid",
                        internal_batch_size=batch or None)
    print(loaded, status_mib("VmHWM"))


if __name__ == "__main__":
    main()
