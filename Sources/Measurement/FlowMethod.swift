// SPDX-License-Identifier: GPL-2.0-only

/// What a flow is received by, and what that needs to know.
package enum FlowMethod: Equatable, Sendable {
  /// A binding, by its id, with the flow's share of its memory in bytes; whether payload outside of
  /// that is an error, and whether a token is the number of a page of the dma-buf.
  case devmem(
    through: UInt32, memorySize: Int, failsOnLinear: Bool = false, tokensArePages: Bool = false)
  /// A ring, in which it has a number; whether payload that the kernel had to copy is an error.
  case zcrx(as: Int, failsOnLinear: Bool = false)
  /// The socket alone; whether it is to show the NIC's pages where it can.
  case socket(showsPages: Bool = false)
}
