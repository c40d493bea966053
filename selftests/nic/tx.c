// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transmit: the host posts skbs to a ring; the device reads them, cuts them
 * into frames and puts those on the wire.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/netdev_queues.h>
#include <net/tcp.h>

#include "dmnic.h"

/* One skb on its way to the wire. */
struct dmn_send {
	struct dmn_queue *q;
	struct sk_buff *skb;
	struct dmn_flow flow;
	unsigned int packets;
	unsigned int bytes;
	unsigned int drops;
};

static unsigned int dmn_tx_room(const struct dmn_queue *q)
{
	unsigned int ring = READ_ONCE(q->port->tx_ring);
	unsigned int used = skb_queue_len_lockless(&q->tx);

	return ring > used ? ring - used : 0;
}

static unsigned int dmn_tx_wake_room(const struct dmn_queue *q)
{
	return READ_ONCE(q->port->tx_ring) / 4;
}

netdev_tx_t dmn_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct dmn_port *port = netdev_priv(dev);
	u16 index = skb_get_queue_mapping(skb);
	struct dmn_queue *q = &port->queue[index];
	struct netdev_queue *txq = netdev_get_tx_queue(dev, index);
	bool more;

	if (unlikely(!READ_ONCE(q->up))) {
		dev_core_stats_tx_dropped_inc(dev);
		dev_kfree_skb_any(skb);
		return NETDEV_TX_OK;
	}

	skb_tx_timestamp(skb);
	more = !__netdev_tx_sent_queue(txq, skb->len, netdev_xmit_more());
	skb_queue_tail(&q->tx, skb);
	netif_txq_maybe_stop(txq, dmn_tx_room(q), 1, dmn_tx_wake_room(q));
	if (!more || netif_xmit_stopped(txq))
		dmn_interrupt(q);
	return NETDEV_TX_OK;
}

/* Read an skb as a device does: what is unreadable, by DMA address. */
static bool dmn_read(const struct sk_buff *skb, unsigned int offset, u8 *to,
		     unsigned int len)
{
	unsigned int start = skb_headlen(skb), n;
	const skb_frag_t *frag;
	dma_addr_t addr;
	int i;

	if (skb_frags_readable(skb))
		return !skb_copy_bits(skb, offset, to, len);

	if (offset < start) {
		n = min(len, start - offset);
		memcpy(to, skb->data + offset, n);
		offset += n;
		to += n;
		len -= n;
	}
	for (i = 0; len && i < skb_shinfo(skb)->nr_frags; i++) {
		frag = &skb_shinfo(skb)->frags[i];
		if (offset < start + skb_frag_size(frag)) {
			n = min(len, start + skb_frag_size(frag) - offset);
			addr = page_pool_get_dma_addr_netmem(skb_frag_netmem(frag));
			addr += skb_frag_off(frag) + (offset - start);
			if (!dmn_dma(addr, to, n, false))
				return false;
			offset += n;
			to += n;
			len -= n;
		}
		start += skb_frag_size(frag);
	}
	return !len;
}

/* Give a segment the headers of its own: length, place, flags, checksum. */
static void dmn_fix_headers(const struct dmn_send *send, struct sk_buff *frame,
			    unsigned int nth, unsigned int offset, bool last)
{
	const struct dmn_flow *flow = &send->flow;
	unsigned int l4_len = frame->len - flow->l4;
	struct ipv6hdr *ip6 = (void *)(frame->data + flow->l3);
	struct iphdr *ip4 = (void *)(frame->data + flow->l3);
	struct tcphdr *tcp = (void *)(frame->data + flow->l4);
	struct udphdr *udp = (void *)tcp;
	__sum16 pseudo;

	if (flow->key.family == AF_INET) {
		ip4->tot_len = htons(frame->len - flow->l3);
		ip4->id = htons(ntohs(ip4->id) + nth);
		ip_send_check(ip4);
		pseudo = ~csum_tcpudp_magic(ip4->saddr, ip4->daddr, l4_len,
					    flow->key.proto, 0);
	} else {
		ip6->payload_len = htons(l4_len);
		pseudo = ~csum_ipv6_magic(&ip6->saddr, &ip6->daddr, l4_len,
					  flow->key.proto, 0);
	}

	if (flow->key.proto == IPPROTO_UDP) {
		udp->len = htons(l4_len);
		udp->check = pseudo;
		return;
	}
	tcp->seq = htonl(ntohl(tcp->seq) + offset);
	tcp->check = pseudo;
	if (nth)
		tcp->cwr = 0;
	if (!last) {
		tcp->fin = 0;
		tcp->psh = 0;
	}
}

static void dmn_checksum(const struct sk_buff *skb, struct sk_buff *frame)
{
	unsigned int start = skb_checksum_start_offset(skb);
	__sum16 sum = csum_fold(csum_partial(frame->data + start,
					     frame->len - start, 0));

	*(__sum16 *)(frame->data + start + skb->csum_offset) =
		sum ?: CSUM_MANGLED_0;
}

/*
 * A card takes a limited number of pieces for one frame: headers are one, each
 * piece of payload is one. Software may cut a frame of more out of an skb, and
 * would copy it together, but it cannot copy what it cannot read.
 */
bool dmn_few_frags(const struct sk_buff *skb, unsigned int header)
{
	unsigned int max = dmn_quirks.max_tx_frags, used = 0, size, n;
	unsigned int room = skb_shinfo(skb)->gso_size;
	int i;

	if (!max)
		return true;
	for (i = -1; i < skb_shinfo(skb)->nr_frags; i++) {
		size = i >= 0 ? skb_frag_size(&skb_shinfo(skb)->frags[i]) :
				max(skb_headlen(skb), header) - header;
		for (; size; size -= n) {
			if (!room) {
				room = skb_shinfo(skb)->gso_size;
				used = 0;
			}
			if (++used > max)
				return false;
			n = min(size, room);
			room -= n;
		}
	}
	return true;
}

static bool dmn_must_drop(const struct sk_buff *skb)
{
	return dmn_quirks.max_tx_frags && !skb_is_gso(skb) &&
	       skb_shinfo(skb)->nr_frags > dmn_quirks.max_tx_frags &&
	       !skb_frags_readable(skb);
}

/* Put one frame on the wire: the first @header bytes, @len from @offset on. */
static void dmn_send_frame(struct dmn_send *send, struct dmn_queue *to,
			   const struct dmn_frame *proto, unsigned int header,
			   unsigned int offset, unsigned int len)
{
	struct sk_buff *skb = send->skb, *frame;
	bool last = header + offset + len == skb->len;

	/* The receiving card may pad it. */
	frame = alloc_skb(max_t(unsigned int, header + len, ETH_ZLEN),
			  GFP_ATOMIC | __GFP_NOWARN);
	if (!frame) {
		send->drops++;
		return;
	}
	if (!dmn_read(skb, 0, skb_put(frame, header), header) ||
	    !dmn_read(skb, header + offset, skb_put(frame, len), len)) {
		kfree_skb(frame);
		send->drops++;
		return;
	}
	if (skb_is_gso(skb))
		dmn_fix_headers(send, frame, offset / skb_shinfo(skb)->gso_size,
				offset, last);
	if (skb->ip_summed == CHECKSUM_PARTIAL)
		dmn_checksum(skb, frame);

	*DMN_FRAME(frame) = *proto;
	DMN_FRAME(frame)->checksummed = skb->ip_summed == CHECKSUM_PARTIAL;
	send->packets++;
	send->bytes += frame->len;
	skb_queue_tail(&to->wire, frame);
}

/* Send one skb, all of it; false: the receiving queue is full, try again. */
static bool dmn_send(struct dmn_send *send)
{
	struct dmn_port *peer = send->q->port->peer;
	struct sk_buff *skb = send->skb;
	unsigned int header = 0, step = skb->len, offset, len;
	struct dmn_frame proto = {};
	struct dmn_queue *to;

	dmn_parse(skb, &send->flow);
	to = dmn_steer(peer, &send->flow, &proto);
	if (!to || !READ_ONCE(to->up) || dmn_must_drop(skb)) {
		send->drops++;
		return true;
	}

	if (dmn_wire_full(to)) {
		set_bit(send->q->index, &to->waiting);
		/* Either this sees room or the receiver sees the bit. */
		smp_mb__after_atomic();
		if (dmn_wire_full(to))
			return false;
	}

	if (skb_is_gso(skb)) {
		header = send->flow.payload;
		step = skb_shinfo(skb)->gso_size;
		if (!header) {
			send->drops++;
			return true;
		}
	}
	for (offset = 0; header + offset < skb->len; offset += len) {
		len = min(step, skb->len - header - offset);
		dmn_send_frame(send, to, &proto, header, offset, len);
	}
	dmn_interrupt(to);
	return true;
}

/* Work off the transmit ring; true: there is more to do right now. */
bool dmn_tx_poll(struct dmn_queue *q, int budget)
{
	struct netdev_queue *txq = netdev_get_tx_queue(q->port->dev, q->index);
	struct dmn_send send = { .q = q };
	unsigned int done = 0, bytes = 0;
	bool more = true;

	rcu_read_lock();
	while (done < NAPI_POLL_WEIGHT) {
		send.skb = skb_peek(&q->tx);
		if (!send.skb || !dmn_send(&send)) {
			more = false;
			break;
		}
		skb_unlink(send.skb, &q->tx);
		done++;
		bytes += send.skb->len;
		napi_consume_skb(send.skb, budget);
	}
	rcu_read_unlock();

	u64_stats_update_begin(&q->tx_stats.sync);
	u64_stats_add(&q->tx_stats.packets, send.packets);
	u64_stats_add(&q->tx_stats.bytes, send.bytes);
	u64_stats_add(&q->tx_stats.drops, send.drops);
	u64_stats_update_end(&q->tx_stats.sync);

	__netif_txq_completed_wake(txq, done, bytes, dmn_tx_room(q),
				   dmn_tx_wake_room(q), !READ_ONCE(q->up));
	return more;
}
