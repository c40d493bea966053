// SPDX-License-Identifier: GPL-2.0-only

// usage: gpu-benchmark [MIB [CYCLES]]
//
// Tries the memory of an NVIDIA GPU as the tool uses it, on a host that needs no NIC: allocates and
// exports it, copies both ways, validates, releases, and prints what was seen as one JSON document,
// whose form share/schema/gpu.json describes. CYCLES allocations in a row show that released memory
// is free again: ask for more than the GPU has.
//
// Exit status: 0 all is as it must be; 1 it is not, or took more than four minutes; 2 wrong words; 4
// this host has no GPU that exports memory.

internal import Glibc
internal import Kernel

/// A driver that does not answer cannot be asked to stop: the process ends without it.
let limit = Duration.seconds(240)

/// What the thread that asks the driver hands over when it has ended.
final class Box: @unchecked Sendable {
  var figures = JSONObject()
  var failure: Failure?
}

/// Tries everything in a thread of its own.
func attemptTrial(_ trial: GPUTrial) throws(Failure) -> Box {
  let box = Box()
  let ended = try attempt("make an event") { () throws(Errno) in try Event() }
  _ = try attempt("start a thread") { () throws(Errno) in
    try Thread {
      var trial = trial
      do throws(Failure) { try trial.run() } catch { box.failure = error }
      box.figures = trial.figures
      ended.raise()
    }
  }
  guard try Wait().limited(to: limit).for(ended.descriptor, to: "wait for the GPU") else {
    throw Failure(
      "try the GPU's memory", errno: .timedOut,
      reason: "no end within \(limit.components.seconds) s", hint: "see dmesg for NVRM or Xid")
  }
  return box
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
  failure = .usage("gpu-benchmark", "it takes two numbers at most: MIB from 1 on, and CYCLES")
} else {
  let trial = GPUTrial(
    byteCount: (numbers.first ?? 64) << 20, cycles: numbers.dropFirst().first ?? 0)
  do throws(Failure) {
    let box = try attemptTrial(trial)
    document.report(box.figures)
    failure = box.failure
  } catch {
    failure = error
  }
}
if let failure { Diagnostics.print(failure) }
let status = failure?.exitStatus() ?? 0
do throws(Failure) {
  try StandardOutput.print(document.text(failure: failure, status: status))
} catch {
  Diagnostics.print(error)
  exit(status == 0 ? error.exitStatus() : status)
}
exit(status)
