"""What running on many machines costs: measured here, written into docs/scale.md with what follows for 10⁹ examples.

    python bench/scale/measure.py [--program build/release/cli/mho] [--seconds 30] [--repeats 3] [--page docs/scale.md]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import dask.array as da
import distributed
import mho
import mho.dask
import numpy as np
import psutil
import work
from mho.dask import _blocks
from work import MODEL, REQUEST, attribute_blocks, block

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- measured: ./dev bench scale -->", "<!-- end of what was measured -->"


def load_average() -> float:
    return os.getloadavg()[0]


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[tuple[distributed.Client, psutil.Process, list[psutil.Process]]]:
    """A scheduler and workers, each a process of its own, so that the CPU time of each can be read."""
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder, "scheduler.json")
        options = ["--scheduler-file", str(address)]
        base = [sys.executable, "-m", "distributed.cli.dask_scheduler", *options, "--port", "0", "--no-dashboard"]
        environment = {**os.environ, "PYTHONPATH": str(HERE), "DASK_LOGGING__DISTRIBUTED": "error",
                       "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
        log = open(Path(folder, "log"), "w+", encoding="utf-8")
        quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": log, "cwd": folder}
        scheduler = subprocess.Popen(base, **quiet)
        started = [subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_worker", *options, "--nthreads", "1",
                                     "--no-nanny", "--no-dashboard", "--local-directory", folder], **quiet)
                   for _ in range(workers)]
        try:
            while not address.exists():
                if scheduler.poll() is not None:
                    sys.exit(f"the scheduler did not start:\n{Path(folder, 'log').read_text()}")
                time.sleep(0.05)
            with distributed.Client(scheduler_file=str(address)) as client:
                client.wait_for_workers(workers, timeout=120)
                yield client, psutil.Process(scheduler.pid), [psutil.Process(p.pid) for p in started]
        finally:
            for process in [*started, scheduler]:
                process.kill()  # asked kindly, workers wait for one another
            for process in [*started, scheduler]:
                process.wait()


def cpu(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def examples_of(blocks: int, size: int) -> da.Array:
    chunks = ((size,) * blocks, (1,), (8,), (8,))
    return da.map_blocks(lambda block_id: block(block_id[0], size), chunks=chunks, dtype=np.float32,
                         meta=np.empty((0,) * 4, np.float32))


def pair(blocks: int, size: int) -> tuple[float, float]:
    """Two processes that know nothing of each other, half of the blocks each: the longer wall time, all CPU time."""
    halves = [(0, blocks // 2), (blocks // 2, blocks)]
    processes = [subprocess.Popen([sys.executable, str(HERE / "work.py"), str(first), str(last), str(size)],
                                  stdout=subprocess.PIPE, text=True) for first, last in halves]
    times = [tuple(map(float, process.communicate()[0].split())) for process in processes]
    return max(wall for wall, _ in times), sum(used for _, used in times)


def on_cluster(blocks: int, size: int) -> tuple[float, float, float, float]:
    """Wall seconds from the call to the last block; CPU seconds of the workers, of these inside blocks, and of scheduler
    and client."""
    with cluster(2) as (client, scheduler, workers):
        client.run(work.count_inside)
        here = [scheduler, psutil.Process()]
        wall, before, ours = time.perf_counter(), cpu(workers), cpu(here)
        result = mho.dask.attribute(mho.load(MODEL, threads=1), examples_of(blocks, size), **REQUEST).persist()
        distributed.wait(result)
        wall, used, ours = time.perf_counter() - wall, cpu(workers) - before, cpu(here) - ours
        return wall, used, sum(client.run(work.seconds_inside).values()), ours


def overhead(seconds: float, repeats: int) -> dict[str, float]:
    _, once = attribute_blocks(0, 1, 512)
    size = max(8, round(512 / once))  # a second per task
    blocks = 2 * round(seconds)
    pairs, clusters = [], []
    for repeat in range(repeats):
        pairs.append(pair(blocks, size))
        clusters.append(on_cluster(blocks, size))
        print(f"repeat {repeat}: two processes {pairs[-1]}, cluster {clusters[-1]}, load {load_average():.1f}", flush=True)
    median = statistics.median
    return {
        "block": size, "blocks": blocks, "repeats": repeats,
        "pair_wall": median(w for w, _ in pairs), "pair_cpu": median(c for _, c in pairs),
        "cluster_wall": median(c[0] for c in clusters), "worker_cpu": median(c[1] for c in clusters),
        "inside_cpu": median(c[2] for c in clusters), "scheduler_cpu": median(c[3] for c in clusters),
        "wall_ratio": median(c[0] / p[0] for p, c in zip(pairs, clusters)),
        "pair_ratio": median((c[1] + c[3]) / p[1] for p, c in zip(pairs, clusters)),
        "cpu_ratio": median((c[1] + c[3]) / c[2] for c in clusters),
        "example_seconds": median(c for _, c in pairs) / (blocks * size),
    }


def empty_block(rows: np.ndarray, x: np.ndarray, task: object) -> dict[str, np.ndarray]:
    """A task of mho's form that computes nothing."""
    return {"mho/target": np.zeros(len(rows), np.int64)}


def scheduling(tasks: int) -> dict[str, float]:
    """CPU seconds of the scheduler per task, and bytes through the loopback device per task, with empty tasks."""
    order = _blocks.Order(MODEL, {"precision": "single", "threads": 1, "winograd": True, "one_example": False}, "cnn",
                          mho.load(MODEL).sha256, {}, {})
    import dask

    with cluster(2) as (client, scheduler, workers):
        task = dask.delayed(_blocks.load_task)(order, dask_key_name="mho-model-x")
        rows = da.arange(tasks, chunks=1)
        x = da.map_blocks(lambda block_id: np.zeros((1, 1), np.float32), chunks=((1,) * tasks, (1,)), dtype=np.float32,
                          meta=np.empty((0, 0), np.float32))
        blocks = da.blockwise(empty_block, "n", rows, "n", x, ("n", "k"), task=task, concatenate=True, align_arrays=False,
                              meta=np.empty((0,), object), name="mho-empty")
        used, sent = cpu([scheduler]), psutil.net_io_counters(pernic=True)["lo"].bytes_sent
        wall = time.perf_counter()
        blocks = blocks.persist()
        distributed.wait(blocks)
        wall = time.perf_counter() - wall
        used, sent = cpu([scheduler]) - used, psutil.net_io_counters(pernic=True)["lo"].bytes_sent - sent
        return {"tasks": tasks, "scheduler_per_task": used / tasks, "bytes_per_task": sent / tasks,
                "tasks_per_second": tasks / wall}


def idle(seconds: float = 12) -> float:
    """What part of a core a worker takes that has nothing to do."""
    with cluster(2) as (_, _, workers):
        time.sleep(3)
        before = cpu(workers)
        time.sleep(seconds)
        return (cpu(workers) - before) / len(workers) / seconds


def shipping() -> dict[str, float]:
    model = mho.load(MODEL, threads=1)
    by_path = _blocks.Task(model, REQUEST, 0)
    inside = _blocks.Task(mho.load(MODEL.read_bytes(), threads=1), REQUEST, 0)
    return {"path_bytes": len(pickle.dumps(by_path)), "model_bytes": len(pickle.dumps(inside)),
            "file_bytes": MODEL.stat().st_size}


def size_of(path: Path) -> int:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def storage(examples: int, size: int) -> dict[str, float]:
    """Bytes per example: the 1,024 float32 values of relu1, and what is kept besides."""
    model = mho.load(MODEL, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        x = examples_of(examples // size, size)
        result = mho.dask.attribute(model, x, dtype="float32", **REQUEST)
        result.to_zarr(Path(folder, "r.zarr"))
        result.to_hdf5(Path(folder, "r.h5"))
        count = examples // size * size
        layer = Path(folder, "r.zarr", "relu1")
        objects = len([file for file in Path(folder, "r.zarr").rglob("*") if file.is_file() and file.name != "zarr.json"])
        return {"zarr": size_of(Path(folder, "r.zarr")) / count, "zarr_layer": size_of(layer) / count,
                "hdf5": size_of(Path(folder, "r.h5")) / count, "objects_per_block": objects / (examples // size)}


def shards(program: Path) -> dict[str, float]:
    """Seconds that a shard costs before its first example, and bytes per second of a merge."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, result = Path(folder, "x.npy"), Path(folder, "r.h5")
        np.save(inputs, block(0, 40_000))
        base = [program, "attribute", MODEL, "-i", inputs, "-l", "relu1", "-m", "activation", "--threads", "1", "--quiet",
                "--chunk", "1000", "-o", result]
        starts = []
        for index in range(5):  # of a million shards each has no chunk
            start = time.perf_counter()
            subprocess.run([*base, "--shard", f"{index}/1000000"], check=True, stderr=subprocess.DEVNULL)
            starts.append(time.perf_counter() - start)
        for index in range(2):
            subprocess.run([*base, "--shard", f"{index}/2"], check=True, stderr=subprocess.DEVNULL)
        start = time.perf_counter()
        subprocess.run([program, "merge", result, "--quiet"], check=True)
        seconds = time.perf_counter() - start
        return {"start": statistics.median(starts), "merge": size_of(result) / seconds, "merged": size_of(result)}


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def at_scale(m: dict[str, float], examples: float, workers: int, values: int, example_seconds: float,
             task_seconds: float) -> list[str]:
    """Rows of the table."""
    block_size = task_seconds / example_seconds
    tasks = examples / block_size
    hours = examples * example_seconds / workers / 3600
    besides = m["zarr"] - m["zarr_layer"]
    raw = values * 4
    return [
        f"| one example on one core | {example_seconds * 1e3:.3g} ms |",
        f"| examples per block of {task_seconds:.0f} seconds | {number(block_size)} |",
        f"| blocks | {number(tasks)} |",
        f"| time on {workers:,} cores | {hours:.3g} h |",
        f"| scheduler: CPU seconds | {number(tasks * m['scheduler_per_task'])} "
        f"({100 * tasks * m['scheduler_per_task'] / (hours * 3600):.2g} % of the time) |",
        f"| blocks per second | {number(tasks / (hours * 3600))} |",
        f"| messages (all of dask's bytes) | {number(tasks * m['bytes_per_task'] / 1e6)} MB |",
        f"| the model, to {workers:,} workers | {number(workers * m['model_bytes'] / 1e6)} MB as bytes, "
        f"{number(workers * m['path_bytes'] / 1e6)} MB as a path |",
        f"| Zarr objects ({m['objects_per_block']:.0f} per block) | {number(tasks * m['objects_per_block'])} |",
        f"| a layer's chunk of {values:,} float32 values per example | {number(raw * block_size / 1e6)} MB |",
        f"| storage: the layer, not compressed | {number(raw * examples / 1e12)} TB |",
        f"| storage: what is kept besides | {number(besides * examples / 1e9)} GB |",
    ]


def page(m: dict[str, float]) -> str:
    lines = [
        f"Measured on {os.cpu_count()} cores, load average {m['load_before']:.1f} before and {m['load_after']:.1f} after, "
        f"with dask {distributed.__version__}. Medians of {m['repeats']:.0f}.", "",
        "| what | measured |", "|---|---:|",
        f"| work: blocks of {m['block']:.0f} digits, one second each | {m['blocks']:.0f} blocks |",
        f"| two independent processes: wall, CPU | {m['pair_wall']:.1f} s, {m['pair_cpu']:.1f} s |",
        f"| two dask workers: wall, CPU of the workers, of this inside blocks, of scheduler and client | "
        f"{m['cluster_wall']:.1f} s, {m['worker_cpu']:.1f} s, {m['inside_cpu']:.1f} s, {m['scheduler_cpu']:.2f} s |",
        f"| wall and CPU, against the two processes | {100 * (m['wall_ratio'] - 1):+.1f} %, "
        f"{100 * (m['pair_ratio'] - 1):+.1f} % |",
        f"| **overhead, CPU**: outside blocks, of what is inside | **{100 * (m['cpu_ratio'] - 1):+.1f} %** |",
        f"| a dask worker with nothing to do | {100 * m['idle']:.1f} % of a core |",
        f"| scheduler, CPU per block (of {m['tasks']:,.0f} empty ones) | {m['scheduler_per_task'] * 1e3:.2f} ms |",
        f"| bytes that dask moves per block | {number(m['bytes_per_task'])} |",
        f"| the model: file, to a worker as bytes, as a path | {number(m['file_bytes'])}, {number(m['model_bytes'])}, "
        f"{number(m['path_bytes'])} bytes |",
        f"| Zarr, float32: bytes per example, of which 1,024 values of relu1 | {m['zarr']:.0f}, {m['zarr_layer']:.0f} |",
        f"| HDF5, float32: bytes per example | {m['hdf5']:.0f} |",
        f"| a shard before its first example | {m['start']:.2f} s |",
        f"| `mho merge` of {m['merged'] / 1e6:.0f} MB | {m['merge'] / 1e6:.0f} MB/s |", "",
        "10⁹ examples on 1,000 cores, from these figures, for the digits network and for one that takes a hundred times as long:", "",
        "| digits network, its first layer, 1,024 values | |", "|---|---:|", *at_scale(m, 1e9, 1000, 1024, m["example_seconds"], 60), "",
        "| a network of 100 times the cost, 2,048 values | |", "|---|---:|",
        *at_scale(m, 1e9, 1000, 2048, 100 * m["example_seconds"], 600),
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", type=Path, default=HERE.parents[1] / "build/release/cli/mho")
    parser.add_argument("--seconds", type=float, default=30, help="of work per worker")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=20_000, help="empty ones, for the scheduler")
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    before = load_average()
    measured = {**shipping(), **storage(4000, 500), **shards(arguments.program), **scheduling(arguments.tasks), "idle": idle(),
                **overhead(arguments.seconds, arguments.repeats)}
    measured |= {"load_before": before, "load_after": load_average()}
    text = page(measured)
    print(text)
    if arguments.page:
        whole = arguments.page.read_text(encoding="utf-8")
        pattern = re.escape(BEGIN) + ".*?" + re.escape(END)
        assert re.search(pattern, whole, re.DOTALL), f"{arguments.page} has no place for it"
        arguments.page.write_text(re.sub(pattern, lambda _: f"{BEGIN}\n{text}\n{END}", whole, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
