// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

extension Interface {
  /// Brings header split and threshold back, in as few requests as the driver allows: it may take
  /// the rings down for each.
  ///
  /// - Parameters:
  ///   - earlier: The split before.
  ///   - made: What has been reported since it was changed; `automatic` stands for any.
  ///   - threshold: The threshold before, in bytes, where it was set to 0.
  /// - Returns: What was left as somebody else has made it since, one line for each.
  mutating func restore(
    _ earlier: EarlierSplit, from made: [HeaderSplit], threshold: UInt32?
  ) throws(Failure) -> [String] {
    let found = try rings()
    var left: [String] = []
    var wanted = threshold
    if found.threshold == nil || found.threshold == threshold { wanted = nil }
    if wanted != nil, found.threshold != 0 {
      left.append(kept("hds-thresh"))
      wanted = nil
    }
    let isOurs =
      found.split == earlier.reported || made.contains(.automatic) || made.contains(found.split)
    var refusal: Failure?
    if isOurs {
      refusal = try restore(earlier, reporting: found.split, with: &wanted)
    } else {
      left.append(kept("tcp-data-split"))
    }
    if let threshold = wanted {
      do throws(Failure) {
        try setSplit(nil, threshold: threshold)
        try confirm("hds-thresh", try rings().threshold == threshold)
      } catch {
        // What keeps the split keeps the threshold, too.
        throw refusal ?? error
      }
    }
    if let refusal { throw refusal }
    if isOurs { try confirm("tcp-data-split", try rings().split == earlier.reported) }
    return left
  }

  /// Brings the split back.
  ///
  /// - Parameter threshold: What to set with it; `nil` once that is done.
  /// - Returns: Why the last request was refused, if it was.
  private mutating func restore(
    _ earlier: EarlierSplit, reporting found: HeaderSplit, with threshold: inout UInt32?
  ) throws(Failure) -> Failure? {
    var present = found
    var tried: [HeaderSplit] = []
    var refusal: Failure?
    while let split = earlier.request(after: tried, reporting: present) {
      tried.append(split)
      do throws(Failure) {
        try setSplit(split, threshold: threshold)
        threshold = nil
        refusal = nil
      } catch {
        refusal = error
      }
      present = try rings().split
    }
    return refusal
  }

  /// Brings the sizes of the rings back, which a driver may cut when it splits headers.
  mutating func restore(
    _ earlier: RingSizes, from made: RingSizes?
  ) throws(Failure) -> [String] {
    let present = try rings().sizes
    guard present != earlier else { return [] }
    guard made ?? present == present else { return [kept("ring sizes")] }
    try setRingSizes(earlier)
    try confirm("ring sizes", try rings().sizes == earlier)
    return []
  }

  /// Brings the channels back, of which a driver may drop some when it splits headers.
  mutating func restore(_ earlier: Channels, from made: Channels?) throws(Failure) -> [String] {
    let present = try channels()
    guard !present.hasSameCounts(as: earlier) else { return [] }
    guard made?.hasSameCounts(as: present) ?? true else { return [kept("channels")] }
    try setChannels(earlier)
    try confirm("channels", try channels().hasSameCounts(as: earlier))
    return []
  }
}
