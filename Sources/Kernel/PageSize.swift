// SPDX-License-Identifier: GPL-2.0-only

internal import Glibc

/// The size in bytes of the pages that memory is made of. The corresponding C function is `sysconf`
/// with `_SC_PAGESIZE`.
package let pageSize = sysconf(CInt(_SC_PAGESIZE))
