# SPDX-License-Identifier: GPL-2.0-only
"""The pre-flight: `ncdevmem --check -f IFACE` says what a run would lack, and changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess

from testbed import xdp
from testbed.habits import change, first_queue, wait_for_link
from testbed.harness import case, expect, expect_equal
from testbed.hosts import NIC, free_port, nic_with, output, parameter
from testbed.state import (
    bind_rx_attributes, bound_queues, expect_released, has_command, kernel, netdev, unchanged)
from testbed.tool import BINARY, Result, listen, receive, run

# Kernels such as 6.12 check the memory first: then the loopback is not refused either.
ASKED_BY_BIND = kernel() < (6, 15)
# Only a real bind shows whether the driver restarts a queue.
READY = 4


def items(result: Result) -> dict[str, tuple[str, str]]:
    """Verdict and words of each item of a report for people."""
    found = {}
    for line in result.stdout.decode().splitlines():
        verdict, item, words = line.split(None, 2)
        expect(verdict in ("ok", "warn", "missing", "unknown"), line)
        found[item] = verdict, words
    return found


def check(*arguments: str, code: int, interface: str = NIC) -> dict[str, tuple[str, str]]:
    """Runs a check that must end so, and leave the NIC as it was."""
    with unchanged():
        result = run("--check", "-f", interface, *arguments).expect(code)
    return items(result)


def expect_missing(found: dict[str, tuple[str, str]], *names: str) -> None:
    """Fails the case unless these items are missing, and no others."""
    missing = [name for name, (verdict, _) in found.items() if verdict == "missing"]
    expect_equal(sorted(missing), sorted(names), "missing")


@case("a check finds nothing missing, touches nothing, and a run then works")
def ready() -> None:
    before = list(netdev().dump("page-pool-get", {}))
    found = check(code=READY)
    expect_missing(found)
    expect_equal(list(netdev().dump("page-pool-get", {})), before, "page pools")
    expect_equal(bound_queues(), {}, "bound queues")
    expect_equal(found["queue-management"][0], "unknown", "queues")
    expect("add --probe" in found["queue-management"][1], found["queue-management"][1])
    expect_equal(
        found["bind-tx"][0], "ok" if has_command("bind-tx") else "warn", "bind-tx")
    sizes = bind_rx_attributes().get("rx-page-size") == "u32"
    expect_equal(found["rx-page-size"][0], "ok" if sizes else "warn", "rx-page-size")
    leases = has_command("queue-create")
    expect_equal("netkit" in found["queue-leasing"][1], leases, "queue leasing")
    expect(os.uname().release in found["kernel"][1], found["kernel"][1])
    expect(NIC.removesuffix("0") in found["driver"][1], found["driver"][1])
    with unchanged():
        receive(100_000, "-v", "7").expect(0)
    expect_released()


@case("a check with --probe tries a run, and undoes it")
def probes() -> None:
    found = check("--probe", code=0)
    expect_missing(found)
    expect_equal(found["probe-bind"][0], "ok", "bind")
    expect_equal(found["probe-flow-rule"][0], "ok", "flow rule")
    expect(all(verdict != "unknown" for verdict, _ in found.values()), f"{found}")
    expect_released(0)
    first = first_queue()
    found = check("--probe", "-t", str(first), "-q", str(3 - first), code=0)
    expect(f"queues {first} to 2" in found["channels"][1], found["channels"][1])
    expect_released(0)


@case("a check with --json has the same items", binds=False)
def reports_json() -> None:
    with unchanged():
        result = run("--check", "-f", NIC, "--json").expect(READY)
    report = json.loads(result.stdout)
    expect_equal(report["interface"], NIC, "interface")
    expect_equal(report["conclusion"], "unknown", "conclusion")
    text = check(code=READY)
    expect_equal([item["item"] for item in report["items"]], list(text), "items")
    for item in report["items"]:
        words = item["seen"] + (f" -> {item['remedy']}" if "remedy" in item else "")
        verdict, seen = text[item["item"]]
        expect_equal((item["verdict"], fixed(words)), (verdict, fixed(seen)), item["item"])


def fixed(words: str) -> str:
    """What a check has seen, without what changes by itself from one to the next."""
    return re.sub(r"\d+ MiB available", "some MiB available", words)


@case("a check of the loopback finds no queue management, no channels and no rules", binds=False)
def loopback() -> None:
    with unchanged():
        found = items(run("--check", "-f", "lo").expect(1))
        probed = items(run("--check", "--probe", "-f", "lo").expect(1))
    for name in ("channels", "header-split", "ntuple", "rss"):
        expect_equal(found[name][0], "missing", name)
    expect_equal(
        found["queue-management"][0], "unknown" if ASKED_BY_BIND else "missing", "queues")
    expect("nothing was tried" in probed["probe"][1], f"{probed}")
    run("--check", "-f", "nosuch0").expect(2, "nosuch0")


@case("a check reports what a NIC lacks")
def lacking() -> None:
    with nic_with("refuse_ntuple=1"):
        expect_missing(check(code=1), "ntuple")
    with nic_with("queues=1"):
        found = check(code=1)
        expect_missing(found, "channels")
        expect("ethtool -L" in found["channels"][1], found["channels"][1])
        check("--probe", code=1)
    with nic_with("no_hds_thresh=1"):
        found = check(code=READY)
        expect("there is none" in found["hds-thresh"][1], found["hds-thresh"][1])
    with nic_with("hds_private_flag=1"):
        found = check(code=READY)
        expect("private flag" in found["header-split"][1], found["header-split"][1])
        expect_equal(check("--probe", code=0)["probe-bind"][0], "ok", "bind")


@case("a check reports settings that prevent a run, and what would change them", binds=False)
def settings() -> None:
    output("ip", "link", "set", NIC, "mtu", "8896")
    output("ethtool", "-K", NIC, "gro", "off")
    try:
        found = check(code=READY)
        expect_equal(found["mtu"][0], "warn", "mtu")
        sizes = bind_rx_attributes().get("rx-page-size") == "u32"
        remedy = "-b 16384" if sizes else "Linux 7.3"
        # A driver that reports the size of its buffers has a parameter for it.
        if parameter("rx_buf_len"):
            remedy = "rx-buf-len 4096"
        expect(remedy in found["mtu"][1], found["mtu"][1])
        expect_equal(found["gro"][0], "warn", "gro")
        expect("gro on" in found["gro"][1], found["gro"][1])
    finally:
        output("ethtool", "-K", NIC, "gro", "on")
        output("ip", "link", "set", NIC, "mtu", "1500")
    output("ip", "link", "set", NIC, "down")
    try:
        expect_missing(check(code=1), "link")
    finally:
        output("ip", "link", "set", NIC, "up")
        wait_for_link()
    if not parameter("contexts"):
        return
    context = change("-X", "context", "new", "equal", "4").split()[-1]
    try:
        found = check(code=1)
        expect_missing(found, "rss-contexts")
        expect(f"context {context} " in found["rss-contexts"][1], found["rss-contexts"][1])
    finally:
        change("-X", "context", context, "delete")


@case("a check says who has the queue and the interface, and finds another queue free")
def bound() -> None:
    port = free_port()
    process = listen(4, port, "-v", "7")
    identity = next(iter(bound_queues().values()))
    result = run("--check", "-f", NIC).expect(1)
    found = items(result)
    expect_equal(found["bound-queues"][0], "missing", "bound queues")
    for text in (f"queue 3 has binding {identity}", f"pid {process.pid} (ncdevmem)"):
        expect(text in found["bound-queues"][1], found["bound-queues"][1])
    expect_equal(bound_queues(), {3: identity}, "bound queues")
    expect_equal(found["other-run"][0], "missing", "other run")
    expect(f"pid {process.pid}," in found["other-run"][1], found["other-run"][1])
    # The queue is another one, the interface's settings are the same.
    elsewhere = items(run("--check", "--probe", "-f", NIC, "-t", "1", "-q", "1").expect(1))
    expect_equal(elsewhere["bound-queues"][0], "ok", "bound queues elsewhere")
    expect_missing(elsewhere, "other-run")
    process.terminate()
    process.wait(20)
    expect_released()


@case("a check reports an XDP program", binds=False)
def xdp_program() -> None:
    with xdp.attached(NIC, xdp.GENERIC):
        found = check(code=1)
        expect_equal(found["xdp"][0], "missing", "xdp")
        expect("generic mode" in found["xdp"][1], found["xdp"][1])
    expect_equal(check(code=READY)["xdp"][0], "ok", "afterwards")


@case("without privilege a check says which, and that it cannot know the rest", binds=False)
def unprivileged() -> None:
    command = [BINARY, "--check", "-f", NIC]
    with unchanged():
        process = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", *command], capture_output=True,
            timeout=30, check=False)
        found = items(Result(process.returncode, process.stdout, process.stderr.decode()))
        expect_equal(found["privilege"][0], "missing", "privilege")
        expect("initial user namespace" in found["privilege"][1], found["privilege"][1])
        expect_equal(found["queue-management"][0], "unknown", "queue management")
        # Such a user cannot open the memory's device either.
        expect_equal(found["memory-udmabuf"][0], "missing", "memory")
        expect_equal(process.returncode, 1, "exit status")

        # Root keeps the device, and loses the capability.
        process = subprocess.run(
            ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", *command],
            capture_output=True, timeout=30, check=False)
        expect_equal(process.returncode, 4, process.stdout.decode() + process.stderr.decode())

        # A user namespace of one's own does not own the network namespace.
        process = subprocess.run(
            ["unshare", "--user", "--map-root-user", *command], capture_output=True, timeout=30,
            check=False)
        found = items(Result(process.returncode, process.stdout, process.stderr.decode()))
        expect_equal(found["privilege"][0], "missing", "privilege in a user namespace")
        expect("above it" in found["privilege"][1], found["privilege"][1])
