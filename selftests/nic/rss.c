// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive-side scaling as ethtool sets it: tables, keys and hash fields.
 * The core serialises the writers; readers are frames, under RCU.
 */
#include <net/netdev_queues.h>

#include "dmnic.h"

#define DMN_IP_FIELDS	(RXH_IP_SRC | RXH_IP_DST)
#define DMN_L4_FIELDS	(RXH_L4_B_0_1 | RXH_L4_B_2_3)

/* The operations of a card with as many contexts as its quirks give it. */
void dmn_rss_ops(struct ethtool_ops *ops)
{
	unsigned int contexts = min(dmn_quirks.contexts, DMN_MAX_CONTEXTS - 1);

	if (contexts) {
		ops->rxfh_max_num_contexts = contexts + 1;
		return;
	}
	ops->rxfh_max_num_contexts = 0;
	ops->rxfh_per_ctx_fields = false;
	ops->rxfh_per_ctx_key = false;
	ops->create_rxfh_context = NULL;
	ops->modify_rxfh_context = NULL;
	ops->remove_rxfh_context = NULL;
}

/* NULL: no such context, which the core does not always know before it asks. */
static struct dmn_rss *dmn_rss_of(struct dmn_port *port, u32 context)
{
	if (context >= DMN_MAX_CONTEXTS)
		return NULL;
	/* Only writers ask, and the core admits one at a time. */
	return rcu_dereference_protected(port->rss[context], true);
}

static void dmn_rss_publish(struct dmn_port *port, u32 context,
			    struct dmn_rss *rss)
{
	struct dmn_rss *old = dmn_rss_of(port, context);

	rcu_assign_pointer(port->rss[context], rss);
	if (old)
		kfree_rcu(old, rcu);
}

static void dmn_default_indir(struct dmn_port *port, u32 *indir)
{
	unsigned int i;

	for (i = 0; i < DMN_INDIR_SIZE; i++)
		indir[i] = ethtool_rxfh_indir_default(i, port->queues);
}

int dmn_rss_init(struct dmn_port *port)
{
	struct dmn_rss *rss = kzalloc(sizeof(*rss), GFP_KERNEL);

	if (!rss)
		return -ENOMEM;
	netdev_rss_key_fill(rss->key, sizeof(rss->key));
	dmn_default_indir(port, rss->indir);
	memset(rss->fields, DMN_IP_FIELDS | DMN_L4_FIELDS, sizeof(rss->fields));
	dmn_rss_publish(port, 0, rss);
	return 0;
}

void dmn_rss_free(struct dmn_port *port)
{
	unsigned int i;

	for (i = 0; i < DMN_MAX_CONTEXTS; i++)
		dmn_rss_publish(port, i, NULL);
}

/* The number of channels changed: use them all, unless the user has chosen. */
void dmn_rss_spread(struct dmn_port *port)
{
	if (!netif_is_rxfh_configured(port->dev))
		dmn_default_indir(port, dmn_rss_of(port, 0)->indir);
}

u32 dmn_get_rxfh_size(struct net_device *dev)
{
	return DMN_INDIR_SIZE;
}

u32 dmn_get_rxfh_key_size(struct net_device *dev)
{
	return DMN_KEY_SIZE;
}

int dmn_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh)
{
	const struct dmn_rss *rss = dmn_rss_of(netdev_priv(dev),
					       rxfh->rss_context);

	if (!rss)
		return -ENOENT;
	rxfh->hfunc = ETH_RSS_HASH_TOP;
	rxfh->input_xfrm = rss->xfrm;
	if (rxfh->indir)
		memcpy(rxfh->indir, rss->indir, sizeof(rss->indir));
	if (rxfh->key)
		memcpy(rxfh->key, rss->key, sizeof(rss->key));
	return 0;
}

/* Put a changed copy of @from in the place of @context. */
static int dmn_rss_update(struct dmn_port *port, u32 context,
			  const struct dmn_rss *from,
			  const struct ethtool_rxfh_param *rxfh)
{
	struct dmn_rss *rss;

	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE &&
	    rxfh->hfunc != ETH_RSS_HASH_TOP)
		return -EOPNOTSUPP;
	rss = kmemdup(from, sizeof(*from), GFP_KERNEL);
	if (!rss)
		return -ENOMEM;
	if (rxfh->input_xfrm != RXH_XFRM_NO_CHANGE)
		rss->xfrm = rxfh->input_xfrm;
	if (rxfh->indir)
		memcpy(rss->indir, rxfh->indir, sizeof(rss->indir));
	if (rxfh->key)
		memcpy(rss->key, rxfh->key, sizeof(rss->key));
	dmn_rss_publish(port, context, rss);
	return 0;
}

int dmn_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
		 struct netlink_ext_ack *extack)
{
	struct dmn_port *port = netdev_priv(dev);
	int err = dmn_rss_update(port, 0, dmn_rss_of(port, 0), rxfh);

	return err || !dmn_quirks.rss_reset ? err : dmn_rebuild(port);
}

int dmn_create_context(struct net_device *dev, struct ethtool_rxfh_context *ctx,
		       const struct ethtool_rxfh_param *rxfh,
		       struct netlink_ext_ack *extack)
{
	struct dmn_port *port = netdev_priv(dev);
	struct dmn_rss start = *dmn_rss_of(port, 0);
	const struct dmn_rss *rss;
	int err;

	dmn_default_indir(port, start.indir);
	err = dmn_rss_update(port, rxfh->rss_context, &start, rxfh);
	if (err)
		return err;

	/* Report to the core what it did not choose itself. */
	rss = dmn_rss_of(port, rxfh->rss_context);
	if (!rxfh->indir)
		memcpy(ethtool_rxfh_context_indir(ctx), rss->indir,
		       sizeof(rss->indir));
	if (!rxfh->key)
		memcpy(ethtool_rxfh_context_key(ctx), rss->key,
		       sizeof(rss->key));
	if (rxfh->hfunc == ETH_RSS_HASH_NO_CHANGE)
		ctx->hfunc = ETH_RSS_HASH_TOP;
	if (rxfh->input_xfrm == RXH_XFRM_NO_CHANGE)
		ctx->input_xfrm = rss->xfrm;
	return 0;
}

int dmn_modify_context(struct net_device *dev, struct ethtool_rxfh_context *ctx,
		       const struct ethtool_rxfh_param *rxfh,
		       struct netlink_ext_ack *extack)
{
	struct dmn_port *port = netdev_priv(dev);
	u32 context = rxfh->rss_context;

	return dmn_rss_update(port, context, dmn_rss_of(port, context), rxfh);
}

int dmn_remove_context(struct net_device *dev, struct ethtool_rxfh_context *ctx,
		       u32 context, struct netlink_ext_ack *extack)
{
	struct dmn_port *port = netdev_priv(dev);

	if (dmn_context_in_use(port, context)) {
		NL_SET_ERR_MSG(extack, "a flow rule uses this context");
		return -EBUSY;
	}
	dmn_rss_publish(port, context, NULL);
	return 0;
}

static int dmn_flow_type_index(u32 flow_type)
{
	switch (flow_type) {
	case TCP_V4_FLOW:
		return dmn_fields_index(AF_INET, IPPROTO_TCP);
	case UDP_V4_FLOW:
		return dmn_fields_index(AF_INET, IPPROTO_UDP);
	case TCP_V6_FLOW:
		return dmn_fields_index(AF_INET6, IPPROTO_TCP);
	case UDP_V6_FLOW:
		return dmn_fields_index(AF_INET6, IPPROTO_UDP);
	default:
		return -1;
	}
}

int dmn_get_rxfh_fields(struct net_device *dev,
			struct ethtool_rxfh_fields *fields)
{
	struct dmn_rss *rss = dmn_rss_of(netdev_priv(dev), fields->rss_context);
	int index = dmn_flow_type_index(fields->flow_type);

	if (!rss)
		return -ENOENT;
	if (index >= 0)
		fields->data = rss->fields[index];
	else if (fields->flow_type == IPV4_FLOW ||
		 fields->flow_type == IPV6_FLOW)
		fields->data = DMN_IP_FIELDS;
	else
		return -EOPNOTSUPP;
	return 0;
}

int dmn_set_rxfh_fields(struct net_device *dev,
			const struct ethtool_rxfh_fields *fields,
			struct netlink_ext_ack *extack)
{
	struct dmn_rss *rss = dmn_rss_of(netdev_priv(dev), fields->rss_context);
	int index = dmn_flow_type_index(fields->flow_type);

	if (!rss)
		return -ENOENT;
	if (index < 0 || fields->data & ~(DMN_IP_FIELDS | DMN_L4_FIELDS)) {
		NL_SET_ERR_MSG(extack, "only addresses and ports of TCP and UDP can be chosen");
		return -EOPNOTSUPP;
	}
	WRITE_ONCE(rss->fields[index], fields->data);
	return 0;
}
