# SPDX-License-Identifier: GPL-2.0-only
"""Two gVNICs joined by a cable, modelled by a process of their own."""

import os
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Devices:
    """What QEMU needs to have some of the devices: the paths of their sockets, and the descriptors
    that lead there or, by number, to a port of the machine."""

    paths: list[str]
    ports: dict[int, int]
    directory: int

    @property
    def descriptors(self) -> list[int]:
        """All that QEMU inherits."""
        return [self.directory, *self.ports.values()]


class Gve:
    """The process. Machines reach its devices by the paths of sockets, in a directory that they
    inherit: in the sysroot they see no other of the host's."""

    def __init__(self, program: Path, options: list[str]) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.directory = os.open(self._directory.name, os.O_RDONLY | os.O_DIRECTORY)
        listeners = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for listener, path in zip(listeners, self.paths):
            listener.bind(path)
            listener.listen()
        self.orders, theirs = socket.socketpair()
        inherited = [end.fileno() for end in (*listeners, theirs)]
        self._process = subprocess.Popen(
            # It must not outlive this process, however that ends.
            ["setpriv", "--pdeathsig", "KILL", program, *options, *map(str, inherited)],
            stdin=subprocess.PIPE,
            pass_fds=inherited,
        )
        for end in (*listeners, theirs):
            end.close()

    @property
    def paths(self) -> list[str]:
        """Where QEMU finds the devices."""
        return [f"/proc/self/fd/{self.directory}/{number}" for number in range(2)]

    def end(self) -> str:
        """Ends the process; what went wrong with it, if something did."""
        self.orders.close()
        os.close(self.directory)
        self._directory.cleanup()
        try:
            self._process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return "the model of the NIC did not end"
        status = self._process.returncode
        return f"the model of the NIC ended with {status}" if status else ""
