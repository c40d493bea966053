# SPDX-License-Identifier: GPL-2.0-only
"""What a test runner and an inventory read: a check as KTAP, and several interfaces in one run."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from testbed.harness import case, expect, expect_equal, wait_for
from testbed.hosts import NIC, REMOTE_NIC, output, reload_nic
from testbed.schema import validate
from testbed.state import expect_released, unchanged
from testbed.tool import Result, run

RESULT = re.compile(r"(not ok|ok) (\d+) ([^#]*[^# ])(?: # (SKIP)?(?: ?(.+))?)?")
# As tools/testing/selftests/kselftest.h has it.
TOTALS = "# Totals: pass:{ok} fail:{not ok} xfail:0 xpass:0 skip:{SKIP} error:0"


def read_ktap(lines: list[str], margin: str = "") -> dict[str, tuple[str, dict]]:
    """Of each test the result (ok, not ok or SKIP) and the subtests, by
    Documentation/dev-tools/ktap.rst. Takes the lines that it reads, and no others."""
    expect_equal(lines.pop(0), f"{margin}KTAP version 1", "version")
    plan = re.fullmatch(r"1\.\.(\d+)", lines.pop(0).removeprefix(margin))
    expect(plan, "no plan")
    results: dict[str, tuple[str, dict]] = {}
    inner: dict[str, tuple[str, dict]] = {}
    while len(results) < int(plan[1]):
        expect(lines, "fewer results than planned")
        if lines[0].startswith(f"{margin}  "):
            expect(not inner, "two sets of subtests for a test")
            inner = read_ktap(lines, f"{margin}  ")
            continue
        line = lines.pop(0)
        expect(line.startswith(margin), line)
        if line.startswith(f"{margin}# "):
            continue
        found = RESULT.fullmatch(line.removeprefix(margin))
        expect(found, line)
        expect_equal(int(found[2]), len(results) + 1, "number")
        expect(found[3] not in results, f"{found[3]} twice")
        results[found[3]] = found[4] or found[1], inner
        if inner:
            fails = "not ok" in (verdict for verdict, _ in inner.values())
            expect_equal(found[1] == "not ok", fails, "fails with a subtest")
            inner = {}
    while lines and lines[0].startswith(f"{margin}# ") and "Totals" not in lines[0]:
        lines.pop(0)
    verdicts = [verdict for verdict, _ in results.values()]
    count = {verdict: verdicts.count(verdict) for verdict in ("ok", "not ok", "SKIP")}
    expect_equal(lines.pop(0), margin + TOTALS.format(**count), "totals")
    return results


def ktap(result: Result) -> dict[str, tuple[str, dict]]:
    """The results of a run that prints KTAP, and nothing else."""
    lines = result.stdout.decode().splitlines()
    results = read_ktap(lines)
    expect_equal(lines, [], "lines behind the end")
    return results


def document(result: Result) -> list[dict]:
    """The entries of a document about several interfaces."""
    text = json.loads(result.stdout)
    validate(text, "interfaces")
    expect_equal(text["exit_status"], result.code, "exit status")
    return text["interfaces"]


@case("a check as KTAP has the items of the document, and ends as it does", once=True, binds=False)
def as_ktap() -> None:
    means = {"ok": "ok", "warn": "ok", "missing": "not ok", "unknown": "SKIP"}
    both = ("--check", "-f", NIC, "-f", "lo", "--format")
    with unchanged():
        entries = document(run(*both, "json").expect(1))
        nested = ktap(run(*both, "ktap").expect(1))
        single = ktap(run("--check", "-f", NIC, "--format", "ktap").expect(4))
    expect_equal({name: verdict for name, (verdict, _) in nested.items()},
                 {NIC: "SKIP", "lo": "not ok"}, "interfaces")
    for entry in entries:
        _, subtests = nested[entry["interface"]]
        expect_equal(
            subtests, {item["item"]: (means[item["verdict"]], {}) for item in entry["items"]},
            entry["interface"])
    expect_equal(single, nested[NIC][1], "alone")


@contextlib.contextmanager
def both_here() -> Iterator[None]:
    """Has both ends of the cable on this host."""
    output("ip", "-netns", "remote", "link", "set", REMOTE_NIC, "netns", str(os.getpid()))
    try:
        output("ip", "link", "set", REMOTE_NIC, "up")
        for name in (NIC, REMOTE_NIC):
            state = Path(f"/sys/class/net/{name}/operstate")
            expect(wait_for(lambda path=state: path.read_text("ascii") == "up\n"), f"{name} is off")
        yield
    finally:
        reload_nic()


@case("several interfaces are checked and probed in one run, with one document and status",
      once=True)
def in_one_run() -> None:
    with both_here(), unchanged():
        names = [NIC, REMOTE_NIC]
        found = document(run("-f", NIC, "-f", REMOTE_NIC, "--json").expect(0))
        expect_equal([(entry["interface"], entry["supported"]) for entry in found],
                     [(name, True) for name in names], "probed")

        # The loopback has no device, and is not among all.
        lines = run("--check", "--all").expect(4).stdout.decode().splitlines()
        words = [line.split(None, 3) for line in lines if line]
        half = len(words) // 2
        expect_equal([line[0] for line in words], [NIC] * half + [REMOTE_NIC] * half, "names")
        for name in names:
            expect([name, "unknown", "queue-management"] in [line[:3] for line in words], name)

        # A word that an interface can be named by means that interface.
        output("ip", "link", "property", "add", "dev", NIC, "altname", "all")
        found = json.loads(run("--check", "-f", "all", "--json").expect(4).stdout)
        expect_equal(found["interface"], NIC, "interface")
        output("ip", "link", "property", "del", "dev", NIC, "altname", "all")
    expect_released()
