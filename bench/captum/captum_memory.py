"""Prints the peak memory, in MiB, of a process with Captum on the ResNet-50 shape: captum_memory.py FOLDER STEPS BATCH.
STEPS 0: the network, its inputs and Captum are loaded and nothing is attributed. BATCH 0: internal_batch_size None."""

import os
from pathlib import Path
import resource
import sys
import warnings

from captum.attr import LayerConductance
import torch

import networks


def main():
    folder, steps, batch = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    net, examples = networks.make("resnet50", folder)
    x = examples[:1].contiguous()
    with torch.no_grad():
        target = net(x).argmax(1)
    if steps:
        explainer = LayerConductance(net, net.get_submodule("blocks.8.relu3"))
        explainer.attribute(x, baselines=0.0, target=target, n_steps=steps, method="riemann_trapezoid",
                            internal_batch_size=batch or None)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
