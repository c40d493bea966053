# SPDX-License-Identifier: GPL-2.0-only
"""Device memory by hand: just enough to see what the kernel does with it."""

import ctypes
import errno
import fcntl
import mmap
import os
import socket
import struct
import termios
import time
from typing import NamedTuple

from .nic import AT_HAND

# Generic netlink, its controller and the netdev family
NETLINK_GENERIC, SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 16, 270, 10, 11
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLMSGERR_ATTR_MSG = 1
GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_CMD_GETPOLICY = 16, 3, 10
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME, CTRL_ATTR_POLICY = 1, 2, 8
CTRL_ATTR_OP_POLICY, CTRL_ATTR_OP, CTRL_ATTR_POLICY_DO, NL_POLICY_TYPE = 9, 10, 1, 1
PAGE_POOL_GET, QUEUE_GET, BIND_RX, BIND_TX = 5, 10, 13, 15
IFINDEX, QUEUES, FD, ID, AUTORELEASE = 1, 2, 3, 4, 6
QUEUE_ID, QUEUE_TYPE = 1, 3
QUEUE_IFINDEX, QUEUE_DMABUF = 2, 5
POOL_INFLIGHT, POOL_DETACH_TIME, POOL_DMABUF = 4, 6, 7

# Sockets
SO_DEVMEM_LINEAR, SO_DEVMEM_DMABUF, SO_DEVMEM_DONTNEED = 78, 79, 80
MSG_SOCK_DEVMEM = 0x2000000

# udmabuf
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2
UDMABUF_CREATE = 0x40187542

PAGE = 4096
LOCAL, REMOTE_NAMESPACE, DEVICE = "192.0.2.1", "/run/netns/remote", AT_HAND.names[0]

libc = ctypes.CDLL(None, use_errno=True)


class Fragment(NamedTuple):
    offset: int
    size: int
    token: int


def attribute(number: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


def attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        length, number = struct.unpack_from("=HH", data)
        found[number & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3:]
    return found


def number(data: bytes) -> int:
    return int.from_bytes(data, "little")


class Refused(OSError):
    """The kernel's errno and its message, if it had one."""


class Netlink:
    """A netlink socket. Closing it unbinds what was bound by way of it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK):
            self._socket.setsockopt(SOL_NETLINK, option, 1)
        reply = self.request(
            GENL_ID_CTRL, CTRL_CMD_GETFAMILY, attribute(CTRL_ATTR_FAMILY_NAME, b"netdev\0")
        )
        self.family = number(reply[0][CTRL_ATTR_FAMILY_ID])

    def request(self, family: int, command: int, payload: bytes, flags: int = NLM_F_ACK) -> list:
        """The replies' attributes."""
        body = struct.pack("=BBH", command, 1, 0) + payload
        head = struct.pack("=IHHII", 16 + len(body), family, NLM_F_REQUEST | flags, 1, 0)
        self._socket.send(head + body)
        replies = []
        while True:
            data = self._socket.recv(65536)
            while data:
                length, kind = struct.unpack_from("=IH", data)
                body, data = data[16:length], data[(length + 3) & ~3:]
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    code = -struct.unpack_from("=i", body)[0]
                    if code:
                        text = attributes(body[20:]).get(NLMSGERR_ATTR_MSG, b"\0")
                        raise Refused(code, text[:-1].decode())
                    return replies
                replies.append(attributes(body[4:]))

    def bind(self, buffer: "Buffer", queue: int, autorelease: bytes | None) -> int:
        """Binds one RX queue and returns the binding's number."""
        return number(self.bind_reply(buffer, queue, autorelease)[ID])

    def bind_reply(
            self, buffer: "Buffer", queue: int, autorelease: bytes | None) -> dict[int, bytes]:
        """Binds one RX queue and returns all that the kernel says of the binding."""
        queues = attribute(QUEUE_ID, struct.pack("=I", queue))
        queues += attribute(QUEUE_TYPE, struct.pack("=I", 0))
        payload = self._target(buffer) + attribute(QUEUES | 0x8000, queues)
        if autorelease is not None:
            payload += attribute(AUTORELEASE, autorelease)
        return self.request(self.family, BIND_RX, payload)[0]

    def bind_tx(self, buffer: "Buffer", extra: bytes = b"") -> int:
        return number(self.request(self.family, BIND_TX, self._target(buffer) + extra)[0][ID])

    def _target(self, buffer: "Buffer") -> bytes:
        ifindex = attribute(IFINDEX, struct.pack("=I", socket.if_nametoindex(DEVICE)))
        return ifindex + attribute(FD, struct.pack("=I", buffer.fd))

    def bind_rx_policy(self) -> dict[int, int]:
        """The attributes that bind-rx takes, and the type of each."""
        replies = self.request(
            GENL_ID_CTRL,
            CTRL_CMD_GETPOLICY,
            attribute(CTRL_ATTR_FAMILY_NAME, b"netdev\0")
            + attribute(CTRL_ATTR_OP, struct.pack("=I", BIND_RX)),
            NLM_F_DUMP,
        )
        index, types = None, {}
        for reply in replies:
            if CTRL_ATTR_OP_POLICY in reply:
                (operation,) = attributes(reply[CTRL_ATTR_OP_POLICY]).values()
                index = number(attributes(operation)[CTRL_ATTR_POLICY_DO])
            for policy, entries in attributes(reply.get(CTRL_ATTR_POLICY, b"")).items():
                if policy == index:
                    for attr, entry in attributes(entries).items():
                        types[attr] = number(attributes(entry)[NL_POLICY_TYPE])
        return types

    def pools(self) -> list[dict[int, bytes]]:
        return self.request(self.family, PAGE_POOL_GET, b"", NLM_F_DUMP)

    def inflight(self) -> dict[int, int]:
        """Of each binding that has a page pool: its buffers that are out."""
        counts: dict[int, int] = {}
        for pool in self.pools():
            if POOL_DMABUF in pool:
                binding = number(pool[POOL_DMABUF])
                counts[binding] = counts.get(binding, 0) + number(pool[POOL_INFLIGHT])
        return counts

    def waiting_pools(self) -> int:
        """The page pools, of any memory, that no queue has and that wait for
        their last buffers."""
        return sum(POOL_DETACH_TIME in pool for pool in self.pools())

    def bound(self) -> list[int]:
        """The device's queues that have device memory."""
        device = attribute(QUEUE_IFINDEX, struct.pack("=I", socket.if_nametoindex(DEVICE)))
        queues = self.request(self.family, QUEUE_GET, device, NLM_F_DUMP)
        return [number(queue[QUEUE_ID]) for queue in queues if QUEUE_DMABUF in queue]

    def close(self) -> None:
        self._socket.close()


class Buffer:
    """A dma-buf of pages that this process can read."""

    def __init__(self, size: int) -> None:
        memory = os.memfd_create("devmem", os.MFD_ALLOW_SEALING)
        os.ftruncate(memory, size)
        fcntl.fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK)
        self.pages = size // PAGE
        self.view = mmap.mmap(memory, size, access=mmap.ACCESS_READ)
        with open("/dev/udmabuf", "rb+", buffering=0) as device:
            request = bytearray(struct.pack("=IIQQ", memory, 0, 0, size))
            self.fd = fcntl.ioctl(device, UDMABUF_CREATE, request)
        os.close(memory)

    def read(self, fragments: list[Fragment]) -> bytes:
        return b"".join(self.view[f.offset:f.offset + f.size] for f in fragments)

    def close(self) -> None:
        self.view.close()
        os.close(self.fd)


class Stream:
    """A connection: the other host sends, this one receives."""

    def __init__(self, port: int) -> None:
        with socket.create_server((LOCAL, port), reuse_port=True) as listener:
            listener.settimeout(20)
            here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            there = os.open(REMOTE_NAMESPACE, os.O_RDONLY)
            os.setns(there, os.CLONE_NEWNET)
            self.sender = socket.socket()
            os.setns(here, os.CLONE_NEWNET)
            os.close(here)
            os.close(there)
            self.sender.settimeout(20)
            self.sender.connect((LOCAL, port))
            self.receiver, _ = listener.accept()
        self.receiver.settimeout(20)

    def send(self, data: bytes) -> None:
        """Returns when all of it waits at the other end."""
        self.sender.sendall(data)
        until(self.has_arrived, "the data has arrived")

    def has_arrived(self) -> bool:
        return not number(fcntl.ioctl(self.sender, termios.TIOCOUTQ, bytes(4)))

    def receive(self, size: int, flags: int = 0) -> list[Fragment]:
        """The fragments of the next `size` bytes, all in device memory."""
        fragments: list[Fragment] = []
        while size:
            data, control, _, _ = self.receiver.recvmsg(size, 65536, MSG_SOCK_DEVMEM | flags)
            for _, kind, value in control:
                offset, length, token, _, _ = struct.unpack("=QIIII", value)
                if kind != SO_DEVMEM_DMABUF:
                    raise AssertionError(f"{length} bytes are not in device memory")
                fragments.append(Fragment(offset, length, token))
                size -= length
            if not control:
                raise AssertionError(f"{len(data)} bytes without a control message")
        return fragments

    def give_back(self, *ranges: tuple[int, int]) -> int:
        return give_back(self.receiver, *ranges)

    def abort(self) -> None:
        """Closes it by a reset: no socket stays behind to wait for the other end."""
        self.sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        self.sender.close()
        self.receiver.close()

    def close(self) -> None:
        self.receiver.close()
        self.sender.close()


def give_back(sock: socket.socket, *ranges: tuple[int, int]) -> int:
    """Returns tokens, (first, count) a range: what setsockopt returned."""
    value = b"".join(struct.pack("=II", *one) for one in ranges)
    result = libc.setsockopt(
        sock.fileno(), socket.SOL_SOCKET, SO_DEVMEM_DONTNEED, value, len(value)
    )
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def free_deferred() -> None:
    """Has each processor free the received buffers that wait there: the kernel leaves them to the
    processor that allocated them and to its next packet (`skb_attempt_defer_free`), and they keep
    their page pool alive."""
    cpus = os.sched_getaffinity(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
        loopback.bind(("127.0.0.1", 0))
        try:
            for cpu in cpus:
                os.sched_setaffinity(0, {cpu})
                loopback.sendto(b"", loopback.getsockname())
        finally:
            os.sched_setaffinity(0, cpus)


def until(condition, what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        free_deferred()
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def refuses(code: int, action, *arguments) -> str:
    """Checks that it fails with this errno; the message that came with it."""
    try:
        result = action(*arguments)
    except OSError as failure:
        if failure.errno == code:
            return failure.strerror
        raise
    raise AssertionError(f"{errno.errorcode[code]} expected, not {result!r}")
