// SPDX-License-Identifier: GPL-2.0-only

package import Kernel
internal import NIC
package import Options
internal import Recovery

/// Undoes what runs have left behind that were killed together with their guards.
package struct Restorer {
  let configuration: Configuration.Restore
  let places: [String]
  let lockPrefix: String

  /// Prepares to restore.
  ///
  /// - Parameters:
  ///   - places: Directories that may have journals.
  ///   - lockPrefix: What the names of interfaces' locks begin with.
  package init(
    configuration: Configuration.Restore, places: [String] = RuntimeDirectory.places,
    lockPrefix: String = InterfaceLock.prefix
  ) {
    self.configuration = configuration
    self.places = places
    self.lockPrefix = lockPrefix
  }

  /// Looks for journals in all places, and undoes what they have.
  ///
  /// - Parameter wait: What ends it early, between two attempts to undo.
  /// - Throws: The first thing that could not be undone. The others are printed.
  package func run(_ wait: Wait = Wait()) throws(Failure) {
    let host = try Host.current()
    var wanted: String?
    if let name = configuration.interface {
      let index = try Interface(named: name).index
      wanted = Journal.name(on: host, interface: index)
    }
    var failures: [Failure] = []
    var isIdle = true
    search: for place in places {
      for name in names(in: place, &failures) where name == wanted ?? name {
        do throws(Failure) {
          try wait.check("restore")
          guard let outcome = try restore(name, in: place, on: host, wait) else { continue }
          Diagnostics.print(outcome)
        } catch {
          failures.append(error)
          if error.kind == .stopped { break search }
        }
        isIdle = false
      }
    }
    if isIdle, failures.isEmpty {
      let place = configuration.interface.map { " on " + $0 } ?? ""
      Diagnostics.inform("nothing to restore" + place)
    }
    guard !failures.isEmpty else { return }
    let first = failures.removeFirst()
    for failure in failures { Diagnostics.print(failure) }
    throw first
  }

  /// The journals in a directory. One that cannot be used is no reason to leave those in the next
  /// one. What another user has there is that user's matter, and only reported.
  private func names(in place: String, _ failures: inout [Failure]) -> [String] {
    do throws(Failure) {
      return try RuntimeDirectory(at: place).names()
    } catch {
      switch error.errno {
      case .noEntry: break
      case .accessDenied: Diagnostics.print(error)
      default: failures.append(error)
      }
      return []
    }
  }

  /// Undoes what one journal has.
  ///
  /// - Returns: What happened, for people; `nil` where nothing did.
  /// - Throws: Also a failure with `EBUSY` where a run has the interface that was asked for; a run
  ///   on another interface is only reported.
  private func restore(
    _ name: String, in place: String, on host: Host, _ wait: Wait
  ) throws(Failure) -> String? {
    var isOpen = false
    do throws(Failure) {
      let lock = try lock(for: name, on: host, wait)
      var journal = try Journal(
        named: name, in: try RuntimeDirectory(at: place), creating: false, wait)
      isOpen = true
      let text = try journal.restore(on: host, wait, isForced: configuration.isForced).text
      // Held up to here.
      _ = consume lock
      return text
    } catch {
      switch error.errno {
      // Its owner has removed it since it was listed.
      case .noEntry where !isOpen: return nil
      case .busy where !isOpen && configuration.interface == nil: return error.reason
      default: throw error
      }
    }
  }

  /// The lock of the interface that a journal is about; `nil` where that is in another namespace.
  private func lock(
    for name: String, on host: Host, _ wait: Wait
  ) throws(Failure) -> InterfaceLock? {
    guard let interface = Journal.interface(inName: name), interface.namespace == host.namespace
    else { return nil }
    return try InterfaceLock(
      on: interface.index,
      named: Interface.name(at: interface.index) ?? "interface \(interface.index)",
      prefix: lockPrefix, wait)
  }
}
