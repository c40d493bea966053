// SPDX-License-Identifier: GPL-2.0-only

import Glibc
import Kernel
import Testing

struct DescriptorLimitTests {
  private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

  private static var softLimit: rlim_t {
    var limit = rlimit()
    unsafe getrlimit(resource, &limit)
    return limit.rlim_cur
  }

  private static func setLimits(soft: rlim_t, hard: rlim_t) {
    var limit = rlimit(rlim_cur: soft, rlim_max: hard)
    unsafe setrlimit(resource, &limit)
  }

  @Test("the soft limit is raised as far as it takes; the hard limit is named")
  func makesRoom() async {
    await #expect(processExitsWith: .success) {
      Self.setLimits(soft: 100, hard: 500)
      try DescriptorLimit.makeRoom(for: 10)
      precondition(Self.softLimit == 100)
      try DescriptorLimit.makeRoom(for: 400)
      precondition(Self.softLimit == 464)
      do throws(Failure) {
        try DescriptorLimit.makeRoom(for: 1024)
        exit(1)
      } catch {
        precondition(error.errno?.name == "EMFILE")
        precondition(error.reason == "the hard limit is 500, and a run needs 1088")
      }
    }
  }
}
