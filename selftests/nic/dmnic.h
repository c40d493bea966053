/* SPDX-License-Identifier: GPL-2.0-only */
/* The software NIC's own types; main.c says how they model a NIC. */
#ifndef DMNIC_H
#define DMNIC_H

#include <linux/in6.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "quirks.h"

#define DMN_MAX_QUEUES		16
#define DMN_MAX_CONTEXTS	64
#define DMN_MAX_RULES		256
#define DMN_KEY_SIZE		40
#define DMN_INDIR_SIZE		128
#define DMN_MAX_MTU		9000
#define DMN_MAX_PAGE_SIZE	SZ_64K
#define DMN_HDS_THRESH_MAX	1024

#define DMN_RX_RING_MIN		64
#define DMN_RX_RING_DEFAULT	1024
#define DMN_RX_RING_MAX		8192
#define DMN_TX_RING_MIN		32
#define DMN_TX_RING_DEFAULT	512
#define DMN_TX_RING_MAX		4096

/* What steering looks at; a rule is two of these, a value and a mask. */
struct dmn_key {
	struct in6_addr saddr;	/* an IPv4 address is the first word */
	struct in6_addr daddr;
	__be16 sport;
	__be16 dport;
	u8 family;		/* AF_INET, AF_INET6 or 0 */
	u8 proto;		/* IPPROTO_TCP, IPPROTO_UDP or 0 */
	u8 tos;
	u8 zero;
};

/* A frame's headers, once found. */
struct dmn_flow {
	struct dmn_key key;
	unsigned int l3;	/* offsets into the frame */
	unsigned int l4;
	unsigned int payload;	/* 0: not a whole TCP or UDP packet */
};

/* What the wire carries with each frame, in its skb's control block. */
struct dmn_frame {
	u32 hash;
	enum pkt_hash_types hash_type;
	u16 l3;
	u16 l4;
	u16 payload;
	u8 family;
	u8 proto;
	bool checksummed;	/* by the sending NIC: known to be right */
};

#define DMN_FRAME(skb)	((struct dmn_frame *)(skb)->cb)

/* Receive memory: pages of one pool, filled from front to back. */
struct dmn_fill {
	struct page_pool *pool;
	netmem_ref netmem;	/* being filled; 0: none */
	unsigned int offset;
	unsigned int size;
	unsigned int piece;	/* of a page, for one frame each; 0: any size */
	netmem_ref *posted;	/* taken ahead (prefill), a ring of @depth */
	unsigned int depth;
	unsigned int head;
	unsigned int count;
};

/* The part of a queue that the core replaces to bind memory to it. */
struct dmn_rx {
	struct dmn_fill payload;	/* may be unreadable */
	struct dmn_fill plain;		/* headers and whole frames */
};

struct dmn_rx_stats {
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t drops;
	u64_stats_t alloc_fail;
	struct u64_stats_sync sync;
};

struct dmn_tx_stats {
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t drops;
	struct u64_stats_sync sync;
};

/* A channel: one receive queue, one transmit queue, one interrupt. */
struct dmn_queue {
	struct dmn_port *port;
	unsigned int index;
	bool up;

	struct napi_struct napi;
	call_single_data_t irq;
	int cpu;

	struct sk_buff_head tx;		/* posted by the host */
	struct sk_buff_head wire;	/* arrived from the peer */
	unsigned long waiting;		/* peer queues that found it full */

	struct dmn_rx rx;
	struct dmn_rx_stats rx_stats;
	struct dmn_tx_stats tx_stats;
	struct netdev_queue_stats_rx shown_rx;	/* where counters are late */
	struct netdev_queue_stats_tx shown_tx;
};

/* One RSS context; replaced as a whole when it changes. */
struct dmn_rss {
	struct rcu_head rcu;
	u8 xfrm;
	u8 fields[4];		/* RXH_*, by dmn_fields_index() */
	u8 key[DMN_KEY_SIZE];
	u32 indir[DMN_INDIR_SIZE];
};

struct dmn_rule {
	struct list_head list;
	struct rcu_head rcu;
	struct ethtool_rx_flow_spec spec;
	u32 context;		/* 0 unless FLOW_RSS */
	struct dmn_key value;
	struct dmn_key mask;
};

struct dmn_port {
	struct net_device *dev;
	struct dmn_port *peer;
	bool running;

	unsigned int max_queues;
	unsigned int queues;		/* that receive; and those that send: */
	unsigned int tx_queues;
	unsigned int rx_ring;
	unsigned int tx_ring;
	bool split;
	u8 split_asked;			/* ETHTOOL_TCP_DATA_SPLIT_* */
	u32 hds_thresh;
	u32 rx_buf_len;
	struct bpf_prog __rcu *xdp;

	bool link_lost;
	struct delayed_work link_work;

	struct dmn_rss __rcu *rss[DMN_MAX_CONTEXTS];
	struct list_head rules;		/* by location */
	unsigned int num_rules;
	unsigned int look;		/* counts the lists of rules (arfs_rules) */

	u32 copybreak;
	spinlock_t stats_lock;		/* of what the queues are shown to have */
	struct delayed_work stats_work;

	struct dmn_queue queue[DMN_MAX_QUEUES];
};

/* faults.c */
struct dmn_fault;
extern struct dmn_fault dmn_drop, dmn_corrupt, dmn_plain;
extern unsigned int dmn_linear_bytes;
extern bool dmn_refuse_5tuple, dmn_refuse_ntuple;
extern bool dmn_hds_private_flag;
bool dmn_fault(struct dmn_fault *fault);

/* main.c */
struct device *dmn_dma_dev(const struct dmn_port *port, unsigned int index);

/* netdev.c */
const struct net_device_ops *dmn_netdev_init(void);
int dmn_set_queues(struct dmn_port *port, unsigned int rx, unsigned int tx);
int dmn_rebuild(struct dmn_port *port);

/* link.c */
extern atomic_t dmn_ring_recreations, dmn_queue_restarts;
void dmn_link_init(struct dmn_port *port);
void dmn_link_update(struct dmn_port *port);
void dmn_link_stop(struct dmn_port *port);
void dmn_link_flap(struct dmn_port *port);
void dmn_link_blink(struct dmn_port *port);

/* rings.c */
void dmn_get_ringparam(struct net_device *dev, struct ethtool_ringparam *ring,
		       struct kernel_ethtool_ringparam *kring,
		       struct netlink_ext_ack *extack);
int dmn_set_ringparam(struct net_device *dev, struct ethtool_ringparam *ring,
		      struct kernel_ethtool_ringparam *kring,
		      struct netlink_ext_ack *extack);
int dmn_set_split(struct dmn_port *port, bool split, bool always);

/* xdp.c */
int dmn_bpf(struct net_device *dev, struct netdev_bpf *bpf);
bool dmn_xdp_pass(struct dmn_port *port, struct sk_buff **skb);

/* queue.c */
const struct netdev_queue_mgmt_ops *dmn_queue_init_ops(void);
void dmn_queue_init(struct dmn_port *port, unsigned int index);
int dmn_queue_open(struct dmn_queue *q);
void dmn_queue_close(struct dmn_queue *q);
void dmn_queue_replace(struct dmn_queue *q, struct dmn_rx *fresh);
void dmn_interrupt(struct dmn_queue *q);
void dmn_queues_await(struct dmn_port *port);

/* stats.c */
extern const struct netdev_stat_ops dmn_stat_ops;
void dmn_stats_init(struct dmn_port *port);
void dmn_stats_free(struct dmn_port *port);
void dmn_stats_restart(struct dmn_queue *q, bool with_tx);
void dmn_show_rx(struct dmn_queue *q, struct netdev_queue_stats_rx *s);
void dmn_show_tx(struct dmn_queue *q, struct netdev_queue_stats_tx *s);
void dmn_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats);

/* counters.c */
int dmn_count_counters(const struct dmn_port *port);
void dmn_name_counters(struct dmn_port *port, u8 *data);
void dmn_get_counters(struct net_device *dev, struct ethtool_stats *stats,
		      u64 *data);

/* tx.c */
netdev_tx_t dmn_xmit(struct sk_buff *skb, struct net_device *dev);
bool dmn_tx_poll(struct dmn_queue *q, int budget);
bool dmn_few_frags(const struct sk_buff *skb, unsigned int header);

/* rx.c */
int dmn_rx_alloc(struct dmn_port *port, unsigned int index,
		 unsigned int page_size, struct dmn_rx *rx);
void dmn_rx_free(struct dmn_rx *rx);
bool dmn_rx_post(struct dmn_rx *rx);
bool dmn_rx_posted(const struct dmn_rx *rx);
int dmn_poll(struct napi_struct *napi, int budget);
void dmn_resume_senders(struct dmn_queue *q);
bool dmn_dma(dma_addr_t addr, void *buf, size_t len, bool to_memory);

/* steer.c */
void dmn_parse(const struct sk_buff *skb, struct dmn_flow *flow);
struct dmn_queue *dmn_steer(struct dmn_port *port, const struct dmn_flow *flow,
			    struct dmn_frame *frame);
int dmn_fields_index(u8 family, u8 proto);

/* rss.c */
void dmn_rss_ops(struct ethtool_ops *ops);
int dmn_rss_init(struct dmn_port *port);
void dmn_rss_free(struct dmn_port *port);
void dmn_rss_spread(struct dmn_port *port);
u32 dmn_get_rxfh_size(struct net_device *dev);
u32 dmn_get_rxfh_key_size(struct net_device *dev);
int dmn_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh);
int dmn_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
		 struct netlink_ext_ack *extack);
int dmn_get_rxfh_fields(struct net_device *dev,
			struct ethtool_rxfh_fields *fields);
int dmn_set_rxfh_fields(struct net_device *dev,
			const struct ethtool_rxfh_fields *fields,
			struct netlink_ext_ack *extack);
int dmn_create_context(struct net_device *dev, struct ethtool_rxfh_context *ctx,
		       const struct ethtool_rxfh_param *rxfh,
		       struct netlink_ext_ack *extack);
int dmn_modify_context(struct net_device *dev, struct ethtool_rxfh_context *ctx,
		       const struct ethtool_rxfh_param *rxfh,
		       struct netlink_ext_ack *extack);
int dmn_remove_context(struct net_device *dev, struct ethtool_rxfh_context *ctx,
		       u32 context, struct netlink_ext_ack *extack);

/* rules.c */
int dmn_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info,
		  u32 *locations);
int dmn_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info);
bool dmn_context_in_use(struct dmn_port *port, u32 context);
void dmn_flush_rules(struct dmn_port *port);

/* ethtool.c */
const struct ethtool_ops *dmn_ethtool_init(void);

/* A channel is open for what of it is used. */
static inline unsigned int dmn_open_count(const struct dmn_port *port)
{
	return max(port->queues, port->tx_queues);
}

/* A transmit queue waits while the queue that it sends to is this full. */
static inline bool dmn_wire_full(const struct dmn_queue *q)
{
	return skb_queue_len_lockless(&q->wire) >= READ_ONCE(q->port->rx_ring);
}

#endif
