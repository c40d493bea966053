// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
internal import NIC
package import Netlink
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
      if let several = probe.several {
        probe.several = .named(try several.ownNames())
      } else {
        probe.target.interface = try Self.ownName(of: probe.target.interface)
      }
      return .probe(probe)
    case .check(var check):
      if let several = check.several {
        check.several = .named(try several.ownNames())
      } else {
        check.target.interface = try Self.ownName(of: check.target.interface)
      }
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

  /// The own name of an interface that a probe or a check is for. A comma and the word `all` may be
  /// part of a name (`net/core/dev.c`, `dev_valid_name`), so that neither means anything else; who
  /// takes them for more learns what does.
  ///
  /// - Throws: A failure of the kind `usage` where there is no such interface.
  fileprivate static func ownName(of name: String) throws(Failure) -> String {
    do throws(Failure) {
      return try Interface.ownName(of: name)
    } catch {
      guard error.kind == .usage else { throw error }
      var failure = error
      if name == "all" {
        failure.hint = "--all takes every interface that has a device"
      } else if name.contains(",") {
        failure.hint = "a comma is part of a name: give each interface by a -f of its own"
      }
      throw failure
    }
  }

  private static func names(of name: String) throws(Failure) -> (name: String, own: String) {
    (name, try Interface.ownName(of: name))
  }
}

extension Configuration.Several {
  /// The own names of the interfaces, each once.
  ///
  /// - Throws: A failure of the kind `usage` where there is none of a name; one of the kind
  ///   `unsupported` where all are wanted and there is none.
  fileprivate func ownNames() throws(Failure) -> [String] {
    switch self {
    case .named(let names):
      var own: [String] = []
      for name in names {
        let found = try Configuration.ownName(of: name)
        if !own.contains(found) { own.append(found) }
      }
      return own
    case .all:
      var route = try RouteNetlink()
      return try route.stack().namesOfDevices()
    }
  }
}

extension LinkStack {
  /// The names of all interfaces that have a device beneath them, in the order of their indices. No
  /// other has device memory of its own but netkit, for which `-t` has to name a leased queue.
  ///
  /// - Throws: A failure of the kind `unsupported` where there is none.
  package func namesOfDevices() throws(Failure) -> [String] {
    let names = links.filter(\.hasDevice).sorted { $0.index < $1.index }.map(\.name)
    guard !names.isEmpty else {
      throw Failure(
        "find an interface", reason: "none of this network namespace has a device",
        hint: "name an interface by -f; `ip link` lists them", kind: .unsupported)
    }
    return names
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
