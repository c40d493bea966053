// SPDX-License-Identifier: GPL-2.0-only

// usage: option-texts
//
// Makes the parts of the man page and of the shells' completions that follow from the option table
// afresh, in this checkout, and prints the names of the files that have changed.

internal import Glibc
internal import Kernel

do throws(Failure) {
  for text in InstalledText.all where try text.renew() {
    try StandardOutput.print(text.path)
  }
} catch {
  Diagnostics.print(error)
  exit(error.exitStatus())
}
