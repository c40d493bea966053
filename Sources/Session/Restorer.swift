// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel
internal import NIC
internal import Options
internal import Recovery

/// Undoes what runs have left behind that were killed together with their guards.
struct Restorer {
  let configuration: Configuration.Restore

  /// Looks for journals in all places, and undoes what they have.
  ///
  /// - Throws: The first thing that could not be undone. The others are printed.
  func run() throws(Failure) {
    let host = try Host.current()
    var wanted: String?
    if let name = configuration.interface {
      let index = try Interface(named: name).index
      wanted = Journal.name(on: host, interface: index)
    }
    var failures: [Failure] = []
    var isIdle = true
    for place in RuntimeDirectory.places {
      for name in try names(in: place) where name == wanted ?? name {
        do throws(Failure) {
          guard let outcome = try restore(name, in: place, on: host) else { continue }
          Diagnostics.print(outcome)
        } catch {
          failures.append(error)
        }
        isIdle = false
      }
    }
    if isIdle {
      let place = configuration.interface.map { " on " + $0 } ?? ""
      Diagnostics.print("nothing to restore" + place)
    }
    guard !failures.isEmpty else { return }
    let first = failures.removeFirst()
    for failure in failures { Diagnostics.print(failure) }
    throw first
  }

  private func names(in place: String) throws(Failure) -> [String] {
    do throws(Failure) {
      return try RuntimeDirectory(at: place).names()
    } catch {
      guard error.errno == .noEntry else { throw error }
      return []
    }
  }

  /// Undoes what one journal has.
  ///
  /// - Returns: What happened, for people; `nil` where nothing did.
  /// - Throws: Also a failure with `EBUSY` where a run has the interface that was asked for; a run
  ///   on another interface is only reported.
  private func restore(
    _ name: String, in place: String, on host: Host
  ) throws(Failure) -> String? {
    do throws(Failure) {
      var journal = try Journal(named: name, in: try RuntimeDirectory(at: place), creating: false)
      return try journal.restore(on: host).text
    } catch {
      switch error.errno {
      // Its owner has removed it since it was listed.
      case .noEntry: return nil
      case .busy where configuration.interface == nil: return error.reason
      default: throw error
      }
    }
  }
}
