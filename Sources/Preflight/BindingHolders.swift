// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// Who may hold a binding. The kernel ties a binding to a netlink socket and does not report to
/// which one (`net/core/netdev-genl.c`): it is one of the processes that have both a socket of
/// generic netlink in this network namespace and a dma-buf.
struct BindingHolders: Sendable {
  /// A process, by its number and its name.
  struct Process: Equatable, Sendable {
    let id: Int
    let name: String
  }

  /// All candidates but this process. Those of other users are visible only with privilege.
  let processes: [Process]

  init(_ files: SystemFiles) {
    let sockets = Self.genericNetlinkSockets(files)
    let own = files.link("/proc/self")
    processes = files.names(in: "/proc").compactMap(Int.init).sorted().compactMap { id in
      guard String(id) != own else { return nil }
      let descriptors = "/proc/\(id)/fd"
      var hasSocket = false
      var hasMemory = false
      for name in files.names(in: descriptors) {
        guard let target = files.link("\(descriptors)/\(name)") else { continue }
        // As `drivers/dma-buf/dma-buf.c` (`dmabuffs_dname`) names them.
        if target.hasPrefix("/dmabuf:") { hasMemory = true }
        if sockets.contains(target) { hasSocket = true }
      }
      guard hasSocket && hasMemory else { return nil }
      return Process(id: id, name: files.text("/proc/\(id)/comm") ?? "?")
    }
  }

  /// The sockets of generic netlink, as links to descriptors name them.
  private static func genericNetlinkSockets(_ files: SystemFiles) -> Set<String> {
    let lines = (files.text("/proc/self/net/netlink") ?? "").split(separator: "\n").dropFirst()
    return Set(
      lines.compactMap { line in
        let fields = line.split(separator: " ")
        // The second column is the protocol, 16 that of generic netlink; the last one the inode.
        guard fields.count >= 10, fields[1] == "16", let inode = fields.last else { return nil }
        return "socket:[\(inode)]"
      })
  }
}

extension BindingHolders: CustomStringConvertible {
  /// The processes in a clause.
  var description: String {
    let names = processes.map { "pid \($0.id) (\($0.name))" }
    switch names.count {
    case 0: return "by a process that cannot be seen from here"
    case 1: return "by \(names[0])"
    default: return "by one of \(names.joined(separator: ", "))"
    }
  }
}
