// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel

extension MemoryChoice {
  /// Allocates memory for an interface, and prints what is unusual about it.
  ///
  /// - Parameter bufferSize: The size of the NIC's buffers in bytes; a page if `nil`.
  func allocate(
    announcedFor interface: String, forBuffersOf bufferSize: UInt32? = nil
  ) throws(Failure) -> DeviceBuffer {
    let buffer = try allocate(near: interface, forBuffersOf: bufferSize)
    if let remark = MemoryFacts(kind, buffer).remark { Diagnostics.print(remark) }
    return buffer
  }
}

extension JSONObject {
  /// The same members, and what is known of a run's device memory.
  func adding(_ memory: MemoryFacts) -> JSONObject {
    var object = self
    object.add("memory", memory.json)
    return object
  }
}
