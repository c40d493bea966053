// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "calls.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(struct CLinux_ucred) == sizeof(struct ucred), "struct ucred");

int CLinux_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

int CLinux_memfd_create(const char *name, unsigned int flags)
{
	return memfd_create(name, flags);
}

int CLinux_fcntl_add_seals(int fd, int seals)
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

int CLinux_epoll_create(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

int CLinux_epoll_add(int epoll, int fd, uint64_t number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = number };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int CLinux_epoll_remove(int epoll, int fd)
{
	return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

int CLinux_epoll_wait(int epoll, uint64_t *numbers, int most, int milliseconds)
{
	struct epoll_event events[CLinux_EPOLL_MOST];
	int count;

	if (most > CLinux_EPOLL_MOST)
		most = CLinux_EPOLL_MOST;
	count = epoll_wait(epoll, events, most, milliseconds);
	for (int i = 0; i < count; i++)
		numbers[i] = events[i].data.u64;
	return count;
}

int CLinux_eventfd(unsigned int count, int flags)
{
	return eventfd(count, flags);
}

int CLinux_sched_getaffinity(size_t size, unsigned long *mask)
{
	return sched_getaffinity(0, size, (cpu_set_t *)mask);
}

int CLinux_sched_setaffinity(size_t size, const unsigned long *mask)
{
	return sched_setaffinity(0, size, (const cpu_set_t *)mask);
}

int CLinux_sched_getcpu(void)
{
	return sched_getcpu();
}

const char *CLinux_strerrorname_np(int number)
{
	return strerrorname_np(number);
}

const char *CLinux_strerrordesc_np(int number)
{
	return strerrordesc_np(number);
}

const int CLinux_EFD_CLOEXEC = EFD_CLOEXEC;
const int CLinux_EFD_NONBLOCK = EFD_NONBLOCK;
const unsigned int CLinux_MFD_CLOEXEC = MFD_CLOEXEC;
const unsigned int CLinux_MFD_ALLOW_SEALING = MFD_ALLOW_SEALING;
const unsigned int CLinux_MFD_HUGETLB = MFD_HUGETLB;
const unsigned int CLinux_MFD_HUGE_2MB = MFD_HUGE_2MB;
const unsigned int CLinux_MFD_HUGE_1GB = MFD_HUGE_1GB;
const int CLinux_F_SEAL_SHRINK = F_SEAL_SHRINK;
