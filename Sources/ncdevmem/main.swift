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
exit(run(Invocation(words: ProgramArguments.words)))
