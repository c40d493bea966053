// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc

/// A file descriptor whose owner keeps it open for as long as this is used.
package struct Descriptor: Equatable, Sendable {
  /// The number, for C functions.
  package let rawValue: CInt

  /// Names a descriptor by its number.
  package init(_ rawValue: CInt) { self.rawValue = rawValue }

  /// The corresponding C constant is `STDIN_FILENO`.
  package static let standardInput = Descriptor(STDIN_FILENO)
  /// The corresponding C constant is `STDOUT_FILENO`.
  package static let standardOutput = Descriptor(STDOUT_FILENO)
  /// The corresponding C constant is `STDERR_FILENO`.
  package static let standardError = Descriptor(STDERR_FILENO)

  /// Opens `/dev/null` in place of each of the three standard descriptors that is closed. Otherwise
  /// the next file that is opened, such as a journal or a socket, would be taken for it.
  ///
  /// - Throws: What `open` fails with.
  package static func openStandard() throws(Errno) {
    for standard in [standardInput, standardOutput, standardError]
    where fcntl(standard.rawValue, F_GETFD) < 0 {
      // The lowest number that is free, and those below are open by now.
      try retrying { unsafe open("/dev/null", O_RDWR) }
    }
  }

  /// Reads at most as many bytes as fit. The corresponding C function is `read`.
  ///
  /// - Returns: How many bytes were read; 0 at the end.
  package func read(into buffer: inout MutableRawSpan) throws(Errno) -> Int {
    try retrying {
      unsafe buffer.withUnsafeMutableBytes {
        unsafe Glibc.read(rawValue, $0.baseAddress, $0.count)
      }
    }
  }

  /// Writes bytes. The corresponding C function is `write`.
  ///
  /// - Returns: How many bytes were written.
  package func write(_ bytes: some Collection<UInt8>) throws(Errno) -> Int {
    let bytes = Array(bytes)
    return try retrying {
      unsafe bytes.withUnsafeBytes { unsafe Glibc.write(rawValue, $0.baseAddress, $0.count) }
    }
  }

  /// How many bytes of a regular file come behind the descriptor's place in it; `nil` for what is no
  /// regular file. The corresponding C function is `lseek`.
  package var bytesAhead: Int? {
    guard let status = try? status(), status.isRegularFile else { return nil }
    return max(0, status.size - lseek(rawValue, 0, CInt(SEEK_CUR)))
  }

  /// Whether it refers to a terminal. The corresponding C function is `isatty`.
  package var isTerminal: Bool { isatty(rawValue) == 1 }

  /// The status of the file that the descriptor refers to. The corresponding C function is `fstat`.
  package func status() throws(Errno) -> FileStatus {
    var status = stat()
    try retrying { unsafe fstat(rawValue, &status) }
    return FileStatus(status)
  }
}

/// A file descriptor that is closed when its owner goes away. Every one is closed on `execve`.
package struct OwnedDescriptor: ~Copyable, Sendable {
  /// The number, for C functions.
  package let rawValue: CInt

  /// Takes over a descriptor. Nothing else may close it.
  package init(owning rawValue: CInt) { self.rawValue = rawValue }

  /// Opens a file. The corresponding C function is `open`.
  ///
  /// - Throws: What `open` fails with.
  package init(opening path: String, _ flags: OpenFlags = .reading) throws(Errno) {
    rawValue = try retrying { unsafe open(path, flags.rawValue | O_CLOEXEC) }
  }

  /// Opens a file of a directory. The corresponding C function is `openat`.
  ///
  /// - Parameter permissions: Those of a file that `OpenFlags.creating` creates.
  /// - Throws: What `openat` fails with.
  package init(
    opening name: String, in directory: borrowing OwnedDescriptor, _ flags: OpenFlags,
    permissions: UInt32 = 0o600
  ) throws(Errno) {
    rawValue = try retrying {
      unsafe openat(directory.rawValue, name, flags.rawValue | O_CLOEXEC, permissions)
    }
  }

  /// Opens a pipe or a terminal afresh, for writes that do not wait: `O_NONBLOCK` set on a descriptor
  /// that this process inherited would be set for every process that shares it. `nil` for anything
  /// else (a file's offset and `O_APPEND` belong to the inherited one, a device would be written to
  /// from its start), and where opening afresh is refused (another user's pipe).
  package init?(reopening descriptor: Descriptor) {
    guard let status = try? descriptor.status(), status.isPipe || descriptor.isTerminal
    else { return nil }
    let flags: OpenFlags = [.writing, .nonBlocking, .notControlling]
    guard
      let opened = try? OwnedDescriptor(opening: "/proc/self/fd/\(descriptor.rawValue)", flags)
    else { return nil }
    self = opened
  }

  deinit { _ = close(rawValue) }

  /// The descriptor, to be used only while its owner exists.
  package var borrowed: Descriptor { Descriptor(rawValue) }

  /// A second descriptor for the same open file. The corresponding C function is `fcntl` with
  /// `F_DUPFD_CLOEXEC`.
  package static func duplicate(of descriptor: Descriptor) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(owning: try retrying { fcntl(descriptor.rawValue, F_DUPFD_CLOEXEC, 0) })
  }
}

/// How a file is opened. The corresponding C constants begin with `O_`.
package struct OpenFlags: OptionSet, Sendable {
  /// The flags in one number, as `open` takes them.
  package let rawValue: CInt

  /// Flags in one number, as `open` takes them.
  package init(rawValue: CInt) { self.rawValue = rawValue }

  /// For reading only: `O_RDONLY`, which is no bit.
  package static let reading = OpenFlags([])
  /// For writing only: `O_WRONLY`.
  package static let writing = OpenFlags(rawValue: O_WRONLY)
  /// For both: `O_RDWR`.
  package static let readingAndWriting = OpenFlags(rawValue: O_RDWR)
  /// Creates the file where there is none: `O_CREAT`.
  package static let creating = OpenFlags(rawValue: O_CREAT)
  /// Only a directory: `O_DIRECTORY`.
  package static let directory = OpenFlags(rawValue: O_DIRECTORY)
  /// No symbolic link in the last place: `O_NOFOLLOW`.
  package static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
  /// Reads and writes do not wait: `O_NONBLOCK`.
  package static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
  /// A terminal does not become the process's own: `O_NOCTTY`.
  package static let notControlling = OpenFlags(rawValue: O_NOCTTY)
}

/// What a file is, and whose. The corresponding C structure is `stat`.
package struct FileStatus: Sendable {
  /// The number of the file in its file system (`st_ino`).
  package let inode: UInt64
  /// How many names the file has (`st_nlink`).
  package let linkCount: Int
  /// The user that owns it (`st_uid`).
  package let owner: UInt32
  /// How many bytes a regular file has (`st_size`).
  package let size: Int
  private let mode: mode_t

  init(_ status: stat) {
    inode = UInt64(status.st_ino)
    linkCount = Int(status.st_nlink)
    owner = status.st_uid
    size = status.st_size
    mode = status.st_mode
  }

  /// Whether it is a regular file (`S_ISREG`).
  package var isRegularFile: Bool { mode & S_IFMT == S_IFREG }
  /// Whether it is a directory (`S_ISDIR`).
  package var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
  /// Whether it is a pipe, with a name or without (`S_ISFIFO`).
  package var isPipe: Bool { mode & S_IFMT == S_IFIFO }
  /// Whether it is a socket (`S_ISSOCK`).
  package var isSocket: Bool { mode & S_IFMT == S_IFSOCK }
  /// Whether its group or all users may write to it.
  package var isWritableByOthers: Bool { mode & (S_IWGRP | S_IWOTH) != 0 }

  /// The file behind a path, links followed. The corresponding C function is `stat`.
  package static func of(_ path: String) throws(Errno) -> FileStatus {
    var status = stat()
    try retrying { unsafe stat(path, &status) }
    return FileStatus(status)
  }
}
