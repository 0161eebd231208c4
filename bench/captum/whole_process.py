"""Whole processes on a small model: the program against Python that imports what Captum needs, and does nothing yet."""

import subprocess
import sys

import harness

NAME = "whole process"
ROUNDS = 7
WANTED = 20


def timer(command):
    def run():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return lambda: harness.seconds_of(run)


def section(bench):
    if not bench.wants(NAME):
        return []
    harness.say(f"{NAME} …")
    digits = bench.root / "examples" / "digits"
    attribute = [bench.mho, "attribute", "examples/digits/cnn.onnx", "-i", "examples/digits/digits.npz", "--examples", "0:1"]
    commands = {
        'python -c "import torch, captum"': [sys.executable, "-c", "import torch, captum"],
        "mho --version": [bench.mho, "--version"],
        " ".join(["mho", *attribute[1:]]): [bench.mho, "attribute", digits / "cnn.onnx", "-i", digits / "digits.npz",
                                            "--examples", "0:1"],
    }
    for command in commands.values():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = harness.in_turn({name: timer(command) for name, command in commands.items()}, ROUNDS)
    bench.raw[NAME] = {"seconds": seconds}
    python, *_ = (harness.median(values) for values in seconds.values())
    lines = ["## Whole process, small model", "",
             f"Median of {ROUNDS} processes each, in turn, files in the page cache. `attribute` is every cut layer of the digits CNN, adaptive to "
             "the default tolerance, and the table on the terminal.", "",
             "| command | ms | importing Captum ÷ it |", "|---|---:|---|"]
    for name, values in seconds.items():
        ratio = python / harness.median(values)
        told = "" if name.startswith("python") else harness.verdict(ratio, WANTED)
        lines.append(f"| `{name}` | {1e3 * harness.median(values):.1f} | {told} |")
        harness.say(lines[-1])
    return [*lines, ""]
