/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel's iou-zcrx.c takes from liburing 2.10 and later, for Debian's
 * 2.9: it is compiled with this before its own first line (-include). The
 * kernel's header comes first, and liburing's copy of it, which has the same
 * guard and no zero-copy receive, is left out.
 */
#ifndef ZCRX_H
#define ZCRX_H

#include <linux/io_uring.h>

#include <liburing.h>

struct io_uring_zcrx_rq {
	__u32 *khead;
	__u32 *ktail;
	__u32 rq_tail;
	unsigned int ring_entries;
	struct io_uring_zcrx_rqe *rqes;
};

static inline int io_uring_register_ifq(struct io_uring *ring, void *registration)
{
	return io_uring_register(ring->ring_fd, IORING_REGISTER_ZCRX_IFQ, registration, 1);
}

#endif
