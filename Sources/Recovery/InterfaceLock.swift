// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel

/// Keeps a second run away from an interface wherever that has its journals: in another container,
/// or as another user.
///
/// It is a listening socket with an abstract name, which lives where the interface does: in the
/// network namespace (`net/unix/af_unix.c`, `unix_find_abstract`). Forked processes share it, and the
/// name is free when the last of them is gone. Anybody may take the name first, but nobody without
/// our rights keeps a run away: the kernel notes who began to listen (`init_peercred`), and reports it
/// to whoever connects (`SO_PEERCRED`). No process can have that say anything else. What a stranger
/// has is passed over, and the next name of a short row taken.
package struct InterfaceLock: ~Copyable {
  private let socket: OwnedDescriptor?

  /// Why nothing keeps another run away; `nil` if the lock is taken.
  package let defect: String?

  /// Takes the lock.
  ///
  /// Any two runs see each other, whatever names were free to either: each looks at all names once
  /// it listens at its own.
  ///
  /// - Parameters:
  ///   - index: The interface's index.
  ///   - subject: The interface, in the failure.
  ///   - prefix: What the names begin with.
  ///   - patience: How long to wait for a guard at work.
  ///   - wait: What else ends the wait.
  /// - Throws: A failure with `EBUSY` and the pid where another run has it; one of the kind `stopped`
  ///   after a stop. That it cannot be taken is no failure.
  package init(
    on index: UInt32, named subject: String, prefix: String = Self.prefix,
    patience: Duration = Patience.usual, _ wait: Wait = Wait()
  ) throws(Failure) {
    let names = Self.names(for: index, prefix)
    let patience = Patience(patience, wait)
    while true {
      var own: OwnedDescriptor?
      var place: Int?
      var other: OtherRun?
      var refusal: Errno?
      for (number, name) in names.enumerated() where place == nil && other == nil {
        do throws(Errno) {
          own = try Self.listener(at: name)
        } catch {
          refusal = error
          break
        }
        switch own {
        case .some: place = number
        case .none: other = try Self.holder(of: name, patience)
        }
      }
      // One that takes no connection is passed over: it is a stranger's, or of a run that does not
      // listen yet, and will look at our name then.
      for (number, name) in names.enumerated() where number != place && other == nil {
        if case .run(let run) = Self.look(at: name) { other = run }
      }
      guard let other else {
        socket = own
        let reason = refusal.map { "\($0.name) (\($0.text))" } ?? "other users have all its names"
        defect = place == nil ? "cannot lock \(subject): \(reason)" : nil
        return
      }
      own = nil
      try other.wait(to: "lock", on: subject, patience)
    }
  }

  /// The run that has the interface's lock, as a reason not to begin another one; `nil` if none has.
  package static func reason(
    againstRunOn index: UInt32, prefix: String = Self.prefix
  ) -> String? {
    for name in names(for: index, prefix) {
      if case .run(let run) = look(at: name) { return run.reason }
    }
    return nil
  }

  /// What a forked process has to keep open.
  var descriptors: [Descriptor] {
    switch socket {
    case .some(let owned): [owned.borrowed]
    case .none: []
    }
  }

  /// Waits until a descriptor is readable, and meanwhile lets those who asked go. Each of them leaves
  /// a connection, and nobody could ask any more once a stranger has left too many.
  ///
  /// - Returns: `stopped` once the descriptor is readable; `ready` after some have asked.
  func answer(until end: Descriptor) throws(Errno) -> Readiness {
    guard let socket = descriptors.first else {
      return try Wait().readiness(of: end) == .ready ? .stopped : .timedOut
    }
    let outcome = try Wait(orStoppedBy: end).readiness(of: socket)
    guard outcome == .ready else { return outcome }
    for _ in 0..<Self.backlog {
      guard let asked = try? retrying({ accept(socket.rawValue, nil, nil) }) else { break }
      close(asked)
    }
    return .ready
  }

  /// What names begin with.
  package static let prefix = "ncdevmem"

  /// How many names strangers have to take before the lock is missing.
  package static let nameCount = 8

  /// The most that the kernel takes unless it is configured otherwise (`net.core.somaxconn`).
  private static let backlog: CInt = 4096

  private static func names(for index: UInt32, _ prefix: String) -> [String] {
    (0..<nameCount).map { "\(prefix)-\(index)-\($0)" }
  }
}

// Who has a name.
extension InterfaceLock {
  private enum Holder {
    /// Nobody, or somebody who does not listen yet.
    case nobody
    case run(OtherRun)
    case stranger
    /// It takes no connection, or it ended meanwhile.
    case unknown
  }

  /// The run that has a name which is taken; `nil` where a stranger has it. Waits a little for one
  /// that does not answer: a run answers soon.
  ///
  /// - Throws: A failure of the kind `stopped` after a stop.
  private static func holder(
    of name: String, _ patience: Patience
  ) throws(Failure) -> OtherRun? {
    while true {
      switch look(at: name) {
      case .run(let run): return run
      case .stranger: return nil
      case .nobody, .unknown:
        guard !patience.forOwner.isOver, (try? isTaken(name)) == true else { return nil }
        try patience.forOwner.pause(for: OtherRun.interval, to: "lock the interface")
      }
    }
  }

  private static func look(at name: String) -> Holder {
    guard let socket = try? socket() else { return .unknown }
    do throws(Errno) {
      try unsafe withAddress(name) { address, length in
        unsafe connect(socket.rawValue, address, length)
      }
    } catch {
      return error == .connectionRefused ? .nobody : .unknown
    }
    var credentials = CLinux_ucred()
    var length = socklen_t(MemoryLayout<CLinux_ucred>.size)
    let isKnown = try? retrying {
      unsafe getsockopt(socket.rawValue, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
    }
    guard isKnown != nil else { return .unknown }
    // 0 stands for a process of a pid namespace that this one cannot see.
    let process = credentials.pid == 0 ? nil : credentials.pid
    if credentials.uid == 0 || credentials.uid == geteuid() {
      return .run(OtherRun(process: process))
    }
    guard let process else { return .stranger }
    // Its guard may be at work, and nothing shows any more whether it was one of ours.
    guard (try? ProcessHandle(of: process)) != nil else { return .unknown }
    return administersNetwork(process) ? .run(OtherRun(process: process)) : .stranger
  }

  /// Whether another user's process may have `CAP_NET_ADMIN` in our own user namespace: anybody has
  /// it in a namespace of their own. It is permitted all the time, and effective only where a run
  /// uses it.
  private static func administersNetwork(_ process: CInt) -> Bool {
    guard let own = try? FileStatus.of("/proc/self/ns/user"),
      let theirs = try? FileStatus.of("/proc/\(process)/ns/user"), own.inode == theirs.inode
    else { return false }
    return Capabilities(field: "CapPrm", of: "\(process)").contains(.netAdmin)
  }

  private static func isTaken(_ name: String) throws(Errno) -> Bool {
    try !bind(try socket(), to: name)
  }

  /// A socket that listens at a name; `nil` where that is taken.
  private static func listener(at name: String) throws(Errno) -> OwnedDescriptor? {
    let socket = try socket()
    guard try bind(socket, to: name) else { return nil }
    try retrying { listen(socket.rawValue, backlog) }
    return socket
  }

  /// - Returns: `false` where the name is taken.
  private static func bind(
    _ socket: borrowing OwnedDescriptor, to name: String
  ) throws(Errno) -> Bool {
    do throws(Errno) {
      try unsafe withAddress(name) { address, length in
        unsafe Glibc.bind(socket.rawValue, address, length)
      }
      return true
    } catch {
      guard error == .addressInUse else { throw error }
      return false
    }
  }

  private static func socket() throws(Errno) -> OwnedDescriptor {
    let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    return OwnedDescriptor(owning: try retrying { Glibc.socket(AF_UNIX, CInt(type), 0) })
  }

  /// Makes a call with an abstract name: behind a zero, its length set by the address's.
  private static func withAddress(
    _ name: String, _ call: (UnsafePointer<sockaddr>, socklen_t) -> CInt
  ) throws(Errno) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + 1
    let length = unsafe withUnsafeMutableBytes(of: &address) { bytes in
      let text = name.utf8.prefix(bytes.count - start)
      unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[start...]).copyBytes(from: text)
      return start + text.count
    }
    try retrying {
      unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe call($0, socklen_t(length))
        }
      }
    }
  }
}
