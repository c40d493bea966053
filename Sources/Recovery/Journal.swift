// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import NIC

/// A record in a file that nobody else can hold at the same time. The file has one for each
/// interface of each network namespace, and is also the lock that keeps a second run away. The
/// lock belongs to the open file: forked processes share it, and the kernel releases it when the
/// last of them is gone.
package struct Journal: ~Copyable, ChangeLog {
  private let descriptor: OwnedDescriptor
  /// Kept open.
  private let directory: RuntimeDirectory?
  private let rawDirectory: CInt?
  private let name: String

  /// How many bytes of the file are whole lines.
  private var end = 0

  /// Opens a journal in a directory and locks it. Where the process that has it is dead, its guard
  /// may be at work: that is waited for. So is, for a moment, a process that may be dying: one that
  /// was killed has its end before it, in which the kernel takes down its binding.
  ///
  /// - Throws: A failure with `EBUSY` that names the process which has it; with `ENOENT` where
  ///   there is none and none is to be made; one without errno where others can have written it.
  package init(
    named name: String, in directory: consuming RuntimeDirectory, isMade: Bool,
    patience: Int = Self.patience
  ) throws(Failure) {
    let now = Instant.now
    path = directory.path + "/" + name
    descriptor = try Self.lock(
      name, in: directory, isMade: isMade, until: now.advanced(milliseconds: patience),
      ownerUntil: now.advanced(milliseconds: min(patience, Self.dying)))
    rawDirectory = directory.descriptor.rawValue
    self.directory = consume directory
    self.name = name
  }

  /// Makes a journal that only this process and those that it forks can see.
  package init() throws(Failure) {
    descriptor = try attempt("make a journal in memory") { () throws(Errno) in
      OwnedDescriptor(
        owning: try retrying {
          unsafe CLinux_memfd_create("ncdevmem-journal", CLinux_MFD_CLOEXEC)
        })
    }
    directory = nil
    rawDirectory = nil
    name = ""
    path = "in memory"
  }

  /// The name of the journal for an interface.
  package static func name(on host: Host, interface index: UInt32) -> String {
    "\(host.namespace)-\(index)"
  }

  /// Where it is, for people.
  package let path: String

  /// Writes a record in the place of whatever there is.
  package mutating func begin(_ record: Record) throws(Failure) {
    end = 0
    try append(record.text)
  }

  package mutating func note(_ changes: [Change]) throws(Failure) {
    try append(Record.line(of: changes))
  }

  /// Reads the record; `nil` where nobody has come so far as to change anything.
  package mutating func record() throws(Failure) -> Record? {
    let bytes = try attempt("read the journal", on: path) { () throws(Errno) in
      try Self.contents(of: descriptor)
    }
    end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    do throws(Record.Defect) {
      return try Record(text: String(decoding: bytes, as: UTF8.self))
    } catch {
      guard error == .malformed else { return nil }
      throw Failure(
        "read the journal", on: path, reason: "it is not one",
        hint: "nothing was done; remove it once the interface is as it should be")
    }
  }

  /// Removes the file. Who opens one of this name from now on gets another.
  package func remove() {
    // Where it was removed before, another may have its name.
    guard let rawDirectory, Self.isLinked(descriptor) else { return }
    unsafe _ = unlinkat(rawDirectory, name, 0)
  }

  /// What a forked process has to keep open.
  var rawDescriptors: [CInt] {
    [descriptor.rawValue] + (rawDirectory.map { [$0] } ?? [])
  }

  /// How long to wait for a guard at work, in milliseconds.
  package static let patience = 15_000

  /// How long to wait for the end of the process that has it, in milliseconds.
  private static let dying = 2_000

  /// More than any journal has, in bytes.
  private static let limit = 4 << 20

  private mutating func append(_ text: String) throws(Failure) {
    let bytes = Array(text.utf8)
    try attempt("write the journal", on: path) { () throws(Errno) in
      // What is there behind the last whole line must not become part of this one.
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

extension Journal {
  private static func lock(
    _ name: String, in directory: borrowing RuntimeDirectory, isMade: Bool,
    until deadline: Instant, ownerUntil ownerDeadline: Instant
  ) throws(Failure) -> OwnedDescriptor {
    let path = directory.path + "/" + name
    // A pipe in its place must not hold anybody up.
    let flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (isMade ? O_CREAT : 0)
    while true {
      let file = try attempt("open the journal", on: path) { () throws(Errno) in
        OwnedDescriptor(
          owning: try retrying {
            unsafe openat(directory.descriptor.rawValue, name, flags, 0o600)
          })
      }
      try requireOwn(file, S_IFREG, "trust the journal", path)
      let isLocked = try attempt("lock the journal", on: path) { () throws(Errno) in
        try tryLock(file)
      }
      // Whoever had it may have removed it meanwhile.
      if isLocked {
        guard isLinked(file) else { continue }
        return file
      }
      try waitForOwner(of: file, path, until: deadline, ownerUntil: ownerDeadline)
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
    var status = stat()
    return unsafe fstat(file.rawValue, &status) == 0 && status.st_nlink > 0
  }

  /// Waits a little for whoever else has the file.
  private static func waitForOwner(
    of file: borrowing OwnedDescriptor, _ path: String, until deadline: Instant,
    ownerUntil ownerDeadline: Instant
  ) throws(Failure) {
    let bytes = try attempt("read the journal", on: path) { () throws(Errno) in
      try contents(of: file)
    }
    let owner = (try? Record(text: String(decoding: bytes, as: UTF8.self)))?.owner
    let isAlive = owner.map { Self.outlives($0, ownerDeadline) } ?? false
    guard isAlive || Instant.now >= deadline else {
      usleep(interval)
      return
    }
    throw Failure(
      "lock the journal", on: path, errno: .busy,
      reason: owner.map { "another run, pid \($0), has the interface" }
        ?? "another run has the interface",
      hint: "one run at a time may change it; -n changes nothing")
  }

  private static func outlives(_ process: CInt, _ deadline: Instant) -> Bool {
    guard let handle = try? ProcessHandle(of: process) else { return false }
    return (try? handle.waitForEnd(until: deadline)) != true
  }

  /// Between two looks, in microseconds.
  private static let interval: useconds_t = 20_000
}
