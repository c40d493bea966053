// SPDX-License-Identifier: GPL-2.0-only

// usage: validator-benchmark [RUNS]
//
// Compares the validator with memcmp on the same bytes: fragments of a standard frame, each in a
// page of its own, as a NIC leaves them.

internal import Glibc
internal import Kernel
internal import Payload

let page = 4096
let pages = 16000
let fragment = 1448
let pattern = Pattern(period: 7)!
let generator = PatternGenerator(pattern)

/// Runs something and returns the CPU time that it took, in seconds.
func time(_ body: () -> Bool) -> Double {
  let before = CPUTime.now
  guard body() else { fatalError("the bytes are not the pattern") }
  let spent = CPUTime.now.since(before)
  return (spent.user + spent.system).inSeconds
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

let runs = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 5
guard runs > 0 else { fatalError("RUNS has to be at least 1") }

let memory = unsafe [UInt8](unsafeUninitializedCapacity: page * pages) { buffer, count in
  for index in 0..<pages {
    let bytes = UnsafeMutableRawBufferPointer(buffer)
    var span = unsafe MutableRawSpan(
      _unsafeStart: bytes.baseAddress! + index * page, byteCount: page)
    generator.fill(&span, from: index * fragment)
  }
  count = page * pages
}
let reference = (0..<fragment + pattern.period).map { pattern.byte(at: $0) }

// A pass over 16000 fragments is too short for the clock of CPU time.
let passes = 20
var ratios: [Double] = []
var rates: [(memcmp: Double, validator: Double)] = []
for _ in 0..<runs {
  let least = time {
    unsafe memory.withUnsafeBytes { bytes in
      unsafe reference.withUnsafeBytes { reference in
        (0..<passes).allSatisfy { _ in
          (0..<pages).allSatisfy { index in
            let phase = index * fragment % pattern.period
            return unsafe memcmp(
              bytes.baseAddress! + index * page, reference.baseAddress! + phase, fragment) == 0
          }
        }
      }
    }
  }
  let ours = time {
    (0..<passes).allSatisfy { _ in
      var validator = Validator(pattern)
      let bytes = unsafe memory.span.bytes
      return (0..<pages).allSatisfy { index in
        let start = index * page
        return validator.check(bytes.extracting(start..<start + fragment)) == 0
      }
    }
  }
  let gib = Double(passes * pages * fragment) / Double(1 << 30)
  rates.append((gib / least, gib / ours))
  ratios.append(least / ours)
}

func text(_ value: Double) -> String { String(Double(Int(value * 1000)) / 1000) }

let ratio = median(ratios)
let verdict = ratio >= 0.9 ? "met" : "MISSED"
print(
  """
  Validator beside memcmp, fragments of \(fragment) bytes, \(runs) runs each
    GiB/s: memcmp \(text(median(rates.map(\.memcmp)))), \
  validator \(text(median(rates.map(\.validator)))), ratio \(text(ratio)) \
  [\(text(ratios.min()!)) \(text(ratios.max()!))]  at least 0.9: \(verdict)
  """)
