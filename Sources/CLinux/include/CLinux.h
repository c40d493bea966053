/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux interfaces that Swift's Glibc module does not carry: kernel
 * headers, request numbers made by macros, and calls that need _GNU_SOURCE or
 * variable arguments. Declarations and wrappers only: a wrapper makes one call,
 * and is named CLinux_ and the name of that call, followed by the command that
 * it fixes, if any (CLinux_fcntl_add_seals).
 */
#ifndef CLINUX_H
#define CLINUX_H

#include "arguments.h"
#include "build.h"
#include "calls.h"
#include "cuda.h"
#include "devmem.h"
#include "ethtool.h"
#include "netdev.h"
#include "options.h"
#include "privileges.h"
#include "tcp.h"
#include "zcrx.h"

#endif
