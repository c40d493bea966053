// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
package import Kernel
package import Sockets

/// A return of tokens that did not go as it must: what the kernel took after all, and which tokens
/// and fragments it is about.
///
/// A short count cannot be narrowed down by returning the tokens again: what was found is erased by
/// then (`net/core/sock.c`, `sock_devmem_dontneed`), and in manual mode a second return would take
/// another fragment's turn. A call that fails as a whole has erased nothing: its ranges are returned
/// one by one.
package struct TokenReturn {
  /// Fragments that the kernel took back.
  package private(set) var freed: Int
  /// Calls that returned them.
  package private(set) var calls: Int
  /// What is wrong.
  package let failure: Failure

  private static let operation = "return tokens (SO_DEVMEM_DONTNEED)"

  /// The kernel freed fewer fragments than a batch has.
  ///
  /// - Parameters:
  ///   - end: The number of the fragment after the batch's last one.
  ///   - arePages: Whether a token is the number of a page of the dma-buf.
  @inline(never)
  package init(
    freed: Int, of batch: borrowing TokenBatch, before end: Int, arePages: Bool
  ) {
    let ranges = Self.copy(of: batch)
    var reason =
      "the kernel freed \(freed) of \(batch.fragmentCount), "
      + Self.place(of: ranges, count: batch.fragmentCount, before: end, arePages: arePages)
    if !arePages, let token = Self.repeated(in: ranges) {
      reason += "; token \(token) is among them twice"
    }
    self.freed = freed
    calls = 1
    failure = Failure(Self.operation, reason: reason)
  }

  /// The kernel refused a batch as a whole: its ranges are returned one by one.
  ///
  /// - Parameters:
  ///   - errno: The kernel's error.
  ///   - end: The number of the fragment after the batch's last one.
  ///   - arePages: Whether a token is the number of a page of the dma-buf.
  @inline(never)
  package init(
    refused errno: Errno, _ batch: borrowing TokenBatch,
    to source: borrowing some DevmemSource & ~Copyable, before end: Int, arePages: Bool
  ) {
    (freed, calls) = (0, 0)
    var (refused, last): ([ClosedRange<UInt32>], Errno) = ([], errno)
    let all = batch.ranges
    for (place, range) in Self.copy(of: batch).enumerated() {
      do throws(Errno) {
        let count = try source.returnTokens(all.extracting(place..<place + 1))
        freed += count
        calls += 1
        if count < range.count { refused.append(range) }
      } catch {
        refused.append(range)
        last = error
      }
    }
    let place = Self.place(
      of: refused.isEmpty ? Self.copy(of: batch) : refused, count: batch.fragmentCount,
      before: end, arePages: arePages)
    failure = Failure(
      Self.operation, errno: last,
      reason: "returned one by one, \(freed) of \(batch.fragmentCount) were freed: "
        + (refused.isEmpty ? "all, \(place)" : "not \(place)"))
  }

  /// No range goes on at 0 behind the largest token.
  private static func copy(of batch: borrowing TokenBatch) -> [ClosedRange<UInt32>] {
    let ranges = batch.ranges
    return ranges.indices.map {
      let range = ranges[$0]
      return range.token_start...range.token_start + (range.token_count - 1)
    }
  }

  /// Which tokens and fragments it is about, for people: the first few ranges.
  private static func place(
    of ranges: [ClosedRange<UInt32>], count: Int, before end: Int, arePages: Bool
  ) -> String {
    let shown = 8
    var words = ranges.prefix(shown).map { range in
      let offset = arePages ? " (offset \(Int(range.lowerBound) * pageSize))" : ""
      return range.count == 1
        ? "\(range.lowerBound)\(offset)" : "\(range.lowerBound) to \(range.upperBound)\(offset)"
    }
    if ranges.count > shown { words.append("\(ranges.count - shown) more ranges") }
    let first = max(0, end - count)
    return "tokens \(words.joined(separator: ", ")) (of fragments \(first) to \(end - 1))"
  }

  /// A token that is in two ranges: the kernel erases it once.
  private static func repeated(in ranges: [ClosedRange<UInt32>]) -> UInt32? {
    let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
    return zip(sorted, sorted.dropFirst()).first { $0.upperBound >= $1.lowerBound }?.1.lowerBound
  }
}
