// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel
internal import Options
internal import Session

do throws(Failure) {
  try attempt("open", on: "/dev/null") { () throws(Errno) in try Descriptor.openStandard() }
} catch {
  Diagnostics.print(error)
  exit(error.exitStatus())
}
// The kernel's tests of io_uring call their tool by this name.
if ProgramArguments.name == "iou-zcrx" { exit(runZeroCopyTest(words: ProgramArguments.words)) }
exit(run(Invocation(words: ProgramArguments.words)))
