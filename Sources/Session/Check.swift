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
  ///   cannot be known; or 128 and the number of the signal that came while something was tried.
  func run(into document: inout Document) throws(Failure) -> Outcome {
    let interface = try Interface(named: configuration.target.interface)
    var preflight = Preflight(of: interface, for: configuration.target)
    // First comes what explains the rest, where there is such a thing.
    let stacking = Stacking(of: configuration.target.interface).finding
    var findings = [stacking].compactMap { $0 } + preflight.interfaceFindings()
    var trials: [Finding] = []
    var signal: CInt?
    if configuration.probes {
      // While there is one thread: signals are blocked for it, and a guard is forked.
      let stop = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
      trials = probe(
        after: &findings, queues: preflight.queues(), steers: !preflight.leavesNICAlone,
        through: preflight.netdev, Wait(orStoppedBy: stop.descriptor))
      signal = stop.take()
    }
    findings += preflight.hostFindings() + trials
    let conclusion = Conclusion(findings)
    let interfaceName = configuration.target.interface
    document.report(conclusion.figures(of: findings, on: interfaceName))
    Diagnostics.print("\(interfaceName): \(conclusion)")
    if !configuration.reportsJSON {
      try StandardOutput.print(findings.map(\.description).joined(separator: "\n"))
    }
    if let signal {
      let stopped = Failure.stopped("check")
      return Outcome(status: stopped.exitStatus(signal: signal), failure: stopped)
    }
    return Outcome(status: conclusion.status, failure: conclusion.failure(on: interfaceName))
  }

  /// Tries what a run does, unless it is known to fail, and settles what could not be determined.
  private func probe(
    after findings: inout [Finding], queues: Range<UInt32>?, steers: Bool,
    through netdev: Result<Netdev, Failure>, _ wait: Wait
  ) -> [Finding] {
    guard let queues, !findings.contains(where: { $0.observation.verdict == .missing }) else {
      let reason = "nothing was tried: something is missing"
      return [Finding("probe", Observation(.warn, reason))]
    }
    var target = configuration.target
    target.queues = queues
    let bound = trial("probe-bind") { () throws(Failure) in
      try bind(as: target, through: try netdev.get(), wait)
    }
    settle(Preflight.provenByBind, in: &findings, by: bound)
    guard steers else { return [bound] }
    let steered = trial("probe-flow-rule") { () throws(Failure) in try steer(to: queues) }
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
    as target: Configuration.Target, through netdev: Netdev, _ wait: Wait
  ) throws(Failure) -> String {
    let id = try Probe(configuration: Configuration.Probe(target)).bind(through: netdev)
    let index = try Interface(named: target.interface).index
    try netdev.waitUntilReleased(id, ofInterface: index, wait.limited(to: Self.patience))
    return "bound, refused what it must, and undone"
  }

  /// Steers a flow that does not exist to the first queue: the address is reserved for
  /// documentation (RFC 5737), the port is that of the discard service.
  private func steer(to queues: Range<UInt32>) throws(Failure) -> String {
    let end = FlowTuple.End(IPAddress("198.51.100.1")!, port: 9)
    let interface = try Interface(announcing: configuration.target.interface)
    let carrier = Carrier(of: interface)
    try withGuardedTransaction(on: interface, with: carrier) { transaction throws(Failure) in
      _ = try transaction.steer(FlowTuple(to: end), to: .queue(queues.lowerBound))
    }
    return "inserted and deleted"
  }

  /// How long the kernel may take to release a binding: no socket holds its memory.
  private static let patience = Duration.seconds(15)
}
