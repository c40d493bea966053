/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls and library calls behind _GNU_SOURCE or variable arguments. */
#ifndef CLINUX_CALLS_H
#define CLINUX_CALLS_H

#include <linux/nsfs.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/vfs.h>

int CLinux_ioctl(int fd, unsigned long request, void *_Nullable argument);
int CLinux_memfd_create(const char *_Nonnull name, unsigned int flags);
int CLinux_fcntl_add_seals(int fd, int seals);
int CLinux_accept4(int fd, struct sockaddr *_Nullable address, socklen_t *_Nullable length,
		   int flags);
int CLinux_pidfd_open(pid_t process, unsigned int flags);
int CLinux_close_range(unsigned int first, unsigned int last, int flags);
int CLinux_prctl_set_name(const char *_Nonnull name);
/* A descriptor's events carry the number under which it was added. */
int CLinux_epoll_create(void);
int CLinux_epoll_add(int epoll, int fd, uint64_t number);
int CLinux_epoll_remove(int epoll, int fd);
/* The numbers of at most `most` descriptors that are readable or in error. */
int CLinux_epoll_wait(int epoll, uint64_t *_Nonnull numbers, int most, int milliseconds);
int CLinux_eventfd(unsigned int count, int flags);
/* Of the calling thread; the mask has a bit for each CPU, size is in bytes. */
int CLinux_sched_getaffinity(size_t size, unsigned long *_Nonnull mask);
int CLinux_sched_setaffinity(size_t size, const unsigned long *_Nonnull mask);
int CLinux_sched_getcpu(void);
/* What SO_PEERCRED reports: struct ucred, which is behind _GNU_SOURCE. */
struct CLinux_ucred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};
const char *_Nullable CLinux_strerrorname_np(int number);
const char *_Nullable CLinux_strerrordesc_np(int number);

enum { CLinux_EPOLL_MOST = 64 };

extern const int CLinux_EFD_CLOEXEC;
extern const int CLinux_EFD_NONBLOCK;
extern const unsigned int CLinux_MFD_CLOEXEC;
extern const unsigned int CLinux_MFD_ALLOW_SEALING;
extern const unsigned int CLinux_MFD_HUGETLB;
extern const unsigned int CLinux_MFD_HUGE_2MB;
extern const unsigned int CLinux_MFD_HUGE_1GB;
extern const int CLinux_F_SEAL_SHRINK;

static const unsigned long CLinux_NS_GET_USERNS = NS_GET_USERNS;

/* Has the processor fetch a cache line that will be read soon. Never faults. */
static inline void CLinux_prefetch(const void *_Nonnull address)
{
	__builtin_prefetch(address);
}

#endif
