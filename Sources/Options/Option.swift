// SPDX-License-Identifier: GPL-2.0-only

internal import Transfer

/// An option: how it is written, what it does to the draft, and what the help says of it.
package struct Option: Sendable {
  /// The letter behind one dash, if there is one.
  package let letter: Character?

  /// The word behind two dashes.
  package let name: StaticString

  /// What the help calls the value; `nil` if the option takes none.
  package let placeholder: String?

  /// What it does, in the help's words.
  package let help: String

  /// The runs in which the option means something.
  let modes: Modes

  /// What of the draft it sets; `nil` if it ends the reading.
  private let member: (any PartialKeyPath<Draft> & Sendable)?

  /// Notes the option, and its value if it takes one, in the draft.
  let store: @Sendable (inout Draft, String) throws(InvalidValue) -> Void

  /// What the option asks for instead of a run, whatever comes after it.
  let answer: Configuration?

  /// The engines with which it means something.
  private(set) var engines = Engine.allCases

  /// Whether each of its values counts where it is given several times, not the last one alone.
  package let collects: Bool

  private init(
    _ letter: Character?, _ name: StaticString, _ placeholder: String?, _ modes: Modes,
    _ help: String, _ member: (any PartialKeyPath<Draft> & Sendable)?, collects: Bool = false,
    answers answer: Configuration? = nil,
    _ store: @escaping @Sendable (inout Draft, String) throws(InvalidValue) -> Void
  ) {
    self.letter = letter
    self.name = name
    self.placeholder = placeholder
    self.modes = modes
    self.help = help
    self.member = member
    self.collects = collects
    self.answer = answer
    self.store = store
  }

  /// An option with a value.
  init<Value>(
    _ letter: Character?, _ name: StaticString, _ placeholder: String, _ modes: Modes,
    _ help: String,
    _ member: any WritableKeyPath<Draft, Value> & Sendable,
    _ read: @escaping @Sendable (String) throws(InvalidValue) -> Value
  ) {
    self.init(letter, name, placeholder, modes, help, member) {
      (draft: inout Draft, word: String) throws(InvalidValue) in
      draft[keyPath: member] = try read(word)
    }
  }

  /// An option each of whose values counts.
  init<Value>(
    _ letter: Character?, _ name: StaticString, _ placeholder: String, _ modes: Modes,
    _ help: String,
    addingTo member: any WritableKeyPath<Draft, [Value]> & Sendable,
    _ read: @escaping @Sendable (String) throws(InvalidValue) -> Value
  ) {
    self.init(letter, name, placeholder, modes, help, member, collects: true) {
      (draft: inout Draft, word: String) throws(InvalidValue) in
      draft[keyPath: member].append(try read(word))
    }
  }

  /// An option that sets a member by being there.
  init(
    _ letter: Character?, _ name: StaticString, _ modes: Modes, _ help: String,
    _ member: any WritableKeyPath<Draft, Bool> & Sendable, to value: Bool = true
  ) {
    self.init(letter, name, nil, modes, help, member) {
      (draft: inout Draft, _: String) throws(InvalidValue) in
      draft[keyPath: member] = value
    }
  }

  /// An option that ends the reading.
  init(_ letter: Character?, _ name: StaticString, _ help: String, answers answer: Configuration) {
    self.init(letter, name, nil, .any, help, nil, answers: answer) {
      (_: inout Draft, _: String) throws(InvalidValue) in
    }
  }

  /// The same option, for some engines only.
  func only(_ engines: Engine...) -> Option {
    var option = self
    option.engines = engines
    return option
  }

  /// The runs in which the option means something, in words; `nil` if it asks for an answer.
  package var runs: String? { answer == nil ? modes.words : nil }

  /// Whether it sets a member of the draft.
  func sets(_ member: PartialKeyPath<Draft>) -> Bool {
    guard let own: AnyKeyPath = self.member else { return false }
    return own == member
  }
}

extension Option {
  /// The kinds of runs that options depend on.
  struct Modes: OptionSet {
    let rawValue: Int

    static let probe = Modes(rawValue: 1 << 0)
    static let check = Modes(rawValue: 1 << 1)
    static let restore = Modes(rawValue: 1 << 2)
    /// Receiving one stream.
    static let receiveStream = Modes(rawValue: 1 << 3)
    /// Measuring as the receiver of several flows.
    static let receiveFlows = Modes(rawValue: 1 << 4)
    /// Measuring as the receiver of several flows that it asks the end that listens for, and as the
    /// sender of as many where it asks for both directions.
    static let request = Modes(rawValue: 1 << 7)
    /// Sending standard input.
    static let sendInput = Modes(rawValue: 1 << 5)
    /// Measuring as the sender of several flows.
    static let sendFlows = Modes(rawValue: 1 << 6)

    static let receive: Modes = [.receiveStream, .receiveFlows, .request]
    static let send: Modes = [.sendInput, .sendFlows]
    static let single: Modes = [.receiveStream, .sendInput]
    static let measure: Modes = [.receiveFlows, .sendFlows, .request]
    static let transfer: Modes = [.receive, .send]
    static let bind: Modes = [.probe, .check, .receive]
    static let any: Modes = [.probe, .check, .transfer]

    /// The runs, in words that begin a line.
    var words: String {
      if isSuperset(of: .any) {
        return contains(.restore) ? "All runs, and with --restore" : "All runs"
      }
      let names: [(runs: Modes, name: String)] = [
        (.receive, "receive"), (.send, "send"), (.measure, "measure"),
        (.receiveStream, "receive one stream"), (.receiveFlows, "receive several flows"),
        (.sendInput, "send standard input"), (.sendFlows, "send several flows"),
        (.request, "receive by request"),
        (.probe, "probe"), (.check, "check"), (.restore, "restore"),
      ]
      var rest = self
      var found: [String] = []
      for (runs, name) in names where rest.isSuperset(of: runs) {
        rest.subtract(runs)
        found.append(name)
      }
      return "Runs: " + found.joined(separator: ", ")
    }

    /// Why an option that means something in these runs means nothing in another; `nil` if it does.
    ///
    /// - Parameter run: One mode.
    func refusal(by run: Modes) -> String? {
      guard isDisjoint(with: run) else { return nil }
      if self == .restore { return "needs --restore" }
      if self == .check, run != .restore { return "needs --check" }
      let listening: Modes = [.receiveStream, .receiveFlows]
      let direction: Modes =
        run.isSubset(of: listening) ? listening : run.isSubset(of: .send) ? .send : .receive
      if run.isSubset(of: .transfer), !isDisjoint(with: direction) {
        return run.isSubset(of: .measure) ? "means nothing with several flows" : "needs --flows N"
      }
      return switch run {
      case .restore: "means nothing with --restore"
      case .check: "means nothing with --check"
      case .probe: "means nothing without -s"
      default: direction == .send ? "means nothing when sending" : "means nothing when receiving"
      }
    }
  }
}
