# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel says about the NIC and its bindings, asked by other tools than the one tested."""

from __future__ import annotations

import contextlib
import difflib
import functools
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .devmem import free_deferred
from .harness import expect, expect_equal
from .hosts import NIC, REMOTE_NIC, enter_remote
from .settings import settings


def kernel() -> tuple[int, int]:
    """The kernel's version, such as (6, 12)."""
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    assert found
    return int(found[1]), int(found[2])


def upstream() -> Path:
    """The kernel's own tools, which bear witness (`scripts/upstream`)."""
    return Path(os.environ["UPSTREAM"])


def is_upstreams() -> bool:
    """Whether this is the kernel that these tools are of."""
    return upstream().name.startswith(f"{os.uname().release}-")


@functools.cache
def netdev():
    """The netdev family, by the kernel's own netlink library."""
    source = upstream()
    sys.path.append(str(source / "tools/net/ynl/pyynl"))
    from lib import YnlFamily

    return YnlFamily(str(source / "Documentation/netlink/specs/netdev.yaml"), schema="")


def bind_rx_attributes() -> dict[str, str]:
    """The attributes that this kernel's bind-rx takes, with their types."""
    policy = netdev().get_policy("bind-rx", "do").to_dict()
    return {name: properties["type"] for name, properties in policy.items()}


def token_mode_attribute() -> str | None:
    """The attribute of bind-rx that chooses the token mode: "attr-" and its number, for the
    specification of a released kernel has none."""
    policy = netdev().get_policy("bind-rx", "do").to_dict()
    return next(
        (name for name, properties in policy.items()
         if properties["type"] == "u32" and properties.get("max-value") == 1), None)


def has_command(name: str) -> bool:
    """Whether this kernel's netdev family has a command."""
    family = netdev()
    from lib.ynl import YnlException

    try:
        return bool(family.get_policy(name, "do").to_dict())
    except YnlException:
        return False


def nic_state() -> str:
    """All that a run may change."""
    return settings(NIC)


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Fails the case if the NIC is not afterwards as it was before."""
    before = nic_state()
    yield
    expect_state(before)


@contextlib.contextmanager
def remote_unchanged() -> Iterator[None]:
    """Fails the case if the remote host's NIC is not afterwards as it was before."""
    def state() -> str:
        enter_remote()
        return settings(REMOTE_NIC)

    with ThreadPoolExecutor(1) as thread:
        before = thread.submit(state).result(60)
        yield
        after = thread.submit(state).result(60)
    expect_equal(after, before, "the remote NIC")


def expect_state(before: str) -> None:
    """Fails the case if the NIC is not as `nic_state` once returned it."""
    after = nic_state()
    difference = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    expect(before == after, "the NIC was changed:\n" + "\n".join(difference))


def bound_queues() -> dict[int, int]:
    """The RX queues that have device memory, with the id of their binding."""
    index = socket.if_nametoindex(NIC)
    queues = netdev().dump("queue-get", {"ifindex": index})
    return {
        queue["id"]: queue["dmabuf"]["id"] if isinstance(queue["dmabuf"], dict) else queue["dmabuf"]
        for queue in queues if queue["type"] == "rx" and "dmabuf" in queue
    }


def device_pools() -> list[dict]:
    """The NIC's page pools that hand out device memory."""
    index = socket.if_nametoindex(NIC)
    pools = netdev().dump("page-pool-get", {})
    return [pool for pool in pools if pool.get("ifindex") == index and "dmabuf" in pool]


def expect_released(seconds: float = 20) -> None:
    """Waits until neither queue nor page pool has device memory."""
    deadline = time.monotonic() + seconds
    while bound_queues() or device_pools():
        expect(
            time.monotonic() < deadline,
            f"still bound: queues {bound_queues()}, pools {device_pools()}")
        free_deferred()
        time.sleep(0.02)


def huge_pages_free() -> int:
    """Free huge pages of 2 MiB."""
    text = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages").read_text("ascii")
    return int(text)


def has_huge_pages() -> bool:
    """Whether this kernel has huge pages, of which memory for large buffers is made."""
    return Path("/sys/kernel/mm/hugepages").is_dir()
