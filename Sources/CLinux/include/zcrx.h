/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * io_uring's zero-copy receive (include/uapi/linux/io_uring.h and
 * include/uapi/linux/io_uring/zcrx.h), under names of our own: it is of Linux
 * 6.15, and both the headers of many hosts and Debian's liburing are older.
 */
#ifndef CLINUX_ZCRX_H
#define CLINUX_ZCRX_H

#include <stdint.h>

enum CLinux_io_uring_op {
	CLinux_IORING_OP_RECV_ZC = 58,
};

/* Commands of io_uring_register(2). */
enum {
	CLinux_IORING_REGISTER_ZCRX_IFQ = 32,
	CLinux_IORING_REGISTER_ZCRX_CTRL = 36,
};

/* The data of several arrivals by one request, and what says that more will come. */
enum {
	CLinux_IORING_RECV_MULTISHOT = 1 << 1,
	CLinux_IORING_CQE_F_MORE = 1 << 1,
};

/* The bit of an offset from which on it names an area, counted from 0. */
enum {
	CLinux_IORING_ZCRX_AREA_SHIFT = 48,
};

/* What the user gives back. Mirrors struct io_uring_zcrx_rqe. */
struct CLinux_zcrx_rqe {
	uint64_t off;
	uint32_t len;
	uint32_t pad;
};
_Static_assert(sizeof(struct CLinux_zcrx_rqe) == 16, "struct io_uring_zcrx_rqe is uAPI");

/* A completion of 32 bytes: struct io_uring_cqe, then struct io_uring_zcrx_cqe. */
struct CLinux_zcrx_cqe {
	uint64_t user_data;
	int32_t res;
	uint32_t flags;
	uint64_t off;
	uint64_t pad;
};
_Static_assert(sizeof(struct CLinux_zcrx_cqe) == 32, "IORING_SETUP_CQE32 is uAPI");

/* Where the memory of a ring lies. Mirrors struct io_uring_region_desc. */
struct CLinux_io_uring_region_desc {
	uint64_t user_addr;
	uint64_t size;
	uint32_t flags;
	uint32_t id;
	uint64_t mmap_offset;
	uint64_t resv[4];
};
_Static_assert(sizeof(struct CLinux_io_uring_region_desc) == 64, "struct is uAPI");

/* Mirrors struct io_uring_zcrx_area_reg. */
struct CLinux_zcrx_area_reg {
	uint64_t addr;
	uint64_t len;
	uint64_t rq_area_token;
	uint32_t flags;
	uint32_t dmabuf_fd;
	uint64_t resv[2];
};
_Static_assert(sizeof(struct CLinux_zcrx_area_reg) == 48, "struct is uAPI");

/* Mirrors struct zcrx_event_desc, which not all kernels with zero-copy receive have. */
struct CLinux_zcrx_event_desc {
	uint64_t user_data;
	uint32_t type_mask;
	uint32_t flags;
	uint64_t stats_offset;
	uint64_t resv[9];
};
_Static_assert(sizeof(struct CLinux_zcrx_event_desc) == 96, "struct is uAPI");

/* What the kernel has copied. Mirrors struct zcrx_stats. */
struct CLinux_zcrx_stats {
	uint64_t copy_count;
	uint64_t copy_bytes;
};

/* Mirrors struct io_uring_zcrx_ifq_reg. */
struct CLinux_zcrx_ifq_reg {
	uint32_t if_idx;
	uint32_t if_rxq;
	uint32_t rq_entries;
	uint32_t flags;
	uint64_t area_ptr;
	uint64_t region_ptr;
	/* struct io_uring_zcrx_offsets */
	uint32_t head_offset;
	uint32_t tail_offset;
	uint32_t rqes_offset;
	uint32_t offsets_resv2;
	uint64_t offsets_resv[2];
	uint32_t zcrx_id;
	/* Since 7.0; a kernel that does not know it wants 0. */
	uint32_t rx_buf_len;
	/* Newer than that; as above. */
	uint64_t event_desc;
	uint64_t resv[2];
};
_Static_assert(sizeof(struct CLinux_zcrx_ifq_reg) == 96, "struct is uAPI");

/* Mirrors struct zcrx_ctrl. */
struct CLinux_zcrx_ctrl {
	uint32_t zcrx_id;
	uint32_t op;
	uint64_t resv[2];
	uint64_t argument[6];
};
_Static_assert(sizeof(struct CLinux_zcrx_ctrl) == 72, "struct is uAPI");

enum {
	/* A region lies in memory of the user. */
	CLinux_IORING_MEM_REGION_TYPE_USER = 1,
	/* An area is a dma-buf, not a range of addresses; since 6.16. */
	CLinux_IORING_ZCRX_AREA_DMABUF = 1,
	/* stats_offset is where the kernel is to count what it copies. */
	CLinux_ZCRX_EVENT_DESC_FLAG_STATS = 1,
	/* What the user gave back is to be taken, whether the NIC lacks buffers or not. */
	CLinux_ZCRX_CTRL_FLUSH_RQ = 0,
};

/* What io_uring's rings are read and written by on both sides. */
static inline uint32_t CLinux_load_acquire(const uint32_t *_Nonnull word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void CLinux_store_release(uint32_t *_Nonnull word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

#endif
