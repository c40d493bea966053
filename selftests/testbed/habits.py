# SPDX-License-Identifier: GPL-2.0-only
"""The NIC's habits, which are those of a driver in a run under a personality: what a case asks for
rather than supposes, and what an administrator of such a NIC does by hand."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from .harness import expect, wait_for
from .hosts import LOCAL, NIC, output, parameter
from .settings import set_hds_thresh
from .state import bind_rx_attributes, kernel

# Of the parameter `ntuple`: rules need a feature that is off at load, or one that is always on; or
# they need none, and the feature is aRFS.
NTUPLE_OFF, NTUPLE_FIXED, NTUPLE_ARFS = 1, 2, 3
# Of `locations`: the driver alone chooses where a rule goes.
_LOCATION_OF_DRIVER = (1, 4)


def largest_buffer() -> int:
    """The largest buffer that both kernel and driver can have on request (`rx-page-size`); 0 where
    one of them has no choice."""
    if bind_rx_attributes().get("rx-page-size") != "u32" or parameter("no_rx_page_size"):
        return 0
    return parameter("page_size_max")


def first_queue() -> int:
    """The lowest queue that can be bound."""
    return 1 if parameter("fixed_queue0") else 0


def wait_for_link() -> None:
    """Waits until the link is back that a change of the case's own has taken down."""
    carrier = Path(f"/sys/class/net/{NIC}/carrier")
    expect(wait_for(lambda: carrier.read_text(encoding="ascii") == "1\n"), "the carrier stays away")


def change(*words: str) -> str:
    """Changes the NIC, which is up, by ethtool, and waits for the link that this may take down."""
    option, *values = words
    text = output("ethtool", option, NIC, *values)
    wait_for_link()
    return text


def set_channels(count: int) -> None:
    """Gives the NIC so many queues of each kind."""
    kinds = ("rx", "tx") if parameter("rxtx_channels") else ("combined",)
    change("-L", *(word for kind in kinds for word in (kind, str(count))))


@contextlib.contextmanager
def _feature_on(name: str, is_needed: bool) -> Iterator[None]:
    """For a while, a feature that is off at load is on, if it is needed."""
    if not is_needed:
        yield
        return
    change("-K", name, "on")
    try:
        yield
    finally:
        change("-K", name, "off")


def rules_taken() -> contextlib.AbstractContextManager[None]:
    """For a while, the NIC takes flow rules."""
    return _feature_on("ntuple", parameter("ntuple") == NTUPLE_OFF)


def split_possible() -> contextlib.AbstractContextManager[None]:
    """For a while, header split can be configured."""
    return _feature_on("rx-gro-hw", bool(parameter("split_needs_gro_hw")))


@contextlib.contextmanager
def _all_split() -> Iterator[None]:
    """For a while, small packets are split, too."""
    usual = parameter("hds_thresh_default") if kernel() >= (6, 14) else 0
    if not usual:
        yield
        return
    set_hds_thresh(NIC, 0)
    wait_for_link()
    try:
        yield
    finally:
        set_hds_thresh(NIC, usual)
        wait_for_link()


@contextlib.contextmanager
def split() -> Iterator[None]:
    """For a while, header split is configured as device memory needs it."""
    with split_possible(), _all_split():
        change("-G", "tcp-data-split", "on")
        try:
            yield
        finally:
            # Where the automatic split leaves the split as it is, this ends it; elsewhere it may be
            # refused.
            if parameter("auto_keeps_split"):
                change("-G", "tcp-data-split", "off")
            change("-G", "tcp-data-split", "auto")


def rules() -> list[str]:
    """Where there are flow rules."""
    return re.findall(r"^Filter: (\d+)", output("ethtool", "-n", NIC), re.MULTILINE)


@contextlib.contextmanager
def steered(port: int, queue: int) -> Iterator[None]:
    """For a while, a flow rule leads what comes for a TCP port to a queue."""
    text = change("-N", "flow-type", "tcp4", "dst-port", str(port), "action", str(queue))
    try:
        yield
    finally:
        change("-N", "delete", text.split()[-1])


@contextlib.contextmanager
def others_rule(location: str = "9", queue: str = "1") -> Iterator[str]:
    """A rule that somebody else inserts, in this place where the driver leaves the choice; where it
    then is."""
    chosen = () if parameter("locations") in _LOCATION_OF_DRIVER else ("loc", location)
    text = change(
        "-N", "flow-type", "tcp4", "dst-ip", LOCAL[4], "dst-port", "99", "action", queue, *chosen)
    if not chosen:
        location = text.split()[-1]
    try:
        yield location
    finally:
        if location in rules():
            change("-N", "delete", location)
