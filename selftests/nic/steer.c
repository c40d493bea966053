// SPDX-License-Identifier: GPL-2.0-only
/* Steering: which of a port's receive queues a frame goes to. */
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/dsfield.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "dmnic.h"

static void dmn_parse_l4(const struct sk_buff *skb, struct dmn_flow *flow,
			 u8 proto, bool whole)
{
	union {
		struct tcphdr tcp;
		struct udphdr udp;
	} buf, *l4;
	unsigned int size, payload;

	size = proto == IPPROTO_TCP ? sizeof(buf.tcp) : sizeof(buf.udp);
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return;
	l4 = skb_header_pointer(skb, flow->l4, size, &buf);
	if (!l4)
		return;
	payload = flow->l4 + (proto == IPPROTO_TCP ? __tcp_hdrlen(&l4->tcp) :
						     sizeof(l4->udp));
	if (payload < flow->l4 + size || payload > skb->len)
		return;

	flow->key.proto = proto;
	flow->key.sport = l4->udp.source;
	flow->key.dport = l4->udp.dest;
	if (whole)
		flow->payload = payload;
}

static void dmn_parse_ip4(const struct sk_buff *skb, struct dmn_flow *flow)
{
	struct iphdr buf, *ip;
	bool whole;

	ip = skb_header_pointer(skb, flow->l3, sizeof(buf), &buf);
	if (!ip || ip->version != 4 || ip->ihl < 5)
		return;
	flow->key.family = AF_INET;
	flow->key.tos = ip->tos;
	flow->key.saddr.s6_addr32[0] = ip->saddr;
	flow->key.daddr.s6_addr32[0] = ip->daddr;
	flow->l4 = flow->l3 + ip->ihl * 4;
	whole = skb_is_gso(skb) || flow->l3 + ntohs(ip->tot_len) == skb->len;
	if (!ip_is_fragment(ip))
		dmn_parse_l4(skb, flow, ip->protocol, whole);
}

static void dmn_parse_ip6(const struct sk_buff *skb, struct dmn_flow *flow)
{
	struct ipv6hdr buf, *ip;
	bool whole;

	ip = skb_header_pointer(skb, flow->l3, sizeof(buf), &buf);
	if (!ip || ip->version != 6)
		return;
	flow->key.family = AF_INET6;
	flow->key.tos = ipv6_get_dsfield(ip);
	flow->key.saddr = ip->saddr;
	flow->key.daddr = ip->daddr;
	flow->l4 = flow->l3 + sizeof(*ip);
	whole = skb_is_gso(skb) ||
		flow->l4 + ntohs(ip->payload_len) == skb->len;
	dmn_parse_l4(skb, flow, ip->nexthdr, whole);
}

/* Find a frame's headers; no VLAN tags, tunnels or IPv6 extensions. */
void dmn_parse(const struct sk_buff *skb, struct dmn_flow *flow)
{
	struct ethhdr buf, *eth;

	memset(flow, 0, sizeof(*flow));
	flow->l3 = ETH_HLEN;
	eth = skb_header_pointer(skb, 0, sizeof(buf), &buf);
	if (!eth)
		return;
	if (eth->h_proto == htons(ETH_P_IP))
		dmn_parse_ip4(skb, flow);
	else if (eth->h_proto == htons(ETH_P_IPV6))
		dmn_parse_ip6(skb, flow);
}

/* Which of a context's hash field settings applies; -1: the addresses. */
int dmn_fields_index(u8 family, u8 proto)
{
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return -1;
	return (family == AF_INET6) * 2 + (proto == IPPROTO_UDP);
}

static u32 dmn_toeplitz(const u8 *key, const u8 *data, unsigned int len)
{
	u32 window = get_unaligned_be32(key), hash = 0;
	unsigned int i;
	int bit;

	for (i = 0; i < len; i++) {
		for (bit = 7; bit >= 0; bit--) {
			if (data[i] & BIT(bit))
				hash ^= window;
			window <<= 1;
			if (key[i + 4] & BIT(bit))
				window |= 1;
		}
	}
	return hash;
}

/* Append a pair of fields, made symmetric if asked for, to the hash's input. */
static u8 *dmn_hash_pair(u8 *at, const void *src, const void *dst,
			 unsigned int size, u8 which, u8 xfrm)
{
	const u8 *s = src, *d = dst;
	unsigned int i;

	if (xfrm) {
		for (i = 0; i < size; i++) {
			at[i] = s[i] ^ d[i];
			at[size + i] = xfrm & RXH_XFRM_SYM_OR_XOR ?
				       s[i] | d[i] : s[i] ^ d[i];
		}
		return at + 2 * size;
	}
	if (which & 1) {
		memcpy(at, src, size);
		at += size;
	}
	if (which & 2) {
		memcpy(at, dst, size);
		at += size;
	}
	return at;
}

static u32 dmn_hash(const struct dmn_rss *rss, const struct dmn_key *key,
		    enum pkt_hash_types *type)
{
	u8 fields = RXH_IP_SRC | RXH_IP_DST, which;
	int index = dmn_fields_index(key->family, key->proto);
	u8 input[sizeof(struct dmn_key)], *end = input;

	*type = PKT_HASH_TYPE_NONE;
	if (!key->family)
		return 0;
	if (index >= 0)
		fields = READ_ONCE(rss->fields[index]);

	which = !!(fields & RXH_IP_SRC) + !!(fields & RXH_IP_DST) * 2;
	if (which) {
		end = dmn_hash_pair(end, &key->saddr, &key->daddr,
				    key->family == AF_INET ? 4 : 16, which,
				    rss->xfrm);
		*type = PKT_HASH_TYPE_L3;
	}
	which = !!(fields & RXH_L4_B_0_1) + !!(fields & RXH_L4_B_2_3) * 2;
	if (which) {
		end = dmn_hash_pair(end, &key->sport, &key->dport, 2, which,
				    rss->xfrm);
		*type = PKT_HASH_TYPE_L4;
	}
	return dmn_toeplitz(rss->key, input, end - input);
}

static bool dmn_matches(const struct dmn_rule *rule, const struct dmn_key *key)
{
	const u8 *k = (void *)key, *v = (void *)&rule->value;
	const u8 *m = (void *)&rule->mask;
	unsigned int i;

	for (i = 0; i < sizeof(*key); i++)
		if ((k[i] ^ v[i]) & m[i])
			return false;
	return true;
}

static const struct dmn_rule *dmn_find_rule(struct dmn_port *port,
					    const struct dmn_key *key)
{
	const struct dmn_rule *rule;

	list_for_each_entry_rcu(rule, &port->rules, list)
		if (dmn_matches(rule, key))
			return rule;
	return NULL;
}

/* The first rule that matches decides, or else RSS; NULL: drop. */
struct dmn_queue *dmn_steer(struct dmn_port *port, const struct dmn_flow *flow,
			    struct dmn_frame *frame)
{
	const struct dmn_rule *rule = dmn_find_rule(port, &flow->key);
	const struct dmn_rss *rss;
	u32 context = 0, index;

	frame->family = flow->key.family;
	frame->proto = flow->key.proto;
	frame->l3 = flow->l3;
	frame->l4 = flow->l4;
	frame->payload = flow->payload;

	if (rule) {
		if (rule->spec.ring_cookie == RX_CLS_FLOW_DISC)
			return NULL;
		context = rule->context;
	}
	rss = rcu_dereference(port->rss[context]);
	if (!rss)	/* the rule and its context have just been removed */
		rss = rcu_dereference(port->rss[0]);
	frame->hash = dmn_hash(rss, &flow->key, &frame->hash_type);
	if (rule && !(rule->spec.flow_type & FLOW_RSS))
		index = rule->spec.ring_cookie;
	else
		index = rss->indir[frame->hash % DMN_INDIR_SIZE];
	return &port->queue[index % READ_ONCE(port->queues)];
}
