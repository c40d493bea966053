// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import TestSupport
import Uring

/// A ring whose completions are written down beforehand, and which remembers what it was asked.
final class ScriptedRing: ZeroCopySource {
  private var waiting: [Completion] = []
  /// What each call of `gather` that finds nothing lets come.
  private var arrivals: ArraySlice<[Completion]>
  private let pipe: Pipe

  /// The number and the count of each request.
  private(set) var requests: [[Int]] = []
  /// Where the pieces lay that were given back.
  private(set) var given: [Int] = []
  /// How often the kernel was to take what was given back.
  private(set) var flushes = 0
  /// Whether it can be had to.
  var canMakeRoom = true
  /// How many bytes it copied so far, and with which arrivals, counted from 1.
  var copies: [Int: Int] = [:]
  private(set) var copiedByteCount = 0
  private var arrivalCount = 0

  init(_ arrivals: [[Completion]]) throws {
    self.arrivals = arrivals[...]
    pipe = try Pipe()
    // Always to be looked into: a test waits for nothing.
    try pipe.write([0])
  }

  var descriptor: Descriptor { pipe.reader.borrowed }

  func request(from connection: Descriptor, as number: UInt64, count: Int) throws(Errno) {
    requests.append([Int(number), count])
  }

  func gather() throws(Errno) -> Int {
    if waiting.isEmpty {
      guard let arrival = arrivals.popFirst() else { throw .badDescriptor }
      waiting = arrival
      arrivalCount += 1
      copiedByteCount += copies[arrivalCount] ?? 0
    }
    return waiting.count
  }

  func completion(_ index: Int) -> Completion { waiting[index] }

  func take(_ count: Int) throws(Errno) {
    given += waiting.prefix(count).filter { $0.result > 0 }.map(\.offset)
    waiting.removeFirst(count)
  }

  func makeRoom() -> Bool {
    flushes += 1
    return canMakeRoom
  }
}

extension Completion {
  /// A piece of a stream.
  static func piece(_ offset: Int, _ size: Int32, of number: UInt64 = 5) -> Completion {
    Completion(number: number, result: size, hasMore: true, offset: offset)
  }

  /// The end of a request, of a stream if nothing is outstanding, or an error.
  static func end(_ errno: Errno? = nil, of number: UInt64 = 5) -> Completion {
    Completion(number: number, result: -(errno?.rawValue ?? 0), hasMore: false, offset: 0)
  }
}
