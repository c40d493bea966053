// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Kernel
internal import Options
internal import Session

do throws(Failure) {
  exit(try run(try Configuration(words: Array(CommandLine.arguments.dropFirst()))))
} catch {
  Diagnostics.print(error)
  exit(error.exitStatus())
}
