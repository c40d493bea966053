/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Linux interfaces that Swift's Glibc module does not carry: kernel
 * headers, request numbers made by macros, and calls that need _GNU_SOURCE or
 * variable arguments. Declarations and one-line wrappers only; each wrapper is
 * named CLinux_ and the name of what it wraps.
 */
#ifndef CLINUX_H
#define CLINUX_H

#include "calls.h"
#include "cuda.h"
#include "devmem.h"
#include "ethtool.h"
#include "netdev.h"
#include "options.h"

#endif
