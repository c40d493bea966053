// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
package import NIC
package import Netdev
package import Netlink
package import Options
internal import Recovery
internal import Transfer
internal import Uring

/// A check of everything that a run on an interface needs. It changes nothing: it reads, and asks
/// for binds that the kernel must refuse.
package struct Preflight: ~Copyable {
  /// What a check reads besides the interface: the host's own, unless a test replaces it.
  package struct Environment {
    /// Where the kernel describes itself.
    package var files = SystemFiles()
    /// What this process may do.
    package var privileges = Privileges()
    /// What opens conversations with the kernel.
    package var netlink: any NetlinkAccess = KernelNetlink()
    /// Where runs keep their journals.
    package var places = RuntimeDirectory.places
    /// What the names of interfaces' locks begin with.
    package var lockPrefix = InterfaceLock.prefix

    /// The host that the process runs on.
    package init() {}
  }

  /// The items that a successful bind settles where the check alone cannot.
  package static let provenByBind = [queueManagement, headerSplit, rxPageSize]
  /// The items that a flow rule settles that was inserted and deleted.
  package static let provenByRule = [ntuple]

  static let privilege = "privilege"
  static let queueManagement = "queue-management"
  static let headerSplit = "header-split"
  static let rxPageSize = "rx-page-size"
  static let ntuple = "ntuple"

  var interface: Interface
  /// What the run would bind to what.
  let target: Configuration.Target
  let environment: Environment
  /// The kernel's netdev family; each item that depends on it reports its failure.
  package let netdev: Result<Netdev, Failure>
  let link: Result<Link, Failure>

  /// Prepares the check of an interface.
  ///
  /// - Parameters:
  ///   - target: What the run would bind to what, on that interface.
  ///   - environment: What else it reads.
  package init(
    of interface: consuming Interface, for target: Configuration.Target,
    in environment: Environment = Environment()
  ) {
    let index = interface.index
    self.interface = interface
    self.target = target
    self.environment = environment
    netdev = outcome { () throws(Failure) in try Netdev(through: environment.netlink) }
    link = outcome { () throws(Failure) in
      var route = try environment.netlink.route()
      return try route.link(ofInterface: index)
    }
  }

  /// Checks kernel and interface, in the order in which to mend what is missing.
  package mutating func interfaceFindings() -> [Finding] {
    let kernel = kernelFindings() + (target.engine == .zcrx ? [ringFinding()] : [])
    let findings = kernel + deviceFindings() + queueFindings() + steeringFindings()
    return findings.filter { isAbout($0.item) }
  }

  /// Checks what else a run uses. It loads the libraries of memory providers, which may start
  /// threads of their own.
  package mutating func hostFindings() -> [Finding] {
    (target.engine.isSocket ? [] : memoryFindings()) + networkFindings()
  }

  /// Whether the kernel lets the run make a ring.
  private mutating func ringFinding() -> Finding {
    look(at: "io-uring", ifUnsupported: .missing, otherwise: .missing) {
      _ throws(Failure) in
      try ZeroCopyRing.checkSupport()
      return .ok("io_uring has zero-copy receive")
    }
  }

  /// Whether the run has to do with an item: a ring is bound by other means than bindings; what the
  /// NIC's memory is bound for, sockets do without, and they leave the NIC alone unless queues are named.
  private func isAbout(_ item: String) -> Bool {
    if target.engine == .zcrx {
      return !["bind-rx", "bind-tx", Self.rxPageSize, "token-mode"].contains(item)
    }
    guard target.engine.isSocket else { return true }
    if ["kernel", "link", "other-run"].contains(item) { return true }
    guard target.queues != nil else { return false }
    if item == Self.headerSplit { return target.engine == .zerocopySocket }
    return [Self.privilege, "channels", Self.ntuple, "arfs", "rss", "rss-contexts", "other-rules"]
      .contains(item)
  }

  /// Whether the run would be one with `-n`, for which somebody else sets up the NIC.
  package var leavesNICAlone: Bool { interface.bindsLeasedQueues }

  /// The RX queues that the run would bind; `nil` where there are none, or no others would be left.
  package mutating func queues() -> Range<UInt32>? {
    if interface.bindsLeasedQueues { return target.queues }
    guard let queues = try? interface.chooseQueues(target.queues, otherwise: .last),
      (try? interface.queues(besides: Set(queues))) != nil
    else { return nil }
    return queues
  }

  var files: SystemFiles { environment.files }

  /// The RX queues that the run would bind, also where no others would be left; `nil` where nothing
  /// names them.
  mutating func wantedQueues() -> Range<UInt32>? { queues() ?? target.queues }

  /// Whether the run would bind a queue.
  mutating func wants(_ queue: UInt32) -> Bool { queues()?.contains(queue) == true }

  /// Checks one item.
  ///
  /// - Parameters:
  ///   - verdict: What it means if there is no such thing (`EOPNOTSUPP` and the like).
  ///   - otherwise: What it means if the check fails.
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
