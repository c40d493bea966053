// SPDX-License-Identifier: GPL-2.0-only

package import CLinux
internal import Glibc

/// System calls that a process has no more use for, and that the kernel refuses from then on: with
/// `EPERM`, so that a library that tries one can go on. They are what would be made of a process that a
/// stranger's bytes had in their power (`seccomp(2)`).
///
/// All else is allowed: the libraries of GPUs make calls that nobody has a list of. What is allowed
/// whatever its arguments are, the kernel looks up in a bitmap (`kernel/seccomp.c`,
/// `seccomp_cache_check_allow`): however long the filter is, the calls of a transfer cost the same.
package struct SystemCallFilter: Sendable {
  /// In the language of `linux/filter.h`.
  package private(set) var program: [sock_filter]

  /// For a run that is set up: it executes nothing, forks nothing, and mounts nothing.
  package static let run = SystemCallFilter(forRunsThatAlso: [])

  /// The same for a run that receives by a ring, which was made before: it makes no other.
  package static let runWithRings = SystemCallFilter(
    forRunsThatAlso: [__NR_io_uring_enter, __NR_io_uring_register])

  private init(forRunsThatAlso allowed: [CInt]) {
    var filter = SystemCallFilter()
    filter.refuse(Self.forRuns.filter { !allowed.contains($0) })
    filter.allowThreadsOnly()
    filter.allow(
      __NR_socket, where: 0, isOneOf: [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK].map(UInt32.init))
    filter.end()
    self = filter
  }

  /// For a guard, which has one thread, speaks with the kernel only, and loads no code.
  package static let `guard`: SystemCallFilter = {
    var filter = SystemCallFilter()
    filter.refuse(forRuns)
    filter.refuse(forGuards)
    filter.allow(
      __NR_socket, where: 0, isOneOf: [AF_UNIX, AF_INET, AF_NETLINK].map(UInt32.init))
    for call in [__NR_mmap, __NR_mprotect, __NR_pkey_mprotect] {
      filter.refuse(call, where: 2, hasOneOf: UInt32(PROT_EXEC))
    }
    filter.end()
    return filter
  }()

  /// Has the kernel refuse these calls to all threads of the process and to those that they start,
  /// for ever, and lets nothing that is executed gain privileges (`PR_SET_NO_NEW_PRIVS`), without
  /// which only privileged processes may. The corresponding C function is `seccomp` with
  /// `SECCOMP_SET_MODE_FILTER`.
  ///
  /// The filter is no reason for the kernel to slow the process down against its own threads, which
  /// have no secrets from each other: `SECCOMP_FILTER_FLAG_SPEC_ALLOW`.
  ///
  /// - Throws: `EINVAL` or `ENOSYS` where the kernel has no filters.
  package func apply() throws(Errno) {
    try retrying { CLinux_prctl_set_no_new_privs() }
    let everyThread = UInt32(SECCOMP_FILTER_FLAG_TSYNC)
    let flags = UInt32(SECCOMP_FILTER_FLAG_SPEC_ALLOW)
    // The number of a thread that has a filter of its own (`seccomp_can_sync_threads`).
    guard try install(flags | everyThread) > 0 else { return }
    _ = try install(flags)
  }

  private func install(_ flags: UInt32) throws(Errno) -> CInt {
    var program = program
    return try retrying {
      unsafe program.withUnsafeMutableBufferPointer {
        var all = unsafe sock_fprog(len: UInt16($0.count), filter: $0.baseAddress)
        return unsafe CLinux_seccomp_set_mode_filter(flags, &all)
      }
    }
  }
}

// How the program is made. Each rule begins with the call's number in the accumulator, and leaves it
// there for the next one, unless the call is its own.
extension SystemCallFilter {
  private static let allowing = UInt32(SECCOMP_RET_ALLOW)
  private static let refusing = UInt32(SECCOMP_RET_ERRNO) | UInt32(EPERM)
  private static let lacking = UInt32(SECCOMP_RET_ERRNO) | UInt32(ENOSYS)

  /// A beginning, which refuses the calls of other architectures: their numbers mean other calls.
  private init() {
    program = []
    load(CLinux_seccomp_data_arch)
    jump(BPF_JEQ, CLinux_AUDIT_ARCH, past: 1)
    answer(Self.refusing)
    load(CLinux_seccomp_data_nr)
    jump(BPF_JGE, CLinux_X32_SYSCALL_BIT, past: 0, otherwise: 1)
    answer(Self.refusing)
  }

  private mutating func refuse(_ calls: [CInt]) {
    for call in calls { rule(for: call) { $0.answer(Self.refusing) } }
  }

  /// Allows `clone` of a thread in the process's own namespaces, and no other. Of `clone3` a filter
  /// does not see the flags: where there is none, glibc takes `clone` (`sysdeps/unix/sysv/linux/
  /// clone-internal.c`).
  private mutating func allowThreadsOnly() {
    rule(for: __NR_clone3) { $0.answer(Self.lacking) }
    let namespaces =
      CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID
      | CLONE_NEWNET
    rule(for: __NR_clone) {
      $0.load(argument: 0)
      $0.append(BPF_ALU | BPF_AND | BPF_K, UInt32(CLONE_THREAD | namespaces))
      $0.jump(BPF_JEQ, UInt32(CLONE_THREAD), past: 1)
      $0.answer(Self.refusing)
      $0.answer(Self.allowing)
    }
  }

  /// Refuses a call unless an argument is one of some values.
  private mutating func allow(_ call: CInt, where argument: UInt32, isOneOf values: [UInt32]) {
    rule(for: call) {
      $0.load(argument: argument)
      for (index, value) in values.enumerated() {
        $0.jump(BPF_JEQ, value, past: UInt8(values.count - index))
      }
      $0.answer(Self.refusing)
      $0.answer(Self.allowing)
    }
  }

  /// Refuses a call if an argument has one of some bits.
  private mutating func refuse(_ call: CInt, where argument: UInt32, hasOneOf bits: UInt32) {
    rule(for: call) {
      $0.load(argument: argument)
      $0.jump(BPF_JSET, bits, past: 0, otherwise: 1)
      $0.answer(Self.refusing)
      $0.answer(Self.allowing)
    }
  }

  /// All other calls are allowed.
  private mutating func end() { answer(Self.allowing) }

  /// What becomes of a call; it has to end with an answer.
  private mutating func rule(for call: CInt, _ body: (inout SystemCallFilter) -> Void) {
    let condition = program.count
    jump(BPF_JEQ, UInt32(call), past: 0)
    body(&self)
    program[condition].jf = UInt8(program.count - condition - 1)
  }

  private mutating func load(argument: UInt32) { load(CLinux_seccomp_data_args + 8 * argument) }

  private mutating func load(_ offset: UInt32) { append(BPF_LD | BPF_W | BPF_ABS, offset) }

  private mutating func answer(_ action: UInt32) { append(BPF_RET | BPF_K, action) }

  private mutating func jump(
    _ comparison: CInt, _ value: UInt32, past count: UInt8, otherwise other: UInt8 = 0
  ) {
    append(BPF_JMP | comparison | BPF_K, value)
    program[program.count - 1].jt = count
    program[program.count - 1].jf = other
  }

  private mutating func append(_ code: CInt, _ operand: UInt32) {
    program.append(sock_filter(code: UInt16(code), jt: 0, jf: 0, k: operand))
  }
}

// The calls.
extension SystemCallFilter {
  private static let forRuns =
    [
      // Other programs, and other processes.
      __NR_execve, __NR_execveat, __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev,
      __NR_process_madvise, __NR_pidfd_getfd, __NR_kcmp,
      // What is mounted, and where.
      __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_move_mount, __NR_open_tree,
      __NR_mount_setattr, __NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick, __NR_swapon,
      __NR_swapoff, __NR_quotactl, __NR_quotactl_fd, __NR_acct,
      // Namespaces, and files by other ways than their names.
      __NR_setns, __NR_unshare, __NR_open_by_handle_at, __NR_mknodat, __NR_fanotify_init,
      // What runs in the kernel, or has it do things by other ways than calls.
      __NR_init_module, __NR_finit_module, __NR_delete_module, __NR_kexec_load,
      __NR_kexec_file_load, __NR_reboot, __NR_bpf, __NR_perf_event_open, __NR_userfaultfd,
      __NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register, __NR_syslog,
      __NR_add_key, __NR_request_key, __NR_keyctl,
      // The host's clock and name, and who this process is.
      __NR_settimeofday, __NR_clock_settime, __NR_adjtimex, __NR_clock_adjtime, __NR_sethostname,
      __NR_setdomainname, __NR_setuid, __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid,
      __NR_setresgid, __NR_setfsuid, __NR_setfsgid, __NR_setgroups, __NR_personality, __NR_vhangup,
    ] + ofArchitecture

  private static let forGuards =
    [
      __NR_clone, __NR_clone3, __NR_listen, __NR_sendmsg, __NR_sendmmsg, __NR_kill,
      __NR_tkill, __NR_tgkill, __NR_rt_sigqueueinfo, __NR_rt_tgsigqueueinfo,
      __NR_pidfd_send_signal, __NR_memfd_create, __NR_linkat, __NR_symlinkat, __NR_renameat,
      __NR_renameat2, __NR_mkdirat, __NR_fchmod, __NR_fchmodat, __NR_fchown, __NR_fchownat,
      __NR_truncate,
      __NR_setxattr, __NR_shmget, __NR_msgget, __NR_semget,
    ] + namingFiles

  #if arch(x86_64)
    /// Those that only this architecture has.
    private static let ofArchitecture = [
      __NR_fork, __NR_vfork, __NR_mknod, __NR_iopl, __NR_ioperm, __NR_modify_ldt, __NR_uselib,
    ]
    /// The older forms of calls that others have, too.
    private static let namingFiles = [
      __NR_link, __NR_symlink, __NR_rename, __NR_mkdir, __NR_chmod, __NR_chown,
      __NR_lchown,
    ]
  #else
    private static let ofArchitecture: [CInt] = []
    private static let namingFiles: [CInt] = []
  #endif
}
