// SPDX-License-Identifier: GPL-2.0-only

/// An option: how it is written, what it does to the draft, and what the help says of it.
struct Option: Sendable {
  /// What a run does, as far as options depend on it.
  struct Modes: OptionSet {
    let rawValue: Int

    static let probe = Modes(rawValue: 1 << 0)
    static let receive = Modes(rawValue: 1 << 1)
    static let send = Modes(rawValue: 1 << 2)
    static let restore = Modes(rawValue: 1 << 3)
    static let check = Modes(rawValue: 1 << 4)

    static let transfer: Modes = [.receive, .send]
    static let bind: Modes = [.probe, .receive, .check]
    static let any: Modes = [.probe, .receive, .send, .check]
  }

  /// The letter behind one dash, if there is one.
  let letter: Character?

  /// The word behind two dashes.
  let name: StaticString

  /// What the help calls the value; `nil` if the option takes none.
  let placeholder: String?

  /// The modes in which the option means something.
  let modes: Modes

  /// What it does, in the help's words.
  let help: String

  /// Notes the option, and its value if it takes one, in the draft.
  let store: @Sendable (inout Draft, String) throws(InvalidValue) -> Void

  /// What the option asks for instead of a run, whatever comes after it.
  let answer: Configuration?

  /// An option with a value.
  init<Value>(
    _ letter: Character?, _ name: StaticString, _ placeholder: String, _ modes: Modes,
    _ help: String,
    _ member: any WritableKeyPath<Draft, Value?> & Sendable,
    _ read: @escaping @Sendable (String) throws(InvalidValue) -> Value
  ) {
    self.letter = letter
    self.name = name
    self.placeholder = placeholder
    self.modes = modes
    self.help = help
    store = { (draft: inout Draft, word: String) throws(InvalidValue) in
      draft[keyPath: member] = try read(word)
    }
    answer = nil
  }

  /// An option that is there or not.
  init(
    _ letter: Character?, _ name: StaticString, _ modes: Modes, _ help: String,
    _ member: any WritableKeyPath<Draft, Bool> & Sendable
  ) {
    self.letter = letter
    self.name = name
    placeholder = nil
    self.modes = modes
    self.help = help
    store = { (draft: inout Draft, _: String) throws(InvalidValue) in
      draft[keyPath: member] = true
    }
    answer = nil
  }

  /// An option that ends the reading.
  init(_ letter: Character?, _ name: StaticString, _ help: String, answers answer: Configuration) {
    self.letter = letter
    self.name = name
    placeholder = nil
    modes = .any
    self.help = help
    store = { (_: inout Draft, _: String) throws(InvalidValue) in }
    self.answer = answer
  }
}
