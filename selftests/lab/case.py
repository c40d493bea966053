# SPDX-License-Identifier: GPL-2.0-only
"""What the cases of `test` share: the NIC's set-up, and what a case has open."""

import errno
import subprocess
from contextlib import ExitStack
from pathlib import Path

from testbed.devmem import (
    DEVICE, ID, PAGE, Buffer, Fragment, Netlink, Refused, Stream, number, refuses, until)

# The flow rules lead these ports to these queues; no other traffic goes there.
PORT, QUEUE = 5300, 3
OTHER_PORT, OTHER_QUEUE = 5301, 2

MANUAL, AUTO = b"\0\0\0\0", b"\1\0\0\0"
DATA = bytes(range(251)) * 160
SIZE = 1 << 20


def ethtool(*words: object) -> None:
    subprocess.run(["ethtool", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def set_up() -> None:
    # The cases count references, at once: no buffer may wait for its processor's next packet.
    Path("/proc/sys/net/core/skb_defer_max").write_text("0\n", encoding="ascii")
    ethtool("-K", DEVICE, "ntuple", "on")
    ethtool("-G", DEVICE, "tcp-data-split", "on")
    ethtool("-X", DEVICE, "equal", 2)
    for location, (port, queue) in enumerate([(PORT, QUEUE), (OTHER_PORT, OTHER_QUEUE)]):
        steer(port, queue, location)


def steer(port: int, queue: int, location: int) -> None:
    rule = ("flow-type", "tcp4", "dst-port", port, "action", queue, "loc", location)
    ethtool("-N", DEVICE, *rule)


def bind_when_free(netlink: Netlink, buffer: Buffer, queue: int, mode: bytes | None) -> int:
    """Binds as soon as the mode is free, and returns the binding's number."""
    return number(reply_when_free(netlink, buffer, queue, mode)[ID])


def reply_when_free(
        netlink: Netlink, buffer: Buffer, queue: int, mode: bytes | None) -> dict[int, bytes]:
    """Waits for a binding in the other mode to go: a binding is freed a little
    after the last thing that kept it."""
    bound: list[dict[int, bytes]] = []

    def attempt() -> bool:
        try:
            bound.append(netlink.bind_reply(buffer, queue, mode))
        except Refused as failure:
            if failure.errno != errno.EBUSY:
                raise
        return bool(bound)

    until(attempt, "the mode is free")
    return bound[0]


class Case(ExitStack):
    """What a case has open; closed at its end, whatever happens, and then all
    memory must come back."""

    def __init__(self) -> None:
        super().__init__()
        self.witness = Netlink()
        self.buffer = Buffer(SIZE)

    def bind(self, mode: bytes | None, queue: int = QUEUE) -> tuple[Netlink, int]:
        netlink = self.own(Netlink())
        return netlink, bind_when_free(netlink, self.buffer, queue, mode)

    def busy(self, mode: bytes | None) -> str:
        """Checks that the bindings there are keep this mode out."""
        netlink = self.own(Netlink())
        return refuses(errno.EBUSY, netlink.bind, self.buffer, OTHER_QUEUE, mode)

    def stream(self, port: int = PORT, data: bytes = DATA) -> Stream:
        stream = self.own(Stream(port))
        stream.send(data)
        return stream

    def own(self, thing):
        self.callback(thing.close)
        return thing

    def inflight(self, binding: int) -> int | None:
        """The buffers that are out, None when the binding has no page pool."""
        return self.witness.inflight().get(binding)

    def until_free(self, binding: int) -> None:
        until(lambda: self.inflight(binding) is None, f"binding {binding} is freed")

    def finish(self) -> None:
        self.close()
        until(lambda: not self.witness.inflight(), "no memory is out")
        self.buffer.close()
        self.witness.close()


def tokens(fragments: list[Fragment]) -> list[tuple[int, int]]:
    return [(fragment.token, 1) for fragment in fragments]


def return_all(stream: Stream, fragments: list[Fragment]) -> None:
    for first in range(0, len(fragments), 128):
        batch = tokens(fragments[first:first + 128])
        returned = stream.give_back(*batch)
        assert returned == len(batch), f"{returned} of {len(batch)} returned"


def pages(fragments: list[Fragment]) -> set[int]:
    return {fragment.offset // PAGE for fragment in fragments}


def drain(stream: Stream) -> int:
    """Returns all that can be returned on this socket."""
    total = 0
    while returned := stream.give_back((0, 1024)):
        total += returned
    return total
