// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// The standard output, opened so that a reader who does not read cannot hold up a stop.
package struct StandardOutput: ~Copyable {
  private let inherited: Descriptor
  private let reopened: OwnedDescriptor?

  /// Opens pipes and terminals afresh, because `O_NONBLOCK` set on the descriptor that this process
  /// inherited would be set for every process that shares it. A file never blocks for long, and
  /// must not be opened afresh: the offset, and `O_APPEND`, belong to the inherited one. Where
  /// opening afresh is refused (a socket, another user's pipe), writes block as usual.
  ///
  /// - Parameter inherited: What this process got for its standard output.
  package init(_ inherited: Descriptor = .standardOutput) {
    self.inherited = inherited
    guard let status = try? inherited.status(), !status.isRegularFile else {
      reopened = nil
      return
    }
    reopened = try? OwnedDescriptor(
      opening: "/proc/self/fd/\(inherited.rawValue)", [.writing, .nonBlocking])
  }

  /// Where to write, for as long as this lasts.
  package var descriptor: Descriptor {
    switch reopened {
    case .some(let owned): owned.borrowed
    case .none: inherited
    }
  }
}
