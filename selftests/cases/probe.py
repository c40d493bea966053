# SPDX-License-Identifier: GPL-2.0-only
"""The probe: `ncdevmem -f IFACE` says whether devmem works here."""

from __future__ import annotations

import json
import subprocess

from testbed.harness import case, expect
from testbed.hosts import NIC
from testbed.state import expect_released, unchanged
from testbed.tool import run


@case("the probe passes on the software NIC, and leaves it as it was")
def passes() -> None:
    with unchanged():
        run("-f", NIC).expect(0)
        result = run("-f", NIC, "-t", "2", "-q", "1", "--json").expect(0)
    expect(json.loads(result.stdout)["supported"], "it is not supported")
    expect_released()


@case("the probe fails on the loopback and on a dummy device", binds=False)
def fails_elsewhere() -> None:
    result = run("-f", "lo")
    expect(result.code in (1, 4), f"exit status {result.code}")
    subprocess.run(
        ["ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1"], check=True)
    try:
        result = run("-f", "veth0")
        expect(result.code in (1, 4), f"exit status {result.code}")
        expect("veth0" in result.stderr, result.stderr)
    finally:
        subprocess.run(["ip", "link", "delete", "veth0"], check=True)


@case("an interface that is not there is reported", binds=False)
def unknown_interface() -> None:
    result = run("-f", "nosuch0")
    expect(result.code != 0 and "nosuch0" in result.stderr, result.stderr)
