// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel
internal import Synchronization

/// An option as it was met among the words.
struct GivenOption: Sendable {
  let option: Option

  /// The option's name as it was written: `-b` or `--rx-page-size`.
  let typed: String

  let value: String?
}

/// Splits words into options, by the C library's rules: letters cluster (`-ls ADDR`), a value may
/// be joined to its letter (`-p5201`) or begin with a dash, a long name may be cut short. The
/// corresponding C function is `getopt_long`.
enum OptionScanner {
  /// The options in the order of the words, up to one that asks for an answer at once.
  ///
  /// - Throws: A usage failure if there is no such option, a value is missing or too much, or a
  ///   word is no option.
  static func scan(_ words: [String]) throws(Failure) -> [GivenOption] {
    var found: [GivenOption] = []
    for step in steps(through: words) {
      switch step.code {
      case atEnd:
        if step.next < words.count {
          throw .usage(String(reflecting: words[step.next]), "not an option")
        }
      case lacksValue:
        let (option, typed) = decode(step.rejected)
        throw .usage(typed, "needs a value, \(option.placeholder!)")
      case isUnknown:
        throw refusal(of: step.rejected, in: words[max(0, step.next - 1)])
      default:
        let (option, typed) = decode(step.code)
        found.append(GivenOption(option: option, typed: typed, value: step.value))
        if option.answer != nil { return found }
      }
    }
    return found
  }

  /// The options that are among words, whatever else is: what is wrong is passed over.
  static func recognize(_ words: [String]) -> [GivenOption] {
    var found: [GivenOption] = []
    var rest = words[...]
    // Each turn drops a word at least.
    while !rest.isEmpty {
      let steps = steps(through: Array(rest))
      for step in steps where ![atEnd, lacksValue, isUnknown].contains(step.code) {
        let (option, typed) = decode(step.code)
        found.append(GivenOption(option: option, typed: typed, value: step.value))
      }
      let (last, next) = (steps.last?.code, steps.last?.next ?? 0)
      // At the end of the options stands a word that is none.
      rest = rest.dropFirst(max(1, last == atEnd ? next + 1 : next))
    }
    return found
  }

  /// What one call of `getopt_long` found.
  struct Step {
    /// An option's code, or `atEnd`, `lacksValue` or `isUnknown`.
    let code: CInt
    /// The code of an option that lacks a value or has one too many, or an unknown letter.
    let rejected: CInt
    let value: String?
    /// The word to read next.
    let next: Int
  }

  static let atEnd: CInt = -1
  static let lacksValue = CInt(UInt8(ascii: ":"))
  static let isUnknown = CInt(UInt8(ascii: "?"))

  private static func steps(through words: [String]) -> [Step] {
    unsafe steps(through: words, letters: letters, longOptions: longOptions)
  }

  /// Calls `getopt_long` until there is nothing more to find or something is wrong.
  ///
  /// - Parameters:
  ///   - letters: As `getopt` wants them, behind a plus and a colon.
  ///   - longOptions: The names, with an empty one behind them.
  @unsafe static func steps(
    through words: [String], letters: String, longOptions: [CLinux.option]
  ) -> [Step] {
    let count = words.count + 1
    let arguments = unsafe (["ncdevmem"] + words).map { unsafe strdup($0) } + [nil]
    defer { for index in 0..<count { unsafe free(arguments[index]) } }

    return cursor.withLock { _ in
      var steps: [Step] = []
      while true {
        let found = unsafe CLinux_getopt_long(
          CInt(count), arguments, letters, longOptions, steps.isEmpty)
        let step = unsafe Step(
          code: found.code, rejected: found.optopt,
          value: found.optarg.map { unsafe String(cString: $0) }, next: Int(found.optind) - 1)
        steps.append(step)
        if [atEnd, lacksValue, isUnknown].contains(step.code) { return steps }
      }
    }
  }

  /// The letters as `getopt` wants them. It stops at the first word that is no option, and answers
  /// a missing value otherwise than an unknown letter.
  private static let letters = Option.all.reduce("+:") { letters, option in
    guard let letter = option.letter else { return letters }
    return letters + String(letter) + (option.placeholder == nil ? "" : ":")
  }

  /// The names as `getopt_long` wants them, which only reads them.
  nonisolated(unsafe) private static let longOptions: [CLinux.option] =
    unsafe Option.all.enumerated().map { index, option in
      unsafe CLinux.option(
        name: UnsafeRawPointer(option.name.utf8Start).assumingMemoryBound(to: CChar.self),
        has_arg: option.placeholder == nil ? no_argument : required_argument,
        flag: nil, val: firstLongCode + CInt(index))
    } + [CLinux.option()]

  /// Held while `getopt_long` keeps its place among the words in global variables.
  private static let cursor = Mutex(())

  /// The code of the first name, above those of all letters.
  private static let firstLongCode: CInt = 256

  /// What a code of `getopt_long` stands for, and how it was written.
  private static func decode(_ code: CInt) -> (option: Option, typed: String) {
    if code >= firstLongCode {
      let option = Option.all[Int(code - firstLongCode)]
      return (option, "--\(option.name)")
    }
    let letter = Character(UnicodeScalar(UInt8(code)))
    return (Option.all.first { $0.letter == letter }!, "-\(letter)")
  }

  /// Why `getopt_long` answered with a question mark: it left the code of a name that takes no
  /// value, a letter that is none, or 0 for a name that is none.
  private static func refusal(of code: CInt, in word: String) -> Failure {
    if code >= firstLongCode {
      return .usage(decode(code).typed, "takes no value")
    }
    if code != 0 {
      let byte = UInt8(truncatingIfNeeded: code)
      let isPrintable = 0x21...0x7e ~= byte
      let letter = isPrintable ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16)
      return .usage("-" + letter, "unknown option")
    }
    let name = word.dropFirst(2).prefix { $0 != "=" }
    let candidates = Option.all.map { "--\($0.name)" }.filter { $0.dropFirst(2).hasPrefix(name) }
    return .usage(
      "--" + name,
      candidates.isEmpty ? "unknown option" : "could be " + candidates.joined(separator: " or "))
  }
}
