# SPDX-License-Identifier: GPL-2.0-only
"""A QEMU process, its streams and its deadline."""

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
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# The guest's ports: `guest` knows them by these numbers.
TERMINAL, STDOUT, STDERR, STATUS, STDIN = range(5)
LOG = "log"

# The sysroot's QEMU, not the host's: before 8.1, TCG could go on running code
# that another processor had just patched, and the kernel died of an int3.
IN_SYSROOT = Path(__file__).resolve().parent.parent.parent / "scripts/in-sysroot"

# panic=-1 with -no-reboot: a panic ends QEMU at once. An oops is a panic, a
# warning is not: its report needs the log that follows. On a busy host QEMU's
# timer may not tick while the kernel tests whether it does, which is a panic.
COMMAND_LINE = (
    "console=ttyS0 loglevel=5 panic=-1 oops=panic hugepages=64 mitigations=off"
    " no_timer_check watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
)


class Deadline(Exception):
    pass


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


class Machine:
    """One boot. After `run`: the command's exit status, or None where it did
    not end, and the kernel's log."""

    def __init__(
        self,
        *,
        image: Path,
        initrd: bytes,
        accel: str,
        memory: str,
        shares: dict[str, Path],
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
        self._command = [
            # QEMU must not outlive this process, however it ends.
            *("setpriv", "--pdeathsig", "KILL", str(IN_SYSROOT)),
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"),
            *("-display", "none", "-accel", "tcg,thread=multi" if accel == "tcg" else accel),
            *("-cpu", "max", "-smp", "2", "-m", memory),
            *("-kernel", str(image), "-initrd", f"/proc/self/fd/{self._initrd}"),
            *("-append", COMMAND_LINE),
            *("-device", "virtio-serial-pci"),
        ]
        for tag, path in shares.items():
            mode = ",readonly=on" if tag == "cache" else ""
            fsdev = f"local,id={tag},path={path},security_model=none,multidevs=remap{mode}"
            self._command += ["-fsdev", fsdev]
            self._command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]

    def run(self, timeout: int) -> None:
        """Returns when the machine is off; raises Deadline."""
        self._selector = selectors.DefaultSelector()
        theirs = [self._connect(LOG, "-serial", "chardev:{}")]
        for port in self._ports:
            device = "virtconsole" if port == TERMINAL else "virtserialport"
            theirs.append(self._connect(port, "-device", f"{device},chardev={{}},nr={port}"))
        descriptors = [end.fileno() for end in theirs]
        signal.signal(signal.SIGALRM, past_deadline)
        signal.alarm(timeout)
        qemu = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=[self._initrd, *descriptors],
        )
        try:
            for end in theirs:
                end.close()
            if self._input:
                threading.Thread(target=self._feed, args=[self._input], daemon=True).start()
            with raw_terminal(TERMINAL in self._ports):
                self._relay()
            qemu.wait()
        finally:
            signal.alarm(0)
            qemu.kill()
            qemu.wait()

    def complaint(self) -> str:
        """What QEMU itself had to say."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def _connect(self, stream: str | int, option: str, value: str) -> socket.socket:
        """Gives QEMU one end of a socket pair as a character device."""
        ours, theirs = socket.socketpair()
        name = f"port{stream}"
        self._command += ["-chardev", f"socket,id={name},fd={theirs.fileno()}"]
        self._command += [option, value.format(name)]
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

    def _relay(self) -> None:
        """Passes all streams on until QEMU has closed its ends."""
        open_streams = len(self._selector.get_map())
        while open_streams:
            for key, _ in self._selector.select():
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
