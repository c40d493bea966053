// SPDX-License-Identifier: GPL-2.0-only

internal import Kernel

/// What the other end of a measurement tells of it.
struct PeerReport {
  /// What it tells of one flow. Which members it has depends on which end it is.
  struct Flow {
    /// The flow's port at the sender.
    let port: Int
    let bytes: Int
    var retransmits: Int?
    var roundTripMicroseconds: Int?
    var deviceBytes: Int?
    var linearBytes: Int?
    var plainBytes: Int?
    var fragments: Int?
    /// `nil` where nobody looked.
    var wrongBytes: Int?
  }

  var flows: [Flow] = []
  private(set) var seconds: Double = 0
  private(set) var hasFailed = false

  /// Takes the last line's values.
  mutating func end(with values: [Int]) throws(Failure) {
    guard 0...1 ~= values[0] else {
      throw Failure("understand the peer", errno: .protocolError, reason: "failed is 0 or 1")
    }
    hasFailed = values[0] == 1
    seconds = Double(values[1]) / 1e9
  }

  var json: JSONObject {
    var object = JSONObject()
    object.add("verdict", hasFailed ? "failed" : "ok")
    object.add("duration_seconds", seconds, decimals: 6)
    object.add("bytes", flows.reduce(0) { $0 &+ $1.bytes })
    object.add(
      "flows",
      flows.map { flow in
        var object = JSONObject()
        object.add("sender_port", flow.port)
        object.add("bytes", flow.bytes)
        if flow.deviceBytes != nil {
          object.add("device_bytes", flow.deviceBytes)
          object.add("linear_bytes", flow.linearBytes)
          object.add("plain_bytes", flow.plainBytes)
          object.add("fragments", flow.fragments)
          object.add("wrong_bytes", flow.wrongBytes)
        } else {
          object.add("retransmits", flow.retransmits)
          object.add("rtt_microseconds", flow.roundTripMicroseconds)
        }
        return object
      })
    return object
  }
}
