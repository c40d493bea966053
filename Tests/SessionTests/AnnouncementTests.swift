// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Session
import Sockets
import Testing

struct AnnouncementTests {
  @Test("the words that scripts wait for are the C tool's, mistakes included")
  func staysAsItIs() throws {
    let address = try SocketAddress(try #require(IPAddress("192.0.2.1")), port: 5201)
    let page = UInt64(pageSize)
    let fragment = Fragment(offset: 3 * page + 7, size: 10, token: 4, binding: 5)
    let lines: [(Announcement, String)] = [
      (.interface(index: 3), "using ifindex=3"),
      (.binding(7), "got dmabuf id=7"),
      (.transmitBinding(8), "got tx dmabuf id=8"),
      (.address(address), "binding to address 192.0.2.1:5201"),
      (.waiting(address), "Waiting or connection on 192.0.2.1:5201"),
      (.waitingForSender(address), "waiting for a sender on control port 192.0.2.1:5201"),
      (.connection(from: address), "Got connection from 192.0.2.1:5201"),
      (.connection(from: nil), "Got connection from nowhere"),
      (
        .fragment(fragment, totalBytes: 100),
        "received frag_page=3, in_page_offset=7, frag_offset=\(3 * page + 7), frag_size=10, "
          + "token=4, total_received=100, dmabuf_id=5"
      ),
      (.received(totalBytes: 100), "total_received=100"),
      (.validated, "Validated buffer"),
    ]
    for (announcement, line) in lines { #expect(announcement.text == line) }
  }
}
