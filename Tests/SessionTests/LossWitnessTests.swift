// SPDX-License-Identifier: GPL-2.0-only

import NIC
import Session
import Testing

struct LossWitnessTests {
  /// Counters by name, of which a test changes the values.
  private final class Counters {
    var values: KeyValuePairs<String, UInt64>?
    var steeringLooks = 0
    var lines: [String] = []

    init(_ values: KeyValuePairs<String, UInt64>?) { self.values = values }

    var witness: LossWitness {
      LossWitness(
        on: "eth0", lookingAtSteering: { self.steeringLooks += 1 },
        counting: {
          guard let values = self.values else { return nil }
          var losses = ReceiveLosses()
          for (name, value) in values { losses.add(name, value) }
          return losses
        }, printing: { self.lines.append($0) })
    }
  }

  @Test("what grows in a silence is printed by the second look, and is the hint")
  func namesGrowth() {
    let counters = Counters(["rx_dropped": 4, "rx_crc_drop": 2])
    let witness = counters.witness
    witness.look(isFirst: true)
    #expect(counters.lines.isEmpty)
    counters.values = ["rx_dropped": 7, "rx_crc_drop": 2]
    witness.look(isFirst: false)
    let line = "eth0 lost frames: rx_dropped grew by 3"
    #expect(counters.lines == ["no data comes, and meanwhile " + line])
    #expect(witness.hint() == "is the peer still sending? " + line)
    #expect(counters.steeringLooks == 3)
  }

  @Test("frames lost for want of memory call for more of it")
  func asksForMemory() {
    let counters = Counters(["rx_no_buffers_posted[3]": 0])
    let witness = counters.witness
    witness.look(isFirst: true)
    counters.values = ["rx_no_buffers_posted[3]": 1]
    #expect(witness.hint().hasSuffix("an empty page pool loses frames: raise --memory-size"))
  }

  @Test("each silence has counters of its own to compare with")
  func beginsAnew() {
    let counters = Counters(["rx_dropped": 4])
    let witness = counters.witness
    witness.look(isFirst: true)
    counters.values = ["rx_dropped": 7]
    witness.look(isFirst: true)
    witness.look(isFirst: false)
    #expect(counters.lines.isEmpty)
    #expect(
      witness.hint() == "is the peer still sending? "
        + "of the counters of lost frames of eth0 none grew meanwhile; rx_dropped is 7")
  }

  @Test("counters that are all 0, that do not exist or cannot be read are not blamed")
  func blamesNothing() {
    func hint(_ values: KeyValuePairs<String, UInt64>?) -> String {
      let witness = Counters(values).witness
      witness.look(isFirst: true)
      return witness.hint()
    }
    let question = "is the peer still sending?"
    #expect(hint(["rx_dropped": 0]) == question + " eth0 counts no lost frame")
    #expect(hint([:]) == question + " the driver of eth0 does not count lost frames")
    #expect(hint(nil) == question)
  }

  @Test("of many counters the first few are named")
  func namesFew() {
    let counters = Counters([
      "a drop": 1, "b drop": 2, "c drop": 3, "d drop": 4, "e drop": 5, "f drop": 6,
    ])
    let hint = counters.witness.hint()
    #expect(hint.contains("f drop is 6, e drop is 5"))
    #expect(!hint.contains("a drop"))
  }
}
