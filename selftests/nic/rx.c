// SPDX-License-Identifier: GPL-2.0-only
/* Receive: page pools, the device's writes into them, and NAPI. */
#include <linux/etherdevice.h>
#include <linux/highmem.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/gro.h>
#include <net/ip6_checksum.h>
#include <net/page_pool/helpers.h>

#include "dmnic.h"

/* A frame that is not split has this much in the skb's linear part. */
#define DMN_COPYBREAK	256

/* Move data between the device and memory at a DMA address. */
bool dmn_dma(dma_addr_t addr, void *buf, size_t len, bool to_memory)
{
	while (len) {
		size_t offset = offset_in_page(addr);
		size_t n = min(len, PAGE_SIZE - offset);
		unsigned long pfn = PHYS_PFN(addr);

		if (!pfn_valid(pfn))
			return false;
		if (to_memory)
			memcpy_to_page(pfn_to_page(pfn), offset, buf, n);
		else
			memcpy_from_page(buf, pfn_to_page(pfn), offset, n);
		addr += n;
		buf += n;
		len -= n;
	}
	return true;
}

static int dmn_fill_init(struct dmn_fill *fill, struct dmn_port *port,
			 unsigned int index, unsigned int page_size,
			 unsigned int flags)
{
	struct page_pool_params params = {
		.order		= get_order(page_size),
		.pool_size	= READ_ONCE(port->rx_ring),
		.nid		= NUMA_NO_NODE,
		.dev		= dmn_dma_dev(port, index),
		.dma_dir	= DMA_FROM_DEVICE,
		.max_len	= page_size,
		.netdev		= port->dev,
		.queue_idx	= index,
		.flags		= PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV | flags,
	};
	struct page_pool *pool = page_pool_create(&params);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	*fill = (struct dmn_fill){ .pool = pool, .size = page_size };
	return 0;
}

/* The part of the ring that is taken ahead, however large a page is. */
static int dmn_fill_ring(struct dmn_fill *fill)
{
	size_t bytes = (size_t)dmn_quirks.prefill * (fill->piece ?: PAGE_SIZE);

	if (!bytes)
		return 0;
	fill->depth = DIV_ROUND_UP(bytes, fill->size);
	fill->posted = kvcalloc(fill->depth, sizeof(*fill->posted), GFP_KERNEL);
	return fill->posted ? 0 : -ENOMEM;
}

/* Take memory ahead; false: the pool has too little. */
static bool dmn_fill_post(struct dmn_fill *fill, gfp_t gfp)
{
	netmem_ref netmem;

	while (fill->count < fill->depth) {
		netmem = page_pool_alloc_netmems(fill->pool, gfp | __GFP_NOWARN);
		if (!netmem)
			return false;
		fill->posted[(fill->head + fill->count) % fill->depth] = netmem;
		WRITE_ONCE(fill->count, fill->count + 1);
	}
	return true;
}

static netmem_ref dmn_fill_take(struct dmn_fill *fill)
{
	netmem_ref netmem;

	if (!fill->depth)
		return page_pool_alloc_netmems(fill->pool,
					       GFP_ATOMIC | __GFP_NOWARN);
	if (!fill->count)
		return 0;
	netmem = fill->posted[fill->head];
	fill->head = (fill->head + 1) % fill->depth;
	WRITE_ONCE(fill->count, fill->count - 1);
	return netmem;
}

static void dmn_fill_free(struct dmn_fill *fill)
{
	netmem_ref netmem;

	while (fill->count) {
		netmem = dmn_fill_take(fill);
		page_pool_put_full_netmem(fill->pool, netmem, false);
	}
	kvfree(fill->posted);
	if (fill->netmem)
		page_pool_put_full_netmem(fill->pool, fill->netmem, false);
	page_pool_destroy(fill->pool);
	*fill = (struct dmn_fill){};
}

void dmn_rx_free(struct dmn_rx *rx)
{
	dmn_fill_free(&rx->payload);
	dmn_fill_free(&rx->plain);
}

int dmn_rx_alloc(struct dmn_port *port, unsigned int index,
		 unsigned int page_size, struct dmn_rx *rx)
{
	unsigned int unreadable = PP_FLAG_ALLOW_UNREADABLE_NETMEM;
	int err;

	err = dmn_fill_init(&rx->payload, port, index, page_size,
			    port->split ? unreadable : 0);
	if (err)
		return err;
	err = dmn_fill_init(&rx->plain, port, index, PAGE_SIZE, 0);
	if (!err && port->split) {
		if (port->rx_buf_len)
			rx->payload.piece = min_t(unsigned int, PAGE_SIZE,
						  port->rx_buf_len);
		err = dmn_fill_ring(&rx->payload);
	}
	if (err)
		dmn_rx_free(rx);
	return err;
}

/* Post buffers before the queue runs; false: not as many as it should have. */
bool dmn_rx_post(struct dmn_rx *rx)
{
	return dmn_fill_post(&rx->payload, GFP_KERNEL);
}

/* The same, of a queue that runs. */
bool dmn_rx_posted(const struct dmn_rx *rx)
{
	return READ_ONCE(rx->payload.count) >= rx->payload.depth;
}

/* Write data to pool memory and attach it to the skb. */
static bool dmn_fill_skb(struct dmn_fill *fill, struct sk_buff *skb, u8 *data,
			 unsigned int len)
{
	unsigned int room = fill->piece ?: fill->size;
	unsigned int align = fill->piece ?: SMP_CACHE_BYTES;

	while (len) {
		unsigned int offset, end, n;
		dma_addr_t addr;

		if (!fill->netmem) {
			fill->netmem = dmn_fill_take(fill);
			if (!fill->netmem)
				return false;
			fill->offset = 0;
		}
		offset = fill->offset;
		n = min3(len, fill->size - offset, room);
		end = min(ALIGN(offset + n, align), fill->size);
		addr = page_pool_get_dma_addr_netmem(fill->netmem);
		if (!dmn_dma(addr + offset, data, n, true))
			return false;
		if (!netmem_is_net_iov(fill->netmem))
			__page_pool_dma_sync_for_cpu(fill->pool, addr, offset, n);

		/* Each fragment has a reference; the last one gets ours. */
		if (end < fill->size)
			page_pool_ref_netmem(fill->netmem);
		skb_add_rx_frag_netmem(skb, skb_shinfo(skb)->nr_frags,
				       fill->netmem, offset, n, end - offset);
		fill->offset = end;
		if (end == fill->size)
			fill->netmem = 0;
		data += n;
		len -= n;
	}
	return true;
}

#define DMN_HEADROOM	(NET_SKB_PAD + NET_IP_ALIGN)

/* An skb with @len bytes in its linear part, in a piece of the plain pool. */
static struct sk_buff *dmn_head(struct dmn_queue *q, const u8 *data,
				unsigned int len)
{
	unsigned int size = SKB_DATA_ALIGN(DMN_HEADROOM + len) +
			    SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct sk_buff *skb;
	void *va;

	va = page_pool_dev_alloc_va(q->rx.plain.pool, &size);
	if (!va)
		return NULL;
	skb = napi_build_skb(va, size);
	if (!skb) {
		page_pool_free_va(q->rx.plain.pool, va, true);
		return NULL;
	}
	skb_mark_for_recycle(skb);
	skb_reserve(skb, DMN_HEADROOM);
	skb_put_data(skb, data, len);
	return skb;
}

/* The same, in memory that is no page of any pool. */
static struct sk_buff *dmn_head_apart(const u8 *data, unsigned int len)
{
	struct sk_buff *skb = alloc_skb(DMN_HEADROOM + len,
					GFP_ATOMIC | __GFP_NOWARN);

	if (skb) {
		skb_reserve(skb, DMN_HEADROOM);
		skb_put_data(skb, data, len);
	}
	return skb;
}

/* The receiver's own check, for what the sender's NIC has not vouched for. */
static bool dmn_checksum_ok(const struct sk_buff *frame)
{
	const struct dmn_frame *info = DMN_FRAME(frame);
	const struct ipv6hdr *ip6 = (void *)(frame->data + info->l3);
	const struct iphdr *ip4 = (void *)(frame->data + info->l3);
	unsigned int len = frame->len - info->l4;
	__wsum sum;

	if (info->checksummed)
		return true;
	if (!info->payload)
		return false;
	sum = csum_partial(frame->data + info->l4, len, 0);
	if (info->family == AF_INET)
		return !csum_tcpudp_magic(ip4->saddr, ip4->daddr, len,
					  info->proto, sum);
	return !csum_ipv6_magic(&ip6->saddr, &ip6->daddr, len, info->proto, sum);
}

static bool dmn_is_tcp_data(const struct sk_buff *frame)
{
	const struct dmn_frame *info = DMN_FRAME(frame);

	return info->proto == IPPROTO_TCP && info->payload &&
	       info->payload < frame->len;
}

/* Little payload is copied, which needs memory that can be read. */
static bool dmn_is_copied(const struct dmn_queue *q,
			  const struct sk_buff *frame)
{
	return frame->len - DMN_FRAME(frame)->payload <=
	       READ_ONCE(q->port->copybreak) &&
	       !q->rx.payload.pool->mp_priv;
}

/*
 * GRO and TCP merge skbs whose memory comes from page pools, and whose heads
 * are in pages, without asking what is readable; and they must not mix the two
 * kinds in one skb. So where frames of a flow are split, those that are not,
 * or not in front of their payload, get a head that nobody takes over.
 */
static struct sk_buff *dmn_build(struct dmn_queue *q, struct sk_buff *frame,
				 bool checked)
{
	const struct dmn_port *port = q->port;
	unsigned int linear = min(frame->len, DMN_COPYBREAK);
	struct dmn_fill *fill = &q->rx.plain;
	bool apart = false;
	struct sk_buff *skb;

	if (READ_ONCE(port->split) && dmn_is_tcp_data(frame)) {
		unsigned int keep = READ_ONCE(dmn_linear_bytes);

		/* What the stack could not check must stay readable. */
		if (!checked || dmn_fault(&dmn_plain) ||
		    frame->len <= READ_ONCE(port->hds_thresh) ||
		    dmn_is_copied(q, frame))
			keep = frame->len;
		apart = keep;
		linear = DMN_FRAME(frame)->payload;
		linear += min(keep, frame->len - linear);
		fill = &q->rx.payload;
	}

	skb = apart ? dmn_head_apart(frame->data, linear) :
		      dmn_head(q, frame->data, linear);
	if (!skb)
		return NULL;
	if (linear < frame->len) {
		skb_mark_for_recycle(skb);
		if (!dmn_fill_skb(fill, skb, frame->data + linear,
				  frame->len - linear)) {
			kfree_skb(skb);
			return NULL;
		}
	}
	return skb;
}

/* Returns what to count the frame as. */
static u64_stats_t *dmn_receive(struct dmn_queue *q, struct sk_buff *frame)
{
	struct net_device *dev = q->port->dev;
	bool checked = dmn_checksum_ok(frame), summed;
	struct sk_buff *skb;
	__wsum sum = 0;

	/* Drivers use the sum of all bytes, or not where some may be padding. */
	summed = dmn_quirks.padded > 1 ||
		 (dmn_quirks.padded && frame->len > ETH_ZLEN + ETH_FCS_LEN);
	if (dmn_quirks.padded && frame->len < ETH_ZLEN)
		skb_put_zero(frame, ETH_ZLEN - frame->len);
	if (summed)
		sum = csum_partial(frame->data + ETH_HLEN,
				   frame->len - ETH_HLEN, 0);

	if (frame->len > READ_ONCE(dev->mtu) + VLAN_ETH_HLEN ||
	    dmn_fault(&dmn_drop))
		return &q->rx_stats.drops;
	if (dmn_is_tcp_data(frame) && dmn_fault(&dmn_corrupt))
		frame->data[frame->len - 1] ^= 0xff;

	skb = dmn_build(q, frame, checked);
	if (!skb)
		return &q->rx_stats.alloc_fail;
	if (summed) {
		skb->ip_summed = CHECKSUM_COMPLETE;
		skb->csum = sum;
	} else if (checked) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	if (dev->features & NETIF_F_RXHASH)
		skb_set_hash(skb, DMN_FRAME(frame)->hash,
			     DMN_FRAME(frame)->hash_type);
	skb_record_rx_queue(skb, q->index);
	skb->protocol = eth_type_trans(skb, dev);
	if (dmn_xdp_pass(q->port, &skb))
		napi_gro_receive(&q->napi, skb);
	return &q->rx_stats.packets;
}

/* Let the peer's queues go on that found this one full. */
void dmn_resume_senders(struct dmn_queue *q)
{
	struct dmn_port *peer = q->port->peer;
	unsigned int i;

	/* Pairs with the barrier in dmn_send(). */
	smp_mb();
	if (!READ_ONCE(q->waiting) || (READ_ONCE(q->up) && dmn_wire_full(q)))
		return;
	for (i = 0; i < peer->max_queues; i++)
		if (test_and_clear_bit(i, &q->waiting) &&
		    READ_ONCE(peer->queue[i].up))
			dmn_interrupt(&peer->queue[i]);
}

static int dmn_rx_poll(struct dmn_queue *q, int budget)
{
	struct sk_buff *frame;
	u64_stats_t *counter;
	int done = 0;

	while (done < budget && (frame = skb_dequeue(&q->wire))) {
		counter = dmn_receive(q, frame);
		u64_stats_update_begin(&q->rx_stats.sync);
		u64_stats_inc(counter);
		if (counter == &q->rx_stats.packets)
			u64_stats_add(&q->rx_stats.bytes, frame->len);
		u64_stats_update_end(&q->rx_stats.sync);
		consume_skb(frame);
		done++;
	}
	dmn_fill_post(&q->rx.payload, GFP_ATOMIC);
	rcu_read_lock();
	dmn_resume_senders(q);
	rcu_read_unlock();
	return done;
}

int dmn_poll(struct napi_struct *napi, int budget)
{
	struct dmn_queue *q = container_of(napi, struct dmn_queue, napi);
	bool more = dmn_tx_poll(q, budget);
	int done = dmn_rx_poll(q, budget);

	if (more || done == budget)
		return budget;
	napi_complete_done(napi, done);
	return done;
}
