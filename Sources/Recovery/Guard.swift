// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import NIC

/// A process that waits for the end of this one, and then undoes the changes that it has left
/// behind, whatever it died of. While it lives no other run can guard the same interface.
///
/// It is forked and does not execute anything: it costs no start-up, needs neither `/proc` nor the
/// program's file, and has the journal and its lock open from the first moment. It is in a session
/// of its own and takes no signal that can be refused, so that neither a terminal nor a signal to
/// the process group reaches it. Of what was open it keeps only the standard error.
package struct Guard: ~Copyable, ChangeLog {
  private var journal: Journal
  private let process: pid_t
  private var isNeeded = false
  private let tell: (String) -> Void

  /// What to tell once there is something that could be lost.
  private var warning: String?

  /// Starts the guard of an interface, after undoing what an earlier run has left behind with its
  /// guard dead. Where there is no place for a journal, the guard has it in memory.
  ///
  /// - Precondition: this process has one thread.
  /// - Parameters:
  ///   - places: Directories for the journal, the first one that can be used first.
  ///   - tell: Takes lines for people, here and in the guard.
  /// - Throws: A failure with `EBUSY` and the pid where another run has the interface.
  package init(
    for interface: inout Interface, places: [String] = RuntimeDirectory.places,
    tell: @escaping (String) -> Void
  ) throws(Failure) {
    let device = try interface.identity()
    var host = Host(boot: "", namespace: 0)
    var directory: RuntimeDirectory?
    do throws(Failure) {
      host = try Host.current()
      directory = try RuntimeDirectory(firstOf: places)
    } catch {
      warning = "ncdevmem: \(error)\n" + Self.warning
    }
    var journal =
      if let directory = directory.take() {
        try Self.journal(for: device, on: host, in: directory, tell)
      } else {
        try Journal()
      }
    try journal.begin(Record(owner: getpid(), host: host, device: device))
    // Where it is ignored, which is inherited, a guard that died would free its number, and the
    // end of this run would hit whoever has it then.
    _ = signal(SIGCHLD, SIG_DFL)
    do throws(Errno) {
      let owner = try ProcessHandle(of: getpid())
      process = try Self.fork { Self.stand(with: &journal, on: host, after: owner, tell) }
    } catch {
      journal.remove()
      throw Failure("start the guard of", on: interface.subject, errno: error)
    }
    self.journal = journal
    self.tell = tell
  }

  package mutating func note(_ changes: [Change]) throws(Failure) {
    if let warning = warning.take() { tell(warning) }
    isNeeded = !changes.isEmpty
    try journal.note(changes)
  }

  /// Ends the guard, unless there is something left that it can try when this process has ended:
  /// after the memory of all bindings is gone.
  deinit {
    guard !isNeeded else { return }
    journal.remove()
    // Not asked, for it may have been stopped.
    kill(process, SIGKILL)
    var status: CInt = 0
    unsafe _ = waitpid(process, &status, 0)
  }

  private static let warning = """
    warning: there is no journal. The interface stays changed if this process and its guard are \
    both killed, and another run can change it at the same time
    """
}

extension Guard {
  /// A journal that nobody needs any more.
  private static func journal(
    for device: DeviceIdentity, on host: Host, in directory: consuming RuntimeDirectory,
    _ tell: (String) -> Void
  ) throws(Failure) -> Journal {
    let path = directory.path
    let name = Journal.name(on: host, interface: device.index)
    var directory = directory
    for _ in 0..<tries {
      var journal = try Journal(named: name, in: directory, isMade: true)
      guard try journal.record() != nil else { return journal }
      let outcome = try journal.restore(on: host) { tell("ncdevmem: \($0)") }
      if let text = outcome.text { tell(text) }
      // One of this name is of this namespace, or somebody else's.
      if outcome == .elsewhere { journal.remove() }
      directory = try RuntimeDirectory(at: path)
    }
    throw Failure(
      "begin a journal", on: "\(path)/\(name)",
      reason: "others take its place, \(tries) times over")
  }

  /// Journals of earlier runs that one start undoes or drops.
  private static let tries = 8

  /// Forks a process with all signals blocked, for they must find nobody unprepared.
  ///
  /// - Parameter life: What the new process does.
  private static func fork(_ life: () -> Never) throws(Errno) -> pid_t {
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    try retrying { unsafe sigprocmask(SIG_SETMASK, &all, &before) }
    let process = Glibc.fork()
    if process == 0 { life() }
    let error = Errno.last
    unsafe _ = sigprocmask(SIG_SETMASK, &before, nil)
    guard process > 0 else { throw error }
    return process
  }

  /// The life of the guard.
  private static func stand(
    with journal: inout Journal, on host: Host, after owner: borrowing ProcessHandle,
    _ tell: (String) -> Void
  ) -> Never {
    setsid()
    unsafe _ = CLinux_prctl_set_name("ncdevmem-guard")
    // Whoever reads the tool's output to its end must not wait for the guard, nor may a file
    // system that it was started in.
    let kept = journal.rawDescriptors + [owner.rawDescriptor]
    closeAll(but: kept)
    unsafe _ = chdir("/")
    // An error of the wait is no reason to touch what the owner still uses.
    while (try? owner.waitForEnd(until: nil)) != true { usleep(100_000) }
    do throws(Failure) {
      if let text = try journal.restore(on: host, tell: { tell("ncdevmem: \($0)") }).text {
        tell(text)
      }
    } catch {
      tell("ncdevmem: \(error)")
    }
    _exit(0)
  }

  /// Closes what was inherited but for the standard error; standard input and output become empty.
  private static func closeAll(but kept: [CInt]) {
    let null = unsafe open("/dev/null", O_RDWR)
    for standard in [STDIN_FILENO, STDOUT_FILENO] where !kept.contains(standard) {
      if null < 0 { close(standard) } else { dup2(null, standard) }
    }
    var next = UInt32(STDERR_FILENO) + 1
    for descriptor in kept.sorted().map(UInt32.init) where descriptor >= next {
      if descriptor > next { CLinux_close_range(next, descriptor - 1, 0) }
      next = descriptor + 1
    }
    CLinux_close_range(next, .max, 0)
  }
}
