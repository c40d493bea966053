// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import Netlink

/// One network interface, and the ways to its driver: the ethtool ioctl and the ethtool netlink
/// family.
package struct Interface: ~Copyable {
  package let name: String
  /// As `if_nametoindex` gives it.
  package let index: UInt32
  /// What the driver tells of itself and of its device; `nil` where it tells nothing.
  package let driverInformation: DriverInformation?

  private var device: any EthtoolDevice & ~Copyable
  var netlink: GenericNetlink
  let ethtool: Family

  /// Finds an interface of this network namespace.
  ///
  /// - Throws: A failure of the kind `usage` where there is none of this name.
  package init(named name: String) throws(Failure) {
    let index = unsafe if_nametoindex(name)
    guard index != 0 else {
      throw Failure(
        "find the interface", on: name, errno: .last,
        hint: "`ip link` lists those of this network namespace", kind: .usage)
    }
    let device = try attempt("open a socket for ethtool requests") { () throws(Errno) in
      try EthtoolSocket(interface: name)
    }
    try self.init(named: name, index: index, device: device, netlink: GenericNetlink())
  }

  /// Finds an interface of this network namespace by its index.
  ///
  /// - Throws: A failure with `ENODEV` where there is none.
  package init(at index: UInt32) throws(Failure) {
    var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    guard unsafe if_indextoname(index, &name) != nil else {
      throw Failure("find the interface", on: "of index \(index)", errno: .noDevice)
    }
    try self.init(named: text(ArraySlice(name.map(UInt8.init(bitPattern:)))))
  }

  /// An interface reached by given ways.
  package init(
    named name: String, index: UInt32, device: consuming any EthtoolDevice & ~Copyable,
    netlink: consuming GenericNetlink
  ) throws(Failure) {
    let ethtool = try netlink.family("ethtool")
    var request = ethtool_drvinfo(command: ETHTOOL_GDRVINFO).bytes
    var information: DriverInformation?
    do throws(Errno) {
      _ = try device.perform(&request)
      information = DriverInformation(request)
    } catch {
      guard error == .notSupported else {
        throw Failure("ask for the driver of", on: name, errno: error)
      }
    }
    self.name = name
    self.index = index
    driverInformation = information
    self.device = device
    self.netlink = netlink
    self.ethtool = ethtool
  }

  /// The driver's name, such as `mlx5_core`.
  package var driver: String { driverInformation?.driver ?? "unknown" }

  /// The interface for people: its name and its driver.
  package var subject: String { "\(name) (driver \(driver))" }

  /// Does an ethtool request that the kernel answers in place.
  ///
  /// - Returns: What the call returned.
  /// - Throws: A failure of the kind `unsupported` for `EOPNOTSUPP`.
  @discardableResult
  mutating func perform(
    _ request: inout [UInt8], _ operation: String, hint: String? = nil
  ) throws(Failure) -> CInt {
    do throws(Errno) {
      return try device.perform(&request)
    } catch {
      throw refusal(operation, error, hint: hint)
    }
  }

  /// Does an ethtool request whose structure has no variable end.
  mutating func perform<Request: EthtoolRequest>(
    _ request: Request, _ operation: String, hint: String? = nil
  ) throws(Failure) -> Request {
    var request = request.bytes
    try perform(&request, operation, hint: hint)
    return Request(request[...])
  }

  /// A request of the ethtool netlink family, with a header attribute that names this interface.
  func request(_ command: Int, header: UInt16) -> Request {
    var request = Request(ethtool, command: UInt8(command))
    request.nest(header) { $0.put(UInt16(ETHTOOL_A_HEADER_DEV_INDEX), index) }
    return request
  }

  /// Does a netlink request that sets something.
  ///
  /// - Throws: A failure of the kind `unsupported` for `EOPNOTSUPP`.
  mutating func set(_ request: Request, _ operation: String) throws(Failure) {
    do throws(Failure) {
      try netlink.execute(request, operation, on: subject)
    } catch {
      var failure = error
      if failure.errno == .notSupported { failure.kind = .unsupported }
      throw failure
    }
  }

  /// A failure of this interface, of the kind that its error tells.
  package func refusal(
    _ operation: String, _ errno: Errno?, reason: String? = nil, hint: String? = nil
  ) -> Failure {
    Failure(
      operation, on: subject, errno: errno, reason: reason,
      hint: errno == .notPermitted ? GenericNetlink.privilegeHint : hint,
      kind: errno == .notSupported ? .unsupported : .failed)
  }
}

/// A thing that a driver need not have: nil where it answers `EOPNOTSUPP`.
func ifSupported<Value>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value? {
  do throws(Failure) {
    return try body()
  } catch {
    guard error.errno == .notSupported else { throw error }
    return nil
  }
}
