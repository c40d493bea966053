/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device-memory TCP's part of the socket interface (include/uapi/linux/uio.h
 * and asm-generic/socket.h), for hosts whose headers are older than 6.12.
 */
#ifndef CLINUX_DEVMEM_H
#define CLINUX_DEVMEM_H

/* <linux/errqueue.h> needs it, and does not include it. */
#include <time.h>

#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/errqueue.h>
#include <linux/magic.h>
#include <linux/udmabuf.h>
#include <stdint.h>
#include <sys/socket.h>

#ifndef SO_DEVMEM_LINEAR
#define SO_DEVMEM_LINEAR 78
#define SCM_DEVMEM_LINEAR SO_DEVMEM_LINEAR
#define SO_DEVMEM_DMABUF 79
#define SCM_DEVMEM_DMABUF SO_DEVMEM_DMABUF
#define SO_DEVMEM_DONTNEED 80
#endif

#ifndef MSG_SOCK_DEVMEM
#define MSG_SOCK_DEVMEM 0x2000000
#endif

enum {
	CLinux_SO_DEVMEM_DONTNEED = SO_DEVMEM_DONTNEED,
	CLinux_SCM_DEVMEM_LINEAR = SCM_DEVMEM_LINEAR,
	CLinux_SCM_DEVMEM_DMABUF = SCM_DEVMEM_DMABUF,
	CLinux_MSG_SOCK_DEVMEM = MSG_SOCK_DEVMEM,
};

/* One fragment, as a control message describes it. Mirrors struct dmabuf_cmsg. */
struct CLinux_dmabuf_cmsg {
	uint64_t frag_offset;
	uint32_t frag_size;
	uint32_t frag_token;
	uint32_t dmabuf_id;
	uint32_t flags;
};
_Static_assert(sizeof(struct CLinux_dmabuf_cmsg) == 24, "struct dmabuf_cmsg is uAPI");

/* A range of tokens given back. Mirrors struct dmabuf_token. */
struct CLinux_dmabuf_token {
	uint32_t token_start;
	uint32_t token_count;
};
_Static_assert(sizeof(struct CLinux_dmabuf_token) == 8, "struct dmabuf_token is uAPI");

static const unsigned long CLinux_UDMABUF_CREATE = UDMABUF_CREATE;
static const unsigned long CLinux_DMA_HEAP_IOCTL_ALLOC = DMA_HEAP_IOCTL_ALLOC;
static const unsigned long CLinux_DMA_BUF_IOCTL_SYNC = DMA_BUF_IOCTL_SYNC;
static const uint64_t CLinux_DMA_BUF_SYNC_READ = DMA_BUF_SYNC_READ;
static const uint64_t CLinux_DMA_BUF_SYNC_WRITE = DMA_BUF_SYNC_WRITE;
static const uint64_t CLinux_DMA_BUF_SYNC_START = DMA_BUF_SYNC_START;
static const uint64_t CLinux_DMA_BUF_SYNC_END = DMA_BUF_SYNC_END;

#endif
