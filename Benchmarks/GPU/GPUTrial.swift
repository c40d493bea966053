// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Glibc
internal import Kernel
internal import Payload

/// All that is tried on the memory of a GPU, and what was seen.
struct GPUTrial: ~Copyable {
  /// How much memory to allocate, in bytes.
  let byteCount: Int
  /// How often to allocate and release 1 GiB afterwards.
  let cycles: Int

  /// What was seen so far: also where a step has failed.
  private var figures = JSONObject()
  /// The first step that failed, or the first result that is not as it must be.
  private var failure: Failure?
  /// Takes what was seen so far, after each step.
  private let report: (JSONObject, Failure?) -> Void

  init(byteCount: Int, cycles: Int, report: @escaping (JSONObject, Failure?) -> Void) {
    self.byteCount = byteCount
    self.cycles = cycles
    self.report = report
  }

  /// Tries everything, and judges it. A step that fails keeps no other from being tried, but for
  /// those that all the rest needs.
  mutating func run() {
    let provider = CUDAMemory(gpu: nil, near: "lo")
    do throws(Failure) {
      try describe(provider)
      var buffer = try allocate(from: provider)
      step("its dma-buf") { (trial) throws(Failure) in
        trial.figures.add("dmabuf", try description(of: buffer.descriptor))
      }
      step("new memory") { (trial) throws(Failure) in try trial.checkCleared(buffer) }
      step("copies of all of it") { (trial) throws(Failure) in try trial.copyAndValidate(&buffer) }
      step("copies of parts") { (trial) throws(Failure) in try trial.copyPieces(of: buffer) }
      var comparison = JSONObject()
      step("the GPU's verdicts") { (_) throws(Failure) in
        var verdicts = VerdictTrial()
        try verdicts.run(in: &buffer, figures: &comparison)
      }
      step("the GPU's rates") { (_) throws(Failure) in
        try RateTrial().run(in: &buffer, figures: &comparison)
      }
      figures.add("comparison", comparison)
    } catch {
      note(error)
    }
    step("\(cycles) GiB one after the other") { (trial) throws(Failure) in
      try trial.cycle(provider)
    }
  }

  /// Tries something, prints what, and goes on if it fails.
  private mutating func step(
    _ name: String, _ body: (inout GPUTrial) throws(Failure) -> Void
  ) {
    Diagnostics.print("trying \(name)")
    do throws(Failure) { try body(&self) } catch { note(error) }
    report(figures, failure)
  }

  private mutating func note(_ failure: Failure) {
    Diagnostics.print(failure)
    self.failure = self.failure ?? failure
    report(figures, self.failure)
  }

  private mutating func describe(_ provider: CUDAMemory) throws(Failure) {
    let gpus = CUDAMemory.availability.filter { $0.kind != .cuda(nil) }
    figures.add("gpus", gpus.map(\.json))
    figures.add("mappings", try provider.refusals().map(json(of:)))
  }

  private mutating func allocate(from provider: CUDAMemory) throws(Failure) -> DeviceBuffer {
    let start = Instant.now
    let buffer = try provider.allocate(byteCount: byteCount)
    figures.add("allocate_milliseconds", Instant.now.since(start).inSeconds * 1e3, decimals: 3)
    figures.add("memory", MemoryFacts(.cuda(nil), buffer).json)
    return buffer
  }

  private mutating func checkCleared(_ buffer: borrowing DeviceBuffer) throws(Failure) {
    let uncleared = try unclearedBytes(of: buffer)
    figures.add("uncleared_bytes", uncleared)
    try expect(uncleared == 0, "\(uncleared) bytes of new memory are not zero")
  }

  private mutating func cycle(_ provider: CUDAMemory) throws(Failure) {
    let cycled = try time { () throws(Failure) in
      for _ in 0..<cycles { _ = try provider.allocate(byteCount: 1 << 30) }
    }
    figures.add("cycles_of_one_gib", cycles)
    figures.add("cycle_milliseconds", cycles > 0 ? cycled * 1e3 / Double(cycles) : nil, decimals: 1)
  }

  /// Copies the whole memory both ways, and checks it without and with a wrong byte.
  private mutating func copyAndValidate(_ buffer: inout DeviceBuffer) throws(Failure) {
    let pattern = Pattern(period: 7)!
    let gib = Double(byteCount) / Double(1 << 30)
    let size = byteCount
    let written = try time { () throws(Failure) in try buffer.endWriting(0..<size) }
    _ = try buffer.writing(0..<size) { bytes in
      PatternGenerator(pattern).fill(&bytes)
      return size
    }
    figures.add("to_gpu_gib_per_second", gib / written, decimals: 2)
    let read = try time { () throws(Failure) in
      try buffer.beginReading(0..<size)
      try buffer.endReading()
    }
    figures.add("from_gpu_gib_per_second", gib / read, decimals: 2)
    let whole = try check(buffer, against: pattern)
    figures.add("wrong_bytes", whole.wrongBytes)
    figures.add("validate_gib_per_second", gib / whole.seconds, decimals: 2)
    try expect(whole.wrongBytes == 0, "\(whole.wrongBytes) bytes came back wrong")

    // One byte, in the GPU's memory only: the check fetches the copy in host memory anew.
    let place = byteCount / 2 + 1
    let right = pattern.byte(at: place)
    _ = try buffer.writing(place..<place + 1) { bytes in
      bytes.storeBytes(of: right ^ 0xff, as: UInt8.self)
      return 1
    }
    let spoilt = try check(buffer, against: pattern)
    figures.add("wrong_bytes_of_one_spoilt", spoilt.wrongBytes)
    figures.add("found_at_its_place", spoilt.mismatches == [place])
    try expect(
      spoilt.wrongBytes == 1 && spoilt.mismatches == [place], "the one spoilt byte was not found")
  }

  /// Copies ranges of several sizes from the GPU, as a receive does.
  private mutating func copyPieces(of buffer: borrowing DeviceBuffer) throws(Failure) {
    var copies: [JSONObject] = []
    for size in [1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20] where size <= byteCount {
      var object = JSONObject()
      object.add("bytes", size)
      object.add("microseconds", try copyTime(size, from: buffer), decimals: 1)
      copies.append(object)
    }
    figures.add("copies", copies)
  }
}

/// Fails unless something is as it must be.
func expect(_ condition: Bool, _ reason: @autoclosure () -> String) throws(Failure) {
  if !condition { throw Failure("rely on the GPU's memory", reason: reason()) }
}

private func json(of trial: (mapping: CUDAMapping, reason: String?)) -> JSONObject {
  var object = JSONObject()
  object.add("mapping", trial.mapping.rawValue)
  object.add("refusal", trial.reason)
  return object
}

extension MemoryAvailability {
  fileprivate var json: JSONObject {
    var object = JSONObject()
    object.add("gpu", seen)
    object.add("exports", state == .ready)
    object.add("limits", limits)
    return object
  }
}

/// What a dma-buf is, by the kernel's own account (`/proc/self/fdinfo`, `dma_buf_show_fdinfo`), and
/// whether the CPU can map it.
private func description(of dmabuf: borrowing OwnedDescriptor) throws(Failure) -> JSONObject {
  let path = "/proc/self/fdinfo/\(dmabuf.rawValue)"
  let text = try attempt("read", on: path) { () throws(Errno) in
    try SystemFiles().contents(of: path)
  }
  let exporter = text.split(separator: "\n").first { $0.hasPrefix("exp_name:") }
  let copy = try attempt("duplicate the dma-buf") { () throws(Errno) in
    try OwnedDescriptor.duplicate(of: dmabuf.borrowed)
  }
  let mapped = try DeviceBuffer(mapping: copy, named: "the dma-buf")
  var refusal: Failure?
  do throws(Failure) { try mapped.checkWritable() } catch { refusal = error }
  var object = JSONObject()
  object.add("exporter", exporter.map { String($0.dropFirst(9).drop { $0 == "\t" }) })
  object.add("bytes", mapped.byteCount)
  object.add("cpu_access", mapped.access.rawValue)
  object.add("mmap_errno", refusal?.errno?.name)
  return object
}

/// Runs something, and returns how long it took in seconds.
func time(_ body: () throws(Failure) -> Void) throws(Failure) -> Double {
  let start = Instant.now
  try body()
  return Instant.now.since(start).inSeconds
}

/// Does something so many times, numbered from 0, but for a tenth of a second at most where that is
/// five times.
///
/// - Returns: How long it took in microseconds, the median.
func medianTime(_ count: Int, _ body: (Int) throws(Failure) -> Void) throws(Failure) -> Double {
  let end = Instant.now.advanced(by: .milliseconds(100))
  var times: [Double] = []
  while times.count < count, times.count < 5 || .now < end {
    times.append(try time { () throws(Failure) in try body(times.count) })
  }
  return times.sorted()[times.count / 2] * 1e6
}

/// Copies ranges of a size from the GPU, from places spread over the memory.
///
/// - Returns: The time for one in microseconds, the median of `count`.
private func copyTime(
  _ size: Int, from buffer: borrowing DeviceBuffer, count: Int = 201
) throws(Failure) -> Double {
  let places = buffer.byteCount / size
  return try medianTime(count) { (index) throws(Failure) in
    let start = index * 7919 % places * size
    try buffer.beginReading(start..<start + size)
    try buffer.endReading()
  }
}

/// Checks a memory against a pattern that begins with it.
private func check(
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
private func unclearedBytes(of buffer: borrowing DeviceBuffer) throws(Failure) -> Int {
  try buffer.reading(0..<buffer.byteCount) { bytes in
    (0..<bytes.byteCount).reduce(0) {
      $0 + (unsafe bytes.unsafeLoad(fromByteOffset: $1, as: UInt8.self) == 0 ? 0 : 1)
    }
  }
}
