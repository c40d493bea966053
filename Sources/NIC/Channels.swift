// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
internal import Netlink

/// How many queues an interface has. The corresponding C structure is `ethtool_channels`.
package struct Channels: Equatable, Sendable {
  /// Channels that only receive.
  package var receive: UInt32
  /// Channels that only send.
  package var transmit: UInt32
  /// Channels for neither, such as link interrupts.
  package var other: UInt32
  /// Channels that do both.
  package var combined: UInt32
  /// The most combined channels there can be; 0 where the driver has none.
  package var maximumCombined: UInt32

  /// As many queues of both directions, of the kind that the driver has.
  package func resized(to count: UInt32) -> Channels {
    var channels = self
    channels.combined = maximumCombined == 0 ? 0 : count
    channels.receive = maximumCombined == 0 ? count : 0
    channels.transmit = channels.receive
    return channels
  }
}

extension Interface {
  /// How many queues receive. The corresponding command is `ETHTOOL_GRXRINGS`; a driver without it
  /// is asked for its channels.
  package var receiveQueueCount: UInt32 {
    mutating get throws(Failure) {
      let operation = "count the RX queues of"
      let request = ethtool_rxnfc(command: ETHTOOL_GRXRINGS)
      let rings = try ifSupported { () throws(Failure) in
        try perform(request, operation).data
      }
      if let rings { return UInt32(clamping: rings) }
      let channels = try channels()
      return channels.combined + channels.receive
    }
  }

  /// The corresponding command is `ETHTOOL_GCHANNELS`.
  package mutating func channels() throws(Failure) -> Channels {
    let request = ethtool_channels(command: ETHTOOL_GCHANNELS)
    let answer = try perform(request, "read the channels of")
    return Channels(
      receive: answer.rx_count, transmit: answer.tx_count, other: answer.other_count,
      combined: answer.combined_count, maximumCombined: answer.max_combined)
  }

  /// Changes the number of queues. Not part of a `Transaction`: who changes it and does not mean
  /// it sets the earlier value again. The corresponding command is `ETHTOOL_MSG_CHANNELS_SET`: it
  /// tells why not, as the ioctl does not.
  ///
  /// - Throws: `EINVAL` among others where a queue to be dropped is bound to device memory, or
  ///   where the RSS table or a flow rule names it (`net/ethtool/common.c`,
  ///   `ethtool_check_max_channel`).
  package mutating func setChannels(_ channels: Channels) throws(Failure) {
    var request = request(
      ETHTOOL_MSG_CHANNELS_SET, header: UInt16(ETHTOOL_A_CHANNELS_HEADER))
    request.put(UInt16(ETHTOOL_A_CHANNELS_RX_COUNT), channels.receive)
    request.put(UInt16(ETHTOOL_A_CHANNELS_TX_COUNT), channels.transmit)
    request.put(UInt16(ETHTOOL_A_CHANNELS_OTHER_COUNT), channels.other)
    request.put(UInt16(ETHTOOL_A_CHANNELS_COMBINED_COUNT), channels.combined)
    try set(request, "set the channels of")
  }
}
