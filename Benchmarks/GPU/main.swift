// SPDX-License-Identifier: GPL-2.0-only

// usage: gpu-benchmark [MIB [CYCLES]]
//
// Tries the memory of an NVIDIA GPU as the tool uses it, on a host that needs no NIC: allocates and
// exports it, copies both ways, validates, releases, and prints what was seen as one JSON document.
// CYCLES allocations in a row show that released memory is free again: ask for more than the GPU
// has.

internal import DeviceMemory
internal import Glibc
internal import Kernel
internal import Payload

/// What a dma-buf is, by the kernel's own account (`/proc/self/fdinfo`, `dma_buf_show_fdinfo`).
func description(of dmabuf: borrowing OwnedDescriptor) throws(Failure) -> JSONObject {
  let path = "/proc/self/fdinfo/\(dmabuf.rawValue)"
  let text = try attempt("read", on: path) { () throws(Errno) in
    try SystemFiles().contents(of: path)
  }
  let end = try attempt("measure the dma-buf") { () throws(Errno) in
    try retrying { lseek(dmabuf.rawValue, 0, SEEK_END) }
  }
  let exporter = text.split(separator: "\n").first { $0.hasPrefix("exp_name:") }
  var object = JSONObject()
  object.add("exporter", exporter.map { String($0.dropFirst(9).drop { $0 == "\t" }) })
  object.add("bytes", Int(end))
  return object
}

/// Runs something, and returns how long it took in seconds.
func time(_ body: () throws(Failure) -> Void) throws(Failure) -> Double {
  let start = Instant.now
  try body()
  return Instant.now.since(start).inSeconds
}

/// Copies ranges of a size from the GPU, from places spread over the memory.
///
/// - Returns: The time for one in microseconds, the median of `count`.
func copyTime(
  _ size: Int, from buffer: borrowing DeviceBuffer, count: Int = 201
) throws(Failure) -> Double {
  var times: [Double] = []
  let places = buffer.byteCount / size
  for index in 0..<count {
    let start = index * 7919 % places * size
    times.append(
      try time { () throws(Failure) in
        try buffer.beginReading(start..<start + size)
        try buffer.endReading()
      })
  }
  return times.sorted()[count / 2] * 1e6
}

/// Checks a memory against a pattern that begins with it.
func check(
  _ buffer: borrowing DeviceBuffer, against pattern: Pattern
) throws(Failure) -> (wrongBytes: Int, mismatches: [Int], seconds: Double) {
  try buffer.beginReading(0..<buffer.byteCount)
  var validator = Validator(pattern)
  let start = Instant.now
  _ = validator.check(buffer.bytes)
  let seconds = Instant.now.since(start).inSeconds
  try buffer.endReading()
  return (validator.wrongByteCount, validator.mismatches.map(\.streamOffset), seconds)
}

/// How many bytes of a new memory are not zero.
func unclearedBytes(of buffer: borrowing DeviceBuffer) throws(Failure) -> Int {
  try buffer.reading(0..<buffer.byteCount) { bytes in
    (0..<bytes.byteCount).reduce(0) {
      $0 + (unsafe bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self) == 0 ? 0 : 1)
    }
  }
}

/// All that is tried on one memory.
func trial(of byteCount: Int, cycles: Int) throws(Failure) -> JSONObject {
  let provider = CUDAMemory(gpu: nil, near: "lo")
  var object = JSONObject()
  object.add("bytes", byteCount)
  let start = Instant.now
  var buffer = try provider.allocate(byteCount: byteCount)
  object.add("allocateMilliseconds", Instant.now.since(start).inSeconds * 1e3, decimals: 3)
  object.add("dmabuf", try description(of: buffer.descriptor))
  object.add("unclearedBytes", try unclearedBytes(of: buffer))

  let pattern = Pattern(period: 7)!
  let gib = Double(byteCount) / Double(1 << 30)
  let written = try time { () throws(Failure) in
    try buffer.endWriting(0..<byteCount)
  }
  _ = try buffer.writing(0..<byteCount) { bytes in
    PatternGenerator(pattern).fill(&bytes)
    return byteCount
  }
  object.add("toGPUGiBPerSecond", gib / written, decimals: 2)
  let read = try time { () throws(Failure) in
    try buffer.beginReading(0..<byteCount)
    try buffer.endReading()
  }
  object.add("fromGPUGiBPerSecond", gib / read, decimals: 2)
  let whole = try check(buffer, against: pattern)
  object.add("wrongBytes", whole.wrongBytes)
  object.add("validateGiBPerSecond", gib / whole.seconds, decimals: 2)

  // One byte, in the GPU's memory only: the copy in host memory is fetched anew by the check.
  let place = byteCount / 2 + 1
  let right = pattern.byte(at: place)
  _ = try buffer.writing(place..<place + 1) { bytes in
    bytes.storeBytes(of: right ^ 0xff, as: UInt8.self)
    return 1
  }
  let spoilt = try check(buffer, against: pattern)
  object.add("wrongBytesOfOneSpoilt", spoilt.wrongBytes)
  object.add("foundAtItsPlace", spoilt.mismatches == [place])

  for size in [1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20] where size <= byteCount {
    object.add("copyOf\(size)Microseconds", try copyTime(size, from: buffer), decimals: 1)
  }
  let cycled = try time { () throws(Failure) in
    for _ in 0..<cycles { _ = try provider.allocate(byteCount: 1 << 30) }
  }
  object.add("cyclesOfOneGiB", cycles)
  object.add("cycleMilliseconds", cycles > 0 ? cycled * 1e3 / Double(cycles) : nil, decimals: 1)
  return object
}

let numbers = CommandLine.arguments.dropFirst().map { Int($0) ?? 0 }
let byteCount = (numbers.first ?? 64) << 20
guard byteCount > 0, numbers.count <= 2 else { fatalError("usage: gpu-benchmark [MIB [CYCLES]]") }
do throws(Failure) {
  for gpu in CUDAMemory.availability where gpu.state == .ready {
    Diagnostics.print(([gpu.seen] + gpu.limits).joined(separator: ", "))
  }
  print(try trial(of: byteCount, cycles: numbers.dropFirst().first ?? 0).text)
} catch {
  Diagnostics.print(error)
  exit(error.exitStatus())
}
