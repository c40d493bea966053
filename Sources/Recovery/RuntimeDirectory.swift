// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
package import Kernel

/// A directory that holds journals: one that only this user can have written to.
package struct RuntimeDirectory: ~Copyable {
  /// The directory's path.
  package let path: String
  let descriptor: OwnedDescriptor

  /// Where journals may be, the first usable one first: `/run/ncdevmem`, the directory that systemd
  /// made for the service, and the user's own.
  package static var places: [String] {
    var places = ["/run/ncdevmem"]
    if let service = environmentVariable("RUNTIME_DIRECTORY")?.split(separator: ":").first {
      places.append(String(service))
    }
    if let user = environmentVariable("XDG_RUNTIME_DIR") { places.append(user + "/ncdevmem") }
    return places.filter { $0.hasPrefix("/") }.reduce(into: []) { all, place in
      if !all.contains(place) { all.append(place) }
    }
  }

  /// Opens a directory.
  ///
  /// - Throws: A failure with `ENOENT` where there is none; without errno where others may have
  ///   written to it.
  package init(at path: String) throws(Failure) {
    let descriptor = try attempt(Self.operation, on: path) { () throws(Errno) in
      try OwnedDescriptor(opening: path, [.directory, .noFollow])
    }
    try descriptor.requireOwn(to: Self.operation, path) { $0.isDirectory }
    self.path = path
    self.descriptor = descriptor
  }

  /// Opens the first directory that this process can write to, and creates it if need be.
  ///
  /// - Throws: Why the first of the places cannot be used, where none can.
  package init(firstOf places: [String]) throws(Failure) {
    var first: Failure?
    for place in places {
      do throws(Failure) {
        self = try Self.create(at: place)
        return
      } catch {
        first = first ?? error
      }
    }
    throw first ?? Failure(Self.operation, reason: "none is named")
  }

  /// The names of the files in it, sorted, without hidden ones.
  ///
  /// - Throws: Why they cannot be listed.
  package func names() throws(Failure) -> [String] {
    try attempt("list", on: path) { () throws(Errno) in
      try descriptor.names().filter { !$0.hasPrefix(".") }
    }
  }

  private static func create(at path: String) throws(Failure) -> RuntimeDirectory {
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

  private static let operation = "use the runtime directory"
}

extension OwnedDescriptor {
  /// Requires that only this user can have written to the file.
  ///
  /// - Parameters:
  ///   - operation: What the file is for, in the failure.
  ///   - path: The file's path, in the failure.
  ///   - isExpected: Whether the file is of the expected kind.
  /// - Throws: A failure without errno where others can have written to it.
  func requireOwn(
    to operation: String, _ path: String, where isExpected: (FileStatus) -> Bool
  ) throws(Failure) {
    let status = try attempt(operation, on: path) { () throws(Errno) in try borrowed.status() }
    guard isExpected(status), status.owner == geteuid(), !status.isWritableByOthers else {
      throw Failure(
        operation, on: path, reason: "others can have written to it",
        hint: "look at what is in it; then make it this user's alone, or remove it")
    }
  }
}
