# SPDX-License-Identifier: GPL-2.0-only
"""The NIC of this machine: the software NIC, or a gVNIC with the kernel's own driver."""

from __future__ import annotations

import abc
import os
import select
import shlex
import subprocess
import time
from pathlib import Path

from .harness import Failed, Skipped, expect


def setting(name: str) -> str:
    """What the runner of the VM has noted down under a name; empty for nothing."""
    for line in Path("/run/vm/settings").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition("=")
        if key == name:
            return " ".join(shlex.split(value))
    return ""


class Nic(abc.ABC):
    """A pair of devices, joined by a cable."""

    driver: str
    # The drivers that it can behave like.
    personalities: tuple[str, ...]

    def label(self, personality: str) -> str:
        """What a row about this NIC is called."""
        return personality

    @property
    def names(self) -> tuple[str, str]:
        """The device of this host, and that of the remote one."""
        return f"{self.driver}0", f"{self.driver}1"

    def reload(self, *parameters: str) -> None:
        """Loads the driver afresh, and makes the two hosts. Of a parameter that is given twice,
        the last one counts."""
        if Path("/run/netns/remote").exists():
            subprocess.run(["ip", "netns", "delete", "remote"], check=True)
        # The remote port comes home when the namespace is really gone.
        deadline = time.monotonic() + 20
        while Path(f"/sys/module/{self.driver}/refcnt").exists() and subprocess.run(
                ["rmmod", self.driver], capture_output=True, check=False).returncode:
            expect(time.monotonic() < deadline, f"{self.driver} cannot be unloaded")
            time.sleep(0.1)
        only = ["--host", setting("host")] if setting("host") else []
        command = ["selftests/vm/hosts.sh", *only, setting("nic"), *parameters]
        subprocess.run(command, check=True, timeout=60)

    @abc.abstractmethod
    def parameter(self, name: str) -> int:
        """What holds of a parameter of the software NIC, or of what another one has in its place
        (selftests/nic describes them)."""

    @abc.abstractmethod
    def set_fault(self, name: str, value: int) -> None:
        """Makes something go wrong from now on, or with 0 no longer."""

    @abc.abstractmethod
    def clear_faults(self) -> None:
        """Makes the NIC behave."""

    @abc.abstractmethod
    def ring_recreations(self) -> int:
        """How often it has made its rings anew."""


class SoftwareNic(Nic):
    """selftests/nic. Its parameters are at hand while it is loaded."""

    driver = "dmnic"
    personalities = ("plain", "mlx5", "bnxt", "bnxt-vf", "fbnic", "gve")
    _parameters = Path("/sys/module/dmnic/parameters")

    def parameter(self, name: str) -> int:
        return int((self._parameters / name).read_text(encoding="ascii"))

    def set_fault(self, name: str, value: int) -> None:
        (self._parameters / name).write_text(f"{value}\n", encoding="ascii")

    def clear_faults(self) -> None:
        for name in ("drop_every", "corrupt_every", "linear_bytes", "plain_every"):
            if (self._parameters / name).exists():
                self.set_fault(name, 0)

    def ring_recreations(self) -> int:
        return self.parameter("ring_recreations")


class Gve(Nic):
    """selftests/gve, which takes orders by a port of the machine's."""

    driver = "gve"
    personalities = ("gve",)
    # As its driver is, and as selftests/nic models it.
    _parameters = {
        "auto_keeps_split": 1,
        "carrier_ms": 1,
        "contexts": 0,
        "fixed_queue0": 1,
        "hds_thresh_default": 0,
        "locations": 2,
        "max_tx_frags": 9,
        "no_queue_ops": 0,
        "no_rx_page_size": 1,
        "ntuple": 1,
        "page_size_max": 0,
        "rx_buf_len": 2048,
        "rxtx_channels": 1,
        "split_needs_gro_hw": 0,
    }

    def parameter(self, name: str) -> int:
        return self._parameters[name]

    def reload(self, *parameters: str) -> None:
        if any(not self._is_so(*parameter.split("=")) for parameter in parameters):
            raise Skipped("only the software NIC can be made so")
        super().reload()

    def label(self, personality: str) -> str:
        return f"{personality}.ko"

    def _is_so(self, name: str, value: str) -> bool:
        """Whether it is by itself as a parameter would make the software NIC."""
        if name == "personality":
            return value == self.driver
        # A case that is not about the carrier has it stay only to save time.
        if name == "carrier_ms":
            return True
        return self._parameters.get(name) == int(value)

    def set_fault(self, name: str, value: int) -> None:
        if name not in ("drop_every", "corrupt_every", "linear_bytes"):
            if value:
                raise Skipped("only the software NIC can be made to do so")
            return
        for device in range(2):
            self.order(f"set {device} {name} {value}")

    def clear_faults(self) -> None:
        self.order("clear")

    def ring_recreations(self) -> int:
        return int(self.order("get 0 rings_created"))

    def order(self, line: str) -> str:
        """Gives an order (see selftests/gve/control.c) and returns the answer to it."""
        port = os.open(setting("orders"), os.O_RDWR)
        try:
            os.write(port, f"{line}\n".encode())
            answer = b""
            while not answer.endswith(b"\n"):
                expect(select.select([port], [], [], 10)[0], f"no answer to {line}")
                answer += os.read(port, 200)
        finally:
            os.close(port)
        text = answer.decode().strip()
        if text.startswith("error"):
            raise Failed(f"{line}: {text}")
        return text


AT_HAND: Nic = Gve() if setting("nic") == Gve.driver else SoftwareNic()
