// SPDX-License-Identifier: GPL-2.0-only

import CLinux
import DeviceMemory
import Glibc
import Kernel
import TestSupport
import Testing

/// Memory that its exporter does not let the CPU map as it may want to. A memfd does, where its
/// descriptor is not open for that.
struct DeviceBufferTests {
  private func memory(openFor flags: CInt) throws -> DeviceBuffer {
    let memfd = OwnedDescriptor(owning: try retrying { unsafe CLinux_memfd_create("test", 0) })
    try retrying { ftruncate(memfd.rawValue, 3 * pageSize) }
    let path = "/proc/self/fd/\(memfd.rawValue)"
    let descriptor = OwnedDescriptor(owning: try retrying { unsafe open(path, flags) })
    return try DeviceBuffer(mapping: descriptor, named: "the memory")
  }

  @Test("memory that the CPU cannot map has its size, and is neither read nor written")
  func unreachable() throws {
    var memory = try memory(openFor: O_WRONLY)
    let (access, isMapped, byteCount) = (memory.access, memory.isMapped, memory.bytes.byteCount)
    #expect(access == .none && !isMapped && byteCount == 3 * pageSize)
    for failure in [
      failing { () throws(Failure) in try memory.checkReadable() },
      failing { () throws(Failure) in try memory.reading(0..<1) { $0.byteCount } },
    ] {
      #expect(failure?.operation == "read" && failure?.subject == "the memory")
      #expect(failure?.errno == .accessDenied && failure?.kind == .unsupported)
      #expect(failure?.hint?.contains("without -v") == true)
    }
    for failure in [
      failing { () throws(Failure) in try memory.checkWritable() },
      failing { () throws(Failure) in try memory.writing(0..<1) { _ in 1 } },
    ] {
      #expect(failure?.operation == "write" && failure?.errno == .accessDenied)
      #expect(failure?.reason == "its exporter gives the CPU no access to it")
    }
  }

  @Test("memory that the CPU can only read is not written")
  func readOnly() throws {
    var memory = try memory(openFor: O_RDONLY)
    let (access, isMapped) = (memory.access, memory.isMapped)
    #expect(access == .readOnly && isMapped)
    try memory.checkReadable()
    let first = unsafe memory.bytes.unsafeLoad(fromByteOffset: 3 * pageSize - 1, as: UInt8.self)
    #expect(first == 0)
    let failure = failing { () throws(Failure) in try memory.writing(0..<1) { _ in 1 } }
    #expect(failure?.errno == .accessDenied && failure?.kind == .unsupported)
    #expect(failure?.reason == "its exporter gives the CPU only read access to it")
  }

  @Test("memory that the CPU can map is for both")
  func mapped() throws {
    let memory = try memory(openFor: O_RDWR)
    let access = memory.access
    #expect(access == .mapped)
    try memory.checkReadable()
    try memory.checkWritable()
  }

  @Test("what is no file of a size is no memory")
  func noMemory() throws {
    let pipe = try Pipe()
    let descriptor = try OwnedDescriptor.duplicate(of: pipe.reader.borrowed)
    let failure: Failure?
    do throws(Failure) {
      _ = try DeviceBuffer(mapping: descriptor, named: "a pipe").byteCount
      failure = nil
    } catch {
      failure = error
    }
    #expect(failure?.errno == Errno(ESPIPE) && failure?.subject == "a pipe")
  }

  @Test(
    "what is unusual about a memory is said in a line, and all of it for programs",
    arguments: [
      (
        MemoryFacts(.udmabuf(nil), byteCount: 5), nil,
        #"{"kind": "udmabuf", "bytes": 5, "cpu_access": "mapped", "pci_mapping": null, "#
          + #""validated_by": null}"#
      ),
      (
        MemoryFacts(
          .cuda(1), byteCount: 5, access: .copies, mapping: .pcie, validatedBy: .gpu),
        "device memory: 5 bytes of cuda:1, exported with a mapping over PCIe",
        #"{"kind": "cuda:1", "bytes": 5, "cpu_access": "copies", "pci_mapping": "pcie", "#
          + #""validated_by": "gpu"}"#
      ),
      (
        MemoryFacts(.cuda(nil), byteCount: 5, access: .copies, mapping: .standard),
        """
        device memory: 5 bytes of cuda, exported without a mapping over PCIe, which the driver \
        refuses
        """,
        #"{"kind": "cuda", "bytes": 5, "cpu_access": "copies", "pci_mapping": "default", "#
          + #""validated_by": null}"#
      ),
      (
        MemoryFacts(.descriptor(Descriptor(7)), byteCount: 5, access: .none),
        "device memory: 5 bytes of fd:7, which the CPU cannot reach",
        #"{"kind": "fd:7", "bytes": 5, "cpu_access": "none", "pci_mapping": null, "#
          + #""validated_by": null}"#
      ),
      (
        MemoryFacts(.descriptor(Descriptor(7)), byteCount: 5, access: .readOnly),
        "device memory: 5 bytes of fd:7, which the CPU can only read",
        #"{"kind": "fd:7", "bytes": 5, "cpu_access": "read-only", "pci_mapping": null, "#
          + #""validated_by": null}"#
      ),
    ] as [(MemoryFacts, String?, String)])
  func states(facts: MemoryFacts, remark: String?, json: String) {
    #expect(facts.remark == remark)
    #expect(facts.json.text == json)
  }
}
