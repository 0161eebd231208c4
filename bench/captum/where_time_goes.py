"""Where the time goes in the rows that are not reached: samples of what the processor executes (perf)."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import harness

SECONDS = 4
CAPTION = """## Where the time goes

The rows that are not reached: share of the samples that `perf record` takes on both threads while warm calls run for some {seconds} seconds. *oneDNN*:
direct convolutions and matrix products. *Winograd*: mho's own 3 x 3 convolutions. *Activations*: they and their multipliers. *Sums*: path sums and
interpolation. *Waiting*: a thread for the other one. *Rest*: reorders and copies, bookkeeping, loading the model once, the kernel.
""".format(seconds=SECONDS)
KINDS = ("oneDNN", "Winograd", "activations", "pools", "sums", "waiting", "rest")
SYMBOLS = {
    "Winograd": ("multiply<", "transform_inputs<", "write_outputs<", "run_block<", "WinogradWeights"),
    "pools": ("max_plane", "average_plane", "_winners", "pool_max"),
    "activations": ("relu", "ratios", "map<", "softmax", "normal", "attention", "unary", "add("),
    "sums": ("add_step", "add_trapezoid", "add_weighted", "interpolate_range"),
}


def kind_of(library, symbol):
    if library.startswith("[JIT]") or library.startswith("libdnnl"):
        return "oneDNN"
    if library.startswith("libgomp"):
        return "waiting"
    return next((kind for kind, names in SYMBOLS.items() if any(name in symbol for name in names)), "rest")


def report(samples, sort):
    """Lines of perf's report: percent, library, symbol."""
    lines = subprocess.run(["perf", "report", "--stdio", "--quiet", "--sort", sort, "--field-separator", "|", "--input", samples],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    fields = [[field.strip() for field in (line + "||").split("|", 2)] for line in lines if "|" in line]
    return [(float(share.rstrip("%")), library, symbol) for share, library, symbol in fields]


def profile(case, rule, steps):
    """Seconds of a warm call, and the share of its samples by kind, in percent."""
    wall = case.run(rule, steps, repeats=5)["median"]
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "perf.data"
        case.run(rule, steps, repeats=max(2, int(SECONDS / wall)),
                 prefix=("perf", "record", "--quiet", "--freq", "2000", "--output", samples))
        libraries, symbols = report(samples, "dso"), report(samples, "dso,symbol")
    shares = dict.fromkeys(KINDS, 0.0)
    own = 0.0
    for share, library, symbol in symbols:
        # Made at run time, oneDNN's code has no symbols but thousands of addresses, each with a rounded share.
        if library == Path(case.program).name:
            shares[kind_of(library, symbol)] += share
            own += share
    for share, library, _ in libraries:
        rest = share - own if library == Path(case.program).name else share
        shares[kind_of(library, "")] += rest
    return wall, shares


def section(bench):
    if not bench.profiled:
        return []
    if not shutil.which("perf"):
        return ["## Where the time goes", "", "Not measured: this machine has no `perf` (Debian: linux-perf).", ""]
    lines = [CAPTION, f"| row | rule | ms | {' | '.join(f'{kind}, %' for kind in KINDS)} |", f"|---|---|---:{'|---:' * len(KINDS)}|"]
    for name, case, rule, steps in bench.profiled:
        wall, shares = profile(case, rule, steps)
        cells = " | ".join(f"{shares[kind]:.0f}" for kind in KINDS)
        lines.append(f"| {name} | {rule}{f' {steps}' if steps else ''} | {1e3 * wall:.2f} | {cells} |")
    harness.say("\n".join(lines[1:]))
    return [*lines, ""]
