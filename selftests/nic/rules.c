// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flow rules: TCP and UDP over IPv4 and IPv6, any bits of the addresses, the
 * ports and the traffic class, to a queue, an RSS context or nowhere.
 * The core serialises the writers; readers are frames, under RCU.
 */
#include <linux/ethtool.h>
#include <linux/rculist.h>
#include <net/ipv6.h>
#include <net/netdev_queues.h>

#include "dmnic.h"

static struct dmn_rule *dmn_rule_at(struct dmn_port *port, u32 location)
{
	struct dmn_rule *rule;

	list_for_each_entry(rule, &port->rules, list)
		if (rule->spec.location == location)
			return rule;
	return NULL;
}

static void dmn_remove_rule(struct dmn_port *port, struct dmn_rule *rule)
{
	list_del_rcu(&rule->list);
	port->num_rules--;
	kfree_rcu(rule, rcu);
}

void dmn_flush_rules(struct dmn_port *port)
{
	struct dmn_rule *rule, *next;

	list_for_each_entry_safe(rule, next, &port->rules, list)
		dmn_remove_rule(port, rule);
}

bool dmn_context_in_use(struct dmn_port *port, u32 context)
{
	struct dmn_rule *rule;

	list_for_each_entry(rule, &port->rules, list)
		if (rule->spec.flow_type & FLOW_RSS && rule->context == context)
			return true;
	return false;
}

static void dmn_key_ip4(const struct ethtool_tcpip4_spec *spec,
			struct dmn_key *key)
{
	key->saddr.s6_addr32[0] = spec->ip4src;
	key->daddr.s6_addr32[0] = spec->ip4dst;
	key->sport = spec->psrc;
	key->dport = spec->pdst;
	key->tos = spec->tos;
}

static void dmn_key_ip6(const struct ethtool_tcpip6_spec *spec,
			struct dmn_key *key)
{
	memcpy(&key->saddr, spec->ip6src, sizeof(key->saddr));
	memcpy(&key->daddr, spec->ip6dst, sizeof(key->daddr));
	key->sport = spec->psrc;
	key->dport = spec->pdst;
	key->tos = spec->tclass;
}

static int dmn_translate(struct dmn_rule *rule)
{
	const struct ethtool_rx_flow_spec *spec = &rule->spec;

	switch (spec->flow_type & ~FLOW_RSS) {
	case TCP_V4_FLOW:
	case UDP_V4_FLOW:
		rule->value.family = AF_INET;
		dmn_key_ip4(&spec->h_u.tcp_ip4_spec, &rule->value);
		dmn_key_ip4(&spec->m_u.tcp_ip4_spec, &rule->mask);
		break;
	case TCP_V6_FLOW:
	case UDP_V6_FLOW:
		rule->value.family = AF_INET6;
		dmn_key_ip6(&spec->h_u.tcp_ip6_spec, &rule->value);
		dmn_key_ip6(&spec->m_u.tcp_ip6_spec, &rule->mask);
		break;
	default:
		return -EOPNOTSUPP;
	}

	switch (spec->flow_type & ~FLOW_RSS) {
	case TCP_V4_FLOW:
	case TCP_V6_FLOW:
		rule->value.proto = IPPROTO_TCP;
		break;
	default:
		rule->value.proto = IPPROTO_UDP;
	}
	rule->mask.family = 0xff;
	rule->mask.proto = 0xff;
	return 0;
}

/* Does the rule lead to a queue or a context that exists? */
static int dmn_check_target(struct dmn_port *port, const struct dmn_rule *rule)
{
	u64 queue = rule->spec.ring_cookie;

	if (queue == RX_CLS_FLOW_DISC)
		return 0;
	if (!(rule->spec.flow_type & FLOW_RSS))
		return queue < port->queues ? 0 : -EINVAL;
	if (queue || rule->context >= DMN_MAX_CONTEXTS ||
	    !rcu_access_pointer(port->rss[rule->context]))
		return -EINVAL;
	return 0;
}

static struct dmn_rule *dmn_same_match(struct dmn_port *port,
				       const struct dmn_rule *new)
{
	struct dmn_rule *rule;

	list_for_each_entry(rule, &port->rules, list)
		if (!memcmp(&rule->value, &new->value, sizeof(new->value)) &&
		    !memcmp(&rule->mask, &new->mask, sizeof(new->mask)))
			return rule;
	return NULL;
}

static int dmn_free_location(struct dmn_port *port, struct dmn_rule *new,
			     bool last)
{
	u32 i;

	for (i = 0; i < DMN_MAX_RULES; i++) {
		new->spec.location = last ? DMN_MAX_RULES - 1 - i : i;
		if (!dmn_rule_at(port, new->spec.location))
			return 0;
	}
	return -ENOSPC;
}

/* Locations are priorities; the quirk says who chooses them. */
static int dmn_choose_location(struct dmn_port *port, struct dmn_rule *new)
{
	struct dmn_rule *same = dmn_same_match(port, new);
	u32 location = new->spec.location;

	switch (dmn_quirks.locations) {
	case DMN_LOCATIONS_ANY:
		if (location != RX_CLS_LOC_ANY)
			return -EINVAL;
		return same ? -EEXIST : dmn_free_location(port, new, false);
	case DMN_LOCATIONS_SLOTS:
		if (location != RX_CLS_LOC_ANY)
			return -EINVAL;
		return dmn_free_location(port, new, true);
	case DMN_LOCATIONS_GIVEN:
		return location < DMN_MAX_RULES ? 0 : -EINVAL;
	case DMN_LOCATIONS_LISTED:
		if (location >= DMN_MAX_RULES)
			return -ENOSPC;
		return same && same->spec.location != location ? -EEXIST : 0;
	}

	if (!(location & RX_CLS_LOC_SPECIAL))
		return location < DMN_MAX_RULES ? 0 : -EINVAL;
	/* A rule added again keeps the location it has. */
	if (same && location == RX_CLS_LOC_ANY) {
		new->spec.location = same->spec.location;
		return 0;
	}
	return dmn_free_location(port, new, location == RX_CLS_LOC_LAST);
}

static bool dmn_is_5tuple(const struct dmn_key *mask)
{
	return !ipv6_addr_any(&mask->saddr) && !ipv6_addr_any(&mask->daddr) &&
	       mask->sport && mask->dport;
}

static void dmn_insert(struct dmn_port *port, struct dmn_rule *new)
{
	struct dmn_rule *old = dmn_rule_at(port, new->spec.location);
	struct dmn_rule *rule;

	if (old) {
		list_replace_rcu(&old->list, &new->list);
		kfree_rcu(old, rcu);
		return;
	}
	list_for_each_entry(rule, &port->rules, list)
		if (rule->spec.location > new->spec.location)
			break;
	list_add_tail_rcu(&new->list, &rule->list);
	port->num_rules++;
}

static int dmn_add_rule(struct dmn_port *port, struct ethtool_rxnfc *info)
{
	struct dmn_rule *rule = kzalloc(sizeof(*rule), GFP_KERNEL);
	int err;

	if (!rule)
		return -ENOMEM;
	rule->spec = info->fs;
	if (info->fs.flow_type & FLOW_RSS)
		rule->context = info->rss_context;

	err = dmn_translate(rule);
	if (!err && READ_ONCE(dmn_refuse_5tuple) && dmn_is_5tuple(&rule->mask))
		err = -EOPNOTSUPP;
	if (!err)
		err = dmn_check_target(port, rule);
	if (!err)
		err = dmn_choose_location(port, rule);
	if (err) {
		kfree(rule);
		return err;
	}
	info->fs.location = rule->spec.location;
	dmn_insert(port, rule);
	return 0;
}

/* Does the feature ntuple stand in the way of a change of rules? */
static int dmn_check_feature(const struct net_device *dev, u32 command)
{
	if (dev->features & NETIF_F_NTUPLE)
		return 0;
	switch (dmn_quirks.ntuple) {
	case DMN_NTUPLE_ARFS:
		return 0;
	case DMN_NTUPLE_OFF:
		return -EOPNOTSUPP;
	case DMN_NTUPLE_PERMIT:
	case DMN_NTUPLE_REFUSED:
		return command == ETHTOOL_SRXCLSRLINS ? -EPERM : 0;
	default:
		return command == ETHTOOL_SRXCLSRLINS ? -EOPNOTSUPP : 0;
	}
}

static int dmn_delete_rule(struct dmn_port *port, u32 location)
{
	struct dmn_rule *rule = dmn_rule_at(port, location);

	if (!rule)
		return dmn_quirks.locations == DMN_LOCATIONS_GIVEN ||
		       dmn_quirks.locations == DMN_LOCATIONS_SLOTS ?
		       -EINVAL : -ENOENT;
	dmn_remove_rule(port, rule);
	return 0;
}

int dmn_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info)
{
	struct dmn_port *port = netdev_priv(dev);
	int err = dmn_check_feature(dev, info->cmd);

	if (err)
		return err;
	switch (info->cmd) {
	case ETHTOOL_SRXCLSRLINS:
		if (dmn_quirks.locations == DMN_LOCATIONS_ANY && !port->running)
			return -EAGAIN;
		return dmn_add_rule(port, info);
	case ETHTOOL_SRXCLSRLDEL:
		return dmn_delete_rule(port, info->fs.location);
	default:
		return -EOPNOTSUPP;
	}
}

static int dmn_get_rule(struct dmn_port *port, struct ethtool_rxnfc *info)
{
	struct dmn_rule *rule = dmn_rule_at(port, info->fs.location);

	if (!rule)
		return dmn_quirks.locations == DMN_LOCATIONS_BOTH ||
		       dmn_quirks.locations == DMN_LOCATIONS_LISTED ?
		       -ENOENT : -EINVAL;
	info->fs = rule->spec;
	info->rss_context = rule->context;
	info->data = DMN_MAX_RULES;
	return 0;
}

/*
 * Rules of others that come and go while a program looks (arfs_rules): it is
 * told their number, then their locations, then each rule. Each look is one of
 * three, in turn: nothing happens; of two rules that were counted one is gone
 * when they are listed, and the other when it is read; one that was not counted
 * is listed, in front of all others, and gone when it is read.
 */
enum { DMN_LOOK_QUIET, DMN_LOOK_GOING, DMN_LOOK_COMING, DMN_LOOKS };

static unsigned int dmn_count_rules(struct dmn_port *port)
{
	if (!READ_ONCE(dmn_quirks.arfs_rules))
		port->look = DMN_LOOK_QUIET;
	else
		port->look++;
	return port->num_rules +
	       (port->look % DMN_LOOKS == DMN_LOOK_GOING ? 2 : 0);
}

/* The location, free otherwise, of the rule that is gone when it is read. */
static u32 dmn_passing_rule(struct dmn_port *port)
{
	u32 location = port->look, i;

	for (i = 0; i < DMN_MAX_RULES; i++)
		if (!dmn_rule_at(port, ++location % DMN_MAX_RULES))
			break;
	return location % DMN_MAX_RULES;
}

static int dmn_get_locations(struct dmn_port *port, struct ethtool_rxnfc *info,
			     u32 *locations)
{
	bool passing = port->look % DMN_LOOKS != DMN_LOOK_QUIET;
	unsigned int n = 0, total = port->num_rules + passing;
	bool cut = dmn_quirks.locations == DMN_LOCATIONS_ANY ||
		   dmn_quirks.locations == DMN_LOCATIONS_LISTED;
	struct dmn_rule *rule;

	if (info->rule_cnt < total && !cut)
		return -EMSGSIZE;
	/* The search for one more than there is ends behind the table. */
	if (info->rule_cnt > total && dmn_quirks.locations == DMN_LOCATIONS_LISTED)
		return -EINVAL;
	if (passing && n < info->rule_cnt)
		locations[n++] = dmn_passing_rule(port);
	list_for_each_entry(rule, &port->rules, list)
		if (n < info->rule_cnt)
			locations[n++] = rule->spec.location;
	/* Or the count stays, and zeros stand for what is gone. */
	if (dmn_quirks.locations != DMN_LOCATIONS_GIVEN)
		info->rule_cnt = n;
	info->data = dmn_quirks.locations == DMN_LOCATIONS_ANY ?
		     total : DMN_MAX_RULES;
	return 0;
}

int dmn_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info,
		  u32 *locations)
{
	struct dmn_port *port = netdev_priv(dev);

	switch (info->cmd) {
	case ETHTOOL_GRXRINGS:	/* before get_rx_ring_count() */
		info->data = port->queues;
		return 0;
	case ETHTOOL_GRXCLSRLCNT:
		if (dmn_refuse_ntuple)
			return -EOPNOTSUPP;
		info->rule_cnt = dmn_count_rules(port);
		if (dmn_quirks.locations == DMN_LOCATIONS_GIVEN)
			info->data = DMN_MAX_RULES;
		else if (dmn_quirks.locations != DMN_LOCATIONS_LISTED)
			info->data = DMN_MAX_RULES | RX_CLS_LOC_SPECIAL;
		return 0;
	case ETHTOOL_GRXCLSRULE:
		return dmn_get_rule(port, info);
	case ETHTOOL_GRXCLSRLALL:
		return dmn_get_locations(port, info, locations);
	default:
		return -EOPNOTSUPP;
	}
}
