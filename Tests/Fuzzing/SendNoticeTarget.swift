// SPDX-License-Identifier: GPL-2.0-only

import Sockets

/// Notices of a socket's error queue, in any order, for sends numbered from anywhere: what is complete
/// is what a plain list of the sends says, and no send is complete twice.
@Sendable func readSendNotices(_ input: [UInt8]) throws(Finding) {
  var input = Input(input)
  let first = UInt64(input.integer(UInt32.self)) << UInt64(input.byte() & 31)
  var tracker = SendTracker(first: first)
  var outstanding: Set<UInt64> = []
  while !input.isEmpty {
    let kind = input.byte()
    if kind & 3 == 0 {
      for _ in 0...(kind >> 2) { outstanding.insert(tracker.issue()) }
      continue
    }
    let notice: SendNotice
    if kind & 3 == 1 {
      notice = read(input.piece())
    } else {
      // Near the sends that there are.
      let low = UInt32(truncatingIfNeeded: first) &+ UInt32(input.byte())
      notice = .complete(first: low, last: low &+ UInt32(input.byte() & 15), copied: false)
    }
    guard case .complete(let low, let high, _) = notice else { continue }
    // A range of 32-bit numbers names sends from the oldest outstanding one on.
    let start = outstanding.min() ?? tracker.issued
    let begin = start + UInt64(low &- UInt32(truncatingIfNeeded: start))
    let range = begin...begin + UInt64(high &- low)
    let isKnown = range.upperBound < tracker.issued && range.allSatisfy(outstanding.contains)
    try require(
      tracker.complete(first: low, last: high) == isKnown,
      "\(low)...\(high) \(isKnown ? "was outstanding" : "was not outstanding")")
    if isKnown { outstanding.subtract(range) }
    try require(
      tracker.outstanding == outstanding.count, "\(tracker.outstanding), not \(outstanding.count)")
    try require(
      tracker.oldestOutstanding == outstanding.min(), "the oldest send is miscounted")
    try require(
      tracker.isComplete(range.lowerBound..<range.upperBound + 1)
        == (range.upperBound < tracker.issued && !range.contains(where: outstanding.contains))
        || !isKnown,
      "it is not told to be complete")
  }
}

private func read(_ control: [UInt8]) -> SendNotice { SendNotice(unsafe control.span.bytes) }
