// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct EpollSetTests {
  @Test("an event wakes a wait for several descriptors, until it is lowered or removed")
  func waits() throws {
    let events = try (0..<3).map { _ in try Event() }
    var set = try EpollSet(stoppedBy: nil)
    for (number, event) in events.enumerated() { try set.add(event.descriptor, as: number) }
    var isWoken = try set.wait(until: .now, to: "look")
    #expect(!isWoken)

    events[2].raise()
    events[0].raise()
    isWoken = try set.wait(until: nil, to: "look")
    var ready = set.ready.sorted()
    #expect(isWoken && ready == [0, 2])

    events[0].lower()
    try set.remove(events[2].descriptor)
    isWoken = try set.wait(until: .now.advanced(by: .milliseconds(1)), to: "look")
    ready = set.ready
    #expect(!isWoken && ready.isEmpty)
  }

  @Test("more than a wait can find come with the next ones")
  func findsAll() throws {
    let events = try (0..<200).map { _ in try Event() }
    var set = try EpollSet(stoppedBy: nil)
    for (number, event) in events.enumerated() {
      try set.add(event.descriptor, as: number)
      event.raise()
    }
    var found: Set<Int> = []
    while try set.wait(until: .now, to: "look") {
      let ready = set.ready
      found.formUnion(ready)
      for number in ready { events[number].lower() }
    }
    #expect(found == Set(0..<200))
  }

  @Test("a stop ends a wait, whatever else is ready")
  func stops() throws {
    let (stop, event) = (try Event(), try Event())
    var set = try EpollSet(stoppedBy: stop.descriptor)
    try set.add(event.descriptor, as: 0)
    event.raise()
    stop.raise()
    var failure: Failure?
    do throws(Failure) { _ = try set.wait(until: nil, to: "look") } catch { failure = error }
    #expect(failure?.kind == .stopped)
  }
}
