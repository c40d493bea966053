// SPDX-License-Identifier: GPL-2.0-only

internal import DeviceMemory
internal import Kernel
internal import NIC
internal import Netdev
internal import Options
internal import Sockets

extension Duration {
  /// The duration in seconds, rounded down.
  var wholeSeconds: Int { Int(components.seconds) }
}

extension Duration? {
  /// When a wait that begins now is to be given up; never if `nil`.
  var deadline: Instant? { map { Instant.now.advanced(by: $0) } }
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
    try memory.allocate(near: interface, forBuffersOf: binding.rxPageSize)
  }
}

extension Configuration.Send {
  /// Allocates the memory to send from.
  func allocateMemory() throws(Failure) -> DeviceBuffer { try memory.allocate(near: interface) }
}

extension Netdev {
  /// Binds memory to queues as the command line asks.
  func bindReceive(
    _ queues: Range<UInt32>, of interface: borrowing Interface, to memory: borrowing DeviceBuffer,
    as target: Configuration.Target
  ) throws(Failure) -> ReceiveBinding {
    try bindReceive(
      queues, ofInterface: interface.index, named: interface.subject, to: memory.descriptor,
      as: target.binding)
  }
}
