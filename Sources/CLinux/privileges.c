// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "privileges.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int CLinux_capget(struct __user_cap_header_struct *header, struct __user_cap_data_struct *sets)
{
	return syscall(SYS_capget, header, sets);
}

int CLinux_capset(struct __user_cap_header_struct *header,
		  const struct __user_cap_data_struct *sets)
{
	return syscall(SYS_capset, header, sets);
}

int CLinux_prctl_capbset_drop(int capability)
{
	return prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

int CLinux_prctl_set_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int CLinux_seccomp_set_mode_filter(unsigned int flags, const struct sock_fprog *program)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}
