// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Preflight
internal import Recovery

/// Reports what a receiving run on an interface would lack; with `--probe`, tries one.
struct Check {
  let configuration: Configuration.Check

  /// Checks, reports, and leaves the interface as it was.
  ///
  /// - Returns: A status of 0 where a run can be made, 1 where something is missing, 4 where that
  ///   cannot be known.
  /// - Throws: Also a failure of the kind `stopped` after a stop, behind the report if it came while
  ///   something was tried.
  func run(_ wait: Wait, into document: inout Document) throws(Failure) -> Outcome {
    let interface = try Interface(named: configuration.target.interface)
    let index = interface.index
    var preflight = Preflight(of: interface, for: configuration.target)
    // First comes what explains the rest, where there is such a thing.
    let stacking = Stacking(of: configuration.target.interface).finding
    var findings = [stacking].compactMap { $0 } + preflight.interfaceFindings()
    var trials: [Finding] = []
    try wait.check("check")
    if configuration.probes {
      trials = probe(
        index, after: &findings, queues: preflight.queues(), steers: !preflight.leavesNICAlone,
        through: preflight.netdev, wait)
    }
    findings += preflight.hostFindings() + trials
    let conclusion = Conclusion(findings)
    let interfaceName = configuration.target.interface
    document.report(conclusion.figures(of: findings, on: interfaceName))
    Diagnostics.print("\(interfaceName): \(conclusion)")
    if !configuration.reportsJSON {
      try StandardOutput.print(findings.map(\.description).joined(separator: "\n"))
    }
    try wait.check("check")
    return Outcome(status: conclusion.status, failure: conclusion.failure(on: interfaceName))
  }

  /// Tries what a run does, unless it is known to fail, and settles what could not be determined.
  private func probe(
    _ index: UInt32, after findings: inout [Finding], queues: Range<UInt32>?, steers: Bool,
    through netdev: Result<Netdev, Failure>, _ wait: Wait
  ) -> [Finding] {
    guard let queues, !findings.contains(where: { $0.observation.verdict == .missing }) else {
      let reason = "nothing was tried: something is missing"
      return [Finding("probe", Observation(.warn, reason))]
    }
    var target = configuration.target
    target.queues = queues
    let bound = trial("probe-bind") { () throws(Failure) in
      try bind(to: index, as: target, through: try netdev.get(), wait)
    }
    settle(Preflight.provenByBind, in: &findings, by: bound)
    guard steers else { return [bound] }
    let steered = trial("probe-flow-rule") { () throws(Failure) in
      try steer(to: queues, of: index, wait)
    }
    settle(Preflight.provenByRule, in: &findings, by: steered)
    return [bound, steered]
  }

  /// Settles what a trial has shown that the check alone could not determine.
  private func settle(_ items: [String], in findings: inout [Finding], by trial: Finding) {
    guard trial.observation.verdict == .ok else { return }
    for index in findings.indices where items.contains(findings[index].item) {
      findings[index].observation.settle(by: "proven by \(trial.item)")
    }
  }

  private func trial(_ item: String, _ body: () throws(Failure) -> String) -> Finding {
    do throws(Failure) {
      return Finding(item, Observation(.ok, try body()))
    } catch {
      // A trial that was stopped shows nothing.
      return Finding(item, Observation(error.kind == .stopped ? .unknown : .missing, error))
    }
  }

  /// Binds memory with all that this needs, and waits until the kernel has released it.
  private func bind(
    to index: UInt32, as target: Configuration.Target, through netdev: Netdev, _ wait: Wait
  ) throws(Failure) -> String {
    let id = try Probe(configuration: Configuration.Probe(target)).bind(
      to: try interface(at: index), through: netdev, wait)
    try netdev.waitUntilReleased(id, ofInterface: index, wait.limited(to: Self.patience))
    return "bound, refused what it must, and undone"
  }

  /// Steers a flow that does not exist to the first queue: the address is reserved for
  /// documentation (RFC 5737), the port is that of the discard service.
  private func steer(
    to queues: Range<UInt32>, of index: UInt32, _ wait: Wait
  ) throws(Failure) -> String {
    try wait.check("steer")
    let end = FlowTuple.End(IPAddress("198.51.100.1")!, port: 9)
    let interface = try interface(at: index)
    let carrier = Carrier(of: interface)
    try withGuardedTransaction(on: interface, with: carrier, wait) { transaction throws(Failure) in
      _ = try transaction.steer(FlowTuple(to: end), to: .queue(queues.lowerBound))
    }
    return "inserted and deleted"
  }

  /// The interface that was checked, whatever its name is by now.
  private func interface(at index: UInt32) throws(Failure) -> Interface {
    Announcement.interface(index: index).print()
    return try Interface(at: index)
  }

  /// How long the kernel may take to release a binding: no socket holds its memory.
  private static let patience = Duration.seconds(15)
}
