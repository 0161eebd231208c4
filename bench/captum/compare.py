"""mho against Captum and hand-written PyTorch on the same networks, inputs, layers and machine.

compare.py RUN_MHO MHO FOLDER OUTPUT.md [ROW...]: all of it, or the rows whose names contain one of the ROWs (and no
OUTPUT.md then). Networks, exports and references are kept in FOLDER. $MHO_BENCH_ROUNDS: rounds of the timings (5).
"""

import datetime
import json
import os
from pathlib import Path
import sys
import time
import warnings

import torch

import growth
import harness
import machine_limit
import memory_rows
import nig_rows
import trained_models
import where_time_goes
import whole_process

PREAMBLE = """# Against Captum

Made by `./dev bench captum` (bench/captum/compare.py), which trains or makes the networks, exports them to ONNX and runs all
sides on the same inputs, layers and threads; `./dev bench captum ROW…` runs the rows whose names contain a ROW, and prints them.
"""


def main():
    program, mho, folder, output = (Path(argument).resolve() for argument in sys.argv[1:5])
    root = Path(__file__).resolve().parents[2]
    bench = harness.Bench(program, mho, folder, root, sys.argv[5:])
    data = Path(os.environ.get("MHO_DATA", root.parent / "shared" / "data"))
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    # What torch.compile makes is kept, so that the next run is shorter.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder / "inductor"))
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    version = machine_limit.peak(bench)["version"]
    lines = [PREAMBLE, f"{harness.machine()}, mho {version}; {datetime.date.today()}. Medians of {harness.ROUNDS} "
             f"rounds, after runs to warm up; a round repeats what takes less than {harness.ROUND_SECONDS} s and counts its "
             "median. *A of B*: the ratio that was measured, and the one to reach.", ""]
    harness.say("\n".join(lines))
    sections = (nig_rows.nig_section, nig_rows.deeplift_section, machine_limit.section, memory_rows.section,
                whole_process.section, lambda b: trained_models.section(b, data), growth.section, where_time_goes.section)
    begin = time.monotonic()
    for section in sections:
        lines += section(bench)
        harness.say(f"  {time.monotonic() - begin:.0f} s so far")
        (folder / "results.json").write_text(json.dumps(bench.raw, indent=1, default=str))
        if not bench.chosen:
            # Half a report rather than none, should something fail.
            (folder / "benchmarks.md").write_text("\n".join(lines).rstrip() + "\n")
    if not bench.chosen:
        output.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
