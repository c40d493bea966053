// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc
internal import Options
internal import Session

exit(run(Invocation(words: Array(CommandLine.arguments.dropFirst()))))
