// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Testing

struct IPAddressTests {
  @Test(
    "an address is read as people write it and written in its shortest form",
    arguments: [
      ("192.0.2.1", "192.0.2.1", IPAddress.Family.v4),
      ("2001:db8:0:0::1", "2001:db8::1", .v6),
      ("::", "::", .v6),
      ("fe80::1%eth0", "fe80::1%eth0", .v6),
      ("fe80::1%7", "fe80::1%7", .v6),
      ("::ffff:192.0.2.1", "192.0.2.1", .v4),
    ])
  func readsAndWrites(text: String, written: String, family: IPAddress.Family) throws {
    let address = try #require(IPAddress(text))
    #expect(address.description == written)
    #expect(address.family == family)
    #expect(IPAddress(octets: address.octets, scope: address.scope) == address)
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "", "%", "localhost", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4%eth0",
      "1::2::3", "fe80::1%", "::ffff:192.0.2.1%eth0", "[::1]", " ::1", "1.2.3.4:5201",
    ])
  func refuses(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test("only fe80::/10 is link-local")
  func knowsLinkLocal() throws {
    for text in ["fe80::1", "febf::"] { #expect(try #require(IPAddress(text)).isLinkLocal) }
    for text in ["fec0::", "2001:db8::1", "254.128.0.1"] {
      #expect(try !#require(IPAddress(text)).isLinkLocal)
    }
  }

  @Test("a scope is an interface's name or its index")
  func findsScope() throws {
    #expect(try IPAddress("fe80::1%7")?.scopeIndex() == 7)
    #expect(try IPAddress("fe80::1%lo")?.scopeIndex() == 1)
    #expect(try IPAddress("fe80::1")?.scopeIndex() == 0)
    #expect(throws: Errno.noDevice) { try IPAddress("fe80::1%no such")?.scopeIndex() }
  }

  @Test("an address is the same once its scope was looked up, until it gets another")
  func keepsScope() throws {
    let address = try #require(IPAddress("fe80::1%lo"))
    var kept = address.inPresentScope()
    #expect(kept == address && kept.hashValue == address.hashValue)
    #expect(try kept.scopeIndex() == 1)
    kept.scope = "7"
    #expect(kept != address)
    #expect(try kept.scopeIndex() == 7)
    let unknown = try #require(IPAddress("fe80::1%no such"))
    #expect(throws: Errno.noDevice) { try unknown.inPresentScope().scopeIndex() }
  }

  @Test(
    "an address is another one if it is mapped to it, or has the same zone by another name",
    arguments: [
      ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
      ("2001:db8::1", "2001:db8::1", true), ("2001:db8::1", "2001:db8::2", false),
      ("192.0.2.1", "::c000:201", false), ("fe80::1%lo", "fe80::1%1", true),
      ("fe80::1%1", "fe80::1%1", true), ("fe80::1%lo", "fe80::1%2", false),
      ("fe80::1", "fe80::1%2", true), ("fe80::1%nosuch0", "fe80::1%1", false),
    ])
  func compares(one: String, other: String, isSame: Bool) throws {
    let (one, other) = (try #require(IPAddress(one)), try #require(IPAddress(other)))
    #expect(one.isSame(as: other) == isSame)
    #expect(other.isSame(as: one) == isSame)
  }

  @Test("an address that the kernel gives as IPv4-mapped is the IPv4 address")
  func comparesMapped() {
    let octets: [UInt8] = [192, 0, 2, 1]
    let mapped = IPAddress(octets: [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + octets)
    #expect(mapped.isSame(as: IPAddress(octets: octets)))
    #expect(IPAddress(octets: octets).isSame(as: mapped))
    #expect(!mapped.isSame(as: IPAddress(octets: [192, 0, 2, 2])))
  }
}
