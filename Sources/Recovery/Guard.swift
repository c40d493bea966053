// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import NIC
package import Netdev

/// A process that waits for the end of this one, and then undoes the changes that it has left
/// behind, whatever it died of. While it runs, no other run can guard the same interface.
///
/// It is forked and executes no program: it costs no start-up, needs neither `/proc` nor the
/// program's file, and has the journal and its lock open from the start. It runs in a session of
/// its own and blocks every signal that can be blocked, so that neither a terminal nor a signal to
/// the process group reaches it. Of the files that were open it keeps only the standard error, and
/// of its privileges only what the undo takes.
package struct Guard: ~Copyable, ChangeLog {
  /// The interface's carrier once no other run had it; `nil` where nobody cares.
  let carrier: Carrier?
  private let lock: InterfaceLock
  private var journal: Journal
  private let process: pid_t
  private var isNeeded = false

  /// What a kill would do in spite of the guard; printed once there is something that could be lost.
  private var warnings: [String] = []

  /// Starts the guard of an interface. If an earlier run was killed together with its guard, this
  /// first undoes what that run has left behind. Where there is no place for a journal, the guard
  /// has it in memory.
  ///
  /// - Precondition: This process has one thread.
  /// - Parameters:
  ///   - carrier: The interface's carrier before, which must be back when the guard ends.
  ///   - wait: What ends the wait for another run or its guard, and for an undo.
  ///   - places: Directories for the journal, the preferred one first.
  ///   - lockPrefix: What the names of the interface's lock begin with.
  /// - Throws: A failure with `EBUSY` and the pid where another run has the interface; one of the kind
  ///   `stopped` after a stop.
  package init(
    for interface: inout Interface, with carrier: Carrier? = nil, _ wait: Wait = Wait(),
    places: [String] = RuntimeDirectory.places,
    lockPrefix: String = InterfaceLock.prefix
  ) throws(Failure) {
    let device = try interface.identity()
    let lock = try InterfaceLock(
      on: interface.index, named: interface.subject, prefix: lockPrefix, wait)
    let carrier = carrier?.renewed()
    var host = Host(boot: "", namespace: 0)
    var directory: RuntimeDirectory?
    do throws(Failure) {
      host = try Host.current()
      directory = try RuntimeDirectory(firstOf: places)
    } catch {
      warnings = ["ncdevmem: \(error)", Self.noJournal]
    }
    if let defect = lock.defect { warnings += ["ncdevmem: \(defect)", Self.noLock] }
    if getpid() == 1 { warnings.append(Self.firstProcess) }
    var journal =
      if let directory = directory.take() {
        try Self.journal(for: device, on: host, in: directory, wait)
      } else {
        try Journal()
      }
    try journal.begin(Record(owner: getpid(), host: host, device: device))
    // SIGCHLD may be ignored, which is inherited. A guard that died would then free its number at
    // once, and the end of this run would kill whichever process has the number by then.
    _ = signal(SIGCHLD, SIG_DFL)
    do throws(Errno) {
      let owner = try ProcessHandle(of: getpid())
      process = try Self.fork {
        Self.restore(
          from: &journal, to: carrier, holding: lock, on: host, afterEndOf: owner)
      }
    } catch {
      journal.remove()
      throw Failure("start the guard of", on: interface.subject, errno: error)
    }
    self.carrier = carrier
    self.journal = journal
    self.lock = lock
  }

  /// Stores the changes in the journal. The first time, it also prints what a kill would do.
  ///
  /// - Throws: Why the journal cannot be written.
  package mutating func note(_ changes: [Change]) throws(Failure) {
    warnings.forEach(Diagnostics.print)
    warnings = []
    isNeeded = !changes.isEmpty
    try journal.note(changes)
  }

  /// Ends the guard if all changes are undone. Otherwise the guard lives on, and tries again once
  /// this process is dead and the memory of all bindings is gone.
  deinit {
    guard !isNeeded else { return }
    journal.remove()
    // A request to end would not reach a guard that was stopped.
    // Where the signal is refused, it ends when this process has.
    guard kill(process, SIGKILL) == 0 else { return }
    var status: CInt = 0
    _ = try? retrying { unsafe waitpid(process, &status, 0) }
  }

  private static let noJournal = """
    warning: there is no journal. The interface stays changed if this process and its guard are \
    both killed
    hint: name a directory that this user can write to (RUNTIME_DIRECTORY), or give a container the \
    host's (-v /run/ncdevmem:/run/ncdevmem)
    """

  private static let noLock = """
    warning: there is no lock. Another run that has its journals elsewhere can change the interface \
    at the same time
    """

  /// `zap_pid_ns_processes` of `kernel/pid_namespace.c`.
  private static let firstProcess = """
    warning: this is the first process of its pid namespace, whose end the kernel lets no other one \
    outlive, the guard included. If it is killed, the interface stays changed
    hint: keep the journals outside of the container (-v /run/ncdevmem:/run/ncdevmem): the next run, \
    or --restore, brings it back
    """
}

extension Guard {
  /// A journal that no earlier run needs any more.
  private static func journal(
    for device: DeviceIdentity, on host: Host, in directory: consuming RuntimeDirectory,
    _ wait: Wait
  ) throws(Failure) -> Journal {
    let path = directory.path
    let name = Journal.name(on: host, interface: device.index)
    var directory = directory
    for _ in 0..<tries {
      var journal = try Journal(named: name, in: directory, creating: true, wait)
      guard try journal.record() != nil else { return journal }
      let outcome = try journal.restore(on: host, wait)
      if let text = outcome.text { Diagnostics.print(text) }
      // The name is that of this namespace, so the contents are not from a run of this tool.
      if outcome == .elsewhere { journal.remove() }
      directory = try RuntimeDirectory(at: path)
    }
    throw Failure(
      "begin a journal", on: "\(path)/\(name)",
      reason: "others take its place, \(tries) times over")
  }

  /// How many journals of earlier runs one start undoes or drops.
  private static let tries = 8

  /// Forks a process that has all signals blocked from its start, and keeps them blocked.
  ///
  /// - Parameter child: What the new process does.
  /// - Returns: The new process.
  private static func fork(_ child: () -> Never) throws(Errno) -> pid_t {
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    try retrying { unsafe sigprocmask(SIG_SETMASK, &all, &before) }
    let process = Glibc.fork()
    if process == 0 { child() }
    let error = Errno.last
    unsafe _ = sigprocmask(SIG_SETMASK, &before, nil)
    guard process > 0 else { throw error }
    return process
  }

  /// What the guard does: waits for the end of its owner, and undoes what the journal has.
  private static func restore(
    from journal: inout Journal, to carrier: Carrier?, holding lock: borrowing InterfaceLock,
    on host: Host,
    afterEndOf owner: borrowing ProcessHandle
  ) -> Never {
    setsid()
    unsafe _ = CLinux_prctl_set_name("ncdevmem-guard")
    // A reader of the tool's output must not have to wait for the guard, and a file system that the
    // tool was started in must not stay busy.
    closeAll(
      but: journal.descriptors + lock.descriptors + [owner.descriptor] + Diagnostics.descriptors)
    // Whoever waits for the interface must not have to wait for a reader of the standard error.
    Diagnostics.neverWait()
    unsafe _ = chdir("/")
    // All that it has left to do is to ask the kernel for what the run asked for. Nothing here is a
    // reason not to guard.
    try? Capabilities.drop(allBut: .netAdmin)
    try? SystemCallFilter.guard.apply()
    // An error of the wait is no reason to touch what the owner still uses.
    while (try? lock.answer(until: owner.descriptor)) != .stopped {
      pause(for: .milliseconds(10))
    }
    do throws(Failure) {
      if let text = try journal.restore(on: host, to: carrier).text {
        Diagnostics.print(text)
      }
    } catch {
      Diagnostics.print(error)
    }
    _exit(0)
  }

  /// Closes what was inherited but for the standard error; standard input and output become empty.
  private static func closeAll(but kept: [Descriptor]) {
    let null = unsafe open("/dev/null", O_RDWR)
    for standard in [Descriptor.standardInput, .standardOutput] where !kept.contains(standard) {
      if null < 0 { close(standard.rawValue) } else { dup2(null, standard.rawValue) }
    }
    var next = UInt32(STDERR_FILENO) + 1
    for descriptor in kept.map(\.rawValue).sorted().map(UInt32.init) where descriptor >= next {
      if descriptor > next { CLinux_close_range(next, descriptor - 1, 0) }
      next = descriptor + 1
    }
    CLinux_close_range(next, .max, 0)
  }
}
