// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Preflight
import Testing

struct ConclusionTests {
  @Test(
    "what is missing decides, unless it is the privilege that hides something",
    arguments: [
      ([], .ready, 0),
      ([("a", .ok), ("b", .warn)], .ready, 0),
      ([("a", .missing), ("b", .warn)], .notReady(["a"]), 1),
      ([("a", .missing), ("b", .unknown), ("c", .missing)], .notReady(["a", "c"]), 1),
      ([("a", .unknown), ("b", .ok)], .unknown(["a"]), 4),
      ([("privilege", .missing), ("a", .ok)], .notReady(["privilege"]), 1),
      ([("privilege", .missing), ("a", .unknown)], .unknown(["privilege", "a"]), 4),
      (
        [("privilege", .missing), ("a", .unknown), ("b", .missing)],
        .notReady(["privilege", "b"]), 1
      ),
    ] as [([(String, Observation.Verdict)], Conclusion, Int32)])
  func concludes(
    verdicts: [(String, Observation.Verdict)], conclusion: Conclusion, status: Int32
  ) {
    let found = Conclusion(verdicts.map { Finding($0.0, Observation($0.1, "")) })
    #expect(found == conclusion)
    #expect(found.status == status)
  }

  @Test("a finding is one line: verdict, item, what was seen, what to do")
  func describes() {
    let finding = Finding("gro", Observation(.warn, "off", do: "switch it on"))
    #expect(finding.description == "warn     gro                 off -> switch it on")
    let long = Finding("memory-heap:reserved-memory", Observation(.ok, "there"))
    #expect(long.description == "ok       memory-heap:reserved-memory there")
  }

  @Test("a check that failed says what was tried, why it failed, and what to do")
  func describesFailure() {
    let failure = Failure(
      "read the rings of", on: "nic0", errno: .notSupported, reason: "no such thing", hint: "go")
    #expect(
      Observation(.missing, failure)
        == Observation(
          .missing,
          "cannot read the rings of nic0: EOPNOTSUPP (Operation not supported): no such thing",
          do: "go"))
  }

  @Test("an attempt settles only what could not be determined")
  func settles() {
    var unknown = Observation(.unknown, "hidden", do: "look")
    unknown.settle(by: "tried")
    #expect(unknown == Observation(.ok, "tried"))
    var missing = Observation(.missing, "gone")
    missing.settle(by: "tried")
    #expect(missing == Observation(.missing, "gone"))
  }
}
