// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// How many descriptors the process may have open at once. The corresponding C constant is
/// `RLIMIT_NOFILE`.
package enum DescriptorLimit {
  /// How many a run may need besides those that it counts: its files, sockets and events.
  private static let others = 64

  /// Makes room for so many descriptors: the kernel's default of 1024 is a soft limit, for programs
  /// that use `select`.
  ///
  /// - Throws: A failure that names the hard limit if that is less.
  package static func makeRoom(for count: Int) throws(Failure) {
    let operation = "open \(count) descriptors"
    let wanted = rlim_t(count + others)
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    _ = try attempt(operation) { () throws(Errno) in
      try retrying { unsafe getrlimit(resource, &limit) }
    }
    guard limit.rlim_cur < wanted else { return }
    guard limit.rlim_max >= wanted else {
      throw Failure(
        operation, errno: .tooManyOpenFiles,
        reason: "the hard limit is \(limit.rlim_max), and a run needs \(wanted)",
        hint: "raise it (ulimit -Hn), or take fewer flows")
    }
    limit.rlim_cur = wanted
    _ = try attempt(operation) { () throws(Errno) in
      try retrying { unsafe setrlimit(resource, &limit) }
    }
  }
}
