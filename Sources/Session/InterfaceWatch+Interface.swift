// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Netdev

extension InterfaceWatch {
  /// Begins to watch the interface of a run.
  ///
  /// - Parameter operation: What the run uses it for, such as `receive on`, for the failures.
  /// - Throws: A failure with `ENETDOWN` where it is down, before anything is changed.
  convenience init(of interface: borrowing Interface, to operation: String) throws(Failure) {
    try self.init(ofInterface: interface.index, named: interface.name, to: operation)
  }
}
