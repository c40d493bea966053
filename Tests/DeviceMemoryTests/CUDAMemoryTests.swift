// SPDX-License-Identifier: GPL-2.0-only

import DeviceMemory
import Kernel
import TestSupport
import Testing

struct CUDAMemoryTests {
  private static let size = 4 << 20

  private func memory(of standIn: StandInCUDA, gpu: Int? = nil) -> CUDAMemory {
    CUDAMemory(gpu: gpu, near: "nosuch0", library: standIn.path)
  }

  @Test("memory is allocated, cleared, exported and given back, in this order")
  func callsInOrder() throws {
    let standIn = try StandInCUDA()
    do {
      let buffer = try memory(of: standIn).allocate(byteCount: Self.size)
      let isMapped = buffer.isMapped
      let byteCount = buffer.byteCount
      #expect(!isMapped && byteCount == Self.size)
      #expect(standIn.read(3, at: Self.size - 3) == [0, 0, 0])
    }
    #expect(
      standIn.calls == [
        "cuInit 0", "cuDeviceGetCount", "cuDeviceGet 0", "cuDeviceGetName 0",
        "cuDeviceGetPCIBusId 0", "cuDeviceGetAttribute 124 of 0", "cuDevicePrimaryCtxRetain 0",
        "cuMemAlloc_v2 \(Self.size)", "cuPointerSetAttribute 6 = 1",
        "cuMemsetD8_v2 0 0 \(Self.size)", "cuCtxSynchronize",
        "cuMemGetHandleForAddressRange 0 \(Self.size) 1 1", "cuDeviceGetAttribute 117 of 0",
        "cuDeviceGetAttribute 118 of 0", "cuMemAllocHost_v2 \(Self.size)", "cuMemFreeHost",
        "cuMemFree_v2", "cuDevicePrimaryCtxRelease_v2 0",
      ])
    #expect(standIn.unreleased == 0)
  }

  private func exports(of standIn: StandInCUDA) -> [Substring] {
    standIn.calls.filter { $0.hasPrefix("cuMemGetHandle") }.map { $0.suffix(3) }
  }

  @Test("memory is exported with a mapping over PCIe where the driver has that")
  func exportsForPCIe() throws {
    let standIn = try StandInCUDA()
    let mapping = try memory(of: standIn).allocate(byteCount: Self.size).mapping
    #expect(mapping == .pcie)
    #expect(exports(of: standIn) == ["1 1"])
  }

  @Test("a driver or a GPU without that mapping exports without it", arguments: [1, 801] as [CInt])
  func exportsByDefault(refusal: CInt) throws {
    let standIn = try StandInCUDA()
    standIn.setPCIeMapping(to: refusal)
    let mapping = try memory(of: standIn).allocate(byteCount: Self.size).mapping
    #expect(mapping == .standard)
    #expect(exports(of: standIn) == ["1 1", "1 0"])
    #expect(standIn.unreleased == 0)
  }

  @Test("another error of the export is no reason to try it without the mapping")
  func failsToExport() throws {
    let standIn = try StandInCUDA()
    standIn.setPCIeMapping(to: 2)
    let failure = failing { () throws(Failure) in
      try memory(of: standIn).allocate(byteCount: Self.size).byteCount
    }
    #expect(failure?.reason?.contains("CUDA_ERROR_OUT_OF_MEMORY") == true)
    #expect(exports(of: standIn) == ["1 1"])
    #expect(standIn.unreleased == 0)
  }

  @Test("each mapping is tried where somebody asks, and nothing stays behind")
  func reportsMappings() throws {
    let standIn = try StandInCUDA()
    standIn.setPCIeMapping(to: 801)
    let refusals = try memory(of: standIn).refusals()
    #expect(refusals.map(\.mapping) == [.pcie, .standard])
    #expect(refusals[0].reason?.contains("CUDA_ERROR_NOT_SUPPORTED") == true)
    #expect(refusals[1].reason == nil)
    #expect(standIn.unreleased == 0)
  }

  @Test("what is to be read is copied at once, after a flush where the GPU needs one")
  func copiesWhatIsRead() throws {
    let standIn = try StandInCUDA()
    let buffer = try memory(of: standIn).allocate(byteCount: Self.size)
    let setUp = standIn.calls.count
    standIn.write([7, 8, 9], at: 5000)
    try buffer.beginReading(5000..<5003)
    let bytes = buffer.bytes.extracting(5000..<5003)
    #expect(
      (0..<3).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } == [7, 8, 9])
    try buffer.endReading()
    try buffer.beginReading(0..<0)
    try buffer.endReading()
    #expect(
      standIn.calls[setUp...] == ["cuFlushGPUDirectRDMAWrites 0 100", "cuMemcpyDtoH_v2 5000 3"])
  }

  @Test(
    "no flush where the GPU is coherent by itself, or has none",
    arguments: [(attribute: 117, value: 0), (attribute: 118, value: 100)] as [(CInt, CInt)])
  func flushesOnlyWhereNeeded(attribute: CInt, value: CInt) throws {
    let standIn = try StandInCUDA()
    standIn.set(attribute: attribute, to: value)
    let buffer = try memory(of: standIn).allocate(byteCount: Self.size)
    let setUp = standIn.calls.count
    try buffer.beginReading(0..<10)
    #expect(standIn.calls[setUp...] == ["cuMemcpyDtoH_v2 0 10"])
  }

  @Test("what was written is copied, and nothing else")
  func copiesWhatIsWritten() throws {
    let standIn = try StandInCUDA()
    var buffer = try memory(of: standIn).allocate(byteCount: Self.size)
    try buffer.beginWriting()
    var bytes = buffer.mutableBytes(in: 100..<200)
    for offset in 0..<4 {
      bytes.storeBytes(of: UInt8(offset + 1), toByteOffset: offset, as: UInt8.self)
    }
    try buffer.endWriting(100..<103)
    #expect(standIn.read(5, at: 99) == [0, 1, 2, 3, 0])
  }

  @Test(
    "a failure has the driver's words, and nothing stays behind",
    arguments: [
      ("cuInit=100", "cuInit: CUDA_ERROR_NO_DEVICE (so says the stand-in)", .unsupported),
      ("cuDeviceGetCount=9", "cuDeviceGetCount: CUDA error 9", .failed),
      ("cuDeviceGet=2", "cuDeviceGet: CUDA_ERROR_OUT_OF_MEMORY", .failed),
      ("cuDevicePrimaryCtxRetain=2", "cuDevicePrimaryCtxRetain: ", .failed),
      ("cuCtxSetCurrent=2", "cuCtxSetCurrent: ", .failed),
      ("cuMemAlloc_v2=2", "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY", .failed),
      ("cuPointerSetAttribute=2", "cuPointerSetAttribute: ", .failed),
      ("cuMemsetD8_v2=2", "cuMemsetD8: ", .failed),
      ("cuCtxSynchronize=2", "cuCtxSynchronize: ", .failed),
      ("cuMemGetHandleForAddressRange=801", "CUDA_ERROR_NOT_SUPPORTED", .unsupported),
      ("cuMemAllocHost_v2=2", "cuMemAllocHost: ", .failed),
    ] as [(String, String, Failure.Kind)])
  func reportsFailures(call: String, words: String, kind: Failure.Kind) throws {
    let standIn = try StandInCUDA(failure: call)
    let failure = failing { () throws(Failure) in
      try memory(of: standIn).allocate(byteCount: Self.size).byteCount
    }
    #expect(failure?.reason?.contains(words) == true, "\(failure?.description ?? "none")")
    #expect(failure?.kind == kind)
    #expect(standIn.unreleased == 0)
    #expect(!standIn.calls.contains { $0.hasPrefix("violation") })
  }

  @Test("a copy that fails fails the bracket")
  func reportsFailedCopies() throws {
    for call in ["cuMemcpyDtoH_v2=2", "cuFlushGPUDirectRDMAWrites=2"] {
      let buffer = try memory(of: try StandInCUDA(failure: call)).allocate(byteCount: Self.size)
      #expect(failing { () throws(Failure) in try buffer.beginReading(0..<10) } != nil)
    }
    let buffer = try memory(of: try StandInCUDA(failure: "cuMemcpyHtoD_v2=2"))
      .allocate(byteCount: Self.size)
    #expect(failing { () throws(Failure) in try buffer.endWriting(0..<10) } != nil)
  }

  @Test("a GPU is chosen by its number; one that is not there fails")
  func choosesGPU() throws {
    let standIn = try StandInCUDA(gpus: "0000:01:00.0,0000:02:00.0")
    _ = try memory(of: standIn, gpu: 1).allocate(byteCount: Self.size).byteCount
    #expect(standIn.calls.contains("cuDevicePrimaryCtxRetain 1"))
    let failure = failing { () throws(Failure) in
      try memory(of: standIn, gpu: 2).allocate(byteCount: Self.size).byteCount
    }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.reason == "this host has 2")
  }

  @Test("a GPU whose driver makes no dma-bufs fails before anything is allocated")
  func needsExport() throws {
    let standIn = try StandInCUDA()
    standIn.set(attribute: 124, to: 0)
    let failure = failing { () throws(Failure) in
      try memory(of: standIn).allocate(byteCount: Self.size).byteCount
    }
    #expect(failure?.kind == .unsupported)
    #expect(!standIn.calls.contains { $0.hasPrefix("cuMemAlloc") })
  }

  @Test("without the library, its provider is named")
  func namesProvider() {
    let failure = failing { () throws(Failure) in
      try CUDAMemory(gpu: nil, near: "lo", library: "libnosuch.so.1")
        .allocate(byteCount: Self.size).byteCount
    }
    #expect(failure?.kind == .unsupported)
    #expect(failure?.hint?.contains("NVIDIA's driver") == true)
  }
}
