// SPDX-License-Identifier: GPL-2.0-only

import Kernel
import Session
import Testing

struct ProbeTests {
  @Test(
    "a refusal is the kernel's answer, but for one that says that there is no question",
    arguments: [
      (Failure("ask", errno: .invalidArgument), true, true),
      (Failure("ask", errno: .invalidArgument, kind: .unsupported), true, true),
      (Failure("ask", errno: .notSupported, kind: .unsupported), false, true),
      (Failure("ask", errno: .notPermitted), false, false),
      (Failure("ask", reason: "no errno"), false, false),
    ])
  func tellsRefusals(failure: Failure, isRefusal: Bool, isRefusalOfChange: Bool) {
    #expect(failure.isRefusal(orLackOfSupport: false) == isRefusal)
    #expect(failure.isRefusal(orLackOfSupport: true) == isRefusalOfChange)
  }
}
