// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import Payload

/// How fast the GPU compares batches of fragments, and how fast they are copied and compared by the
/// CPU: what one `recvmsg` may describe.
struct RateTrial {
  private let pattern = Pattern(period: 255)!

  /// Bytes of a fragment: of two usual segments, a page, a jumbo frame's segment, and large buffers.
  private static let sizes = [1448, 4096, 8948, 65_536, 1 << 20]
  /// Fragments of a batch; the last is as many as one `recvmsg` describes.
  private static let counts = [1, 64, 1024]
  /// The most bytes that one `recvmsg` describes.
  private static let batchLimit = 4 << 20
  /// How often each is measured.
  private static let repetitions = 201

  /// - Parameter figures: Gets what was seen.
  func run(in buffer: inout DeviceBuffer, figures: inout JSONObject) throws(Failure) {
    guard let comparer = try buffer.comparer(with: pattern.bytes) else { return }
    var comparison = try comparer.comparison()
    var batches: [JSONObject] = []
    for size in Self.sizes {
      let layout = FragmentLayout(of: size, in: buffer.byteCount)
      try layout.fill(&buffer, with: pattern)
      let counts = Self.counts.map { min($0, max(1, Self.batchLimit / size), layout.count) }
      for count in Set(counts).sorted() where count > 0 {
        batches.append(try measure(count, of: layout, in: buffer, by: &comparison))
      }
    }
    figures.add("batches", batches)
  }

  private func measure(
    _ count: Int, of layout: FragmentLayout, in buffer: borrowing DeviceBuffer,
    by comparison: inout GPUComparison
  ) throws(Failure) -> JSONObject {
    // From one batch to the next, so that no cache of the GPU has them.
    let batches = layout.count / count
    func fragments(_ index: Int) -> Range<Int> {
      let first = index % batches * count
      return first..<first + count
    }
    let onGPU = try medianTime(Self.repetitions) { (index) throws(Failure) in
      comparison.removeAll()
      for fragment in fragments(index) {
        comparison.addFragment(layout.range(of: fragment), from: fragment * layout.size)
      }
      try expect(try comparison.compare(), "the GPU finds wrong bytes where there are none")
    }
    let start = Validator(pattern)
    let onHost = try medianTime(Self.repetitions) { (index) throws(Failure) in
      let fragments = fragments(index)
      var validator = start
      validator.skip(fragments.lowerBound * layout.size)
      try buffer.reading(layout.range(of: fragments)) { bytes in
        for fragment in fragments {
          validator.check(bytes.extracting(layout.range(of: fragment)))
        }
      }
      try expect(validator.wrongByteCount == 0, "the CPU finds wrong bytes where there are none")
    }
    let gib = Double(count * layout.size) / Double(1 << 30)
    var object = JSONObject()
    object.add("fragment_bytes", layout.size)
    object.add("fragments", count)
    object.add("gpu_microseconds", onGPU, decimals: 1)
    object.add("gpu_gib_per_second", gib / onGPU * 1e6, decimals: 2)
    object.add("host_microseconds", onHost, decimals: 1)
    object.add("host_gib_per_second", gib / onHost * 1e6, decimals: 2)
    Diagnostics.print(object.text)
    return object
  }
}
