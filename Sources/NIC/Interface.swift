// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
package import Kernel
package import Netlink

/// One network interface, and the two ways to its driver: the ethtool ioctl and the ethtool netlink
/// family.
package struct Interface: ~Copyable {
  private let earlierName: String
  private let presentName: (UInt32) -> String?
  /// The interface's number, as `if_nametoindex` returns it.
  package let index: UInt32
  /// What the driver reports about itself and its device; `nil` where it reports nothing.
  package let driverInformation: DriverInformation?

  private var device: any EthtoolDevice & ~Copyable
  var netlink: GenericNetlink
  let ethtool: Family
  /// The names of all features, once they were read: a kernel does not change them.
  var featureNames: [String]?
  /// Opened with the first change of a ring.
  private var ringEvents: RingEvents?
  private var isListening = false
  private let listen: (Family) throws(Failure) -> RingEvents

  /// The name of the interface that has a name among its own and its alternative ones, which few
  /// calls of the kernel take: the longer ones no other but netlink.
  ///
  /// - Throws: A failure of the kind `usage` where there is none of this name.
  package static func ownName(of name: String) throws(Failure) -> String {
    do throws(Failure) {
      var netlink = try RouteNetlink()
      return try netlink.name(ofInterfaceNamed: name)
    } catch {
      guard error.errno == .noDevice else { throw error }
      throw Self.unknown(name)
    }
  }

  private static func unknown(_ name: String) -> Failure {
    Failure(
      "find the interface", on: name, errno: .noDevice,
      hint: """
        `ip link` lists those of this network namespace (containers: the host's with --network host)
        """, kind: .usage)
  }

  /// Finds an interface of this network namespace.
  ///
  /// - Parameter name: Its own name.
  /// - Throws: A failure of the kind `usage` where there is none of this name.
  package init(named name: String) throws(Failure) {
    let index = unsafe if_nametoindex(name)
    guard index != 0 else {
      let reason = Self.libcsReason()
      guard reason != .noDevice else { throw Self.unknown(name) }
      throw Failure("find the interface", on: name, errno: reason)
    }
    try self.init(at: index, named: name)
  }

  /// Finds an interface of this network namespace by its index.
  ///
  /// - Throws: A failure with `ENODEV` where there is none.
  package init(at index: UInt32) throws(Failure) {
    let name = try attempt("find the interface", on: "of index \(index)") { () throws(Errno) in
      try Self.presentName(at: index)
    }
    try self.init(at: index, named: name)
  }

  private init(at index: UInt32, named name: String) throws(Failure) {
    let device = try attempt("open a socket for ethtool requests") { () throws(Errno) in
      try EthtoolSocket(interface: index)
    }
    try self.init(
      named: name, index: index, device: device, netlink: GenericNetlink(),
      listeningBy: { ethtool throws(Failure) in try RingEvents(of: ethtool) },
      namedLater: Self.name(at:))
  }

  /// The name of the interface that has an index in this network namespace. The corresponding C
  /// function is `if_indextoname`.
  ///
  /// - Throws: `ENODEV` where none has; all else says that it cannot be asked for, not that there is
  ///   none.
  private static func presentName(at index: UInt32) throws(Errno) -> String {
    var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
    guard unsafe if_indextoname(index, &name) != nil else {
      let reason = libcsReason()
      throw reason == .noDeviceOrAddress ? .noDevice : reason
    }
    return String(zeroTerminated: name.map(UInt8.init(bitPattern:))[...])
  }

  /// Why libc has not found an interface. It asks by a socket, and where it gets none, its error is
  /// that of the last kind of socket that it has tried (`sysdeps/unix/sysv/linux/opensock.c`).
  private static func libcsReason() -> Errno {
    let reason = Errno.last
    do throws(Errno) {
      _ = try EthtoolSocket(interface: 0)
      return reason
    } catch {
      return error
    }
  }

  /// The name of the interface that has an index in this network namespace; `nil` where none has, or
  /// it cannot be asked for.
  package static func name(at index: UInt32) -> String? { try? presentName(at: index) }

  /// Whether this network namespace may have an interface of an index: it has none only if the
  /// kernel says so.
  package static func exists(at index: UInt32) -> Bool {
    do throws(Errno) {
      _ = try presentName(at: index)
      return true
    } catch {
      return error != .noDevice
    }
  }

  /// Takes an interface that is reached through a given device and a given netlink socket.
  ///
  /// - Parameters:
  ///   - listen: Listens to what the ethtool family announces about rings.
  ///   - namedLater: Finds the present name of the interface of an index; `nil` stands for the name
  ///     that it was found by.
  /// - Throws: A failure where the kernel has no ethtool netlink family, or where the driver does
  ///   not answer for another reason than `EOPNOTSUPP`.
  package init(
    named name: String, index: UInt32, device: consuming any EthtoolDevice & ~Copyable,
    netlink: consuming GenericNetlink,
    listeningBy listen: @escaping (Family) throws(Failure) -> RingEvents,
    namedLater: @escaping (UInt32) -> String? = { _ in nil }
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
    earlierName = name
    presentName = namedLater
    self.index = index
    driverInformation = information
    self.device = device
    self.netlink = netlink
    self.ethtool = ethtool
    self.listen = listen
  }

  /// The interface's present name, such as `eth0`; where it has none any more, the one that it was
  /// found by.
  package var name: String { presentName(index) ?? earlierName }

  /// The driver's name, such as `mlx5_core`; `unknown` where it does not report one.
  package var driver: String { driverInformation?.driver ?? "unknown" }

  /// Whether its queues stand for those of a physical NIC that are leased to it: then only these
  /// can be bound, and all settings are the physical NIC's (`drivers/net/netkit.c`).
  package var bindsLeasedQueues: Bool { driver == "netkit" }

  /// The interface in messages: its name and its driver.
  package var subject: String { "\(name) (driver \(driver))" }

  /// A failure of an operation on this interface: of the kind `unsupported` for `EOPNOTSUPP`, and
  /// with a hint at the missing privilege for `EPERM`.
  package func refusal(
    _ operation: String, _ errno: Errno?, reason: String? = nil, hint: String? = nil
  ) -> Failure {
    Failure(
      operation, on: subject, errno: errno, reason: reason,
      hint: errno == .notPermitted ? GenericNetlink.privilegeHint : hint,
      kind: errno == .notSupported ? .unsupported : .failed)
  }
}

// Requests by ioctl.
extension Interface {
  /// Does an ethtool request that the kernel answers in place.
  ///
  /// - Returns: What the call returned.
  /// - Throws: A failure of the kind `unsupported` for `EOPNOTSUPP`, and for an `EPERM` of the
  ///   driver's own.
  @discardableResult
  mutating func perform(
    _ request: inout [UInt8], _ operation: String, hint: String? = nil
  ) throws(Failure) -> CInt {
    do throws(Errno) {
      return try device.perform(&request)
    } catch {
      throw attributed(refusal(operation, error, hint: hint), hint: hint)
    }
  }

  /// A refusal as it is to be read. One with `EPERM` is the driver's own where this process has the
  /// privilege: bnxt answers so to a flow rule that it has no resources for
  /// (`bnxt_ethtool.c`, `bnxt_srxclsrlins`). It is then of the kind `unsupported`.
  ///
  /// - Parameter hint: What to do about a refusal of the driver's.
  private mutating func attributed(_ failure: Failure, hint: String?) -> Failure {
    guard failure.errno == .notPermitted, isAdministered else { return failure }
    return Failure(
      failure.operation, on: failure.subject, errno: failure.errno,
      reason: failure.reason ?? "the driver's own refusal, for no privilege is missing",
      hint: hint, kind: .unsupported)
  }

  /// Whether this process may administer the interface: asked by a request that needs the privilege
  /// and changes nothing. The corresponding command is `ETHTOOL_GWOL` (`net/ethtool/ioctl.c`,
  /// `__dev_ethtool`).
  private var isAdministered: Bool {
    mutating get {
      var request = ethtool_wolinfo(command: ETHTOOL_GWOL).bytes
      do throws(Errno) {
        _ = try device.perform(&request)
        return true
      } catch {
        return error != .notPermitted
      }
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

  /// Checks how many of something a driver says that it has, before memory is taken for them.
  ///
  /// - Throws: A failure with `ERANGE` for more than any driver has.
  func checkCount(
    _ count: some BinaryInteger, of what: String, _ operation: String
  ) throws(Failure) {
    guard count > 1 << 20 else { return }
    throw refusal(operation, .outOfRange, reason: "the driver says that it has \(count) \(what)")
  }

  /// The names of one string set, in order; empty where the driver has none. The corresponding
  /// commands are `ETHTOOL_GSSET_INFO` and `ETHTOOL_GSTRINGS`.
  ///
  /// - Parameter set: `ETH_SS_FEATURES` or the like.
  mutating func strings(_ set: ethtool_stringset) throws(Failure) -> [String] {
    let operation = "read the names of settings of"
    var info = ethtool_sset_info(command: ETHTOOL_GSSET_INFO)
    info.sset_mask = 1 << UInt64(set.rawValue)
    let headSize = MemoryLayout<ethtool_sset_info>.size
    var request = info.bytes + [0, 0, 0, 0]
    try perform(&request, operation)
    let answer = ethtool_sset_info(request[...])
    guard answer.sset_mask != 0, let count = [UInt32](inHostOrder: request[headSize...]).first,
      count > 0
    else { return [] }
    try checkCount(count, of: "names", operation)
    var head = ethtool_gstrings(command: ETHTOOL_GSTRINGS)
    head.string_set = set.rawValue
    head.len = count
    let size = Int(ETH_GSTRING_LEN)
    var list = head.bytes
    let start = list.count
    list += [UInt8](repeating: 0, count: Int(count) * size)
    try perform(&list, operation)
    return (0..<Int(count)).map {
      String(zeroTerminated: list[start + $0 * size..<start + ($0 + 1) * size])
    }
  }
}

// Requests by netlink.
extension Interface {
  /// Whether something was announced about this interface's rings since the last call; `nil` where
  /// that is not known.
  mutating func takeRingEvents() -> Bool? {
    if !isListening {
      ringEvents = try? listen(ethtool)
      isListening = true
    }
    return ringEvents?.take(about: index) ?? nil
  }

  /// A request of the ethtool netlink family, with a header attribute that names this interface.
  func request(_ command: Int, header: UInt16) -> Request {
    var request = Request(ethtool, command: UInt8(command))
    request.nest(header) { $0.put(UInt16(ETHTOOL_A_HEADER_DEV_INDEX), index) }
    return request
  }

  /// Does a netlink request that reads something.
  ///
  /// - Parameter hint: What to do where the driver does not have it.
  /// - Throws: A failure of the kind `unsupported` for `EOPNOTSUPP`.
  mutating func get<Value>(
    _ request: Request, _ operation: String, hintOfLack hint: String? = nil,
    _ read: (Attributes) throws(Errno) -> Value
  ) throws(Failure) -> Value {
    do throws(Failure) {
      return try netlink.get(request, operation, on: subject, read)
    } catch {
      guard error.errno == .notSupported else { throw error }
      var failure = error.counted(as: .unsupported)
      failure.hint = hint
      throw failure
    }
  }

  /// Does a netlink request that sets something.
  ///
  /// - Throws: A failure of the kind `unsupported` for `EOPNOTSUPP`, and for an `EPERM` of the
  ///   driver's own.
  mutating func set(_ request: Request, _ operation: String) throws(Failure) {
    do throws(Failure) {
      try netlink.execute(request, operation, on: subject)
    } catch {
      throw judged(error, hint: nil)
    }
  }

  /// Does a netlink request that makes something, and reads what was made.
  ///
  /// - Parameter hint: What to do about a refusal.
  /// - Throws: As `set`.
  mutating func act<Value>(
    _ request: Request, _ operation: String, hint: String,
    _ read: (Attributes) throws(Errno) -> Value
  ) throws(Failure) -> Value {
    do throws(Failure) {
      return try netlink.get(request, operation, on: subject, hint: hint, read)
    } catch {
      throw judged(error, hint: hint)
    }
  }

  private mutating func judged(_ failure: Failure, hint: String?) -> Failure {
    let failure = attributed(failure, hint: hint)
    return failure.errno == .notSupported ? failure.counted(as: .unsupported) : failure
  }
}

/// Reads something that a driver may lack.
///
/// - Returns: `nil` where the driver answers `EOPNOTSUPP`.
func ifSupported<Value>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value? {
  do throws(Failure) {
    return try body()
  } catch {
    guard error.errno == .notSupported else { throw error }
    return nil
  }
}

/// What carries ethtool requests to one interface's driver: the ioctl, or a test's script.
package protocol EthtoolDevice: ~Copyable {
  /// Does one request: a structure of `include/uapi/linux/ethtool.h`, whose first word is the
  /// command, with room behind it for what the kernel writes there.
  ///
  /// - Returns: What the call returned: 0, or flags of `ETHTOOL_SFEATURES`.
  /// - Throws: The driver's refusal.
  mutating func perform(_ request: inout [UInt8]) throws(Errno) -> CInt
}

/// The kernel's own: a socket to hold the ioctl. The corresponding request is `SIOCETHTOOL`. It
/// goes to the interface of an index, whatever that is named by then.
private struct EthtoolSocket: ~Copyable, EthtoolDevice {
  private let interface: UInt32
  private let descriptor: OwnedDescriptor

  /// Opens a socket for requests to an interface of this network namespace.
  init(interface: UInt32) throws(Errno) {
    self.interface = interface
    let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    descriptor = OwnedDescriptor(owning: try retrying { socket(AF_INET, type, 0) })
  }

  mutating func perform(_ request: inout [UInt8]) throws(Errno) -> CInt {
    try retrying {
      unsafe request.withUnsafeMutableBytes {
        unsafe CLinux_ioctl_ethtool(
          descriptor.rawValue, CInt(bitPattern: interface), $0.baseAddress!)
      }
    }
  }
}
