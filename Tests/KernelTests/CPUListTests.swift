// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Synchronization
import Testing

struct CPUListTests {
  @Test(
    "lists are read in the order written",
    arguments: [
      ("0", [0]), ("0-3,8", [0, 1, 2, 3, 8]), ("7,2-3", [7, 2, 3]), ("5-5", [5]), ("8191", [8191]),
    ])
  func reads(text: String, cpus: [Int]) throws {
    #expect(try #require(CPUList(text)).cpus == cpus)
  }

  @Test(
    "what is no list, or names a CPU twice or beyond all kernels, is refused",
    arguments: [
      "", ",", "1,", "-1", "1-", "3-1", "1-2-3", "1,1", "0-3,2", "8192", "0-9999999999", "+1", " 1",
      "1 ", "a", "0x1", "99999999999999999999",
    ])
  func refuses(text: String) { #expect(CPUList(text) == nil) }
}

struct AffinityTests {
  @Test("a thread that is pinned is where it was sent")
  func pins() throws {
    let target = try #require(try Affinity.allowed().last)
    let seen = Shared()
    // On a thread of its own, so that the test's keeps its CPUs.
    let thread = try Thread {
      guard (try? Affinity.pin(to: target)) != nil else { return }
      let allowed = try? Affinity.allowed()
      seen.allowed.withLock { $0 = allowed }
      seen.cpu.store(Affinity.currentCPU, ordering: .relaxed)
    }
    thread.join()
    #expect(seen.allowed.withLock { $0 } == [target])
    #expect(seen.cpu.load(ordering: .relaxed) == target)
  }

  private final class Shared: Sendable {
    let allowed = Mutex<[Int]?>(nil)
    let cpu = Atomic(-1)
  }

  @Test("a CPU that is not there is refused")
  func refuses() throws {
    let thread = try Thread {
      #expect(throws: Errno.invalidArgument) { try Affinity.pin(to: CPUList.limit - 1) }
    }
    thread.join()
  }
}

struct PollSetTests {
  @Test("an event wakes a wait for several descriptors, until it is lowered or removed")
  func waits() throws {
    let first = try Event()
    let second = try Event()
    var set = PollSet([first.descriptor, second.descriptor])
    var isReady = try set.wait(Wait(until: .now), to: "look")
    #expect(!isReady)

    second.raise()
    second.raise()
    isReady = try set.wait(Wait(), to: "look")
    var ready = [set.isReady(0), set.isReady(1)]
    #expect(isReady && ready == [false, true])

    second.lower()
    isReady = try set.wait(Wait(until: .now), to: "look")
    #expect(!isReady)

    first.raise()
    set.remove(0)
    isReady = try set.wait(Wait(until: .now), to: "look")
    ready = [set.isReady(0), set.isReady(1)]
    #expect(!isReady && ready == [false, false])
  }
}
