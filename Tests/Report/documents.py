# SPDX-License-Identifier: GPL-2.0-only
"""Documents to test with: those beside this file, and what can be made of them."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "Tests/Report/documents"
PROGRAM = ROOT / "share/ncdevmem-report"


def lines(name: str) -> list[dict]:
    """The documents of a file."""
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def automatic() -> list[dict]:
    """Four receivers with -a 1."""
    return lines("automatic.jsonl")


def manual() -> list[dict]:
    """Four receivers with -a 0."""
    return lines("manual.jsonl")


def sender() -> dict:
    """The other end of the first of automatic()."""
    return lines("sender.json")[0]


def scaled(document: dict, factor: float) -> dict:
    """The same run, so many times as fast."""
    changed = copy.deepcopy(document)
    for figures in (changed["total"], *changed["flows"], *(
            one for interval in changed["intervals"]
            for one in (interval["total"], *interval["flows"]))):
        figures["gigabits_per_second"] *= factor
    return changed


def with_latency(document: dict, factor: float = 1) -> dict:
    """A run of a thousand exchanges, each so many times as long."""
    changed = copy.deepcopy(document)
    times = {"min": 10, "mean": 25, "p50": 20.5, "p90": 40, "p99": 60, "p99_9": 80.25, "max": 90}
    changed["latency"] = {"exchanges": 1000, "distribution": [
        {"percent": percent, "at_most_microseconds": time * factor, "exchanges": count}
        for percent, time, count in ((0, 10, 1), (50, 20.5, 500), (90, 40, 900), (100, 90, 1000))]}
    changed["latency"] |= {
        f"{name}_microseconds": time * factor for name, time in times.items()}
    changed["configuration"] |= {"request_bytes": 64, "response_bytes": 1000}
    return changed


def with_rates(document: dict, rates: list[float]) -> dict:
    """A run whose intervals, of a second each, have these rates."""
    changed = copy.deepcopy(document)
    model = changed["intervals"][0]
    changed["intervals"] = []
    for index, rate in enumerate(rates):
        interval = copy.deepcopy(model)
        interval |= {"start_seconds": index, "end_seconds": index + 1}
        interval["total"]["gigabits_per_second"] = rate
        changed["intervals"].append(interval)
    changed["total"]["gigabits_per_second"] = sum(rates) / len(rates)
    return changed


def headline() -> dict:
    """What `make headline` writes, small."""
    def bare(document: dict, mode: int) -> dict:
        return document | {"intervals": [], "mode": mode, "shape": [4, 4, 1500, 0]}

    reports = [bare(one, 1) for one in automatic()] + [bare(one, 0) for one in manual()]
    return {
        "schema": "ncdevmem-headline-2", "runs": 4, "duration_seconds": 12, "cpus": 8,
        "host_cpus": 2, "modes": {"1": "per-socket xarray", "0": "per-binding counters"},
        "shapes": [
            {"nic": nic, "title": "4 flows", "reports": reports} for nic in ("dmnic", "gve")],
        "instructions_per_fragment": {
            "without": {"tcp_recvmsg_dmabuf": 700.5}, "1": {"tcp_recvmsg_dmabuf": 710.25},
            "0": {"tcp_recvmsg_dmabuf": 120.0, "sock_devmem_dontneed": 0.1}},
        "contention": [
            {"threads": 2, "one_buffer": True, "mean": 776.0, "stdev": 33.0,
             "values": [753.0, 799.0]}]}


def bench() -> dict:
    """What `make bench` writes, small."""
    return {
        "schema": "ncdevmem-bench-1", "kernel": "7.3.4", "processor": "QEMU", "cpus": 2,
        "mtu": 1500,
        "comparisons": [
            {"title": "RX validated, 512 MiB", "reference": "C tool", "measured": "ncdevmem",
             "rows": [
                 {"title": "MiB/s", "better": "more", "reference": [24.0, 24.6, 25.0, 24.2],
                  "measured": [29.0, 29.2, 30.0, 29.9], "ratio": 1.19,
                  "target": "at least 1: met"},
                 {"title": "user s/GiB", "better": "less", "reference": [26.0, 25.0, 27.0, 26.5],
                  "measured": [2.8, 2.7, 2.9, 2.8], "ratio": 0.108, "target": None}]}],
        "measurements": [one | {"intervals": []} for one in automatic()[:1]]}


def write(directory: Path, name: str, *documents: dict) -> str:
    """A file of documents, one a line."""
    path = directory / name
    path.write_text("".join(json.dumps(one) + "\n" for one in documents), encoding="utf-8")
    return str(path)


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the program."""
    return subprocess.run(
        [str(PROGRAM), *map(str, arguments)], input=stdin, capture_output=True, text=True,
        timeout=120, check=False)
