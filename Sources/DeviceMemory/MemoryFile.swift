// SPDX-License-Identifier: GPL-2.0-only

internal import CLinux
internal import Glibc
internal import Kernel

/// Memory without a name in any file system, of pages of one size.
extension UDMABuf.PageSize {
  /// Makes a file of memory that cannot shrink: whoever maps it may rely on its pages. The
  /// corresponding C function is `memfd_create`.
  ///
  /// - Throws: A failure of the kind `unsupported` where this host has no such pages.
  func makeFile(byteCount: Int) throws(Failure) -> OwnedDescriptor {
    do throws(Errno) {
      let file = OwnedDescriptor(
        owning: try retrying { unsafe CLinux_memfd_create("ncdevmem", flags) })
      try retrying { ftruncate(file.rawValue, byteCount) }
      // The driver of udmabufs takes no file that can shrink under it, and none that is sealed for
      // writing.
      try retrying { CLinux_fcntl_add_seals(file.rawValue, CLinux_F_SEAL_SHRINK) }
      return file
    } catch {
      // `hugetlb_file_setup`: no pool of that size, or no such pages in this kernel at all.
      let lacksPages = (error == .noDevice || error == Errno(ENOSYS)) && self != .base
      throw Failure(
        "create a memfd for device memory", errno: error,
        reason: lacksPages ? "this host has no huge pages of \(self.byteCount >> 20) MiB" : nil,
        hint: lacksPages ? "it takes CONFIG_HUGETLBFS and a processor that has them" : nil,
        kind: lacksPages ? .unsupported : .failed)
    }
  }

  private var flags: CUnsignedInt {
    let common = CLinux_MFD_CLOEXEC | CLinux_MFD_ALLOW_SEALING
    return switch self {
    case .base: common
    case .huge2MiB: common | CLinux_MFD_HUGETLB | CLinux_MFD_HUGE_2MB
    case .huge1GiB: common | CLinux_MFD_HUGETLB | CLinux_MFD_HUGE_1GB
    }
  }

  /// What to do where there are too few of the pages.
  var reservation: String {
    """
    reserve huge pages in \(pool)/nr_hugepages; those of a run that has just ended can take some \
    seconds to come back
    """
  }
}
