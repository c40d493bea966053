# SPDX-License-Identifier: GPL-2.0-only
"""A machine that QEMU makes."""

import json
from pathlib import Path

from gve import Devices
from machine import KERNEL_ARGUMENTS, LOG, TERMINAL, Machine

# On a busy host QEMU's timer may not tick while the kernel tests whether it
# does, which is a panic.
ARGUMENTS = (
    *KERNEL_ARGUMENTS,
    *("hugepages=64", "mitigations=off", "no_timer_check", "watchdog_thresh=60"),
    # The checks of DMA (lab-debug) complain of mainline's udmabuf.
    "dma_debug=off",
)

# Without the fifth level of page tables: while the kernel identifies its processor, the feature is
# unknown for a moment, and KASAN takes an interrupt's accesses for wild.
PROCESSOR = "max,la57=off"
# With these the kernel copies and clears memory by `rep movsb` and `rep stosb`, which TCG emulates
# byte by byte: without them a page takes it a third of the time.
SLOW_WHEN_EMULATED = ("erms", "fsrm", "fsrs", "fzrm", "fsrc")


class Qemu(Machine):
    """Processors, by KVM or by emulation, with virtio's ports and 9p."""

    SETTINGS = {
        "files": "9p",
        "terminal": "/dev/hvc0",
        "stdout": "/dev/vport0p1",
        "stderr": "/dev/vport0p2",
        "status": "/dev/vport0p3",
        "stdin": "/dev/vport0p4",
        "orders": "/dev/vport0p5",
        "peer": "/dev/vport0p6",
    }

    def __init__(
        self, *, image: Path, accel: str, memory: str, cpus: int, plugin: str | None,
        icount: bool, shares: dict[str, Path], devices: Devices | None,
        qemu: Path | None, reboots: bool, **streams
    ) -> None:
        super().__init__(**streams)
        self._image = image
        self._accel = accel
        self._memory = memory
        self._cpus = cpus
        self._plugin = plugin
        self._icount = icount
        self._shares = shares
        self._devices = devices
        self._qemu = qemu
        self._reboots = reboots

    def command(self, initrd: str, ends: dict[str | int, int]) -> list[str]:
        # The sysroot's QEMU, not the host's: before 8.1, TCG could go on running
        # code that another processor had just patched, and the kernel died of an
        # int3. With -no-reboot a panic ends it at once.
        command = [
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"),
            *([] if self._reboots else ["-no-reboot"]),
            *self._acceleration(),
            *("-cpu", self._processor(), "-smp", str(self._cpus), "-m", self._memory),
            *("-kernel", str(self._image), "-initrd", initrd),
            *("-append", " ".join(ARGUMENTS)),
            *("-device", "virtio-serial-pci"),
        ]
        if self._plugin:
            command += ["-plugin", self._plugin]
        for tag, path in self._shares.items():
            mode = ",readonly=on" if tag == "cache" else ""
            fsdev = f"local,id={tag},path={path},security_model=none,multidevs=remap{mode}"
            command += ["-fsdev", fsdev]
            command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        for stream, descriptor in ends.items():
            name = f"port{stream}"
            command += ["-chardev", f"socket,id={name},fd={descriptor}"]
            if stream == LOG:
                command += ["-serial", f"chardev:{name}"]
            else:
                device = "virtconsole" if stream == TERMINAL else "virtserialport"
                command += ["-device", f"{device},chardev={name},nr={stream}"]
        if self._devices:
            command += self._gve(self._devices)
        return command

    def _gve(self, devices: Devices) -> list[str]:
        # DMA goes to memory that the process which models them shares.
        memory = f"memory-backend-memfd,id=memory,size={self._memory},share=on"
        arguments = ["-object", memory, "-machine", "memory-backend=memory"]
        for path in devices.paths:
            address = {"type": "unix", "path": path}
            device = {"driver": "vfio-user-pci", "socket": address}
            arguments += ["-device", json.dumps(device)]
        for number, descriptor in devices.ports.items():
            name = f"port{number}"
            arguments += ["-chardev", f"socket,id={name},fd={descriptor}"]
            arguments += ["-device", f"virtserialport,chardev={name},nr={number}"]
        return arguments

    def overlay(self) -> Path | None:
        return self._qemu

    def descriptors(self) -> list[int]:
        return self._devices.descriptors if self._devices else []

    def _processor(self) -> str:
        """The model. Where instructions are counted, it has all that a processor has."""
        if self._accel != "tcg" or self._plugin or self._icount:
            return PROCESSOR
        return ",".join([PROCESSOR, *(f"{feature}=off" for feature in SLOW_WHEN_EMULATED)])

    def _acceleration(self) -> list[str]:
        if self._icount:
            # 2 ns an instruction, and none while the processor is idle. QEMU 10 resets the
            # machine early in the boot when it has two processors.
            return ["-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off"]
        return ["-accel", "tcg,thread=multi" if self._accel == "tcg" else self._accel]
