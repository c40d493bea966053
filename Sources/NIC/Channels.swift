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
  /// The most channels there can be that only receive; 0 where the driver has none.
  package var maximumReceive: UInt32

  /// How many RX queues there can be, of the kind of channels that the driver has.
  package var mostReceiveQueues: UInt32 {
    maximumCombined == 0 ? maximumReceive : maximumCombined
  }

  /// Numbers of each kind.
  package init(
    receive: UInt32, transmit: UInt32, other: UInt32, combined: UInt32, maximumCombined: UInt32,
    maximumReceive: UInt32 = 0
  ) {
    self.receive = receive
    self.transmit = transmit
    self.other = other
    self.combined = combined
    self.maximumCombined = maximumCombined
    self.maximumReceive = maximumReceive
  }

  /// Whether there are as many channels of each kind.
  func hasSameCounts(as other: Channels) -> Bool {
    receive == other.receive && transmit == other.transmit && self.other == other.other
      && combined == other.combined
  }

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
  /// The corresponding command is `ETHTOOL_GCHANNELS`.
  package mutating func channels() throws(Failure) -> Channels {
    let request = ethtool_channels(command: ETHTOOL_GCHANNELS)
    let answer = try perform(request, "read the channels of")
    return Channels(
      receive: answer.rx_count, transmit: answer.tx_count, other: answer.other_count,
      combined: answer.combined_count, maximumCombined: answer.max_combined,
      maximumReceive: answer.max_rx)
  }

  /// The command that gives the interface more RX queues, by the kind of channels that the driver
  /// has: one kind is refused where the other is there, as by gve. `nil` where the driver cannot
  /// change them, or has as many as there can be.
  package mutating func commandForMoreQueues() -> String? {
    guard let channels = try? channels(),
      channels.mostReceiveQueues > max(channels.combined, channels.receive)
    else { return nil }
    return "ethtool -L \(name) \(channels.maximumCombined == 0 ? "rx" : "combined") N"
  }

  /// What to do where the interface has too few RX queues: take fewer, or have more.
  mutating func hintOfTooFewQueues() -> String {
    "bind fewer (-q)" + (commandForMoreQueues().map { ", or add some: `\($0)`" } ?? "")
  }

  /// Changes the number of queues. This is no part of a `Transaction`: a caller that only tries it
  /// sets the earlier value again. The corresponding command is `ETHTOOL_MSG_CHANNELS_SET`, which
  /// says why the kernel refuses, as the ioctl does not.
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

/// Which RX queues to bind where the command line names none.
package enum DefaultQueues: Sendable {
  /// The last one: what a run needs.
  case last
  /// The upper half: the probe binds several.
  case upperHalf
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
      let count: UInt64
      if let rings {
        count = rings
      } else {
        let channels = try channels()
        count = UInt64(channels.combined) + UInt64(channels.receive)
      }
      try checkCount(count, of: "RX queues", operation)
      return UInt32(count)
    }
  }

  /// Chooses the RX queues to bind, of those that the interface has.
  ///
  /// - Parameters:
  ///   - wanted: The queues that the command line names, if it names any.
  ///   - preset: Which ones to choose where it does not.
  /// - Throws: A failure of the kind `usage` where the interface lacks one of the wanted queues; of
  ///   the kind `unsupported` where it has only one queue, for other traffic needs one as well, and
  ///   for a queue that its driver is known not to restart.
  package mutating func chooseQueues(
    _ wanted: Range<UInt32>?, otherwise preset: DefaultQueues
  ) throws(Failure) -> Range<UInt32> {
    let operation = "bind RX queues"
    let count: UInt32
    do throws(Failure) {
      count = try receiveQueueCount
    } catch {
      // A virtual device may not report its queues; the kernel looks for the wanted ones at the
      // bind.
      guard error.errno == .notSupported, let wanted else { throw error }
      return wanted
    }
    if let wanted {
      guard wanted.upperBound <= count else {
        throw Failure(
          operation, on: "of \(subject)",
          reason: "-t \(wanted.lowerBound) -q \(wanted.count) go beyond its last, \(count - 1)",
          kind: .usage)
      }
      if let failure = refusal(toBind: wanted) { throw failure }
      return wanted
    }
    guard count >= 2 else {
      throw Failure(
        operation, on: "of \(subject)",
        reason: "it has \(count), and one must stay for other traffic",
        hint: commandForMoreQueues().map { "add some: `\($0)`" }, kind: .unsupported)
    }
    return switch preset {
    case .last: count - 1..<count
    case .upperHalf: count / 2..<count
    }
  }

  /// Chooses the RX queues to bind once more after the header split was enabled: a driver may have
  /// dropped channels for it (`bnxt`, which needs two rings a queue then).
  ///
  /// - Parameters:
  ///   - wanted: The queues that the command line names, if it names any.
  ///   - queues: Those that were chosen before.
  ///   - preset: Which ones to choose where the command line names none.
  /// - Returns: The same ones if they are all left.
  /// - Throws: As `chooseQueues`, but with the reason where the wanted ones are gone.
  package mutating func chooseQueuesLeft(
    _ wanted: Range<UInt32>?, of queues: Range<UInt32>, otherwise preset: DefaultQueues
  ) throws(Failure) -> Range<UInt32> {
    let count = try ifSupported { () throws(Failure) in try receiveQueueCount }
    guard let count, count < queues.upperBound else { return queues }
    guard wanted != nil else { return try chooseQueues(nil, otherwise: preset) }
    let command = commandForMoreQueues().map { ", or free rings: `\($0)`" } ?? ""
    throw refusal(
      "bind RX queues of", nil,
      reason: "the driver has dropped queue \(queues.upperBound - 1) for the header split, and has "
        + "\(count) left",
      hint: "choose others (-t, -q)" + command)
  }

  /// Why some of these queues cannot be bound, as far as that is known without trying. gve restarts
  /// any but the first one (`drivers/net/ethernet/google/gve/gve_main.c`, `gve_rx_queue_stop`), and
  /// Linux 7.3 follows an attempt with a warning, at which a kernel may be set to panic: it frees
  /// the page pool of the new ring while the queue's NAPI runs (`net/core/netdev_rx_queue.c`,
  /// `netdev_rx_queue_reconfig`; `net/core/dev.h`, `napi_assert_will_not_race`).
  package func refusal(toBind queues: Range<UInt32>) -> Failure? {
    guard driver == "gve", queues.contains(0) else { return nil }
    return Failure(
      "bind RX queues", on: "of \(subject)", reason: "this driver cannot restart queue 0",
      hint: "choose others (-t)", kind: .unsupported)
  }

  /// The RX queues that stay for other traffic when RSS is moved off some.
  ///
  /// - Throws: A failure of the kind `usage` where none would stay.
  package mutating func queues(besides bound: Set<UInt32>) throws(Failure) -> [UInt32] {
    try queues(of: receiveQueueCount, besides: bound)
  }

  /// The same, where it is known how many RX queues there are.
  mutating func queues(of count: UInt32, besides bound: Set<UInt32>) throws(Failure) -> [UInt32] {
    let others = (0..<count).filter { !bound.contains($0) }
    guard others.isEmpty else { return others }
    var failure = refusal(
      "move RSS off the queues of", nil, reason: "it has too few: \(count), all to be bound",
      hint: hintOfTooFewQueues())
    failure.kind = .usage
    throw failure
  }
}
