// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Transaction {
  /// Splits headers from payload, all payload: what a binding needs. A driver without the ring
  /// parameter is switched by its private flag. A driver that wants hardware GRO for it gets that.
  ///
  /// - Throws: The driver's refusal, of the kind `unsupported` where it has neither, or cannot have
  ///   hardware GRO; a failure without errno where the split was set and is not in force.
  package mutating func enableHeaderSplit() throws(Failure) {
    let isByFlag: Bool
    let before = try interface.rings()
    let sizes = try record(before.sizes)
    do throws(Failure) {
      isByFlag = try enable(from: before)
    } catch {
      if let now = try? interface.rings() { try? amend(sizes, by: now) }
      throw error
    }
    let now = try interface.rings()
    try amend(sizes, by: now)
    let isEnabled =
      isByFlag ? try interface.privateFlags().splitsHeaders : now.split == .enabled
    guard isEnabled, now.threshold ?? 0 == 0 else {
      throw interface.refusal(
        "enable header split of", nil,
        reason: "it was set, but the driver reports tcp-data-split \(now.split)"
          + (now.threshold.map { ", hds-thresh \($0)" } ?? ""))
    }
  }

  /// Leaves header split to the driver. The kernel then takes it as not enabled, and refuses every
  /// bind.
  package mutating func disableHeaderSplit() throws(Failure) {
    do throws(Failure) {
      try request(.automatic, from: try interface.rings())
    } catch {
      try switchFlag(to: .automatic, insteadOf: error)
    }
  }

  /// Enables the split and sets the threshold to 0, if possible in one request.
  ///
  /// - Returns: Whether it was by private flag.
  private mutating func enable(from before: Rings) throws(Failure) -> Bool {
    let threshold: UInt32? = before.threshold ?? 0 == 0 ? nil : 0
    do throws(Failure) {
      let configured = try configuredSplit(of: before, beforeSetting: threshold)
      let earlier = changes
      do throws(Failure) {
        try request(.enabled, threshold: threshold, from: before, after: configured)
      } catch {
        try enableHardwareGRO(wantedBy: error, forgettingAllBut: earlier)
        // The feature may have changed what the driver reports.
        try request(
          .enabled, threshold: threshold, from: try interface.rings(), after: configured)
      }
      return false
    } catch {
      try switchFlag(to: .enabled, insteadOf: error)
    }
    if let threshold, let earlier = before.threshold {
      try record(.splitThreshold(earlier, made: threshold))
      try interface.setSplit(nil, threshold: threshold)
    }
    return true
  }

  /// What is configured, so far as a request for the driver's choice shows it.
  ///
  /// - Returns: `nil` where nothing shows it, and where it is recorded already.
  private mutating func configuredSplit(
    of rings: Rings, beforeSetting threshold: UInt32?
  ) throws(Failure) -> HeaderSplit? {
    let earlier = EarlierSplit(reported: rings.split)
    guard !changes.contains(where: \.isHeaderSplit),
      earlier.isShownByAutomatic(setsThreshold: threshold != nil)
    else { return nil }
    do throws(Failure) {
      return try request(.automatic, from: rings)
    } catch {
      // The split may be enabled all the same. The kernel refuses the driver's choice while a queue
      // is bound (`net/ethtool/rings.c`, `ethnl_set_rings`).
      guard error.errno == .invalidArgument else { throw error }
      return nil
    }
  }

  /// Requests a split, and records what it changes; nothing where that is not a change.
  ///
  /// - Parameters:
  ///   - threshold: The threshold to set with it, in bytes.
  ///   - before: What the driver reported before; or earlier, where that is recorded.
  ///   - known: What is configured, if the caller knows.
  /// - Returns: What was configured, so far as the request shows it.
  @discardableResult
  private mutating func request(
    _ split: HeaderSplit, threshold: UInt32? = nil, from before: Rings,
    after known: HeaderSplit? = nil
  ) throws(Failure) -> HeaderSplit? {
    let recorded = changes
    var earlier = EarlierSplit(reported: before.split, configured: known)
    let place = try record(
      .headerSplit(
        earlier, made: [split], threshold: threshold == nil ? nil : before.threshold))
    let isChange: Bool?
    do throws(Failure) {
      isChange = try interface.setSplit(split, threshold: threshold)
    } catch {
      // The driver cannot, or was not asked: the kernel lets only who has the privilege ask it
      // (`net/netlink/genetlink.c`, `genl_family_rcv_msg`). What an earlier call has recorded was
      // made, and stays recorded.
      if error.errno == .notSupported || error.errno == .notPermitted {
        forget(allBut: recorded)
      }
      throw error
    }
    let shown =
      threshold == nil ? earlier.configured(beforeRequestOf: split, announced: isChange) : nil
    if isChange == false {
      forget(allBut: recorded)
    } else if case .headerSplit(let first, _, let threshold) = changes[place] {
      if recorded.contains(where: \.isHeaderSplit) {
        earlier = first
      } else {
        earlier.configured = known ?? shown
      }
      let made = [try interface.rings().split]
      amend(at: place, .headerSplit(earlier, made: made, threshold: threshold))
    }
    return shown
  }

  /// Switches hardware GRO on, where that may be what a refused split wants.
  ///
  /// - Parameters:
  ///   - refusal: Why the split was refused.
  ///   - recorded: What was recorded before. The feature's record must precede that of the split:
  ///     the driver keeps the feature on while headers are split (`mlx5/core/en_main.c`,
  ///     `mlx5e_fix_features`).
  /// - Throws: The refusal where it is for another reason; of the kind `unsupported` where hardware
  ///   GRO cannot be had.
  private mutating func enableHardwareGRO(
    wantedBy refusal: Failure, forgettingAllBut recorded: [Change]
  ) throws(Failure) {
    guard refusal.errno == .invalidArgument,
      let feature = try interface.features().first(where: { $0.name == Feature.hardwareGRO }),
      !feature.isActive
    else { throw refusal }
    var final = refusal
    final.hint = "it may want \(feature.name), which is off and "
    guard feature.isAvailable else {
      // Most devices have none, and are refused for other reasons.
      guard refusal.reason?.contains("GRO") == true else { throw refusal }
      final.kind = .unsupported
      final.hint? += "cannot be switched on here"
      throw final
    }
    forget(allBut: recorded)
    try record(.feature(name: feature.name, requested: feature.isRequested))
    do throws(Failure) {
      try interface.setFeature(feature.name, to: true)
    } catch {
      final.kind = .unsupported
      final.hint? += "stays so: \(error.reason ?? error.line); the kernel's log may have the reason"
      throw final
    }
  }

  /// Switches the private flag, for a driver that lacks the ring parameter.
  ///
  /// - Parameter refusal: Why the ring parameter was refused.
  /// - Throws: The refusal where the driver has no such flag, or refused for another reason.
  private mutating func switchFlag(
    to split: HeaderSplit, insteadOf refusal: Failure
  ) throws(Failure) {
    guard refusal.errno == .notSupported else { throw refusal }
    let flags = try interface.privateFlags()
    guard let switched = flags.splittingHeaders(split == .enabled) else { throw refusal }
    try record(.privateFlags(flags.values, touched: flags.splitBit))
    try interface.setPrivateFlags(switched.values)
  }
}

// What a driver may cut to make room for the rings that the split needs (`bnxt`).
extension Transaction {
  /// Records how many channels there are, and how large the rings are.
  ///
  /// - Returns: The records that are new.
  private mutating func record(_ sizes: RingSizes) throws(Failure) -> [Change] {
    let channels = try ifSupported { () throws(Failure) in try interface.channels() }
    var new: [Change] = []
    if let channels { new.append(.channels(channels, made: nil)) }
    if sizes != RingSizes() { new.append(.ringSizes(sizes, made: nil)) }
    new = new.filter { change in !changes.contains { $0.followed(by: change) != nil } }
    for change in new { try record(change) }
    return new
  }

  /// Records what became of the sizes; nothing where that is no change.
  private mutating func amend(_ sizes: [Change], by rings: Rings) throws(Failure) {
    for change in sizes {
      guard let place = changes.firstIndex(of: change) else { continue }
      switch change {
      case .channels(let earlier, _):
        let now = try interface.channels()
        let isChange = !now.hasSameCounts(as: earlier)
        amend(at: place, isChange ? .channels(earlier, made: now) : nil)
      case .ringSizes(let earlier, _):
        let isChange = rings.sizes != earlier
        amend(at: place, isChange ? .ringSizes(earlier, made: rings.sizes) : nil)
      default: break
      }
    }
  }
}
