/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the tokens of a device-memory binding are given back: see autorelease.c.
 */
#ifndef _NET_DEVMEM_AUTORELEASE_H
#define _NET_DEVMEM_AUTORELEASE_H

#include "devmem.h"

struct dmabuf_token;
struct genl_info;
struct net_devmem_manual;
struct sock;

/* Of a binding's life. */
int net_devmem_mode_take(struct net_devmem_dmabuf_binding *binding,
			 struct genl_info *info);
void net_devmem_mode_unbind(struct net_devmem_dmabuf_binding *binding);
void net_devmem_mode_free(struct net_devmem_dmabuf_binding *binding);

/* Is autorelease the mode of the bindings that there are? */
bool net_devmem_autorelease(void);

/* Of a socket's life, where the binding's mode is manual. */
int net_devmem_manual_join(struct sock *sk, const struct net_iov *niov);
u32 net_devmem_manual_token(const struct net_iov *niov);
void net_devmem_manual_get(struct net_iov *niov);
int net_devmem_manual_return(const struct sock *sk,
			     const struct dmabuf_token *tokens,
			     unsigned int num_tokens, unsigned int max_frags);
void net_devmem_manual_leave(struct sock *sk);

/* The manual mode's part of this buffer's binding, NULL with autorelease. */
static inline struct net_devmem_manual *
net_devmem_manual(const struct net_iov *niov)
{
	return net_devmem_iov_binding(niov)->manual;
}

#endif /* _NET_DEVMEM_AUTORELEASE_H */
