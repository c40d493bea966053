// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Sockets

extension Configuration.Transfer {
  /// When a wait that begins now is to be given up; never if `nil`.
  var deadline: Instant? { timeout.map { Instant.now.advanced(milliseconds: $0 * 1000) } }
}

extension SocketAddress {
  /// The address that the command line names.
  init(using address: IPAddress, port: UInt16) throws(Failure) {
    self = try attempt("use the address", on: "\(address)") { () throws(Errno) in
      try SocketAddress(address, port: port)
    }
  }
}

extension Configuration.Target {
  /// Allocates the memory to be bound.
  func allocateMemory() throws(Failure) -> DeviceBuffer {
    try memory.allocate(for: interface, forBuffersOf: rxPageSize)
  }
}

extension Configuration.Send {
  /// Allocates the memory to send from.
  func allocateMemory() throws(Failure) -> DeviceBuffer { try memory.allocate(for: interface) }
}

extension Configuration.Memory {
  fileprivate func allocate(
    for interface: String, forBuffersOf bufferSize: UInt32? = nil
  ) throws(Failure) -> DeviceBuffer {
    try MemoryChoice(kind: kind, byteCount: byteCount).allocate(
      near: interface, forBuffersOf: bufferSize)
  }
}

extension Netdev {
  /// Binds memory to queues as the command line asks.
  func bindReceive(
    _ queues: Range<UInt32>, of interface: borrowing Interface, to memory: borrowing DeviceBuffer,
    as target: Configuration.Target
  ) throws(Failure) -> ReceiveBinding {
    let options = ReceiveBinding.Options(
      rxPageSize: target.rxPageSize, autorelease: target.autorelease,
      autoreleaseAttribute: target.autoreleaseAttribute)
    return try bindReceive(
      queues, ofInterface: interface.index, named: interface.subject, to: memory.descriptor,
      as: options)
  }
}
