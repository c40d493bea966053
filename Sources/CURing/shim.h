/* SPDX-License-Identifier: GPL-2.0-only */
/* First, so that liburing's _XOPEN_SOURCE does not make other types of it than other modules see. */
#include <sys/types.h>

#include <liburing.h>
