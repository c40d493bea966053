/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gVNIC in its DQO RDA format, as Linux's gve driver meets it. Each number
 * here is a fact of that driver (drivers/net/ethernet/google/gve).
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio_user.h"

/*
 * Of a direction. Interrupt i is that of TX queue i, QUEUES + i that of RX
 * queue i, and the last one that of the device itself.
 */
#define QUEUES 8
#define VECTORS (2 * QUEUES + 1)
#define RULES 64
#define KEY_SIZE 40
#define TABLE_SIZE 128

/* What the driver can find out of the device before it is set up. */
struct options {
	uint32_t queues;	/* that the driver begins with */
	uint32_t ring;		/* descriptors of each ring, a power of 2 */
	uint32_t mtu;		/* largest */
	uint32_t buffer;	/* bytes of a packet buffer, a power of 2 */
	uint32_t header;	/* bytes of a header buffer; 0 for no header split */
	uint32_t rss;		/* 1: the table can be asked for: option RSS_CONFIG */
	uint32_t rsc;		/* 1: segments are joined where the driver wants it */
};

/* What can be made to go wrong while it runs. 0 is never. */
struct faults {
	uint32_t drop_every;	/* one frame of so many is lost */
	uint32_t corrupt_every;	/* one of so many with payload has a wrong byte */
	uint32_t unsplit_every;	/* one of so many is not split */
	uint32_t linear_bytes;	/* of the payload lie with the headers */
	uint32_t late_ms;	/* until a frame that was sent is said to be sent */
	uint32_t fail_command;	/* this command of the admin queue fails ... */
	uint32_t fail_status;	/* ... with this status ... */
	uint32_t fail_times;	/* ... so many times more */
	uint32_t hang_command;	/* this one never ends */
	uint32_t link_down;	/* the cable is pulled */
};

/* What happened so far. */
struct counts {
	uint64_t sent, received;		/* frames */
	uint64_t lost, unsplit;			/* by a fault */
	uint64_t no_buffers;			/* the ring was empty */
	uint64_t no_queue;			/* the queue was stopped */
	uint64_t rings_created;			/* RX queue 0, which is never restarted alone */
	uint64_t commands, interrupts, doorbells, resets;
};

struct vector {
	bool armed, pending;
};

struct completion {
	uint64_t due;		/* ns, CLOCK_MONOTONIC */
	uint16_t value;
	uint8_t type;
};

struct tx_queue {
	bool live;
	uint16_t size, fetched, told, lap, vector;
	uint64_t ring, completions;
	struct completion *late;	/* a ring of `size` */
	uint16_t late_head, late_tail;
};

struct rx_queue {
	bool live, rsc;
	uint16_t size, fetched, posted, told, lap, vector;
	uint16_t buffer, header;
	uint64_t ring, completions;
	uint64_t no_buffers, no_queue;
	bool dirty;
};

/* struct gve_flow_spec: addresses, ports and type of service, big endian. */
struct flow_spec {
	uint32_t source[4], destination[4];
	uint16_t source_port, destination_port;
	uint8_t tos, padding[3];
};

struct rule {
	bool used;
	uint16_t type, queue;
	struct flow_spec key, mask;
};

struct device {
	struct vfio_user bus;
	struct device *peer;
	const struct options *options;
	struct faults faults;
	struct counts counts;
	int number;

	bool running, wants_reset;
	bool link;			/* as last reported */
	uint64_t admin_base;
	uint32_t admin_done;
	bool hanging;
	uint64_t statistics;		/* where the driver wants them */
	uint64_t statistics_size;

	struct vector vectors[VECTORS];
	struct tx_queue tx[QUEUES];
	struct rx_queue rx[QUEUES];

	uint8_t key[KEY_SIZE];
	uint32_t table[TABLE_SIZE];
	uint16_t table_size;
	uint32_t hashes[36][256];	/* of each byte at each place, by the key */
	struct rule rules[RULES];
};

/* What the parser of frames finds, and what the far end needs. */
/* GVE_TX_MAX_HDR_SIZE_DQO */
#define HEADER_MAX 255

enum { L3_UNKNOWN, L3_OTHER, L3_IPV4, L3_IPV6 };
enum { L4_UNKNOWN, L4_OTHER, L4_TCP, L4_UDP, L4_ICMP };

struct frame {
	uint8_t header[HEADER_MAX];
	uint16_t header_size;		/* up to the payload */
	uint16_t l3_offset, l4_offset;	/* 0 for none */
	uint8_t l3, l4;
	const uint8_t *payload;
	uint32_t payload_size;
	uint16_t segment;		/* payload of each frame that was joined, or 0 */
	bool checked;			/* its checksums are right */
};

/* device.c */
enum doorbell_kind { INTERRUPT_DOORBELL, TX_DOORBELL, RX_DOORBELL };

uint64_t monotonic(void);
void device_reset(struct device *device);
void device_request_reset(struct device *device);
uint32_t register_read(struct device *device, uint32_t offset);
void register_write(struct device *device, uint32_t offset, uint32_t value);
uint32_t doorbell_of(enum doorbell_kind kind, unsigned int index);
void doorbell(struct device *device, uint32_t index, uint32_t value);
void interrupt(struct device *device, unsigned int vector);
void link_changed(struct device *device);

/* admin.c */
void admin_doorbell(struct device *device, uint32_t end);
void write_statistics(struct device *device);

/* tx.c */
void tx_doorbell(struct device *device, unsigned int index, uint32_t end);
void tx_stop(struct tx_queue *queue);
uint64_t tx_complete_late(struct device *device, uint64_t now);

/* frame.c */
void frame_parse(struct frame *frame, const uint8_t *packet, uint32_t size);
void frame_set_length(struct frame *frame);
void frame_set_checksums(struct frame *frame);
bool frame_is_right(const struct frame *frame);

/* steer.c */
void steer_key_changed(struct device *device);
unsigned int steer(const struct device *device, const struct frame *frame, uint32_t *hash);

/* rx.c */
uint32_t rx_joins(const struct device *device, const struct frame *frame);
void rx_doorbell(struct device *device, unsigned int index, uint32_t end);
void rx_frame(struct device *device, const struct frame *frame);
void rx_flush(struct device *device);

/* control.c */
void control(struct device devices[2], const char *line, char *answer, size_t size);

#endif
