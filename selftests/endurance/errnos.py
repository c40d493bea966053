# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel can fail with, call by call.

From man-pages and from the kernel's source. EFAULT, EBADF, ENOTSOCK, EINVAL and the like are left
out wherever only a mistake of the caller's gives them. EPERM and ENOSYS stand for a sandbox's
seccomp filter with calls that such filters are known to keep out.
"""

from __future__ import annotations

# A file or a socket takes a descriptor, and memory for it.
DESCRIPTOR = "EMFILE ENFILE ENOMEM"
# A name is looked up in a file system.
LOOKUP = "EACCES ENOENT ENOTDIR ELOOP ENOMEM EIO"
SANDBOX = "EPERM ENOSYS"
# A TCP connection ends by what the network answers (`tcp_reset`, `tcp_write_err`,
# `icmp_err_convert`).
NETWORK = "ECONNRESET ETIMEDOUT EHOSTUNREACH ENETUNREACH ECONNREFUSED"

# By the call, with what it is for where that decides.
_TABLE = {
    # `inet_csk_accept`; netfilter and security modules give EPERM.
    "accept4 TCP": f"{DESCRIPTOR} ENOBUFS ECONNABORTED EAGAIN EINTR EPERM EPROTO ENETDOWN",
    "access": f"{LOOKUP} EROFS",
    "bind NETLINK": "EPERM EADDRINUSE ENOMEM",
    "bind TCP": "EADDRINUSE EADDRNOTAVAIL EACCES EPERM ENOMEM",
    "bind UNIX": "EADDRINUSE EACCES ENOMEM",
    # What a run gives up, it gives up where it can.
    "capget": SANDBOX,
    "capset": f"{SANDBOX} ENOMEM",
    "chdir": LOOKUP,
    # A cgroup's limit, the user's, the pid namespace's.
    "clone": "EAGAIN ENOMEM EPERM ENOSPC",
    # With ENOSYS, libc goes on with `clone`.
    "clone3": f"EAGAIN ENOMEM ENOSPC {SANDBOX}",
    # A thread's CPU time.
    "clock_gettime": "EINVAL",
    # Only `flush` fails, which file systems have and sockets have not. A tracer that lets the call
    # fail leaves the file open, which the kernel never does: a socket then would stay bound.
    "close file": "EINTR EIO ENOSPC EDQUOT",
    "close_range": SANDBOX,
    # The interface is looked up in the address.
    "connect NETLINK": "EPERM ENOMEM",
    # EINPROGRESS is what it always gives.
    "connect TCP": f"{NETWORK} EADDRNOTAVAIL EINTR EAGAIN EACCES EPERM ENETDOWN ENOBUFS",
    "connect UNIX": "ECONNREFUSED EAGAIN EACCES EPERM EINTR ENOMEM ECONNRESET EPROTOTYPE",
    "dup2": "EBUSY EINTR EMFILE",
    "epoll_create1": DESCRIPTOR,
    "epoll_ctl": "ENOMEM ENOSPC EPERM",
    "epoll_wait": "EINTR",
    "eventfd2": f"{DESCRIPTOR} ENODEV",
    "faccessat2": f"{LOOKUP} {SANDBOX}",
    "fcntl F_ADD_SEALS": "EPERM EBUSY EINVAL",
    "fcntl F_DUPFD_CLOEXEC": "EMFILE EINVAL",
    # It is how a closed descriptor is known.
    "fcntl F_GETFD": "EBADF",
    "flock": "EAGAIN EINTR ENOLCK ENOMEM",
    "fstat": "EACCES ENOMEM EOVERFLOW EIO",
    "fstatfs": "EINTR EIO ENOMEM EOVERFLOW",
    "ftruncate": "EFBIG EINTR EIO EPERM EROFS ENOSPC ENOMEM ETXTBSY",
    "getdents64": "ENOENT EIO ENOMEM EINTR EACCES",
    "getrandom": "EINTR EAGAIN ENOSYS EPERM",
    "getsockname": "ENOBUFS EACCES",
    "getsockopt TCP": "ENOPROTOOPT EOPNOTSUPP ENOBUFS ENOMEM",
    # `include/uapi/linux/dma-buf.h`: an interrupted wait is to be repeated, EAGAIN too.
    "ioctl DMA_BUF_IOCTL_SYNC": "EINTR EAGAIN EINVAL ENOMEM EIO",
    "ioctl NS_GET_USERNS": f"EPERM ENOTTY {DESCRIPTOR}",
    # Whatever a driver answers.
    "ioctl SIOCETHTOOL": "EOPNOTSUPP EINVAL ENODEV EBUSY ENOMEM EPERM EIO ETIMEDOUT ENOSPC EEXIST "
                         "ENOENT EAGAIN EINTR ENETDOWN EMSGSIZE ERANGE EFAULT 524",
    "ioctl SIOCGIFINDEX": "ENODEV EPERM",
    "ioctl SIOCGIFNAME": "ENODEV EPERM",
    "ioctl TCGETS": "ENOTTY EIO",
    "ioctl UDMABUF_CREATE": "EINVAL ENOMEM EMFILE ENFILE EBADFD EBUSY ENOTTY EINTR",
    "kill": "EPERM ESRCH",
    "listen TCP": "EADDRINUSE EACCES EOPNOTSUPP",
    "listen UNIX": "EACCES EOPNOTSUPP",
    "lseek": "EINVAL ESPIPE EOVERFLOW",
    # libc gives a thread's stack back, and does not mind.
    "madvise": "EAGAIN ENOMEM EINTR",
    "memfd_create": f"{DESCRIPTOR} EACCES {SANDBOX}",
    "mkdir": f"{LOOKUP} EEXIST ENOSPC EROFS EDQUOT EMLINK EPERM",
    "mmap": "ENOMEM EAGAIN EACCES EPERM ENODEV ENFILE EINTR",
    "mprotect": "ENOMEM EACCES",
    # A mapping more may be needed (vm.max_map_count).
    "munmap": "ENOMEM",
    "newfstatat": f"{LOOKUP} EOVERFLOW",
    "openat": f"{LOOKUP} EMFILE ENFILE EINTR ENXIO ENODEV EPERM EBUSY EROFS ENOSPC EDQUOT EAGAIN "
              "ETXTBSY EISDIR ENOSYS",
    "pidfd_open": f"{DESCRIPTOR} ENODEV ESRCH {SANDBOX}",
    # EINVAL: the set is larger than RLIMIT_NOFILE, which another process can lower.
    "poll": "EINTR ENOMEM EINVAL EAGAIN",
    "ppoll": "EINTR ENOMEM EINVAL EAGAIN",
    "prctl PR_CAPBSET_DROP": f"EINVAL ENOMEM {SANDBOX}",
    "prctl PR_CAPBSET_READ": f"EINVAL {SANDBOX}",
    "prctl PR_SET_NAME": SANDBOX,
    "prctl PR_SET_NO_NEW_PRIVS": f"EINVAL {SANDBOX}",
    "pread64": "EIO EINTR EAGAIN ENOMEM",
    "prlimit64": "EPERM EINVAL ENOSYS",
    "pwrite64": "ENOSPC EIO EDQUOT EINTR EFBIG EAGAIN ENOMEM EPERM",
    "read": "EIO EINTR EAGAIN EISDIR EINVAL ENOMEM ENODEV EACCES EPERM ENXIO ENOENT ESRCH",
    "readlink": f"{LOOKUP} EINVAL",
    "readlinkat": f"{LOOKUP} EINVAL",
    "recvfrom TCP": f"{NETWORK} EAGAIN EINTR ENOMEM ENOTCONN EPIPE",
    "recvmsg NETLINK": "ENOBUFS EINTR EAGAIN ENOMEM",
    # `tcp_recvmsg_dmabuf`: EFAULT for a frame that is in neither memory, ENODEV without a binding;
    # 525 (ETOOSMALL) where the control buffer has no room.
    "recvmsg TCP": f"{NETWORK} EAGAIN EINTR ENOMEM EFAULT ENODEV EMSGSIZE ENOTCONN EPIPE EINVAL "
                   "525",
    "sched_getaffinity": "EINVAL ESRCH EPERM",
    "sched_setaffinity": "EINVAL EPERM ESRCH ENOMEM",
    # A kernel without filters; one that has no room for it; a thread with a filter of its own.
    "seccomp": f"EINVAL ENOMEM EACCES ESRCH EBUSY {SANDBOX}",
    # A route that has left the bound device gives ENODEV or EFAULT, no memory for a notice ENOBUFS.
    "sendmsg TCP": f"{NETWORK} EAGAIN EINTR EPIPE ENOMEM ENOBUFS EINVAL EFAULT ENODEV EOPNOTSUPP "
                   "EMSGSIZE EPERM",
    # A request that a security module lets not pass, one for which the kernel has no memory.
    "sendto NETLINK": "EPERM EACCES ENOBUFS ENOMEM EAGAIN EINTR ECONNREFUSED EMSGSIZE",
    "sendto TCP": f"{NETWORK} EAGAIN EINTR EPIPE ENOMEM ENOBUFS EPERM",
    "setsid": SANDBOX,
    "setsockopt NETLINK": "ENOPROTOOPT EPERM EINVAL ENOMEM ENOENT",
    "setsockopt TCP": "ENOPROTOOPT EPERM EINVAL ENOMEM EOPNOTSUPP ENODEV EINTR EACCES",
    "shutdown TCP": "ENOTCONN",
    "signalfd4": f"{DESCRIPTOR} ENODEV EINVAL",
    "socket AF_INET": f"{DESCRIPTOR} ENOBUFS EACCES EPERM EAFNOSUPPORT",
    "socket AF_NETLINK": f"{DESCRIPTOR} ENOBUFS EACCES EPERM EAFNOSUPPORT EPROTONOSUPPORT",
    "socket AF_UNIX": f"{DESCRIPTOR} ENOBUFS EACCES EPERM EAFNOSUPPORT",
    "statx": f"{LOOKUP} {SANDBOX}",
    "unlinkat": f"{LOOKUP} EBUSY EPERM EROFS",
    "wait4": "ECHILD EINTR",
    "write": "EPIPE EAGAIN EINTR EIO ENOSPC EDQUOT EFBIG ENOMEM EPERM",
    "writev": "EPIPE EAGAIN EINTR EIO ENOSPC EDQUOT EFBIG ENOMEM EPERM",
}

ERRNOS = {call: tuple(dict.fromkeys(errnos.split())) for call, errnos in _TABLE.items()}

# Calls that fail once only: with all that follow, sockets would stay open, too.
ONCE = {"close file"}

# What is taken at the kernel's word: there is no journal, or it is another user's matter, which is
# reported only; there is no interface any more.
BELIEVED = {
    ("openat", "ENOENT"), ("getdents64", "ENOENT"), ("openat", "EACCES"), ("getdents64", "EACCES"),
    ("ioctl", "ENODEV"),
}

# Numbers that strace takes no name for.
NAMES = {"524": "ENOTSUPP", "525": "ETOOSMALL"}


def name(error: str) -> str:
    """What the tool calls an error."""
    return NAMES.get(error, error)


# What ends a run in other words than the error's name: calls, errors, and the words.
IN_OTHER_WORDS = (
    # libc makes a thread, and says EAGAIN whatever it had no room for.
    ("clone clone3 mmap mprotect", "EAGAIN ENOMEM ENOSPC EACCES EPERM ENODEV ENFILE EINTR",
     "EAGAIN"),
    # It is how a lock is known that another run has.
    ("flock", "EAGAIN", "EBUSY"),
    # The capability that the undo takes did not come back: the guard undoes.
    ("capset", "EPERM ENOSYS ENOMEM", "EPERM"),
    # The guard of one trial of a check lives on, and has the interface when the next one begins.
    ("kill", "EPERM ESRCH", "not ready; missing: "),
    # libc's `if_nametoindex`.
    ("ioctl", "EINVAL", "ENOSYS"),
    # An item of a check that only looks whether a file is there, and says how to get at it.
    ("access faccessat2 newfstatat readlink readlinkat statx", f"{LOOKUP} EINVAL EROFS",
     "not ready; missing: "),
    # The message itself was lost.
    ("write writev", " ".join(ERRNOS["write"]), ""),
)

# Calls that nothing is injected into, with the reason.
LEFT_OUT = {
    "brk": "gives no errno, but the old end, and libc then maps memory",
    "close": "never fails, but for files",
    "execve": "starts the tool, and so is not its own",
    "exit": "does not return",
    "exit_group": "does not return",
    "fcntl F_GETFL": "fails for a closed descriptor only",
    "fcntl F_SETFD": "fails for a closed descriptor only",
    "futex": "ends the process where it fails (libc)",
    "geteuid": "never fails",
    "getpid": "never fails",
    "getrusage": "fails for mistakes only",
    "gettid": "never fails",
    "restart_syscall": "is what is left of a poll when a tracer comes",
    "rseq": "ends the process where it fails in a thread (libc)",
    "rt_sigaction": "fails for mistakes only",
    "rt_sigprocmask": "fails for mistakes only",
    "sched_yield": "never fails",
    "set_robust_list": "fails for mistakes only",
}
