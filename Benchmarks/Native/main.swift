// SPDX-License-Identifier: GPL-2.0-only

// usage: receive-benchmark [PAIRS]
//        receive-benchmark CASE tool|bare SIZE CALLS MIB
//
// Runs the tool's receive loop and a bare one in C by turns over the same recorded messages, on a
// socket that is a script: what they cost, without the kernel. Prints a line for each case and size
// of fragment, of the nanoseconds that a fragment takes. The second form runs one of both so often,
// over so much memory, for a program that counts its instructions.

internal import Glibc

let arguments = CommandLine.arguments.dropFirst()

func fail(_ message: String) -> Never {
  let line = Array("receive-benchmark: \(message)\n".utf8)
  _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
  exit(2)
}

switch arguments.count {
case 0, 1:
  guard let pairs = Int(arguments.first ?? "11"), pairs > 0 else { fail("PAIRS is at least 1") }
  print("case size tool-ns bare-ns ratio least most")
  for trial in Trial.allCases {
    for size in trial.sizes {
      print(Comparison(of: trial, fragmentSize: size, pairs: pairs))
    }
  }
case 5:
  let words = Array(arguments)
  guard let trial = Trial(rawValue: words[0]), let side = Side(rawValue: words[1]),
    let size = Int(words[2]), let calls = Int(words[3]), let mebibytes = Int(words[4])
  else { fail("CASE tool|bare SIZE CALLS MIB") }
  let recording = Recording(
    fragmentSize: size, memorySize: mebibytes << 20, scattersTokens: trial.scattersTokens)
  recording.run(trial, by: side, calls: calls)
  print(recording.fragmentsPerCall * calls)
default:
  fail("CASE tool|bare SIZE CALLS MIB")
}
