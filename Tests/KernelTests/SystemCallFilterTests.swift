// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import Glibc
import Kernel
import Testing

/// Tests that put a filter on do so in a process of their own, which has it for ever.
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

  @Test("a run uses a ring only where it has one, and makes none")
  func rings() {
    for call in [__NR_io_uring_enter, __NR_io_uring_register] {
      #expect(SystemCallFilter.run.answer(to: call) == Self.refused)
      #expect(SystemCallFilter.guard.answer(to: call) == Self.refused)
      #expect(SystemCallFilter.runWithRings.answer(to: call) == Self.allowed)
    }
    for call in [__NR_io_uring_setup, __NR_execve, __NR_bpf] {
      #expect(SystemCallFilter.runWithRings.answer(to: call) == Self.refused)
    }
  }

  private static let refused = UInt32(SECCOMP_RET_ERRNO) | UInt32(EPERM)
  private static let allowed = UInt32(SECCOMP_RET_ALLOW)

  @Test("each kind of filter ends, and allows what it does not name")
  func allows() {
    for filter in [SystemCallFilter.run, .runWithRings, .guard] {
      for call in [__NR_read, __NR_poll, __NR_ioctl, __NR_sendto, __NR_accept, __NR_exit_group] {
        #expect(filter.answer(to: call) == Self.allowed, "\(call)")
      }
      #expect(filter.answer(to: 1000) == Self.allowed)
    }
    #expect(SystemCallFilter.run.answer(to: __NR_recvmsg) == Self.allowed)
    #expect(SystemCallFilter.run.answer(to: __NR_capset) == Self.allowed)
  }

  @Test("calls of another architecture or ABI are refused, whatever their numbers mean here")
  func architectures() {
    for filter in [SystemCallFilter.run, .runWithRings, .guard] {
      #expect(filter.answer(to: __NR_read, by: UInt32(EM_386)) == Self.refused)
      let x32 = __NR_read | CInt(CLinux_X32_SYSCALL_BIT)
      #expect(filter.answer(to: x32) == Self.refused)
      #expect(filter.answer(to: -1) == Self.refused)
    }
  }

  @Test("a run starts threads of its own, and no process; a guard neither")
  func threads() {
    let thread = UInt64(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
    let run = SystemCallFilter.run
    #expect(run.answer(to: __NR_clone, [thread]) == Self.allowed)
    #expect(run.answer(to: __NR_clone, [UInt64(SIGCHLD)]) == Self.refused)
    #expect(run.answer(to: __NR_clone, [thread | UInt64(CLONE_NEWNET)]) == Self.refused)
    #expect(run.answer(to: __NR_clone3) == UInt32(SECCOMP_RET_ERRNO) | UInt32(ENOSYS))
    #expect(SystemCallFilter.guard.answer(to: __NR_clone, [thread]) == Self.refused)
    #expect(SystemCallFilter.guard.answer(to: __NR_clone3) == Self.refused)
  }

  @Test("the families of sockets are those of the network, the kernel and this host")
  func families() {
    let last = UInt64(AF_MAX)
    func allowed(by filter: SystemCallFilter) -> [UInt64] {
      (0..<last).filter { filter.answer(to: __NR_socket, [$0]) == Self.allowed }
    }
    #expect(
      allowed(by: .run) == [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK].map(UInt64.init).sorted())
    #expect(allowed(by: .guard) == [AF_UNIX, AF_INET, AF_NETLINK].map(UInt64.init).sorted())
  }

  @Test("memory of a guard becomes no code, by any of the calls")
  func code() {
    let (readable, executable) = (UInt64(PROT_READ), UInt64(PROT_READ | PROT_EXEC))
    for call in [__NR_mmap, __NR_mprotect, __NR_pkey_mprotect] {
      #expect(SystemCallFilter.guard.answer(to: call, [0, 4096, executable]) == Self.refused)
      #expect(SystemCallFilter.guard.answer(to: call, [0, 4096, readable]) == Self.allowed)
      #expect(SystemCallFilter.run.answer(to: call, [0, 4096, executable]) == Self.allowed)
    }
  }
}

extension SystemCallFilter {
  /// What the program says of a call, as the kernel runs it (`kernel/bpf/core.c`): each instruction
  /// that it has, and no other.
  fileprivate func answer(
    to call: CInt, _ arguments: [UInt64] = [], by architecture: UInt32 = CLinux_AUDIT_ARCH
  ) -> UInt32? {
    var words = [UInt32](repeating: 0, count: 16)
    words[0] = UInt32(bitPattern: call)
    words[1] = architecture
    for (index, argument) in arguments.enumerated() {
      words[4 + 2 * index] = UInt32(truncatingIfNeeded: argument)
      words[5 + 2 * index] = UInt32(argument >> 32)
    }
    var accumulator: UInt32 = 0
    var place = 0
    while program.indices.contains(place) {
      let instruction = program[place]
      let operand = instruction.k
      var isTrue: Bool?
      switch CInt(instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS: accumulator = words[Int(operand) / 4]
      case BPF_ALU | BPF_AND | BPF_K: accumulator &= operand
      case BPF_JMP | BPF_JEQ | BPF_K: isTrue = accumulator == operand
      case BPF_JMP | BPF_JGE | BPF_K: isTrue = accumulator >= operand
      case BPF_JMP | BPF_JSET | BPF_K: isTrue = accumulator & operand != 0
      case BPF_RET | BPF_K: return operand
      default: return nil
      }
      place += 1 + (isTrue.map { Int($0 ? instruction.jt : instruction.jf) } ?? 0)
    }
    return nil
  }
}
