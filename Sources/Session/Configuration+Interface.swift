// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Options

extension Configuration {
  /// The same with the interface by its own name, where the command line has an alternative one:
  /// socket options, sysfs and scopes of addresses take only that.
  ///
  /// - Throws: A failure of the kind `usage` where there is no such interface.
  func namingInterface() throws(Failure) -> Configuration {
    switch self {
    case .help, .version: return self
    case .probe(var probe):
      probe.target.interface = try Interface.ownName(of: probe.target.interface)
      return .probe(probe)
    case .check(var check):
      check.target.interface = try Interface.ownName(of: check.target.interface)
      return .check(check)
    case .restore(var restore):
      if let name = restore.interface { restore.interface = try Interface.ownName(of: name) }
      return .restore(restore)
    case .receive(var receive):
      let (name, own) = try Self.names(of: receive.target.interface)
      receive.target.interface = own
      receive.address = receive.address.renaming(name, to: own)
      receive.peer = receive.peer?.renaming(name, to: own)
      return .receive(receive)
    case .send(var send):
      let (name, own) = try Self.names(of: send.interface)
      send.interface = own
      send.address = send.address.renaming(name, to: own)
      send.source = send.source?.renaming(name, to: own)
      return .send(send)
    }
  }

  private static func names(of name: String) throws(Failure) -> (name: String, own: String) {
    (name, try Interface.ownName(of: name))
  }
}

extension IPAddress {
  /// The address, in the scope of one interface by its own name, and of that interface from now on.
  fileprivate func renaming(_ name: String, to own: String) -> IPAddress {
    var address = self
    if scope == name { address.scope = own }
    return address.inPresentScope()
  }
}
