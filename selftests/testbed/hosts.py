# SPDX-License-Identifier: GPL-2.0-only
"""The two hosts of the testbed: commands, senders, and the software NIC between them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import nic
from .harness import Failed, expect, wait_for

NIC, REMOTE_NIC = nic.AT_HAND.names
LOCAL = {4: "192.0.2.1", 6: "2001:db8::1"}
REMOTE = {4: "192.0.2.2", 6: "2001:db8::2"}

# Of an address (`linux/if_addr.h`)
IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40

_next_port = 5200


def free_port() -> int:
    """A port that no earlier case used."""
    global _next_port
    _next_port += 1
    return _next_port


def output(*command: str) -> str:
    """What a command that must succeed prints."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    expect(result.returncode == 0, f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


# The parameters that the NIC has wherever a case asks for no others: those of the runner's
# --nic-args. A personality there is that of the whole run.
usual_parameters: tuple[str, ...] = tuple(nic.setting("nic_args").split())


def reload_nic(*parameters: str) -> None:
    """Loads the NIC afresh. Of a parameter that is given twice, the last one counts."""
    nic.AT_HAND.reload(*usual_parameters, *parameters)


@contextlib.contextmanager
def nic_with(*parameters: str) -> Iterator[None]:
    """The NIC loaded with parameters, for as long as the block lasts."""
    reload_nic(*parameters)
    try:
        yield
    finally:
        reload_nic()


def parameter(name: str) -> int:
    """What holds of a parameter of the NIC as it is loaded."""
    return nic.AT_HAND.parameter(name)


def ring_recreations() -> int:
    """How often the NIC has made its rings anew."""
    return nic.AT_HAND.ring_recreations()


def set_fault(name: str, value: int) -> None:
    """Sets a fault of the NIC that can be changed at any time."""
    nic.AT_HAND.set_fault(name, value)


def clear_faults() -> None:
    """Makes the NIC behave."""
    nic.AT_HAND.clear_faults()


def pattern(length: int, period: int = 7) -> Iterator[bytes]:
    """The C tool's pattern, in pieces."""
    unit = bytes(range(1, period)) + b"\n"
    block = unit * (65536 // period)
    whole, rest = divmod(length, len(block))
    for _ in range(whole):
        yield block
    yield (unit * (rest // period + 1))[:rest]


def enter_remote() -> None:
    """Puts the calling thread on the remote host: a network namespace is a thread's own matter."""
    with open("/run/netns/remote", encoding="ascii") as namespace:
        os.setns(namespace.fileno(), os.CLONE_NEWNET)


# An address of the remote host that is not its usual one.
STRANGER = "192.0.2.3"


@contextlib.contextmanager
def stranger() -> Iterator[None]:
    """Gives the remote host the address of a stranger."""
    address = (f"{STRANGER}/24", "dev", REMOTE_NIC)
    output("ip", "-netns", "remote", "address", "add", *address)
    try:
        yield
    finally:
        output("ip", "-netns", "remote", "address", "delete", *address)


def _ipv6_is_ready(nic: str, address: str) -> bool:
    """Whether this thread's host has an address that it can use."""
    wanted = socket.inet_pton(socket.AF_INET6, address).hex()
    for line in Path("/proc/thread-self/net/if_inet6").read_text(encoding="ascii").splitlines():
        found, _, _, _, flags, name = line.split()
        if (found, name) == (wanted, nic):
            return not int(flags, 16) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)
    host = [] if nic == NIC else ["-netns", "remote"]
    output("ip", *host, "address", "add", f"{address}/64", "dev", nic)
    return False


def _wait_for_ipv6(nic: str, address: str) -> None:
    expect(wait_for(lambda: _ipv6_is_ready(nic, address)), f"{nic} cannot use {address}")


def need(version: int) -> None:
    """Waits until both hosts can use their address of this version of IP. One of version 6 is gone
    after a device was down, and cannot be used until no other host was found to have it."""
    if version == 4:
        return

    def remote() -> None:
        enter_remote()
        _wait_for_ipv6(REMOTE_NIC, REMOTE[6])

    _wait_for_ipv6(NIC, LOCAL[6])
    with ThreadPoolExecutor(1) as thread:
        thread.submit(remote).result(30)


class Sender(threading.Thread):
    """Connects from the remote host and sends, in a thread of its own."""

    def __init__(
        self, version: int, port: int, pieces: Iterator[bytes], source_port: int = 0,
        hold: float = 0, segment_each: bool = False, source: str | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.version = version
        self.port = port
        self.pieces = pieces
        self.source = source or REMOTE[version]
        self.source_port = source_port
        self.hold = hold
        self.segment_each = segment_each
        self.sent = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            enter_remote()
            family = socket.AF_INET if self.version == 4 else socket.AF_INET6
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.settimeout(60)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if self.segment_each:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.bind((self.source, self.source_port))
                connection.connect((LOCAL[self.version], self.port))
                for piece in self.pieces:
                    connection.sendall(piece)
                    self.sent += len(piece)
                    if self.segment_each:
                        time.sleep(0.002)
                time.sleep(self.hold)
        except OSError as error:
            self.error = error


def is_listening(port: int) -> bool:
    """Whether a process listens at a port."""
    for table in ("/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == "0A":
                return True
    return False


def statistic(name: str) -> int:
    """One of the interface's counters."""
    return int(Path(f"/sys/class/net/{NIC}/statistics/{name}").read_text(encoding="ascii"))


def wait_for_traffic(size: int) -> None:
    """Waits until so many bytes more have been received, by the interface's counter."""
    wanted = statistic("rx_bytes") + size
    expect(wait_for(lambda: statistic("rx_bytes") > wanted), "no traffic")


def wait_listening(
    port: int, process: subprocess.Popen[bytes], seconds: float = 60, pause: float = 0.05
) -> None:
    """Waits until a process listens at a port, or has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_listening(port) or process.poll() is not None:
            return
        time.sleep(pause)
    process.kill()
    raise Failed(f"nothing listens at port {port}")


def wait_listening_remotely(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until a process on the remote host listens at a port, or has ended."""
    def wait() -> None:
        enter_remote()
        wait_listening(port, process)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(wait).result(70)
