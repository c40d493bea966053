// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

/// Whose connections a listener takes.
package struct Admission: Sendable {
  /// The only address; any if `nil`.
  private let address: IPAddress?
  private let reason: String

  /// Takes every connection.
  package static let anyone = Admission(only: nil, because: "")

  /// Takes connections from one address only; from any if `nil`.
  ///
  /// - Parameter reason: What says so, such as an option, for the line about one that is closed.
  package init(only address: IPAddress?, because reason: String) {
    self.address = address
    self.reason = reason
  }

  /// Why a connection is not taken; `nil` if it is.
  package func refusal(of peer: SocketAddress?) -> String? {
    guard let address, peer?.address.isSame(as: address) != true else { return nil }
    return "only \(address) may connect (\(reason))"
  }
}

/// Names those whose connections a wait has closed, on the standard error: the first ones, since
/// who scans ports may come often.
package struct Rejections {
  /// How many are named.
  package static let namedLimit = 20

  /// How many there were.
  package private(set) var count = 0

  /// Callers that were gone when they were to be taken.
  var falseStarts = FalseStarts()

  /// None yet.
  package init() {}

  /// Counts a connection that is closed.
  package mutating func add(_ peer: SocketAddress?, because reason: String) {
    count += 1
    guard count <= Self.namedLimit else { return }
    Diagnostics.print("closed the connection from \(peer?.description ?? "nowhere"): \(reason)")
    if count == Self.namedLimit { Diagnostics.print("more of them are not named") }
  }
}
