/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a thread gives up: capabilities (capabilities(7)), and system calls
 * (seccomp(2)). glibc has a wrapper for none of these but prctl(2).
 */
#ifndef CLINUX_PRIVILEGES_H
#define CLINUX_PRIVILEGES_H

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/* `sets` are two: a word of 32 capabilities each (_LINUX_CAPABILITY_VERSION_3). */
int CLinux_capget(struct __user_cap_header_struct *_Nonnull header,
		  struct __user_cap_data_struct *_Nonnull sets);
int CLinux_capset(struct __user_cap_header_struct *_Nonnull header,
		  const struct __user_cap_data_struct *_Nonnull sets);
int CLinux_prctl_capbset_drop(int capability);
int CLinux_prctl_set_no_new_privs(void);
int CLinux_seccomp_set_mode_filter(unsigned int flags, const struct sock_fprog *_Nonnull program);

/* What struct seccomp_data calls the architecture of this program. */
#if defined(__x86_64__)
static const uint32_t CLinux_AUDIT_ARCH = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
static const uint32_t CLinux_AUDIT_ARCH = AUDIT_ARCH_AARCH64;
#else
#error "which AUDIT_ARCH is this?"
#endif

/* Where a filter finds the number, the architecture, and the low half of an argument. */
static const uint32_t CLinux_seccomp_data_nr = offsetof(struct seccomp_data, nr);
static const uint32_t CLinux_seccomp_data_arch = offsetof(struct seccomp_data, arch);
static const uint32_t CLinux_seccomp_data_args = offsetof(struct seccomp_data, args);
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half comes first");

/* The bit that marks a call of the x32 ABI, whose architecture is that of x86-64. */
static const uint32_t CLinux_X32_SYSCALL_BIT = 0x40000000;

#endif
