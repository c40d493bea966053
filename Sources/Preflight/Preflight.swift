// SPDX-License-Identifier: GPL-2.0-only

package import DeviceMemory
package import Kernel
package import NIC
internal import Netdev
package import Netlink
internal import Recovery

/// A look at all that a run on an interface needs, before it is needed. It changes nothing: it
/// reads, and asks for binds that the kernel must refuse.
package struct Preflight: ~Copyable {
  /// The run that is meant.
  package struct Intent: Equatable, Sendable {
    /// The RX queues to bind; the last one if `nil`.
    package var queues: Range<UInt32>?
    /// The size of the NIC's buffers in bytes; a page if `nil`.
    package var rxPageSize: UInt32?
    /// Whether the kernel is to return tokens with a socket; its choice if `nil`.
    package var autorelease: Bool?
    /// The number of the kernel's attribute for that; found out if `nil`.
    package var autoreleaseNumber: UInt16?
    /// How much memory to bind, in bytes.
    package var memorySize: Int
    /// Where to take it from.
    package var memory = MemoryKind.udmabuf(nil)

    package init(memorySize: Int) { self.memorySize = memorySize }
  }

  /// What is not asked of the interface.
  package struct Surroundings {
    package var files = SystemFiles()
    package var privileges = Privileges()
    package var netlink: any NetlinkAccess = KernelNetlink()
    /// Where runs keep their journals.
    package var places = RuntimeDirectory.places

    package init() {}
  }

  /// The items that a bind which works answers, where a look cannot.
  package static let provenByBind = [queueManagement, headerSplit]

  static let privilege = "privilege"
  static let queueManagement = "queue-management"
  static let headerSplit = "header-split"

  var interface: Interface
  let intent: Intent
  let files: SystemFiles
  let privileges: Privileges
  let places: [String]
  /// The kernel's netdev family; a failure shows with each item that depends on it.
  let netdev: Result<Netdev, Failure>
  let link: Result<Link, Failure>

  /// Prepares a look at an interface.
  package init(
    of interface: consuming Interface, for intent: Intent,
    in surroundings: Surroundings = Surroundings()
  ) {
    let index = interface.index
    self.interface = interface
    self.intent = intent
    files = surroundings.files
    privileges = surroundings.privileges
    places = surroundings.places
    netdev = outcome { () throws(Failure) in try Netdev(through: surroundings.netlink) }
    link = outcome { () throws(Failure) in
      var route = try surroundings.netlink.route()
      return try route.link(ofInterface: index)
    }
  }

  /// Looks at kernel and interface, in the order in which it makes sense to mend it.
  package mutating func interfaceFindings() -> [Finding] {
    kernelFindings() + deviceFindings() + queueFindings() + steeringFindings()
  }

  /// Looks at what else a run uses. It loads the libraries of memory providers, which may start
  /// threads of their own.
  package mutating func hostFindings() -> [Finding] { memoryFindings() + networkFindings() }

  /// The RX queues that the run would bind; nil where there are none, or no others would be left.
  package mutating func queues() -> Range<UInt32>? {
    guard let queues = try? interface.chooseQueues(intent.queues, otherwise: .last),
      (try? interface.queues(besides: Set(queues))) != nil
    else { return nil }
    return queues
  }

  /// Whether the run would bind a queue.
  mutating func wants(_ queue: UInt32) -> Bool { queues()?.contains(queue) == true }

  /// Looks at one item.
  ///
  /// - Parameters:
  ///   - verdict: What it means if there is no such thing (`EOPNOTSUPP` and the like).
  ///   - otherwise: What it means if the look fails.
  mutating func look(
    at item: String, ifUnsupported verdict: Observation.Verdict,
    otherwise: Observation.Verdict = .unknown,
    _ body: (inout Preflight) throws(Failure) -> Observation
  ) -> Finding {
    do throws(Failure) {
      return Finding(item, try body(&self))
    } catch {
      let isUnsupported = error.kind == .unsupported || error.errno == .notSupported
      return Finding(item, Observation(isUnsupported ? verdict : otherwise, error))
    }
  }
}

/// What a body returns or throws.
private func outcome<Value>(_ body: () throws(Failure) -> Value) -> Result<Value, Failure> {
  do throws(Failure) {
    return .success(try body())
  } catch {
    return .failure(error)
  }
}
