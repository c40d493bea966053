// SPDX-License-Identifier: GPL-2.0-only

// usage: gpu-benchmark [MIB [CYCLES]]
//
// Tries the memory of an NVIDIA GPU as the tool uses it, on a host that needs no NIC: allocates and
// exports it, copies both ways, validates there and in copies, releases, and prints what was seen as
// one JSON document, whose form share/schema/gpu.json describes; on the standard error, what it is
// about. CYCLES allocations in a row show that released memory is free again: ask for more than the
// GPU has.
//
// Exit status: 0 all is as it must be; 1 it is not, or took more than four minutes; 2 wrong words; 4
// this host has no GPU that exports memory.

internal import Glibc
internal import Kernel
internal import Synchronization

/// A driver that does not answer cannot be asked to stop: the process ends without it.
let limit = Duration.seconds(240)

/// What the thread that asks the driver hands over, as it goes on.
final class Box: Sendable {
  let state = Mutex<(figures: JSONObject, failure: Failure?)>((JSONObject(), nil))
}

/// Tries everything in a thread of its own.
///
/// - Returns: What was seen, and the first failure: that there was no end, if nothing else.
func attemptTrial(byteCount: Int, cycles: Int) throws(Failure) -> (JSONObject, Failure?) {
  let box = Box()
  let ended = try attempt("make an event") { () throws(Errno) in try Event() }
  _ = try attempt("start a thread") { () throws(Errno) in
    try Thread {
      var trial = GPUTrial(byteCount: byteCount, cycles: cycles) { figures, failure in
        box.state.withLock { $0 = (figures, failure) }
      }
      trial.run()
      ended.raise()
    }
  }
  let hasEnded = try Wait().limited(to: limit).for(ended.descriptor, to: "wait for the GPU")
  let (figures, failure) = box.state.withLock { ($0.figures, $0.failure) }
  guard !hasEnded else { return (figures, failure) }
  let silence = Failure(
    "try the GPU's memory", errno: .timedOut,
    reason: "no end within \(limit.components.seconds) s", hint: "see dmesg for NVRM or Xid")
  return (figures, failure ?? silence)
}

let words = CommandLine.arguments.dropFirst()
let numbers = words.compactMap { Int($0) }
var options = JSONObject()
options.add("mebibytes", numbers.first ?? 64)
options.add("cycles", numbers.dropFirst().first ?? 0)
var document = Document(by: "gpu-benchmark", role: nil, options: options)
document.schema = "ncdevmem-gpu-1"
var failure: Failure?
if numbers.count < words.count || numbers.count > 2 || numbers.first.map({ $0 < 1 }) == true
  || numbers.contains(where: { $0 < 0 || $0 > 1 << 20 })
{
  let usage = Failure.usage(
    "gpu-benchmark", "it takes two numbers at most: MIB from 1 on, and CYCLES")
  Diagnostics.print(usage)
  failure = usage
} else {
  do throws(Failure) {
    let (figures, first) = try attemptTrial(
      byteCount: (numbers.first ?? 64) << 20, cycles: numbers.dropFirst().first ?? 0)
    document.report(figures)
    failure = first
  } catch {
    failure = error
    Diagnostics.print(error)
  }
}
let status = failure?.exitStatus() ?? 0
do throws(Failure) {
  try StandardOutput.print(document.text(failure: failure, status: status))
} catch {
  Diagnostics.print(error)
  _exit(status == 0 ? error.exitStatus() : status)
}
// Not by way of the driver's own end, which may wait for what never answered.
_exit(status)
