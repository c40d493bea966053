# SPDX-License-Identifier: GPL-2.0-only
"""Every kind of memory is received into, checked and sent from; one that is missing says so."""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from testbed.drm import vgem
from testbed.habits import largest_buffer
from testbed.harness import Skipped, case, expect, expect_equal, holding
from testbed.hosts import LOCAL, NIC, REMOTE, Sender, free_port, pattern
from testbed.nic import setting
from testbed.sending import check_sent
from testbed.state import (
    bind_rx_attributes, expect_released, has_command, has_huge_pages, huge_pages_free, unchanged)
from testbed.summary import check_summary
from testbed.tool import LITTLE_MEMORY, Result, finish, listen, receive, run

LENGTH = 3 << 20
UDMABUF_CREATE = 0x40187542
DMA_HEAP_IOCTL_ALLOC = 0xC0184800
LIBRARIES = Path("/usr/lib/x86_64-linux-gnu")


def works(*options: str, descriptors: tuple[int, ...] = (), sends: bool = True) -> None:
    """Memory is received into and validated, all of the payload went there, and it is sent from."""
    with unchanged():
        result = receive(LENGTH, "-v", "7", "--json", *options, descriptors=descriptors).expect(0)
        summary = check_summary(result, LENGTH)
        expect_equal(summary["device_bytes"], LENGTH, "bytes in device memory")
        # Once is enough for as much as by default.
        if not descriptors and "--memory-size" not in options:
            options += LITTLE_MEMORY
        # The check finds what is wrong in this memory too.
        receive(LENGTH, "-v", "8", *options, descriptors=descriptors).expect(
            1, "wrong byte at 6: expected 7, got 10 (fragment 0, token ")
    expect_released()
    if sends and has_command("bind-tx"):
        check_sent(os.urandom(LENGTH), *options, descriptors=descriptors)
        check_sent(b"short", *options, descriptors=descriptors)


@contextlib.contextmanager
def missing(path: Path) -> Iterator[None]:
    """For a while, a file is not there."""
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextlib.contextmanager
def udmabuf(size: int) -> Iterator[tuple[int, mmap.mmap]]:
    """A dma-buf as another program would make it, and its memory."""
    memory = os.memfd_create("framework", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.truncate(memory, size)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    with open("/dev/udmabuf", "rb+", buffering=0) as device:
        request = bytearray(struct.pack("IIQQ", memory, 0, 0, size))
        dmabuf = fcntl.ioctl(device, UDMABUF_CREATE, request)
    try:
        with mmap.mmap(memory, size) as view:
            yield dmabuf, view
    finally:
        os.close(dmabuf)
        os.close(memory)


@contextlib.contextmanager
def heap_buffer(size: int, access: int) -> Iterator[int]:
    """A dma-buf of the system heap, whose descriptor the CPU may map only for this access."""
    with open("/dev/dma_heap/system", "rb+", buffering=0) as device:
        request = bytearray(struct.pack("QIIQ", size, 0, access | os.O_CLOEXEC, 0))
        fcntl.ioctl(device, DMA_HEAP_IOCTL_ALLOC, request)
    dmabuf = struct.unpack("QIIQ", request)[1]
    try:
        yield dmabuf
    finally:
        os.close(dmabuf)


def measured(
    pieces: Iterator[bytes], *options: str, descriptors: tuple[int, ...] = ()
) -> tuple[Result, dict]:
    """A measurement of one flow that nobody validates: how it ended, and what it says of the flow.
    """
    port = free_port()
    process = listen(
        4, port, "--flows", "1", "--interval", "0", "--json", *options, descriptors=descriptors)
    Sender(4, port, pieces).start()
    result = finish(process, 60)
    return result, json.loads(result.stdout)


@contextlib.contextmanager
def cuda(**settings: str) -> Iterator[Path]:
    """The stand-in in the place of libcuda; the file in which it writes down each call."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        environment = {
            "LD_LIBRARY_PATH": setting("cuda"), "CUDA_STANDIN_LOG": str(log), **settings}
        os.environ.update(environment)
        try:
            yield log
        finally:
            for name in environment:
                del os.environ[name]


@case("udmabuf: pages, and huge pages where they are asked for", deadline=300)
def udmabufs() -> None:
    works("--memory", "udmabuf")
    if not has_huge_pages():
        run("-f", NIC, "--memory", "udmabuf:huge=2M").expect(4, "CONFIG_HUGETLBFS")
        raise Skipped("this kernel has no huge pages; the refusal is as it should be")
    before = huge_pages_free()
    works("--memory", "udmabuf:huge=2M", "--memory-size", "16M")
    expect_equal(huge_pages_free(), before, "free huge pages")
    # Linux 6.12's driver takes 64 MiB at most, which it looks at first.
    with holding(Path("/sys/module/udmabuf/parameters/size_limit_mb"), "2048"):
        result = run("-f", NIC, "--memory", "udmabuf:huge=1G", "--memory-size", "1G")
        result.expect(1, "hugepages-1048576kB/nr_hugepages")
        result = run("-f", NIC, "--memory", "udmabuf:huge=2M", "--memory-size", "1G")
        result.expect(1, "hugepages-2048kB/nr_hugepages")
    with missing(Path("/dev/udmabuf")):
        run("-f", NIC).expect(4, "the kernel has it", "--device /dev/udmabuf")


@case("udmabuf: huge pages hold large buffers", deadline=120)
def udmabuf_large_buffers() -> None:
    if bind_rx_attributes().get("rx-page-size") != "u32":
        raise Skipped("this kernel has no rx-page-size")
    if not has_huge_pages():
        raise Skipped("this kernel has no huge pages")
    if not largest_buffer():
        raise Skipped("this driver has buffers of one size")
    works("--memory", "udmabuf:huge=2M", "--memory-size", "16M", "-b", "16K", sends=False)
    result = run("-f", NIC, "--memory", "heap:system", "-b", "2M")
    expect(result.code in (1, 4), f"exit status {result.code}: {result.stderr}")


@case("heap: the system heap, and no other", deadline=300)
def heaps() -> None:
    works("--memory", "heap:system")
    run("-f", NIC, "--memory", "heap:system").expect(0)
    run("-f", NIC, "--memory", "heap:nosuch").expect(4, "/dev/dma_heap/nosuch", "system")
    with missing(Path("/dev/dma_heap")):
        run("-f", NIC, "--memory", "heap:system").expect(4, "--device /dev/dma_heap/system")
        run("-f", NIC, "--memory", "heap:nosuch").expect(4, "CONFIG_DMABUF_HEAPS")


@case("drm: dumb buffers of vgem, by default, by driver and by device file", deadline=300)
def drm_devices() -> None:
    with vgem():
        works("--memory", "drm")
        for choice in ("drm:vgem", "drm:/dev/dri/card0"):
            run("-f", NIC, "--memory", choice).expect(0)
        run("-f", NIC, "--memory", "drm:nosuch").expect(4, "driver nosuch")
        run("-f", NIC, "--memory", "drm:/dev/dri/card7").expect(4, "/dev/dri/card7", "vgem")
        run("-f", NIC, "--memory", "drm:/dev/zero").expect(1, "/dev/zero", "no DRM device")
        run("-f", NIC, "--memory", "drm:/dev/dri/renderD128").expect(1, "EACCES", "/dev/dri/cardN")


@case("drm: without a device or a library, the run says what is missing", binds=False)
def drm_missing() -> None:
    if not Path("/dev/dri").exists():
        run("-f", NIC, "--memory", "drm").expect(4, "DRM device", "vgem")
    for library, package in (("libdrm.so.2", "libdrm2"), ("libudev.so.1", "libudev1")):
        with missing(LIBRARIES / library):
            run("-f", NIC, "--memory", "drm").expect(4, library, package)


@case("fd: another program's dma-buf, which that program then finds the payload in", deadline=300)
def given() -> None:
    size = 8 << 20
    with udmabuf(size) as (dmabuf, view):
        works("--memory", f"fd:{dmabuf}", descriptors=(dmabuf,))
        view[:] = bytes(size)
        receive(1 << 16, "-v", "7", "--memory", f"fd:{dmabuf}", descriptors=(dmabuf,)).expect(0)
        start = b"".join(pattern(1000))
        expect(start in view[:], "the payload is not in the memory")
        options = ("--memory", f"fd:{dmabuf}", "--memory-size")
        run("-f", NIC, *options, "8M", descriptors=(dmabuf,)).expect(0)
        run("-f", NIC, *options, "9M", descriptors=(dmabuf,)).expect(
            1, "8388608 bytes, not 9437184", "--memory-size")


@case("fd: memory that the CPU cannot map is measured, and refused where it is to be read",
      once=True)
def unmapped() -> None:
    with heap_buffer(8 << 20, os.O_WRONLY) as dmabuf, unchanged():
        options = ("--memory", f"fd:{dmabuf}")
        result, report = measured(pattern(1 << 18), *options, descriptors=(dmabuf,))
        result.expect(0, f"fd:{dmabuf}, which the CPU cannot reach")
        expect_equal(report["total"]["device_bytes"], 1 << 18, "bytes in device memory")
        expect_equal(report["configuration"]["memory"]["cpu_access"], "none", "access")
        expect_equal(report["flows"][0]["memory_written"], None, "known of the memory")
        listening = ("-l", "-f", NIC, "-s", LOCAL[4], "-p", "5201", *options)
        for words in (listening, (*listening, "-v", "7"), (*listening, "--flows", "2", "-v", "7")):
            run(*words, descriptors=(dmabuf,)).expect(4, "cannot read", "EACCES", "without -v")
        if has_command("bind-tx"):
            sending = ("-f", NIC, "-s", REMOTE[4], "-p", "5201", *options)
            for words in (sending, (*sending, "--flows", "1")):
                run(*words, descriptors=(dmabuf,)).expect(4, "cannot write", "EACCES")
        run("-f", NIC, *options, descriptors=(dmabuf,)).expect(0)
        check = run("--check", "-f", NIC, *options, descriptors=(dmabuf,))
        expect(b"which the CPU cannot reach" in check.stdout, f"{check.stdout!r}")
    with heap_buffer(8 << 20, os.O_RDONLY) as dmabuf:
        options = ("--memory", f"fd:{dmabuf}")
        receive(1 << 16, "-v", "7", *options, descriptors=(dmabuf,)).expect(0, "can only read")
        if has_command("bind-tx"):
            run("-f", NIC, "-s", REMOTE[4], "-p", "5201", *options, descriptors=(dmabuf,)).expect(
                4, "cannot write", "only read access")
    expect_released()


@case("a measurement that nobody validates fails if nothing was written to the memory", once=True)
def lost_writes() -> None:
    length = 1 << 18
    size = ("--memory-size", "4M")
    result, report = measured(iter([bytes(length)]), *size)
    result.expect(0)
    expect_equal(report["flows"][0]["memory_written"], True, "written")
    with cuda(CUDA_STANDIN_PCIE_MAPPING="801"):
        result, report = measured(iter([bytes(length)]), "--memory", "cuda", *size)
        result.expect(0, "without a mapping over PCIe, which the driver refuses")
        expect_equal(report["flows"][0]["memory_written"], True, "written")
        expect_equal(report["configuration"]["memory"]["pci_mapping"], "default", "mapping")
    with cuda(CUDA_STANDIN_LOSES_WRITES="1"), unchanged():
        result, report = measured(pattern(length), "--memory", "cuda", *size)
        result.expect(
            1, f"{length} bytes were counted, but nothing was written to the memory", "IOMMU")
        expect_equal(report["flows"][0]["memory_written"], False, "written")
        expect_equal(report["total"]["device_bytes"], length, "bytes counted")
    expect_released()


@case("fd: a descriptor that is no dma-buf is refused", binds=False)
def not_given() -> None:
    run("-f", NIC, "--memory", "fd:99").expect(1, "descriptor 99", "EBADF")
    run("-f", NIC, "--memory", "fd:0").expect(1, "descriptor 0", "not a dma-buf")
    with tempfile.TemporaryFile() as file:
        number = file.fileno()
        run("-f", NIC, "--memory", f"fd:{number}", descriptors=(number,)).expect(1, "not a dma-buf")


@case("cuda: without NVIDIA's driver, the run says so", binds=False)
def cuda_missing() -> None:
    run("-f", NIC, "--memory", "cuda").expect(4, "libcuda.so.1", "NVIDIA's driver")


@case("cuda: a stand-in's memory is validated by its kernel or by copies, and sent from",
      deadline=300, once=True)
def cuda_copies() -> None:
    with cuda() as log:
        result = receive(LENGTH, "-v", "7", "--json", "--memory", "cuda").expect(
            0, "the GPU validates the payload")
        summary = check_summary(result, LENGTH)
        expect_equal(summary["device_bytes"], LENGTH, "device bytes")
        expect_equal(summary["memory"]["validated_by"], "gpu", "validated by")
        calls = log.read_text(encoding="ascii")
        check_calls(calls)
        # One is a trial; a return of tokens within what a recvmsg took ends a batch.
        batches = calls.count("cuLaunchKernel") - 1
        expect(
            0 <= batches - summary["recvmsg_calls"] <= summary["dontneed_calls"],
            f"{batches} launches for {summary['recvmsg_calls']} calls of recvmsg")
        # The CPU checks batches 1, 2, 4, ...
        expect_equal(calls.count("cuMemcpyDtoH_v2"), batches.bit_length(), "copies")
        receive(LENGTH, "-v", "8", "--memory", "cuda").expect(1, "wrong byte at 6")
        check_calls(log.read_text(encoding="ascii"))
        result, report = measured(pattern(1 << 18), "-v", "7", "--memory", "cuda")
        result.expect(0)
        expect_equal(report["configuration"]["memory"]["validated_by"], "gpu", "validated by")
        expect_equal(report["total"]["wrong_bytes"], 0, "wrong bytes")
        check_calls(log.read_text(encoding="ascii"))
        expect_released()
        if has_command("bind-tx"):
            check_sent(os.urandom(LENGTH), "--memory", "cuda:0")
            calls = log.read_text(encoding="ascii")
            check_calls(calls)
            stored = sum(map(int, re.findall(r"cuMemcpyHtoD_v2 \d+ (\d+)", calls)))
            expect_equal(stored, LENGTH, "bytes copied to the stand-in")
    with cuda(CUDA_STANDIN_FAIL="cuModuleLoadDataEx=218") as log:
        result = receive(LENGTH, "-v", "7", "--json", "--memory", "cuda").expect(
            0, "the CPU validates copies", "CUDA_ERROR_INVALID_PTX", "ptxas fatal")
        summary = check_summary(result, LENGTH)
        expect_equal(summary["memory"]["validated_by"], "host", "validated by")
        calls = log.read_text(encoding="ascii")
        check_calls(calls)
        copies = re.findall(r"cuMemcpyDtoH_v2 \d+ (\d+)", calls)
        expect_equal(len(copies), summary["recvmsg_calls"], "copies, one for each recvmsg")
        expect(sum(map(int, copies)) >= LENGTH, "less was copied than received")
    with cuda(CUDA_STANDIN_LIES="1"), unchanged():
        receive(1 << 16, "-v", "7", "--memory", "cuda").expect(1, "wrong bytes, the CPU 0")
    expect_released()


def check_calls(calls: str) -> None:
    """The stand-in saw each call in its place, and all that was taken given back."""
    expect("violation" not in calls and calls.endswith("end\n"), calls[-2000:])
    names = [line.split()[0] for line in calls.splitlines()]
    order = [
        "cuInit", "cuDevicePrimaryCtxRetain", "cuMemAlloc_v2", "cuPointerSetAttribute",
        "cuMemsetD8_v2", "cuCtxSynchronize", "cuMemGetHandleForAddressRange", "cuMemFree_v2",
        "cuDevicePrimaryCtxRelease_v2"]
    expect_equal([name for name in names if name in order], order, "calls")
    for taken, given in (
        ("cuMemAllocHost_v2", "cuMemFreeHost"), ("cuStreamCreate", "cuStreamDestroy_v2"),
        ("cuModuleLoadDataEx", "cuModuleUnload"),
    ):
        if f"{taken}=" not in os.environ.get("CUDA_STANDIN_FAIL", ""):
            expect_equal(names.count(taken), names.count(given), f"calls of {taken} and {given}")


@case("cuda: a refusal of the driver is reported in its words", deadline=300)
def cuda_refusals() -> None:
    for failing, code, words in (
        ("cuInit=100", 4, "CUDA_ERROR_NO_DEVICE"),
        ("cuMemAlloc_v2=2", 1, "CUDA_ERROR_OUT_OF_MEMORY"),
        ("cuMemGetHandleForAddressRange=801", 4, "open kernel modules"),
    ):
        with cuda(CUDA_STANDIN_FAIL=failing):
            call = failing.partition("=")[0].removesuffix("_v2")
            run("-f", NIC, "--memory", "cuda").expect(code, call, words)
    with cuda(CUDA_STANDIN_GPUS="0000:01:00.0,0000:02:00.0") as log:
        run("-f", NIC, "--memory", "cuda:2").expect(4, "number 2", "this host has 2")
        run("-f", NIC, "--memory", "cuda:1").expect(0)
        expect("cuDevicePrimaryCtxRetain 1" in log.read_text(encoding="ascii"), "another GPU")
    for failing, name in (
        ("cuMemcpyDtoH_v2=2", "CUDA_ERROR_OUT_OF_MEMORY"),
        # The first launch is a trial.
        ("cuLaunchKernel=719@1", "CUDA_ERROR_LAUNCH_FAILED"),
    ):
        with cuda(CUDA_STANDIN_FAIL=failing), unchanged():
            call = failing.partition("=")[0].removesuffix("_v2")
            receive(LENGTH, "-v", "7", "--memory", "cuda").expect(1, call, name)
    expect_released()


@case("words that name no memory are refused", binds=False)
def refuses_words() -> None:
    with unchanged():
        for words in ("tape", "udmabuf:huge=3M", "heap", "heap:", "drm:", "fd", "fd:x", "fd:-1",
                      "cuda:x"):
            run("-f", NIC, "--memory", words).expect(2, "--memory", words)
