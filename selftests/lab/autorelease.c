// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devmem autorelease feature, for the testbed's lab kernel.
 *
 * Written from the description that the series "net: devmem: improve cpu cost
 * of RX token management" (Bobby Eshleman, v10, 2026-01-15; not merged) gives
 * of its behaviour, and from the reviews it had. None of its code is here.
 *
 * bind-rx takes an attribute, autorelease (u8). A binding with 1 is what
 * mainline knows: each socket numbers the buffers it was given, and closing
 * the socket gives back what it still had. A binding with 0, and one without
 * the attribute, is in manual mode, which this file adds:
 *
 *  - A token is the number of the buffer in the dma-buf. A buffer that carries
 *    several fragments has one token, handed out and returned once for each.
 *  - Any socket that has received from the binding can return it. Closing a
 *    socket returns nothing.
 *  - What was never returned comes back once the binding is unbound and no
 *    socket that has received from it is open.
 *  - A socket receives from one binding in its life, EFAULT from another. Its
 *    first receive must come before the unbind, else ENODEV.
 *
 * Manual without the attribute is the series' choice. Programs that know of no
 * modes work in both: they return each fragment's token once, before closing.
 *
 * The RX bindings that exist are all in one mode; bind-tx has no mode.
 *
 * Who counts what: binding->ref keeps the binding; each joined socket has one.
 * manual->members keeps the buffers handed out; the bound state has one, and
 * each joined socket. slot->users counts one buffer's fragments in user space,
 * which together own one page-pool reference.
 */

#include <linux/dma-buf.h>
#include <linux/genalloc.h>
#include <linux/nospec.h>
#include <linux/skbuff_ref.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include <uapi/linux/netdev.h>

#include "autorelease.h"

struct net_devmem_slot {
	struct net_iov *niov;
	atomic_t users;
};

struct net_devmem_manual {
	refcount_t members;
	bool unbound;
	u32 num_slots;
	struct net_devmem_slot slots[] __counted_by(num_slots);
};

/* The mode of the RX bindings not freed yet, and how many they are. */
static DEFINE_SPINLOCK(mode_lock);
static unsigned int mode_bindings;
static bool mode_autorelease;

bool net_devmem_autorelease(void)
{
	return READ_ONCE(mode_autorelease);
}

static int mode_get(bool autorelease, struct netlink_ext_ack *extack)
{
	int err = 0;

	spin_lock(&mode_lock);
	if (mode_bindings && mode_autorelease != autorelease) {
		NL_SET_ERR_MSG_FMT(extack,
				   "System already configured with autorelease=%d",
				   mode_autorelease);
		err = -EBUSY;
	} else {
		WRITE_ONCE(mode_autorelease, autorelease);
		mode_bindings++;
	}
	spin_unlock(&mode_lock);

	return err;
}

static void mode_put(void)
{
	spin_lock(&mode_lock);
	if (!--mode_bindings)
		WRITE_ONCE(mode_autorelease, false);
	spin_unlock(&mode_lock);
}

static u32 slot_index(const struct net_iov *niov)
{
	return net_iov_virtual_addr(niov) >>
	       net_devmem_iov_binding(niov)->niov_shift;
}

static struct net_devmem_slot *slot_of(const struct net_iov *niov)
{
	return &net_devmem_manual(niov)->slots[slot_index(niov)];
}

static void fill_slots(struct gen_pool *pool, struct gen_pool_chunk *chunk,
		       void *data)
{
	struct dmabuf_genpool_chunk_owner *owner = chunk->owner;
	struct net_devmem_manual *manual = data;
	size_t i;

	for (i = 0; i < owner->area.num_niovs; i++) {
		struct net_iov *niov = &owner->area.niovs[i];

		manual->slots[slot_index(niov)].niov = niov;
	}
}

static struct net_devmem_manual *
manual_alloc(struct net_devmem_dmabuf_binding *binding)
{
	size_t num_slots = gen_pool_size(binding->chunk_pool) >>
			   binding->niov_shift;
	struct net_devmem_manual *manual;

	if (num_slots > U32_MAX)
		return NULL;

	manual = kvzalloc_flex(*manual, slots, num_slots);
	if (!manual)
		return NULL;

	manual->num_slots = num_slots;
	refcount_set(&manual->members, 1);
	gen_pool_for_each_chunk(binding->chunk_pool, fill_slots, manual);

	return manual;
}

/* A member less. After the last there is none who could hand out or return a
 * token, so what is still counted was leaked.
 */
static void manual_put(struct net_devmem_manual *manual)
{
	u32 i;

	if (!refcount_dec_and_test(&manual->members))
		return;

	for (i = 0; i < manual->num_slots; i++) {
		struct net_devmem_slot *slot = &manual->slots[i];

		if (atomic_xchg(&slot->users, 0))
			napi_pp_put_page(net_iov_to_netmem(slot->niov));
	}
}

/* Gives a new RX binding, which has no queue yet, the mode asked for. */
int net_devmem_mode_take(struct net_devmem_dmabuf_binding *binding,
			 struct genl_info *info)
{
	struct nlattr *attr = info->attrs[NETDEV_A_DMABUF_AUTORELEASE];
	bool autorelease = attr && nla_get_u8(attr);
	int err;

	err = mode_get(autorelease, info->extack);
	if (err)
		return err;
	binding->has_mode = true;

	if (!autorelease) {
		binding->manual = manual_alloc(binding);
		if (!binding->manual)
			return -ENOMEM;
	}

	return 0;
}

/* The binding's queues are closed; the user's reference is about to go. */
void net_devmem_mode_unbind(struct net_devmem_dmabuf_binding *binding)
{
	if (!binding->manual)
		return;

	WRITE_ONCE(binding->manual->unbound, true);
	manual_put(binding->manual);
}

/*
 * The last reference to the binding is gone. Its memory, which takes a while to
 * give back, keeps nobody out.
 */
void net_devmem_mode_free(struct net_devmem_dmabuf_binding *binding)
{
	kvfree(binding->manual);
	if (binding->has_mode)
		mode_put();
}

/* Makes the socket, which is locked and about to receive from this buffer, a
 * member of the buffer's binding. The buffer keeps the binding alive meanwhile.
 */
int net_devmem_manual_join(struct sock *sk, const struct net_iov *niov)
{
	struct net_devmem_dmabuf_binding *binding = net_devmem_iov_binding(niov);

	if (sk->sk_devmem_binding == binding)
		return 0;
	if (sk->sk_devmem_binding)
		return -EFAULT;

	if (READ_ONCE(binding->manual->unbound) ||
	    !refcount_inc_not_zero(&binding->manual->members))
		return -ENODEV;
	if (!net_devmem_dmabuf_binding_get(binding)) {
		manual_put(binding->manual);
		return -ENODEV;
	}

	/* Pairs with net_devmem_manual_return(), which takes no socket lock. */
	smp_store_release(&sk->sk_devmem_binding, binding);

	return 0;
}

u32 net_devmem_manual_token(const struct net_iov *niov)
{
	return slot_index(niov);
}

/* Counts one more fragment in user space, of a buffer that the caller holds a
 * page-pool reference to. Once it is counted, another thread may return it.
 */
void net_devmem_manual_get(struct net_iov *niov)
{
	struct net_devmem_slot *slot = slot_of(niov);

	if (atomic_inc_not_zero(&slot->users))
		return;

	atomic_long_inc(&niov->desc.pp_ref_count);
	/* Another socket may have been first: one reference is for all. */
	if (atomic_inc_return(&slot->users) > 1)
		napi_pp_put_page(net_iov_to_netmem(niov));
}

static bool slot_return(struct net_devmem_slot *slot)
{
	int users = atomic_dec_if_positive(&slot->users);

	if (!users)
		napi_pp_put_page(net_iov_to_netmem(slot->niov));

	return users >= 0;
}

/* SO_DEVMEM_DONTNEED in manual mode: returns how many fragments were given
 * back, of the first max_frags. The caller's file keeps the socket, which is
 * not locked, and so its membership.
 */
int net_devmem_manual_return(const struct sock *sk,
			     const struct dmabuf_token *tokens,
			     unsigned int num_tokens, unsigned int max_frags)
{
	struct net_devmem_dmabuf_binding *binding;
	struct net_devmem_manual *manual;
	unsigned int i, frags = 0;
	int returned = 0;
	u32 index, j;

	/* Pairs with net_devmem_manual_join(). */
	binding = smp_load_acquire(&sk->sk_devmem_binding);
	if (!binding)
		return -EINVAL;
	manual = binding->manual;

	for (i = 0; i < num_tokens; i++) {
		for (j = 0; j < tokens[i].token_count; j++) {
			if (++frags > max_frags)
				return returned;

			index = tokens[i].token_start + j;
			if (index >= manual->num_slots)
				break;

			index = array_index_nospec(index, manual->num_slots);
			returned += slot_return(&manual->slots[index]);
		}
	}

	return returned;
}

/* The socket is destroyed. */
void net_devmem_manual_leave(struct sock *sk)
{
	struct net_devmem_dmabuf_binding *binding = sk->sk_devmem_binding;

	if (!binding)
		return;

	sk->sk_devmem_binding = NULL;
	manual_put(binding->manual);
	net_devmem_dmabuf_binding_put(binding);
}
