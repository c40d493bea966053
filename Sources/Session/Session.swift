// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import Options

/// Does what a command line asks for, prints what failed, and prints the document of the run if the
/// command line asks for one.
///
/// - Returns: The exit status of the process. It is not 0 where something that was to be printed on
///   the standard output is lost, or the document.
package func run(_ invocation: Invocation) -> Int32 {
  StopSignals.ignoreBrokenPipes()
  if invocation.isQuiet { Diagnostics.beQuiet() }
  var document = Document(
    by: Version.name, role: (try? invocation.configuration.get())?.role,
    options: invocation.options, isWanted: invocation.documentPlace != nil,
    after: invocation.documentPlace == .stream ? EventStream() : nil)
  var outcome: Outcome
  do throws(Failure) {
    let configuration = try invocation.configuration.get()
    if let answer = configuration.answer {
      try StandardOutput.print(answer)
      return 0
    }
    outcome = try perform(configuration, into: &document)
  } catch {
    Diagnostics.print(error)
    outcome = Outcome(status: error.exitStatus(), failure: error)
  }
  guard let place = invocation.documentPlace else { return outcome.status }
  let json = document.json(failure: outcome.failure, status: outcome.status)
  return deliver(json, to: place, document.stream, after: outcome.status)
}

/// Prints the document of a run that has ended.
///
/// - Parameter stream: What took the run's events before; a new one if `nil`.
/// - Returns: The exit status of the process: that of the run, unless it is 0 and the document is
///   lost.
package func deliver(
  _ document: JSONObject, to place: Invocation.DocumentPlace, _ stream: EventStream? = nil,
  after status: Int32
) -> Int32 {
  do throws(Failure) {
    switch place {
    case .standardOutput: try StandardOutput.print(document.text)
    case .standardError: try Diagnostics.deliver(document.text)
    case .stream: try (stream ?? EventStream()).end(with: document)
    }
    return status
  } catch {
    Diagnostics.print(error)
    return status == 0 ? error.exitStatus() : status
  }
}

/// How a run ended that has printed what there was to print.
struct Outcome {
  /// The exit status of the process.
  var status: Int32
  /// Why it is not 0.
  var failure: Failure?

  /// - Parameter status: By default, what follows from the failure.
  init(status: Int32? = nil, failure: Failure? = nil) {
    self.status = status ?? failure?.exitStatus() ?? 0
    self.failure = failure
  }
}

extension Configuration {
  /// What to print where no run is asked for.
  fileprivate var answer: String? {
    switch self {
    case .help: Usage.help
    case .version: Version.text
    default: nil
    }
  }
}

/// Makes a run.
///
/// - Parameter document: Takes what the run counts or finds, also where it fails.
/// - Throws: What failed; its kind determines the exit status.
private func perform(
  _ configuration: Configuration, into document: inout Document
) throws(Failure) -> Outcome {
  let configuration = try configuration.namingInterface()
  switch configuration {
  case .help, .version: break
  case .probe(let probe):
    return try untilStopped(configuration) { wait throws(Failure) in
      let run = Probe(configuration: probe)
      if case .named(let names) = probe.several {
        return try run.run(on: names, wait, into: &document)
      }
      try run.run(wait, into: &document)
      return Outcome()
    }
  case .check(let check):
    return try untilStopped(configuration) { wait throws(Failure) in
      let run = Check(configuration: check)
      if case .named(let names) = check.several {
        return try run.run(on: names, wait, into: &document)
      }
      return try run.run(wait, into: &document)
    }
  case .restore(let restore):
    return try untilStopped(configuration) { wait throws(Failure) in
      try Restorer(configuration: restore).run(wait)
      return Outcome()
    }
  case .receive(let receive):
    return try untilStopped(configuration, document.stream) { wait throws(Failure) in
      try Stacking(of: receive.target.interface).explaining { () throws(Failure) in
        if let options = receive.measurement {
          try MeasuringReceiver(configuration: receive, options: options).run(wait, into: &document)
        } else {
          try Receiver(configuration: receive).run(wait, into: &document)
        }
      }
      return Outcome()
    }
  case .send(let send):
    return try untilStopped(configuration, document.stream) { wait throws(Failure) in
      if let options = send.measurement {
        try MeasuringSender(configuration: send, options: options).run(wait, into: &document)
      } else {
        try Sender(configuration: send).run(wait, into: &document)
      }
      return Outcome()
    }
  }
  return Outcome()
}

extension Configuration {
  /// What a run does first, for those who watch it.
  fileprivate var beginning: String {
    switch self {
    case .help, .version: ""
    case .probe(let probe):
      "probing \(probe.several == nil ? probe.target.interface : "interfaces")"
    case .check(let check):
      "checking \(check.several == nil ? check.target.interface : "interfaces")"
    case .restore: "looking for what killed runs have left behind"
    case .receive(let receive): "looking at \(receive.target.interface)"
    case .send(let send): "looking at \(send.interface)"
    }
  }

  /// Whether the terminal has nothing of the run's own but lines: not the payload, and not what
  /// somebody types who sends it.
  fileprivate var leavesTerminalToLines: Bool {
    switch self {
    case .receive(let receive):
      receive.measurement != nil || receive.checks.pattern != nil
        || !Descriptor.standardOutput.isTerminal
    case .send(let send): send.measurement != nil || !Descriptor.standardInput.isTerminal
    default: true
    }
  }
}

/// Runs something that SIGINT, SIGTERM and SIGHUP end in order, and that people can watch.
///
/// - Parameter stream: What must wait for no reader after a stop.
/// - Returns: How it ended, with 128 and the number of the signal for a status if one stopped it.
/// - Throws: What `body` throws, unless a signal stopped it.
private func untilStopped(
  _ configuration: Configuration, _ stream: EventStream? = nil,
  _ body: (Wait) throws(Failure) -> Outcome
) throws(Failure) -> Outcome {
  let signals = try attempt("watch for stop signals") { () throws(Errno) in try StopSignals() }
  let progress = try attempt("watch for SIGUSR1") { () throws(Errno) in
    try Progress(configuration.beginning, isDrawn: configuration.leavesTerminalToLines)
  }
  Diagnostics.watch(signals.descriptor)
  stream?.watch(signals.descriptor)
  let result = Result { () throws(Failure) in
    try body(Wait(orStoppedBy: signals.descriptor, showing: progress))
  }
  // Before the signal is taken: what is printed after a stop waits for no reader, either.
  Diagnostics.watch(nil)
  stream?.watch(nil)
  do throws(Failure) {
    return try result.get()
  } catch {
    guard error.kind == .stopped, let signal = signals.take() else { throw error }
    return Outcome(status: error.exitStatus(signal: signal), failure: error)
  }
}
