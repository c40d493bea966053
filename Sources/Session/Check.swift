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
    let name = configuration.target.interface
    let findings = complete(try examine(name, wait))
    let report = CheckReport(name, .success(findings))
    document.interface = name
    document.report(Conclusion(findings).figures(of: findings))
    try show([report], text: report.text, ktap: report.ktap)
    try wait.check("check")
    return Outcome(failure: report.failure)
  }

  /// Checks several interfaces in turn, and reports on them together.
  ///
  /// - Returns: As for one interface, by what became of all of them.
  /// - Throws: As for one interface; the report is then about those that were looked at.
  func run(
    on names: [String], _ wait: Wait, into document: inout Document
  ) throws(Failure) -> Outcome {
    var examined: [(name: String, result: Result<Examination, Failure>)] = []
    for name in names {
      wait.progress?.note("checking \(name)")
      let result = Result { () throws(Failure) in try examine(name, wait) }
      if case .failure(let failure) = result, failure.kind == .stopped { break }
      examined.append((name, result))
    }
    var ends = InterfaceEnds()
    let reports = examined.map { CheckReport($0.name, $0.result.map(complete)) }
    for report in reports {
      var part = document.part()
      if case .success(let findings) = report.result {
        part.report(Conclusion(findings).figures(of: findings))
      }
      ends.add(report.interface, report.failure, part)
    }
    document.report(ends)
    if !reports.isEmpty {
      try show(reports, text: CheckReport.text(of: reports), ktap: CheckReport.ktap(of: reports))
    }
    try wait.check("check")
    return Outcome(failure: ends.failure(to: "receive on all of"))
  }

  /// Prints what was found, unless that is for the document. KTAP has the conclusions among its
  /// lines: a test runner has both outputs in one.
  private func show(
    _ reports: [CheckReport], text: @autoclosure () -> String, ktap: @autoclosure () -> String
  ) throws(Failure) {
    if configuration.format == .ktap { return try StandardOutput.print(ktap()) }
    for report in reports { Diagnostics.print(report.line) }
    if configuration.format == .text { try StandardOutput.print(text()) }
  }

  /// What the first part of a check has found: all that is read and tried of the interface itself.
  private struct Examination {
    let index: UInt32
    let findings: [Finding]
    let trials: [Finding]
  }

  /// Does the part of a check that may try a run. Of several interfaces, all go through it before
  /// the other part loads libraries that may start threads: a guard wants to be forked before.
  private func examine(_ name: String, _ wait: Wait) throws(Failure) -> Examination {
    let interface = try Interface(named: name)
    let index = interface.index
    var preflight = Preflight(of: interface, for: target(named: name))
    // First comes what explains the rest, where there is such a thing.
    var findings =
      [Stacking(of: name).finding].compactMap { $0 } + preflight.interfaceFindings()
    var trials: [Finding] = []
    try wait.check("check")
    if configuration.probes {
      trials = probe(
        index, named: name, after: &findings, queues: preflight.queues(),
        steers: !preflight.leavesNICAlone, through: preflight.netdev, wait)
    }
    return Examination(index: index, findings: findings, trials: trials)
  }

  /// Does the other part, and puts all in the order of the report.
  private func complete(_ look: Examination) -> [Finding] {
    do throws(Failure) {
      let interface = try Interface(at: look.index)
      let name = interface.name
      var preflight = Preflight(of: interface, for: target(named: name))
      return look.findings + preflight.hostFindings() + look.trials
    } catch {
      // It is gone since the first part.
      return look.findings + [Finding("interface", Observation(.missing, error))] + look.trials
    }
  }

  private func target(named name: String) -> Configuration.Target {
    var target = configuration.target
    target.interface = name
    return target
  }

  /// Tries what a run does, unless it is known to fail, and settles what could not be determined.
  private func probe(
    _ index: UInt32, named name: String, after findings: inout [Finding], queues: Range<UInt32>?,
    steers: Bool, through netdev: Result<Netdev, Failure>, _ wait: Wait
  ) -> [Finding] {
    guard let queues, !findings.contains(where: { $0.observation.verdict == .missing }) else {
      let reason = "nothing was tried: something is missing"
      return [Finding("probe", Observation(.warn, reason))]
    }
    var target = target(named: name)
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
    try withGuardedTransaction(on: interface, with: carrier, wait) {
      transaction, _ throws(Failure) in
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
