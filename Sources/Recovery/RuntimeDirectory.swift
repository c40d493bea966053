// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// A directory that holds journals: one that only this user can have put anything into.
package struct RuntimeDirectory: ~Copyable {
  package let path: String
  let descriptor: OwnedDescriptor

  /// Where journals may be, the first that can be used first: `/run/ncdevmem`, the one that
  /// systemd made for the service, and the user's own.
  package static var places: [String] {
    var places = ["/run/ncdevmem"]
    if let service = variable("RUNTIME_DIRECTORY")?.split(separator: ":").first {
      places.append(String(service))
    }
    if let user = variable("XDG_RUNTIME_DIR") { places.append(user + "/ncdevmem") }
    return places.filter { $0.hasPrefix("/") }
  }

  /// Opens a directory.
  ///
  /// - Throws: A failure with `ENOENT` where there is none; without errno where others may have
  ///   written to it.
  package init(at path: String) throws(Failure) {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let descriptor = try attempt(Self.operation, on: path) { () throws(Errno) in
      OwnedDescriptor(owning: try retrying { unsafe open(path, flags) })
    }
    try requireOwn(descriptor, S_IFDIR, Self.operation, path)
    self.path = path
    self.descriptor = descriptor
  }

  /// Opens the first directory that can be written to, and makes it if need be.
  ///
  /// - Throws: Why the first of the places cannot be used, where none can.
  package init(firstOf places: [String]) throws(Failure) {
    var first: Failure?
    for place in places {
      do throws(Failure) {
        self = try Self.make(at: place)
        return
      } catch {
        first = first ?? error
      }
    }
    throw first ?? Failure(Self.operation, reason: "none is named")
  }

  /// The names of what it holds.
  package func names() throws(Failure) -> [String] {
    try attempt("list", on: path) { () throws(Errno) in
      let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
      let copy = try retrying { unsafe openat(descriptor.rawValue, ".", flags) }
      guard let stream = unsafe fdopendir(copy) else { throw .last }
      defer { unsafe _ = closedir(stream) }
      var names: [String] = []
      while let entry = unsafe readdir(stream) {
        let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if !name.hasPrefix(".") { names.append(name) }
      }
      return names.sorted()
    }
  }

  private static func make(at path: String) throws(Failure) -> RuntimeDirectory {
    try attempt(operation, on: path) { () throws(Errno) in
      do throws(Errno) {
        try retrying { unsafe mkdir(path, 0o700) }
      } catch {
        guard error == .exists else { throw error }
      }
      // A file system may have become read-only since.
      try retrying { unsafe access(path, W_OK) }
    }
    return try RuntimeDirectory(at: path)
  }

  private static func variable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }

  private static let operation = "use the runtime directory"
}

/// Demands of a file that nobody but this user can have written to it.
///
/// - Parameter kind: `S_IFREG` or the like.
func requireOwn(
  _ file: borrowing OwnedDescriptor, _ kind: mode_t, _ operation: String, _ path: String
) throws(Failure) {
  var status = stat()
  _ = try attempt(operation, on: path) { () throws(Errno) in
    try retrying { unsafe fstat(file.rawValue, &status) }
  }
  guard status.st_mode & S_IFMT == kind, status.st_uid == geteuid(),
    status.st_mode & (S_IWGRP | S_IWOTH) == 0, kind == S_IFDIR || status.st_nlink <= 1
  else {
    throw Failure(operation, on: path, reason: "others can have written to it")
  }
}
