// SPDX-License-Identifier: GPL-2.0-only

package import Kernel

extension Interval {
  /// The interval, as documents and streams have it.
  package func json(as role: MeasurementRole) -> JSONObject {
    var object = JSONObject()
    object.add("start_seconds", start.inSeconds, decimals: 6)
    object.add("end_seconds", end.inSeconds, decimals: 6)
    if isOmitted { object.add("omitted", true) }
    let tokens = tokensOutstanding.reduce(0, +)
    object.add("total", total.json(over: length, as: role, tokens: tokens))
    object.add(
      "flows",
      zip(flows, tokensOutstanding).map { $0.json(over: length, as: role, tokens: $1) })
    object.add(
      "workers",
      idleHundredths.map { idle in
        var object = JSONObject()
        object.add("cpu_idle_percent", percent(idle), decimals: 2)
        return object
      })
    return object
  }
}

extension FlowFigures {
  /// The figures of an interval, with its length.
  ///
  /// - Parameter tokens: How many were outstanding at the end, if the figures do not say.
  func json(
    over length: Duration, as role: MeasurementRole, tokens: Int? = nil
  ) -> JSONObject {
    var object = JSONObject()
    object.add("seconds", length.inSeconds, decimals: 6)
    add(to: &object, over: length, as: role, tokens: tokens ?? tokensOutstanding)
    return object
  }

  /// Adds the figures of an interval.
  func add(
    to object: inout JSONObject, over length: Duration, as role: MeasurementRole, tokens: Int
  ) {
    object.add("bytes", bytes)
    object.add("gigabits_per_second", gigabitsPerSecond(bytes, in: length), decimals: 6)
    object.add("device_bytes", deviceBytes)
    object.add("plain_bytes", plainBytes)
    guard role == .receive else {
      object.add("sendmsg_calls", calls)
      return
    }
    object.add("mapped_bytes", mappedBytes)
    object.add("linear_bytes", linearBytes)
    object.add("fragments", fragments)
    object.add("recvmsg_calls", calls)
    object.add("dontneed_calls", returnCalls)
    object.add("tokens_returned", tokensReturned)
    object.add("tokens_outstanding", tokens)
    object.add("checked_bytes", checkedBytes)
    object.add("wrong_bytes", wrongBytes)
  }
}

/// What readers of documents expect of a share that is kept in hundredths of a percent.
func percent(_ hundredths: Int?) -> Double? { hundredths.map { Double($0) / 100 } }
