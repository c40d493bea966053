// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// What ends a wait besides the thing waited for: a stop, a deadline, and the end of what the run
/// depends on.
package struct Wait: Sendable {
  /// Readable when every wait is to end; `nil` where nothing stops a wait.
  package let stop: Descriptor?

  /// When the wait ends; never if `nil`.
  package let deadline: Instant?

  /// What the run depends on; `nil` if on nothing that could end.
  package let watch: (any Watch)?

  /// What shows the run to people meanwhile; `nil` where nothing does.
  package let progress: Progress?

  /// The watch's descriptor, asked for once: every wait polls it.
  private let news: Descriptor?

  /// A wait that lasts until a deadline, until a stop, or for as long as a watch finds nothing; for
  /// ever without any of them.
  package init(
    until deadline: Instant? = nil, orStoppedBy stop: Descriptor? = nil,
    watching watch: (any Watch)? = nil, showing progress: Progress? = nil
  ) {
    self.deadline = deadline
    self.stop = stop
    self.watch = watch
    self.progress = progress
    news = watch?.descriptor
  }

  /// The same wait, limited to this long from now on; unchanged if `nil`.
  package func limited(to limit: Duration?) -> Wait { ending(at: end(within: limit)) }

  /// The same wait with another deadline; without one if `nil`.
  package func ending(at deadline: Instant?) -> Wait {
    Wait(until: deadline, orStoppedBy: stop, watching: watch, showing: progress)
  }

  /// When the wait ends if it is limited to this long from now on; never if `nil`.
  private func end(within limit: Duration?) -> Instant? {
    guard let limit else { return deadline }
    let end = Instant.now.advanced(by: limit)
    return deadline.map { min($0, end) } ?? end
  }

  /// The same wait, which also ends when a watch finds that the run cannot go on.
  package func watching(_ watch: any Watch) -> Wait {
    Wait(until: deadline, orStoppedBy: stop, watching: watch, showing: progress)
  }

  /// Whether the deadline has passed.
  package var isOver: Bool { deadline.map { $0 <= .now } ?? false }

  /// Waits until a descriptor is ready.
  ///
  /// - Parameters:
  ///   - limit: How long to wait at most, as `limited(to:)` has it, but without another wait's cost.
  ///   - operation: What the wait is part of, such as `receive`, for the failure.
  /// - Returns: `false` if the deadline passed first.
  /// - Throws: A failure of the kind `stopped` after a stop, what the watch finds, another where
  ///   `poll` fails.
  package func `for`(
    _ descriptor: Descriptor, _ interest: Interest = .reading, within limit: Duration? = nil,
    to operation: String
  ) throws(Failure) -> Bool {
    var set: [4 of pollfd] = [
      pollfd(), pollfd(), pollfd(),
      pollfd(fd: descriptor.rawValue, events: interest.events, revents: 0),
    ]
    var members = set.mutableSpan
    return try poll(&members, until: end(within: limit), to: operation)
  }

  /// What ended a wait for one of two descriptors.
  package enum Event: Sendable {
    /// The one is readable, and the other has no error.
    case readable
    /// The other is in error, or has something on its error queue.
    case error
    /// The deadline passed first.
    case late
  }

  /// Waits until a descriptor is readable, or another one in error.
  ///
  /// - Parameters:
  ///   - end: When the wait ends, if this wait does not end before; `nil` for no other end.
  ///   - operation: What the wait is part of, for the failure.
  /// - Throws: As `for(_:_:within:to:)`.
  package func `for`(
    _ readable: Descriptor, orErrorOf other: Descriptor, until end: Instant?, to operation: String
  ) throws(Failure) -> Event {
    var set: [5 of pollfd] = [
      pollfd(), pollfd(), pollfd(),
      pollfd(fd: readable.rawValue, events: Interest.reading.events, revents: 0),
      pollfd(fd: other.rawValue, events: Interest.errors.events, revents: 0),
    ]
    var members = set.mutableSpan
    let ends = [deadline, end].compactMap { $0 }
    guard try poll(&members, until: ends.min(), to: operation) else { return .late }
    return members[4].revents != 0 ? .error : .readable
  }

  /// Checks for a stop, and what the watch has to say, without waiting.
  ///
  /// - Throws: A failure of the kind `stopped` if there is a stop; what the watch finds.
  package func check(_ operation: String) throws(Failure) {
    guard stop != nil || news != nil || progress != nil else { return }
    var set: [3 of pollfd] = [pollfd(), pollfd(), pollfd()]
    var members = set.mutableSpan
    _ = try poll(&members, until: .now, to: operation)
  }

  /// Lets time pass, for what gives no event; less if the deadline comes first.
  ///
  /// - Throws: A failure of the kind `stopped` if a stop comes meanwhile.
  package func pause(for duration: Duration, to operation: String) throws(Failure) {
    // `poll` passes over negative descriptors (poll(2)).
    _ = try self.for(Descriptor(-1), .errors, within: duration, to: operation)
  }

  /// Polls until one of the members behind the first three is ready, which become stop, watch and
  /// progress.
  ///
  /// - Returns: `false` if the deadline passed first.
  fileprivate func poll(
    _ members: inout MutableSpan<pollfd>, until deadline: Instant?, to operation: String
  ) throws(Failure) -> Bool {
    // `poll` passes over negative descriptors (poll(2)).
    let events = Interest.reading.events
    members[0] = pollfd(fd: stop?.rawValue ?? -1, events: events, revents: 0)
    members[1] = pollfd(fd: news?.rawValue ?? -1, events: events, revents: 0)
    members[2] = pollfd(fd: progress?.descriptor.rawValue ?? -1, events: events, revents: 0)
    var nextLook: Instant?
    while true {
      var timeout = deadline?.millisecondsLeft ?? -1
      if news != nil, timeout < 0 || timeout > Self.slice {
        let look = nextLook ?? .now.advanced(by: .milliseconds(Int(Self.slice)))
        (nextLook, timeout) = (look, look.millisecondsLeft)
      }
      let nextDrawing = progress?.nextDrawing
      if let left = nextDrawing?.millisecondsLeft, timeout < 0 || timeout > left { timeout = left }
      let count = try attempt(operation) { () throws(Errno) in
        try retrying {
          unsafe members.withUnsafeMutableBufferPointer {
            unsafe Glibc.poll($0.baseAddress, nfds_t($0.count), timeout)
          }
        }
      }
      guard members[0].revents == 0 else { throw .stopped(operation) }
      let hasNews = members[1].revents != 0
      if hasNews || nextLook.map({ $0 <= .now }) ?? false {
        try watch?.look()
        nextLook = nil
      }
      let isAsked = members[2].revents != 0
      if isAsked || nextDrawing != nil { progress?.show() }
      if count > (hasNews ? 1 : 0) + (isAsked ? 1 : 0) { return true }
      if let deadline, deadline <= .now { return false }
    }
  }

  /// How long nothing may come, in milliseconds, until a watch looks again without news.
  private static let slice: CInt = 1000

  /// Waits until a descriptor is ready, a stop comes, or the deadline passes; a watch is not asked.
  /// The corresponding C function is `poll`.
  package func readiness(
    of descriptor: Descriptor, for interest: Interest = .reading
  ) throws(Errno) -> Readiness {
    var set: [2 of pollfd] = [
      pollfd(fd: descriptor.rawValue, events: interest.events, revents: 0),
      pollfd(fd: stop?.rawValue ?? -1, events: Interest.reading.events, revents: 0),
    ]
    var members = set.mutableSpan
    try retrying {
      unsafe members.withUnsafeMutableBufferPointer { set in
        unsafe Glibc.poll(set.baseAddress, 2, deadline?.millisecondsLeft ?? -1)
      }
    }
    if members[1].revents != 0 { return .stopped }
    return members[0].revents != 0 ? .ready : .timedOut
  }
}

/// What a run depends on, such as its interface, and what can end without a word to those who wait
/// for something else.
package protocol Watch: Sendable {
  /// Readable when there is news. `look` takes the news, so that it is not readable any more.
  var descriptor: Descriptor { get }

  /// Looks whether the run can go on.
  ///
  /// - Throws: Why it cannot.
  func look() throws(Failure)
}

/// What a wait ended with.
package enum Readiness: Sendable {
  /// The descriptor is ready, or in error.
  case ready
  /// A stop came.
  case stopped
  /// The deadline passed.
  case timedOut
}

/// What to wait for on a descriptor. An error, or something on a socket's error queue, ends every
/// wait.
package enum Interest: Sendable {
  /// There is something to read.
  case reading
  /// There is room to write.
  case writing
  /// Only an error, or something on the error queue.
  case errors

  /// The corresponding C constants are `POLLIN` and `POLLOUT`.
  fileprivate var events: Int16 {
    switch self {
    case .reading: Int16(POLLIN)
    case .writing: Int16(POLLOUT)
    case .errors: 0
    }
  }
}

/// Several descriptors that one wait is for, to be readable. Allocated once, used for every wait.
package struct PollSet: ~Copyable {
  /// Stop, watch and progress come first.
  private var members: [pollfd]
  private static let first = 3

  /// - Parameter descriptors: Known by their place from here on.
  package init(_ descriptors: [Descriptor]) {
    members = ([Descriptor](repeating: Descriptor(-1), count: Self.first) + descriptors).map {
      pollfd(fd: $0.rawValue, events: Interest.reading.events, revents: 0)
    }
  }

  /// Stops watching a descriptor.
  package mutating func remove(_ index: Int) {
    members[index + Self.first].fd = -1
    members[index + Self.first].revents = 0
  }

  /// Waits until one is readable or in error. The corresponding C function is `poll`.
  ///
  /// - Returns: `false` if the deadline passed first.
  /// - Throws: A failure of the kind `stopped` after a stop, what the watch finds, another where
  ///   `poll` fails.
  package mutating func wait(_ wait: Wait, to operation: String) throws(Failure) -> Bool {
    var span = members.mutableSpan
    return try wait.poll(&span, until: wait.deadline, to: operation)
  }

  /// Whether the last wait found a descriptor readable or in error.
  package func isReady(_ index: Int) -> Bool { members[index + Self.first].revents != 0 }
}
