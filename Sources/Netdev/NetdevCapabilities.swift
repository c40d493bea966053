// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Netlink

/// What the running kernel's netdev family can do, found out by its policies: a version would say
/// less, for distributions carry features back, and numbers of features that are not merged differ.
package struct NetdevCapabilities: Equatable, Sendable {
  /// Device memory can be bound to RX queues: since 6.12. The command is there even without
  /// `CONFIG_NET_DEVMEM`, but fails.
  package let bindsReceive: Bool
  /// Device memory can be bound for sending: since 6.16.
  package let bindsTransmit: Bool
  /// The attribute that sets the size of the NIC's buffers: since 7.3; `nil` before.
  package let rxPageSizeAttribute: UInt16?
  /// The attributes of bind-rx, past those that 6.12 has, that take 0 and 1. A `u32` of at least a
  /// page, such as `rx-page-size`, does not.
  private let switches: [UInt16: CommandPolicy.Attribute]

  /// An attribute whose number and width differ from kernel to kernel.
  package struct AutoreleaseAttribute: Equatable, Sendable {
    /// The attribute's number in bind-rx.
    package let number: UInt16
    /// Whether it is a `u8`, as in the series that proposed it; else it is a `u32`, as the reviews
    /// of that asked for and as in selftests/lab/series.
    package let isByte: Bool
  }

  /// Asks the kernel for the policy of bind-rx. Of bind-tx it is enough that the family has it.
  ///
  /// - Throws: A failure where the kernel does not give the policy.
  package init(of family: Family, asked netlink: inout GenericNetlink) throws(Failure) {
    let receive = try netlink.policy(of: UInt8(CLinux_NETDEV_CMD_BIND_RX.rawValue), in: family)
    bindsReceive = receive != nil
    bindsTransmit = family.commands[UInt8(CLinux_NETDEV_CMD_BIND_TX.rawValue)] != nil
    let attributes = receive?.attributes ?? [:]
    let isSize = attributes[Self.fifth]?.type == CommandPolicy.Attribute.u32
    rxPageSizeAttribute = isSize ? Self.fifth : nil
    switches = attributes.filter { number, attribute in
      let range = attribute.range ?? 0...1
      return number >= Self.fifth && range.contains(0) && range.contains(1)
    }
  }

  /// The first number that was free when the series was written. Mainline has given it to
  /// `rx-page-size` since, so the number alone says nothing.
  private static let fifth = UInt16(CLinux_NETDEV_A_DMABUF_FIFTH.rawValue)

  /// Finds the attribute that chooses the token mode: no other of bind-rx is a `u8`, or a `u32` from
  /// 0 to 1.
  ///
  /// - Parameter number: The attribute's number, where its type must not decide.
  /// - Returns: The attribute; `nil` where the kernel has one token mode only.
  /// - Throws: A failure of the kind `unsupported` where the kernel has no attribute of the given
  ///   number that could be meant.
  package func autorelease(
    numbered number: UInt16? = nil
  ) throws(Failure) -> AutoreleaseAttribute? {
    let u8 = CommandPolicy.Attribute.u8
    let u32 = CommandPolicy.Attribute.u32
    guard let number else {
      return switches.filter {
        $0.value.type == u8 || ($0.value.type == u32 && $0.value.range == 0...1)
      }
      .min { $0.key < $1.key }
      .map { AutoreleaseAttribute(number: $0.key, isByte: $0.value.type == u8) }
    }
    guard let attribute = switches[number], attribute.type == u8 || attribute.type == u32 else {
      throw Failure(
        "choose the token mode", on: "with attribute \(number)",
        reason: "this kernel's bind-rx has no u8 or u32 of that number that takes 0 and 1",
        hint: "leave --autorelease-attribute out, and the type decides", kind: .unsupported)
    }
    return AutoreleaseAttribute(number: number, isByte: attribute.type == u8)
  }
}
