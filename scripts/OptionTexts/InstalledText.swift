// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel
internal import Options

/// A file of `share/` that is written by hand but for parts that are made from the option table. A
/// part stands between a line that ends with `Made from the option table:` and its name, and a line
/// that ends with `End of` and its name.
struct InstalledText {
  /// The file, below the checkout.
  let path: String
  /// Each part's name and its lines, each of them ended.
  let parts: [(name: String, lines: String)]

  /// All files that have such parts.
  static let all = [
    InstalledText(
      path: "share/man/ncdevmem.8",
      parts: [("synopsis", ManPage.synopsis), ("options", ManPage.options)]),
    InstalledText(
      path: "share/completions/ncdevmem.bash", parts: [("options", BashCompletion.options)]),
    InstalledText(path: "share/completions/_ncdevmem", parts: [("options", ZshCompletion.options)]),
    InstalledText(
      path: "share/completions/ncdevmem.fish", parts: [("options", FishCompletion.options)]),
  ]

  /// The file as it is.
  func present() throws(Failure) -> String {
    let text = try attempt("read", on: path) { () throws(Errno) in
      try SystemFiles().contents(of: Self.checkout + path)
    }
    return text + "\n"
  }

  /// A text of the file with its parts as they have to be.
  ///
  /// - Throws: A failure where a part's first or last line is missing.
  func renewed(_ text: String) throws(Failure) -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for part in parts {
      guard
        let start = lines.firstIndex(where: {
          $0.hasSuffix("Made from the option table: \(part.name)")
        }), let end = lines[start...].firstIndex(where: { $0.hasSuffix("End of \(part.name)") })
      else { throw Failure("find", on: "\(path), \(part.name)", reason: "no such part") }
      lines.replaceSubrange(
        (start + 1)..<end,
        with: part.lines.split(separator: "\n", omittingEmptySubsequences: false).dropLast())
    }
    return lines.joined(separator: "\n")
  }

  /// Writes the file afresh if its parts are not as they have to be.
  ///
  /// - Returns: Whether it was written.
  func renew() throws(Failure) -> Bool {
    let present = try present()
    let renewed = try renewed(present)
    guard renewed != present else { return false }
    let isWritten = unsafe renewed.withCString { text in
      guard let file = unsafe fopen(Self.checkout + path, "w") else { return false }
      let isTaken = unsafe fputs(text, file) >= 0
      return unsafe fclose(file) == 0 && isTaken
    }
    guard isWritten else { throw Failure("write", on: path, errno: .last) }
    return true
  }

  /// The directory that this source was compiled in, with a slash at its end.
  static let checkout =
    #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/") + "/"
}
