# SPDX-License-Identifier: GPL-2.0-only
"""A machine that is a process, its streams and its deadline."""

import abc
import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# The streams between the host and `guest`, and the kernel's log.
TERMINAL, STDOUT, STDERR, STATUS, STDIN, ORDERS, PEER = range(7)
LOG = "log"

IN_SYSROOT = Path(__file__).resolve().parent.parent.parent / "scripts/in-sysroot"

# For all kernels. A panic is the end; an oops is a panic, a warning is not: its
# report needs the log that follows.
KERNEL_ARGUMENTS = (
    "console=ttyS0", "loglevel=5", "panic=-1", "oops=panic",
    "rcupdate.rcu_cpu_stall_timeout=120",
)


class Deadline(Exception):
    pass


class Silent(Exception):
    """The machine shows no sign of life."""


def say(text: str) -> None:
    print(f"vm: {text}", file=sys.stderr, flush=True)


def past_deadline(*_: object) -> None:
    raise Deadline


@contextlib.contextmanager
def raw_terminal(wanted: bool) -> Iterator[None]:
    """Leaves each key to the guest's terminal."""
    if not wanted:
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


class Machine(abc.ABC):
    """One boot. After `run`: the command's exit status, or None where it did
    not end, and the kernel's log."""

    # What `init` and `guest` must know of this kind of machine: by what file
    # system the host's directories come, and the path of each stream.
    SETTINGS: dict[str, str]
    # Seconds within which the kernel's log begins. On a busy host, QEMU now and then hangs before;
    # elsewhere the first line comes in the first second.
    SILENCE = 60

    def __init__(
        self,
        *,
        initrd: bytes,
        terminal: bool = False,
        stdin: bool = False,
        kernel_log: str | None = None,
    ) -> None:
        self.status: int | None = None
        self.log = bytearray()
        self._log_file: BinaryIO | None = None
        if kernel_log:
            self._log_file = open(kernel_log, "wb", buffering=0)
        self._status = bytearray()
        self._input: socket.socket | None = None
        self._errors = tempfile.TemporaryFile()
        self._ports = [TERMINAL, STATUS] if terminal else [STDOUT, STDERR, STATUS]
        if stdin:
            self._ports.append(STDIN)
        self._initrd = os.memfd_create("initrd")
        os.write(self._initrd, initrd)

    @abc.abstractmethod
    def command(self, initrd: str, ends: dict[str | int, int]) -> list[str]:
        """The program to run in the sysroot. It inherits the descriptors `ends`,
        one of a stream each, and the one that the path `initrd` names."""

    def overlay(self) -> Path | None:
        """What is laid over the sysroot for the program."""
        return None

    def descriptors(self) -> list[int]:
        """What else the program inherits."""
        return []

    def run(self, timeout: int) -> None:
        """Returns when the machine is off; raises Deadline. One that shows no sign of life is
        started once more."""
        signal.signal(signal.SIGALRM, past_deadline)
        signal.alarm(timeout)
        try:
            try:
                self._boot(patience=self.SILENCE)
            except Silent:
                say(f"no line of the kernel's within {self.SILENCE} seconds: another boot")
                self._boot(patience=timeout)
        finally:
            signal.alarm(0)

    def _boot(self, patience: float) -> None:
        """Returns when the machine is off; raises Silent if its log has not begun in so many
        seconds."""
        self._selector = selectors.DefaultSelector()
        theirs = {stream: self._connect(stream) for stream in [LOG, *self._ports]}
        ends = {stream: end.fileno() for stream, end in theirs.items()}
        initrd = f"/proc/self/fd/{self._initrd}"
        overlay = self.overlay()
        system = [IN_SYSROOT, *(["--with", overlay] if overlay else [])]
        machine = subprocess.Popen(
            # The machine must not outlive this process, however it ends.
            ["setpriv", "--pdeathsig", "KILL", *system, *self.command(initrd, ends)],
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=[self._initrd, *ends.values(), *self.descriptors()],
        )
        try:
            for end in theirs.values():
                end.close()
            with raw_terminal(TERMINAL in self._ports):
                self._relay(time.monotonic() + patience)
            machine.wait()
        finally:
            machine.kill()
            machine.wait()

    def complaint(self) -> str:
        """What the program itself had to say."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def _connect(self, stream: str | int) -> socket.socket:
        """Opens a stream and returns the machine's end of it."""
        ours, theirs = socket.socketpair()
        if stream in (STDIN, TERMINAL):
            self._input = ours
        if stream != STDIN:
            self._selector.register(ours, selectors.EVENT_READ, stream)
        return theirs

    def _feed(self, port: socket.socket) -> None:
        """Passes this program's input on, in a thread of its own: the guest
        may be slow to read, and must not be slow to be read from."""
        with contextlib.suppress(OSError):
            while data := os.read(0, 65536):
                port.sendall(data)
            port.shutdown(socket.SHUT_WR)

    def _relay(self, silent_until: float) -> None:
        """Passes all streams on until the machine has closed its ends."""
        open_streams = len(self._selector.get_map())
        while open_streams:
            patience = None if self.log else max(0, silent_until - time.monotonic())
            ready = self._selector.select(patience)
            if not ready:
                raise Silent
            for key, _ in ready:
                try:
                    data = os.read(key.fd, 65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    self._selector.unregister(key.fileobj)
                    open_streams -= 1
                    continue
                self._take(key.data, data)

    def _take(self, stream: str | int, data: bytes) -> None:
        if stream == LOG:
            if not self.log and self._input:
                # Not before: what a machine has got that is started again is lost.
                threading.Thread(target=self._feed, args=[self._input], daemon=True).start()
            self.log += data
            if self._log_file:
                self._log_file.write(data)
        elif stream == STATUS:
            self._status += data
            if self._status.endswith(b"\n"):
                self.status = int(self._status)
        else:
            output = sys.stderr if stream == STDERR else sys.stdout
            output.buffer.write(data)
            output.buffer.flush()
