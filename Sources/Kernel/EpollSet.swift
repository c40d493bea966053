// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux

/// Many descriptors that one wait is for, to be readable: a wait costs as much as what it finds,
/// however many there are. The corresponding C functions are `epoll_create1` and the like.
package struct EpollSet: ~Copyable {
  private let epoll: OwnedDescriptor
  private var found: [UInt64]
  /// Those that the last wait found readable or in error, at most 64: others come with the next one.
  package private(set) var ready: [Int] = []

  /// The number of the descriptor that ends every wait.
  private static let stop = UInt64.max

  /// A set without members.
  ///
  /// - Parameter stop: What ends every wait once it is readable; nothing if `nil`.
  package init(stoppedBy stop: Descriptor?) throws(Failure) {
    let created = try attempt("make a set to wait for") { () throws(Errno) in
      try retrying { CLinux_epoll_create() }
    }
    let epoll = OwnedDescriptor(owning: created)
    if let stop { try Self.add(stop, numbered: Self.stop, to: epoll) }
    self.epoll = epoll
    found = [UInt64](repeating: 0, count: Int(CLinux_EPOLL_MOST))
    ready.reserveCapacity(found.count)
  }

  /// Adds a descriptor, to be known by a number.
  package mutating func add(_ descriptor: Descriptor, as number: Int) throws(Failure) {
    try Self.add(descriptor, numbered: UInt64(number), to: epoll)
  }

  private static func add(
    _ descriptor: Descriptor, numbered number: UInt64, to epoll: borrowing OwnedDescriptor
  ) throws(Failure) {
    let set = epoll.borrowed.rawValue
    _ = try attempt("wait for a descriptor") { () throws(Errno) in
      try retrying { CLinux_epoll_add(set, descriptor.rawValue, number) }
    }
  }

  /// Takes a descriptor out of the set.
  package mutating func remove(_ descriptor: Descriptor) throws(Failure) {
    let set = epoll.borrowed.rawValue
    _ = try attempt("wait no longer for a descriptor") { () throws(Errno) in
      try retrying { CLinux_epoll_remove(set, descriptor.rawValue) }
    }
  }

  /// Waits until one is readable or in error.
  ///
  /// - Parameter deadline: When the wait ends; never if `nil`. One that has passed is no wait.
  /// - Returns: `false` if the deadline passed first.
  /// - Throws: A failure of the kind `stopped` after a stop.
  package mutating func wait(
    until deadline: Instant?, to operation: String
  ) throws(Failure) -> Bool {
    let set = epoll.borrowed.rawValue
    while true {
      let count = try attempt(operation) { () throws(Errno) in
        try retrying {
          unsafe found.withUnsafeMutableBufferPointer {
            unsafe CLinux_epoll_wait(
              set, $0.baseAddress!, CInt($0.count), deadline?.millisecondsLeft ?? -1)
          }
        }
      }
      ready.removeAll(keepingCapacity: true)
      for number in found[..<Int(count)] {
        guard number != Self.stop else { throw .stopped(operation) }
        ready.append(Int(number))
      }
      if count > 0 { return true }
      if let deadline, deadline <= .now { return false }
    }
  }
}
