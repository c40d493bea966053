/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel by script. A program that this is linked to has its own recvmsg,
 * setsockopt and ioctl in place of libc's: they answer for one socket that
 * receives device memory, and make no system call for it.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stddef.h>

/* What one recvmsg is to leave. */
struct script_call {
	const void *control;
	size_t length;
	/* How many bytes its control messages describe */
	long bytes;
};

/*
 * The socket that the next calls are about, the calls that repeat there, and how
 * many there are before the end of the stream.
 */
void script_begin(int socket, const struct script_call *calls, size_t count, size_t total);

/* How many tokens were returned since. */
size_t script_returned(void);

#endif
