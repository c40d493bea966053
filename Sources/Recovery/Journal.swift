// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import NIC

/// A record in a file that only one run can hold at a time. There is one such file for each
/// interface of each network namespace, and it is also the lock that keeps a second run away. The
/// lock belongs to the open file: forked processes share it, and the kernel releases it when the
/// last of them is gone.
package struct Journal: ~Copyable, ChangeLog {
  private let descriptor: OwnedDescriptor
  /// The directory that has the file, kept open; `nil` for a journal in memory.
  private let directory: RuntimeDirectory?
  private let name: String

  /// How many bytes of the file are whole lines.
  private var end = 0

  /// The file's path, for messages.
  package let path: String

  /// Opens a journal in a directory and locks it.
  ///
  /// Waits a little for a run that has it, and for the guard of one that is dead.
  ///
  /// - Parameters:
  ///   - creating: Whether to create the file where there is none.
  ///   - patience: How long to wait for a guard at work.
  ///   - wait: What else ends the wait.
  /// - Throws: A failure with `EBUSY` that names the process which has it; with `ENOENT` where
  ///   there is none and none is to be created; one without errno where others may have written it;
  ///   one of the kind `stopped` after a stop.
  package init(
    named name: String, in directory: consuming RuntimeDirectory, creating: Bool,
    patience: Duration = Self.patience, _ wait: Wait = Wait()
  ) throws(Failure) {
    path = directory.path + "/" + name
    descriptor = try Self.lock(
      name, in: directory, creating: creating, Patience(patience, wait))
    self.directory = consume directory
    self.name = name
  }

  /// Makes a journal that only this process and those that it forks can see.
  ///
  /// - Throws: Why there is no memory for it.
  package init() throws(Failure) {
    descriptor = try attempt("make a journal in memory") { () throws(Errno) in
      OwnedDescriptor(
        owning: try retrying {
          unsafe CLinux_memfd_create("ncdevmem-journal", CLinux_MFD_CLOEXEC)
        })
    }
    directory = nil
    name = ""
    path = "in memory"
  }

  /// The name of the journal for an interface.
  package static func name(on host: Host, interface index: UInt32) -> String {
    "\(host.namespace)-\(index)"
  }

  /// The interface and the network namespace that a journal's name is about; `nil` for a name that
  /// no run gives.
  package static func interface(inName name: String) -> (index: UInt32, namespace: UInt64)? {
    let parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let namespace = UInt64(parts[0]), let index = UInt32(parts[1]) else {
      return nil
    }
    return (index, namespace)
  }

  /// Writes a record in the place of whatever there is.
  ///
  /// - Throws: Why it cannot be written.
  package mutating func begin(_ record: Record) throws(Failure) {
    end = 0
    try append(record.text)
  }

  /// Appends a line that holds the present changes.
  ///
  /// - Throws: Why it cannot be written.
  package mutating func note(_ changes: [Change]) throws(Failure) {
    try append(Record.line(of: changes))
  }

  /// Reads the record.
  ///
  /// - Returns: `nil` where no process has changed anything yet.
  /// - Throws: A failure without errno where the file is no journal.
  package mutating func record() throws(Failure) -> Record? {
    let bytes = try attempt("read the journal", on: path) { () throws(Errno) in
      try Self.contents(of: descriptor)
    }
    end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    do throws(Record.Defect) {
      return try Record(text: String(decoding: bytes, as: UTF8.self))
    } catch {
      let reason =
        switch error {
        case .unfinished: String?.none
        case .malformed: "it is not one"
        case .ofOtherVersion: "another version of this tool has written it"
        }
      guard let reason else { return nil }
      throw Failure("read the journal", on: path, reason: reason, hint: remedy)
    }
  }

  /// Removes the file. A process that opens one of this name from now on gets another file. One that
  /// cannot be removed is emptied: what it lists is undone, and must not be undone again.
  package func remove() {
    switch directory {
    case let directory?: remove(from: directory)
    case nil: break
    }
  }

  private func remove(from directory: borrowing RuntimeDirectory) {
    do throws(Errno) {
      // Where it was removed before, another may have its name.
      guard try descriptor.borrowed.status().linkCount > 0 else { return }
      try retrying { unsafe unlinkat(directory.descriptor.rawValue, name, 0) }
    } catch {
      do throws(Errno) {
        try retrying { ftruncate(descriptor.rawValue, 0) }
      } catch {
        Diagnostics.print(
          Failure(
            "drop the journal", on: path, errno: error,
            hint: "the changes that it lists are undone; remove it"))
      }
    }
  }

  /// What to do about a record that cannot be undone.
  var remedy: String {
    guard directory != nil else { return "nothing else remembers what was there before" }
    let index = Self.interface(inName: name)?.index
    let target = index.flatMap { Interface.name(at: $0) }.map { " -f " + $0 } ?? ""
    return
      "the journal \(path) remains; `ncdevmem --restore --force\(target)` tries again, and then "
      + "drops what cannot be undone"
  }

  /// What a forked process has to keep open.
  var descriptors: [Descriptor] {
    switch directory {
    case let directory?: [descriptor.borrowed, directory.descriptor.borrowed]
    case nil: [descriptor.borrowed]
    }
  }

  /// How long to wait for a guard at work.
  package static let patience = Patience.usual
}

// The file's contents.
extension Journal {
  /// More than any journal has, in bytes.
  private static let limit = 4 << 20

  private mutating func append(_ text: String) throws(Failure) {
    let bytes = Array(text.utf8)
    try attempt("write the journal", on: path) { () throws(Errno) in
      // What follows the last whole line must not become part of this one.
      try retrying { ftruncate(descriptor.rawValue, end) }
      var written = 0
      while written < bytes.count {
        written += try retrying {
          unsafe bytes[written...].withUnsafeBytes {
            unsafe pwrite(descriptor.rawValue, $0.baseAddress, $0.count, end + written)
          }
        }
      }
    }
    end += bytes.count
  }

  private static func contents(of file: borrowing OwnedDescriptor) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while bytes.count < limit {
      let count = try retrying {
        unsafe piece.withUnsafeMutableBytes {
          unsafe pread(file.rawValue, $0.baseAddress, $0.count, bytes.count)
        }
      }
      guard count > 0 else { return bytes }
      bytes += piece[..<count]
    }
    throw .tooBig
  }
}

// The lock.
extension Journal {
  private static func lock(
    _ name: String, in directory: borrowing RuntimeDirectory, creating: Bool, _ patience: Patience
  ) throws(Failure) -> OwnedDescriptor {
    let path = directory.path + "/" + name
    // A pipe in its place must not block the open.
    var flags: OpenFlags = [.readingAndWriting, .noFollow, .nonBlocking]
    if creating { flags.insert(.creating) }
    while true {
      let file = try attempt("open the journal", on: path) { () throws(Errno) in
        try OwnedDescriptor(opening: name, in: directory.descriptor, flags)
      }
      try file.requireOwn(to: "trust the journal", path) {
        $0.isRegularFile && $0.linkCount <= 1
      }
      let isLocked = try attempt("lock the journal", on: path) { () throws(Errno) in
        try tryLock(file)
      }
      // The process that had it may have removed it meanwhile.
      if isLocked {
        guard isLinked(file) else { continue }
        return file
      }
      try otherRun(with: file, path).wait(to: "lock the journal", on: path, patience)
    }
  }

  private static func tryLock(_ file: borrowing OwnedDescriptor) throws(Errno) -> Bool {
    do throws(Errno) {
      try retrying { flock(file.rawValue, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      guard error == .tryAgain else { throw error }
      return false
    }
  }

  private static func isLinked(_ file: borrowing OwnedDescriptor) -> Bool {
    guard let status = try? file.borrowed.status() else { return false }
    return status.linkCount > 0
  }

  private static func otherRun(
    with file: borrowing OwnedDescriptor, _ path: String
  ) throws(Failure) -> OtherRun {
    let bytes = try attempt("read the journal", on: path) { () throws(Errno) in
      try contents(of: file)
    }
    return OtherRun(process: (try? Record(text: String(decoding: bytes, as: UTF8.self)))?.owner)
  }
}

/// The contents of a journal: its owner, and what to undo on which device.
///
/// As text it is lines. The first ones hold all but the changes; each further one holds all changes
/// up to then, and the last whole one counts. So a line that is cut loses nothing: the change that
/// it announces was not made yet.
package struct Record: Equatable, Sendable {
  /// The process that made the changes.
  package var owner: CInt
  /// Where it made them.
  package var host: Host
  /// The interface's device.
  package var device: DeviceIdentity
  /// The changes to undo, in the order made.
  package var changes: [Change]

  /// A record of a process's changes to one interface.
  package init(owner: CInt, host: Host, device: DeviceIdentity, changes: [Change] = []) {
    self.owner = owner
    self.host = host
    self.device = device
    self.changes = changes
  }

  /// Why a text is not a record.
  package enum Defect: Error {
    /// It is the beginning of a record, cut before the first line of changes ended: nothing was
    /// changed yet.
    case unfinished
    /// It is something else.
    case malformed
    /// Another version of this tool has written it.
    case ofOtherVersion
  }

  /// The record as text.
  package var text: String {
    ([Self.title] + head.map { "\($0.key) \($0.value)" }).map { $0 + "\n" }.joined()
      + Self.line(of: changes)
  }

  /// The line that holds some changes.
  package static func line(of changes: [Change]) -> String {
    (changes.isEmpty ? word : word + " " + Change.text(of: changes)) + "\n"
  }

  /// Reads a record.
  ///
  /// - Throws: Why the text is no record.
  package init(text: String) throws(Defect) {
    // What follows the last line's end is no whole line.
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let cut = lines.removeLast()
    guard let title = lines.first else {
      throw Self.title.hasPrefix(cut) ? .unfinished : .malformed
    }
    guard title == Self.title else {
      throw title.hasPrefix(Self.titleStart) ? .ofOtherVersion : .malformed
    }
    var values: [String] = []
    for (key, line) in zip(Self.keys, lines.dropFirst()) {
      guard let value = Self.value(of: key, in: line) else { throw .malformed }
      values.append(value)
    }
    let changeLines = lines.dropFirst(1 + Self.keys.count)
    guard let last = changeLines.last else {
      let key = values.count < Self.keys.count ? Self.keys[values.count] : Self.word
      throw Self.isBegun(key, in: cut) ? .unfinished : .malformed
    }
    guard changeLines.allSatisfy({ $0 == Self.word || $0.hasPrefix(Self.word + " ") }),
      let changes = Change.changes(in: String(last.dropFirst(Self.word.count + 1))),
      let owner = CInt(values[0]), let namespace = UInt64(values[2]), let index = UInt32(values[3])
    else { throw .malformed }
    self.init(
      owner: owner, host: Host(boot: values[1], namespace: namespace),
      device: DeviceIdentity(
        index: index, driver: values[4], bus: values[5], address: values[6]),
      changes: changes)
  }

  /// The value that a whole line of the head has; `nil` where it is no such line.
  private static func value(of key: String, in line: Substring) -> String? {
    guard line.hasPrefix(key + " ") else { return nil }
    let value = String(line.dropFirst(key.count + 1))
    let isValid =
      switch key {
      case "pid": CInt(value).map { $0 > 0 } ?? false
      case "netns": UInt64(value) != nil
      case "ifindex": UInt32(value) != nil
      default: true
      }
    return isValid ? value : nil
  }

  /// Whether a line that was cut is the beginning of this key's.
  private static func isBegun(_ key: String, in cut: Substring) -> Bool {
    if (key + " ").hasPrefix(cut) { return true }
    guard cut.hasPrefix(key + " ") else { return false }
    return key == word || value(of: key, in: cut) != nil
  }

  private var head: [(key: String, value: String)] {
    let values = [
      "\(owner)", host.boot, "\(host.namespace)", "\(device.index)", device.driver, device.bus,
      device.address,
    ]
    return zip(Self.keys, values).map { ($0, $1) }
  }

  private static let titleStart = "ncdevmem journal "
  private static let title = titleStart + "3"
  private static let keys = ["pid", "boot", "netns", "ifindex", "driver", "bus", "address"]
  private static let word = "changes"
}
