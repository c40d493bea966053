// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Netdev

extension Carrier {
  /// Notes how the carrier of a run's interface is before anything is changed.
  init(of interface: borrowing Interface) {
    self.init(ofInterface: interface.index, named: interface.name)
  }
}

extension Document {
  /// Takes how often a run's interface lost its carrier, or got it back. Where it did, that is
  /// printed: other programs on the host have seen it, too.
  mutating func report(_ carrier: Carrier, of name: String) {
    carrierChanges = carrier.changes
    let changes = carrierChanges ?? 0
    if let losses = Self.losses(in: changes - carrierChangesInTransfer) {
      Diagnostics.print(
        "\(name) lost its carrier \(losses): its driver takes the link down to change its rings")
    }
    if let losses = Self.losses(in: carrierChangesInTransfer) {
      Diagnostics.print("\(name) lost its carrier \(losses) during the transfer")
    }
  }

  /// How often a carrier was lost that changed so often, in words; `nil` for never.
  private static func losses(in changes: Int) -> String? {
    switch (changes + 1) / 2 {
    case ...0: nil
    case 1: "once"
    case let losses: "\(losses) times"
    }
  }
}
