# SPDX-License-Identifier: GPL-2.0-only
"""Bonds and VLANs above the NIC: what works does, the rest is refused with what to do instead."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

from testbed.harness import case, expect
from testbed.hosts import LOCAL, NIC, REMOTE, REMOTE_NIC, output, reload_nic
from testbed.state import has_command
from testbed.tool import receive, run

ADDRESS, PEER = "198.51.100.1", "198.51.100.2"


@contextlib.contextmanager
def vlan() -> Iterator[str]:
    """A VLAN on each end of the cable; its interface here."""
    output("modprobe", "8021q")
    name = f"{NIC}.7"
    for words, lower, address in (((), NIC, ADDRESS), (("-netns", "remote"), REMOTE_NIC, PEER)):
        output("ip", *words, "link", "add", "link", lower, "name", f"{lower}.7", "type", "vlan",
               "id", "7")
        output("ip", *words, "address", "add", f"{address}/24", "dev", f"{lower}.7")
        output("ip", *words, "link", "set", f"{lower}.7", "up")
    try:
        yield name
    finally:
        output("ip", "link", "delete", name)
        output("ip", "-netns", "remote", "link", "delete", f"{REMOTE_NIC}.7")


@contextlib.contextmanager
def bond() -> Iterator[str]:
    """A bond of the NIC, with its addresses."""
    output("modprobe", "bonding", "max_bonds=0")
    output("ip", "link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "50")
    try:
        output("ip", "link", "set", NIC, "down")
        output("ip", "link", "set", NIC, "master", "bond0")
        output("ip", "address", "delete", f"{LOCAL[4]}/24", "dev", NIC)
        output("ip", "link", "set", "bond0", "up")
        output("ip", "address", "add", f"{LOCAL[4]}/24", "dev", "bond0")
        output("ping", "-c", "1", "-W", "5", REMOTE[4])
        yield "bond0"
    finally:
        subprocess.run(["ip", "link", "delete", "bond0"], capture_output=True, check=False)
        reload_nic()


def expect_check(name: str, words: str) -> None:
    """A check's first line names the NIC to use; the check of the NIC has no such line."""
    result = run("--check", "-f", name).expect(1, "missing: stacking, ")
    first = result.stdout.decode().splitlines()[0]
    expect(f"{words} -> run with -f {NIC}, " in first, first)
    expect("stacking" not in run("--check", "-f", NIC).stdout.decode(), f"{NIC} stands on another")


@case("a VLAN is refused with the NIC to use, and a peer behind it with the reason", once=True,
      binds=False)
def on_vlan() -> None:
    with vlan() as name:
        for options in ((), ("-l", "-s", ADDRESS, "-p", "5201")):
            run("-f", name, *options).expect(4, f"{name} is a vlan on {NIC}", f"run with -f {NIC}")
        expect_check(name, f"{name} is a vlan on {NIC}")
        if not has_command("bind-tx"):
            return
        run("-f", name, "-s", PEER, "-p", "5201").expect(
            4, f"{name} is a vlan on {NIC}", f"outside of {name}, and run with -f {NIC}")
        run("-f", NIC, "-s", PEER, "-p", "5201").expect(
            4, f"leaves by {name}, a vlan on {NIC}", "by a route that leaves by the NIC itself")


@case("a port of a bond receives what comes to the bond's address, and does not send", once=True)
def on_bond() -> None:
    with bond() as name:
        run("-f", name).expect(4, f"{name} is a bond of {NIC}", f"run with -f {NIC}")
        expect_check(name, f"{name} is a bond of {NIC}")
        receive(100_000, "-v", "7").expect(0)
        if not has_command("bind-tx"):
            return
        run("-f", name, "-s", REMOTE[4], "-p", "5201").expect(
            4, f"{name} is a bond of {NIC}", f"run with -f {NIC}")
        run("-f", NIC, "-s", REMOTE[4], "-p", "5201").expect(
            4, f"a port of the bond {name}", f"ip link set {NIC} nomaster")
