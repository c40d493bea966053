// SPDX-License-Identifier: GPL-2.0-only
/* What the driver sends: descriptors, segmentation, completions (gve_desc_dqo.h). */
#include "device.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { PACKET = 0xc, TSO_CONTEXT = 0x5, GENERAL_CONTEXT = 0x4 };
enum { COMPLETION_PACKET = 2, COMPLETION_DESCRIPTOR = 4 };

struct descriptor {
	union {
		struct {
			uint64_t address;
			uint8_t type, reserved;
			uint16_t reserved1, tag, size;
		};
		struct {
			uint32_t total;		/* 24 bits */
			uint16_t segment;	/* 14 bits */
			uint8_t header_size, flex;
		};
	};
};

static_assert(sizeof(struct descriptor) == 16, "a descriptor is 16 bytes");

#define TYPE 0x1f
#define END_OF_PACKET (1 << 5)
#define CHECKSUM (1 << 6)
#define REPORT_EVENT (1 << 7)

/* The driver's own limit (netif_set_tso_max_size) and a header. */
static uint8_t packet[262144 + HEADER_MAX];

struct job {
	uint32_t size;
	uint16_t segment, header_size;
	bool checksum;
};

static void write_completion(struct device *device, struct tx_queue *queue, uint8_t type,
			     uint16_t value)
{
	uint64_t *completion = dma(&device->bus, queue->completions + queue->told * 8ull, 8);
	uint64_t word = (queue - device->tx) | (uint64_t)type << 11 |
		(uint64_t)!queue->lap << 15 | (uint64_t)value << 16;

	if (!completion)
		return;
	__atomic_store_n(completion, htole64(word), __ATOMIC_RELEASE);
	queue->told = (queue->told + 1) & (queue->size - 1);
	queue->lap ^= !queue->told;
}

static void complete(struct device *device, struct tx_queue *queue, uint8_t type, uint16_t value)
{
	uint16_t next = (queue->late_tail + 1) & (queue->size - 1);

	if ((!device->faults.late_ms && queue->late_head == queue->late_tail) ||
	    next == queue->late_head) {
		write_completion(device, queue, type, value);
		return;
	}
	queue->late[queue->late_tail] = (struct completion){
		monotonic() + device->faults.late_ms * 1000000ull, value, type };
	queue->late_tail = next;
}

/* Says what is due; returns when the next one is, or 0 for none. */
uint64_t tx_complete_late(struct device *device, uint64_t now)
{
	uint64_t next = 0;
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		struct tx_queue *queue = &device->tx[i];
		bool any = false;

		if (!queue->live)
			continue;
		while (queue->late_head != queue->late_tail) {
			const struct completion *late = &queue->late[queue->late_head];

			if (late->due > now) {
				if (!next || late->due < next)
					next = late->due;
				break;
			}
			write_completion(device, queue, late->type, late->value);
			queue->late_head = (queue->late_head + 1) & (queue->size - 1);
			any = true;
		}
		if (any)
			interrupt(device, queue->vector);
	}
	return next;
}

void tx_stop(struct tx_queue *queue)
{
	free(queue->late);
	*queue = (struct tx_queue){ 0 };
}

static void send_frame(struct device *device, struct frame *frame)
{
	device->counts.sent++;
	if (device->link)
		rx_frame(device->peer, frame);
}

/* Cuts a packet into segments, or into what the far end joins anyway. */
static void segment(struct device *device, const struct job *job)
{
	enum { FIN = 1 << 0, PSH = 1 << 3, CWR = 1 << 7 };
	struct frame frame;
	const uint8_t *payload = packet + job->header_size;
	uint32_t left = job->size - job->header_size, step = job->segment, joined;
	uint8_t header[HEADER_MAX], flags, *l4;
	uint32_t sequence, offset = 0;
	uint16_t number = 0, id;

	frame_parse(&frame, packet, job->size);
	if (!frame.l4_offset || frame.header_size != job->header_size || !step)
		return;
	memcpy(header, frame.header, frame.header_size);
	l4 = frame.header + frame.l4_offset;
	memcpy(&sequence, l4 + 4, 4);
	memcpy(&id, frame.header + frame.l3_offset + 4, 2);
	flags = l4[13];
	joined = device->link ? rx_joins(device->peer, &frame) : 0;
	if (joined > step) {
		frame.segment = step;
		step = joined / step * step;
	}
	for (; left; offset += frame.payload_size, left -= frame.payload_size, number++) {
		uint32_t at = htonl(ntohl(sequence) + offset);
		uint16_t numbered = htons(ntohs(id) + number);

		memcpy(frame.header, header, frame.header_size);
		frame.payload = payload + offset;
		frame.payload_size = left < step ? left : step;
		if (frame.l3 == L3_IPV4)
			memcpy(frame.header + frame.l3_offset + 4, &numbered, 2);
		if (frame.l4 == L4_TCP) {
			memcpy(l4 + 4, &at, 4);
			l4[13] = flags;
			if (frame.payload_size < left)
				l4[13] &= ~(FIN | PSH);
			if (offset)
				l4[13] &= ~CWR;
		}
		frame_set_length(&frame);
		frame_set_checksums(&frame);
		send_frame(device, &frame);
	}
}

static void send_packet(struct device *device, const struct job *job)
{
	struct frame frame;

	if (job->segment) {
		segment(device, job);
		return;
	}
	frame_parse(&frame, packet, job->size);
	if (job->checksum && frame.l3_offset)
		frame_set_checksums(&frame);
	send_frame(device, &frame);
}

/* Adds one data descriptor's bytes to the packet. */
static bool gather(struct device *device, struct job *job, const struct descriptor *descriptor)
{
	uint32_t size = le16toh(descriptor->size) & 0x3fff;
	const void *data = dma(&device->bus, le64toh(descriptor->address), size);

	if (!data || size > sizeof(packet) - job->size)
		return false;
	memcpy(packet + job->size, data, size);
	job->size += size;
	job->checksum |= !!(descriptor->type & CHECKSUM);
	return true;
}

void tx_doorbell(struct device *device, unsigned int index, uint32_t end)
{
	struct tx_queue *queue = &device->tx[index];
	struct job job = { 0 };

	end &= queue->size - 1;
	while (queue->live && queue->fetched != end) {
		const struct descriptor *descriptor =
			dma(&device->bus, queue->ring + queue->fetched * 16ull, 16);

		if (!descriptor) {
			tx_stop(queue);
			return;
		}
		queue->fetched = (queue->fetched + 1) & (queue->size - 1);
		/* A context's type lies where a packet's does. */
		switch (descriptor->type & TYPE) {
		case TSO_CONTEXT:
			job.segment = le16toh(descriptor->segment) & 0x3fff;
			job.header_size = descriptor->header_size;
			break;
		case PACKET:
			if (!gather(device, &job, descriptor)) {
				tx_stop(queue);
				return;
			}
			if (!(descriptor->type & END_OF_PACKET))
				break;
			send_packet(device, &job);
			complete(device, queue, COMPLETION_PACKET, le16toh(descriptor->tag));
			job = (struct job){ 0 };
			break;
		}
		if (descriptor->type & REPORT_EVENT && (descriptor->type & TYPE) == PACKET)
			complete(device, queue, COMPLETION_DESCRIPTOR, queue->fetched);
	}
	if (!queue->live)
		return;
	rx_flush(device->peer);
	if (queue->late_head == queue->late_tail)
		interrupt(device, queue->vector);
}
