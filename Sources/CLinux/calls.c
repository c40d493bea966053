// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "calls.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int CLinux_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

int CLinux_memfd_create(const char *name, unsigned int flags)
{
	return memfd_create(name, flags);
}

int CLinux_add_seals(int fd, int seals)
{
	return fcntl(fd, F_ADD_SEALS, seals);
}

int CLinux_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	return accept4(fd, address, length, flags);
}

int CLinux_pidfd_open(pid_t process, unsigned int flags)
{
	/* glibc has it since 2.36. */
	return syscall(SYS_pidfd_open, process, flags);
}

int CLinux_close_range(unsigned int first, unsigned int last, int flags)
{
	return close_range(first, last, flags);
}

int CLinux_prctl_set_name(const char *name)
{
	return prctl(PR_SET_NAME, name);
}

const char *CLinux_strerrorname_np(int number)
{
	return strerrorname_np(number);
}

const char *CLinux_strerrordesc_np(int number)
{
	return strerrordesc_np(number);
}

const unsigned int CLinux_MFD_CLOEXEC = MFD_CLOEXEC;
const unsigned int CLinux_MFD_ALLOW_SEALING = MFD_ALLOW_SEALING;
const unsigned int CLinux_MFD_HUGETLB = MFD_HUGETLB;
const unsigned int CLinux_MFD_HUGE_2MB = MFD_HUGE_2MB;
const unsigned int CLinux_MFD_HUGE_1GB = MFD_HUGE_1GB;
const int CLinux_F_SEAL_SHRINK = F_SEAL_SHRINK;
