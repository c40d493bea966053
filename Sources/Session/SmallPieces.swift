// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import NIC

/// What pieces of the payload that are too small (`-z`) do on some interfaces: each is a fragment of
/// a packet. A packet of more fragments than the driver takes would have to be copied, which device
/// memory does not allow, and is dropped, time and again.
package struct SmallPieces {
  /// What every driver takes: gve 9, without the headers (`GVE_TX_MAX_DATA_DESCS`); mlx5, bnxt and
  /// fbnic as many as the kernel makes.
  private static let fragmentLimit = 9

  private let interface: String
  private let chunkSize: Int?
  private let drops: () -> TransmitDrops?
  private let before: TransmitDrops?

  /// Looks at the counters of an interface.
  package init(of chunkSize: Int?, on interface: borrowing Interface) {
    let index = interface.index
    self.init(of: chunkSize, on: interface.name) {
      guard var interface = try? Interface(at: index) else { return nil }
      return interface.transmitDrops()
    }
  }

  /// - Parameters:
  ///   - chunkSize: The length of each piece in bytes; `nil` where the payload is not cut.
  ///   - interface: Its name.
  ///   - drops: Reads its counters; `nil` where they cannot be read.
  package init(
    of chunkSize: Int?, on interface: String, counting drops: @escaping () -> TransmitDrops?
  ) {
    self.interface = interface
    self.chunkSize = chunkSize
    self.drops = drops
    before = drops()
  }

  /// A warning where packets may have more fragments than every driver takes.
  ///
  /// - Parameter segmentSize: The most payload that a packet has, in bytes.
  package func warning(forPacketsOf segmentSize: Int) -> String? {
    guard let chunkSize else { return nil }
    // A packet need not begin with a piece.
    let count = (segmentSize + chunkSize - 1) / chunkSize + 1
    guard count > Self.fragmentLimit else { return nil }
    return "warning: with -z \(chunkSize), packets of \(segmentSize) bytes have up to \(count) "
      + "pieces; some drivers take \(Self.fragmentLimit), and drop a packet that has more"
  }

  /// A failure for want of acknowledgements, with the packets that were dropped as the reason if
  /// there are any.
  package func explain(_ failure: Failure) -> Failure {
    guard failure.errno == .timedOut else { return failure }
    let count = before.flatMap { before in drops()?.growth(since: before) } ?? 0
    guard count > 0 else { return failure }
    var failure = failure
    failure.hint =
      "meanwhile \(interface) dropped \(count) packets that it was to send (tx_dropped): its driver "
      + "may take fewer fragments a packet than small pieces make; "
      + (chunkSize == nil ? "give the payload in larger ones" : "leave -z out, or raise it")
    return failure
  }
}
