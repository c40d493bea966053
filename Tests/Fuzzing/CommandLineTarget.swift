// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Options

/// A command line, its words ended by zeros: it is a configuration, or a usage error with words, and
/// what it asked for can be written as JSON.
@Sendable func readCommandLine(_ input: [UInt8]) throws(Finding) {
  let words = input.split(separator: 0, omittingEmptySubsequences: false)
    .map { String(decoding: $0, as: UTF8.self) }
  let invocation = Invocation(
    words: words,
    lookingUpBy: { _, _ throws(Failure) in
      IPAddress(octets: [192, 0, 2, 9])
    })
  switch invocation.configuration {
  case .success(let configuration): _ = configuration.role
  case .failure(let failure):
    try require(failure.kind == .usage, "\(failure) is no usage error")
    try require(
      !failure.line.isEmpty && !failure.line.contains("\n"), "not one line: \(failure.line)")
  }
  try readJSON(invocation.options.text)
}
