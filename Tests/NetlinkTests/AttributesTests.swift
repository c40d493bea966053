// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Netlink
import TestSupport
import Testing

struct AttributesTests {
  private let sample =
    NetlinkBytes.attribute(1, UInt16(7)) + NetlinkBytes.attribute(2, "eth0")
    + NetlinkBytes.nest(3, NetlinkBytes.attribute(1, UInt64(1 << 40)))
    + NetlinkBytes.attribute(1, UInt16(8))

  @Test("attributes are found by number, nests without their flag")
  func reading() throws {
    let attributes = try Attributes(sample[...])
    #expect(attributes.elements.map(\.type) == [1, 2, 3, 1])
    #expect(try attributes.required(1) as UInt16 == 7)
    #expect(attributes.string(2) == "eth0")
    let nest = try #require(try attributes.nest(3))
    #expect(try nest.integer(1) as UInt64? == 1 << 40)
    #expect(try nest.integer(2) as UInt64? == nil)
    #expect(try attributes.nest(4) == nil)
  }

  @Test("an integer of another width, or none where one is required, is EBADMSG")
  func widths() throws {
    let attributes = try Attributes(sample[...])
    #expect(throws: Errno.badMessage) { try attributes.integer(1, as: UInt32.self) }
    #expect(throws: Errno.badMessage) { try attributes.uint(1) }
    #expect(throws: Errno.badMessage) { try attributes.required(9, as: UInt32.self) }
  }

  @Test("an integer of either width is read where the kernel chooses")
  func eitherWidth() throws {
    let attributes = try Attributes(
      (NetlinkBytes.attribute(1, UInt32(3)) + NetlinkBytes.attribute(2, UInt64(4)))[...])
    #expect(try attributes.uint(1) == 3)
    #expect(try attributes.uint(2) == 4)
    #expect(try attributes.uint(3) == nil)
  }

  @Test("what is cut off anywhere is either refused or ends at a whole attribute")
  func truncation() {
    // Whole attributes end here; the padding behind the last payload may be missing.
    let whole = [0...0, 6...8, 17...20, 36...36, 42...44]
    for length in 0...sample.count {
      let attributes = try? Attributes(sample.prefix(length))
      let isWhole = whole.contains { $0.contains(length) }
      #expect((attributes != nil) == isWhole, "\(length) bytes")
    }
  }
}
