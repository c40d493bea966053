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
    guard let changes = carrierChanges, changes > 0 else { return }
    let losses = (changes + 1) / 2
    Diagnostics.print(
      "\(name) lost its carrier \(losses == 1 ? "once" : "\(losses) times"): its driver takes the "
        + "link down to change its rings")
  }
}
