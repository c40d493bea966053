// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Testing

/// Each test puts its filter on in a process of its own, which has it for ever.
struct SystemCallFilterTests {
  /// Whether a call fails with an error.
  private static func fails(_ expected: CInt, _ call: () -> CInt) -> Bool {
    errno = 0
    return call() == -1 && errno == expected
  }

  private static func executes() -> CInt {
    unsafe execv("/bin/true", [UnsafeMutablePointer<CChar>?](repeating: nil, count: 1))
  }

  @Test("a run's filter refuses programs, processes and privileges, and none of its own calls")
  func run() async {
    await #expect(processExitsWith: .exitCode(7)) {
      try SystemCallFilter.run.apply()
      precondition(SystemFiles().field("NoNewPrivs", of: "/proc/self/status") == "1")
      precondition(SystemFiles().field("Seccomp", of: "/proc/self/status") == "2")
      precondition(Self.fails(EPERM, Self.executes))
      precondition(Self.fails(EPERM) { fork() })
      precondition(Self.fails(EPERM) { setuid(getuid()) })
      precondition(Self.fails(EPERM) { CInt(unsafe chroot("/")) })
      precondition(Self.fails(EPERM) { socket(AF_PACKET, CInt(SOCK_DGRAM.rawValue), 0) })
      for family in [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK] {
        let type = family == AF_NETLINK ? SOCK_RAW : SOCK_STREAM
        precondition(socket(family, CInt(type.rawValue), 0) >= 0)
      }
      let thread = try Thread { precondition(Self.fails(EPERM, Self.executes)) }
      thread.join()
      exit(7)
    }
  }

  @Test("a guard's filter also refuses threads, listeners, signals and code, not its requests")
  func ofGuard() async {
    await #expect(processExitsWith: .exitCode(7)) {
      let page = unsafe mmap(
        nil, pageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
      try SystemCallFilter.guard.apply()
      precondition(Self.fails(EPERM, Self.executes))
      precondition((try? Thread {}) == nil)
      precondition(Self.fails(EPERM) { kill(getpid(), 0) })
      precondition(Self.fails(EPERM) { unsafe mprotect(page, pageSize, PROT_READ | PROT_EXEC) })
      precondition(unsafe mprotect(page, pageSize, PROT_READ) == 0)
      precondition(Self.fails(EPERM) { socket(AF_INET6, CInt(SOCK_STREAM.rawValue), 0) })
      let own = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
      precondition(own >= 0)
      precondition(Self.fails(EPERM) { listen(own, 1) })
      exit(7)
    }
  }
}
