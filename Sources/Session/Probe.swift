// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Recovery

/// Finds out whether an interface can receive into device memory, by trying it: what must not work
/// is refused, what must work does.
struct Probe {
  let configuration: Configuration.Probe

  /// Probes, and leaves the interface as it was.
  ///
  /// - Throws: The first thing that is not as it must be.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) {
    let name = configuration.target.interface
    try Stacking(of: name).explaining { () throws(Failure) in
      do throws(Failure) {
        try wait.check("probe")
        let interface = try Interface(announcing: name)
        _ = try bind(to: interface, through: try Netdev(), wait) { document.report($0, of: name) }
      } catch {
        // Another failure shows nothing.
        document.report(Self.figures(isSupported: error.kind == .unsupported ? false : nil))
        throw error
      }
    }
    document.report(Self.figures(isSupported: true))
  }

  /// Probes several interfaces in turn, and reports on them together.
  ///
  /// - Returns: A status of 0 where all can receive, 1 where the probe of one failed, otherwise 4.
  /// - Throws: A failure of the kind `stopped` after a stop, behind the report on those that were
  ///   probed before.
  func run(
    on names: [String], _ wait: Wait, into document: inout Document
  ) throws(Failure) -> Outcome {
    var ends = InterfaceEnds()
    for name in names {
      wait.progress?.note("probing \(name)")
      var single = configuration
      single.target.interface = name
      var part = document.part()
      var failure: Failure?
      do throws(Failure) {
        try Probe(configuration: single).run(wait, into: &part)
      } catch {
        if error.kind == .stopped { break }
        failure = error
        Diagnostics.print(error)
      }
      ends.add(name, failure, part)
      Diagnostics.print("\(name): \(Self.words(after: failure))")
    }
    document.report(ends)
    try wait.check("probe")
    return Outcome(failure: ends.failure(to: "receive on all of"))
  }

  /// The conclusion for people, behind the interface's name.
  private static func words(after failure: Failure?) -> String {
    switch failure?.kind {
    case nil: "supported"
    case .unsupported: "not supported"
    default: "failed"
    }
  }

  private static func figures(isSupported: Bool?) -> JSONObject {
    var object = JSONObject()
    object.add("supported", isSupported)
    return object
  }

  /// Probes without a report.
  ///
  /// - Parameters:
  ///   - wait: What ends the probe between two of its steps, and its waits.
  ///   - report: Takes what became of the carrier, at the end.
  /// - Returns: The id of the binding that it made and ended.
  func bind(
    to interface: consuming Interface, through netdev: Netdev, _ wait: Wait,
    reportingTo report: (Carrier) -> Void = { _ in }
  ) throws(Failure) -> UInt32 {
    // Its first look is all that a probe needs: it waits for nothing.
    _ = try InterfaceWatch(of: interface, to: "probe")
    let carrier = Carrier(of: interface)
    defer { report(carrier) }
    return try withGuardedTransaction(on: interface, with: carrier, wait) {
      transaction, _ throws(Failure) in
      try probe(through: netdev, in: &transaction, wait)
    }
  }

  private func probe(
    through netdev: Netdev, in transaction: inout Transaction, _ wait: Wait
  ) throws(Failure) -> UInt32 {
    let operation = "probe"
    let target = configuration.target
    var queues = try transaction.interface.chooseQueues(target.queues, otherwise: .upperHalf)
    if target.queues == nil,
      let reason = try netdev.differenceOfDevices(
        among: queues, ofInterface: transaction.interface.index)
    {
      queues = try transaction.interface.chooseQueues(nil, otherwise: .last)
      Diagnostics.print("probing with queue \(queues.lowerBound) alone: \(reason)")
    }
    target.warnOfLittleMemory(for: queues, of: transaction.interface)
    let memory = try target.memory.allocate(
      announcedFor: target.interface, forBuffersOf: target.binding.rxPageSize)
    let (index, subject) = (transaction.interface.index, transaction.interface.subject)
    func bind(_ queues: Range<UInt32>) throws(Failure) -> ReceiveBinding {
      try netdev.bindReceive(
        queues, ofInterface: index, named: subject, to: memory.descriptor, as: target.binding, wait)
    }
    // Whoever leased the queues has set up the physical NIC; here is nothing to set, or to refuse.
    guard !transaction.interface.bindsLeasedQueues else { return try bind(queues).id }
    try wait.check(operation)
    try transaction.enableHeaderSplit()
    queues = try transaction.interface.chooseQueuesLeft(
      target.queues, of: queues, otherwise: .upperHalf)
    try transaction.moveRSS(off: Set(queues), orTo: try netdev.freeQueues(ofInterface: index))
    try transaction.proveOthersAvoid(Set(queues))

    try wait.check(operation)
    try expectRefusal(of: "a bind of no queue") { () throws(Failure) in _ = try bind(0..<0).id }
    try transaction.disableHeaderSplit()
    // Where the driver keeps its split (gve), a kernel that asks the driver takes the bind (6.12).
    let isKept = try transaction.interface.rings().split == .enabled
    try expectRefusal(of: "a bind with header split off", unless: isKept) { () throws(Failure) in
      _ = try bind(queues).id
    }
    try wait.check(operation)
    try transaction.enableHeaderSplit()
    let binding = try bind(queues)
    Announcement.binding(binding.id).print()
    try wait.check(operation)
    try expectChannelsKept(for: queues, in: &transaction)
    return binding.id
  }

  /// Asks for so few channels that a bound queue would go.
  private func expectChannelsKept(
    for queues: Range<UInt32>, in transaction: inout Transaction
  ) throws(Failure) {
    let before = try transaction.interface.channels()
    let fewer = before.resized(to: max(1, queues.lowerBound))
    do throws(Failure) {
      // A driver that cannot change its channels keeps them.
      try expectRefusal(
        of: "a channel change that drops a bound queue", orLackOfSupport: true
      ) { () throws(Failure) in
        try transaction.interface.setChannels(fewer)
      }
    } catch {
      // Only what this attempt has set, and nobody else since, is set back.
      if try transaction.interface.channels() == fewer {
        try transaction.interface.setChannels(before)
      }
      throw error
    }
  }

  private func expectRefusal(
    of attempt: String, orLackOfSupport countsLack: Bool = false, unless mayWork: Bool = false,
    _ body: () throws(Failure) -> Void
  ) throws(Failure) {
    do throws(Failure) {
      try body()
    } catch {
      guard error.isRefusal(orLackOfSupport: countsLack) else { throw error }
      return
    }
    guard !mayWork else { return }
    throw Failure(
      "rely on \(configuration.target.interface)", reason: "the kernel took \(attempt)",
      hint: "its checks are missing: kernel and driver are not to be trusted with device memory")
  }
}

extension Failure {
  /// Whether the kernel looked at a request, and refused it: not being allowed to ask is no answer,
  /// and neither is a kernel or a driver that lacks the question.
  ///
  /// - Parameter countsLack: Whether the lack of the question (`EOPNOTSUPP`) will do, too.
  package func isRefusal(orLackOfSupport countsLack: Bool) -> Bool {
    guard let errno, errno != .notPermitted else { return false }
    return countsLack || kind != .unsupported || errno != .notSupported
  }
}
