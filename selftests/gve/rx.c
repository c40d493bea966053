// SPDX-License-Identifier: GPL-2.0-only
/* What the driver is given: buffers, header split, completions (gve_desc_dqo.h). */
#include "device.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

struct buffer {
	uint16_t id, reserved;
	uint32_t reserved1;
	uint64_t address, header;
	uint64_t reserved2;
};

struct completion_words {
	uint8_t rxdid, flags;
	uint16_t type, size_and_generation, header_and_flags;
	uint8_t status, status1, reserved, time;
	uint16_t buffer, segment;
	uint32_t hash, reserved1, reserved2, timestamp;
};

static_assert(sizeof(struct buffer) == 32, "gve_rx_desc_dqo");
static_assert(sizeof(struct completion_words) == 32, "gve_rx_compl_desc_dqo");

#define GENERATION (1 << 14)
#define JOINED (1 << 10)
#define SPLIT (1 << 11)

enum {
	DONE = 1 << 0,
	END_OF_PACKET = 1 << 1,
	HEADER_OVERFLOW = 1 << 2,
	CHECKED = 1 << 3,
	BAD_L4 = 1 << 5,
};

/* Where the bytes of a frame come from: its headers, then its payload. */
struct source {
	const struct frame *frame;
	uint32_t offset;
};

static void take(struct source *source, uint8_t *to, uint32_t size)
{
	const struct frame *frame = source->frame;
	uint32_t part;

	if (source->offset < frame->header_size) {
		part = frame->header_size - source->offset;
		if (part > size)
			part = size;
		memcpy(to, frame->header + source->offset, part);
		source->offset += part;
		to += part;
		size -= part;
	}
	memcpy(to, frame->payload + source->offset - frame->header_size, size);
	source->offset += size;
}

/* Whether it is the turn of a fault that happens once in `every` times. */
static bool turn(uint32_t every, uint32_t *count)
{
	if (!every || ++*count < every)
		return false;
	*count = 0;
	return true;
}

/*
 * How much payload of a flow is joined to one frame at the most; 0 for none is.
 * A packet of 18 buffers is about the largest that the driver is ready for
 * (gve_rx_post_buffers_dqo).
 */
uint32_t rx_joins(const struct device *device, const struct frame *frame)
{
	uint32_t hash, most;
	const struct rx_queue *queue = &device->rx[steer(device, frame, &hash)];

	if (!queue->live || !queue->rsc || frame->l4 != L4_TCP)
		return 0;
	most = 18u * queue->buffer;
	if (most > 65535)
		most = 65535;
	return most - HEADER_MAX;
}

void rx_doorbell(struct device *device, unsigned int index, uint32_t end)
{
	struct rx_queue *queue = &device->rx[index];

	if (queue->live)
		queue->posted = end & (queue->size - 1);
}

/* The next buffer, or NULL where the driver's ring leads nowhere. */
static const struct buffer *next_buffer(struct device *device, struct rx_queue *queue)
{
	const struct buffer *buffer =
		dma(&device->bus, queue->ring + queue->fetched * sizeof(*buffer), sizeof(*buffer));

	queue->fetched = (queue->fetched + 1) & (queue->size - 1);
	return buffer;
}

/*
 * The driver owns a completion as soon as it sees its generation, which is
 * therefore written last, with the first 8 bytes.
 */
static void write_completion(struct device *device, struct rx_queue *queue,
			     struct completion_words *completion)
{
	uint8_t *to = dma(&device->bus, queue->completions + queue->told * sizeof(*completion),
			  sizeof(*completion));
	uint64_t first;

	if (!to)
		return;
	if (!queue->lap)
		completion->size_and_generation |= GENERATION;
	memcpy(to + 8, (uint8_t *)completion + 8, sizeof(*completion) - 8);
	memcpy(&first, completion, 8);
	__atomic_store_n((uint64_t *)to, first, __ATOMIC_RELEASE);
	queue->told = (queue->told + 1) & (queue->size - 1);
	queue->lap ^= !queue->told;
}

/*
 * How many bytes of a frame go to the header buffer; 0 for no split. Only TCP
 * is split, and only where the headers fit.
 */
static uint32_t split_at(struct device *device, const struct rx_queue *queue,
			 const struct frame *frame, bool *overflow)
{
	static uint32_t count;
	uint32_t size = frame->header_size;
	uint32_t linear = device->faults.linear_bytes;

	*overflow = false;
	if (!queue->header || frame->l4 != L4_TCP || !frame->l4_offset)
		return 0;
	*overflow = size > queue->header;
	if (*overflow)
		return 0;
	if (frame->payload_size && turn(device->faults.unsplit_every, &count)) {
		device->counts.unsplit++;
		return 0;
	}
	size += linear < frame->payload_size ? linear : frame->payload_size;
	return size < queue->header ? size : queue->header;
}

static void fill(struct device *device, struct rx_queue *queue, const struct frame *frame,
		 uint32_t hash)
{
	static uint32_t count;
	bool overflow, wrong = frame->payload_size && turn(device->faults.corrupt_every, &count);
	uint32_t header = split_at(device, queue, frame, &overflow);
	uint32_t left = frame->header_size + frame->payload_size - header;
	struct source source = { frame, 0 };
	bool right = frame_is_right(frame);
	bool known = frame->l4_offset && (frame->l4 == L4_TCP || frame->l4 == L4_UDP);
	bool first = true;

	do {
		const struct buffer *buffer = next_buffer(device, queue);
		uint32_t size = left < queue->buffer ? left : queue->buffer;
		uint8_t *data = buffer ? dma(&device->bus, le64toh(buffer->address), size) : NULL;
		uint8_t *headers = buffer && first && header ?
			dma(&device->bus, le64toh(buffer->header), header) : NULL;
		struct completion_words completion = {
			.rxdid = 1,
			.type = htole16(frame->l3 << 3 | frame->l4),
			.size_and_generation = size,
			.header_and_flags = first && header ? header | SPLIT : 0,
			.status = DONE | (known ? CHECKED : 0) | (known && !right ? BAD_L4 : 0) |
				(overflow ? HEADER_OVERFLOW : 0),
			.buffer = buffer ? buffer->id : 0,
			.hash = htole32(hash),
		};

		if (!data || (first && header && !headers)) {
			queue->live = false;
			return;
		}
		if (headers)
			take(&source, headers, header);
		take(&source, data, size);
		if (wrong && source.offset > frame->header_size) {
			data[size - 1] ^= 0xff;
			wrong = false;
		}
		left -= size;
		if (!left)
			completion.status |= END_OF_PACKET;
		if (frame->segment) {
			completion.header_and_flags |= JOINED;
			completion.segment = htole16(frame->segment);
		}
		write_completion(device, queue, &completion);
		first = false;
	} while (left);
}

void rx_frame(struct device *device, const struct frame *frame)
{
	static uint32_t count;
	struct rx_queue *queue;
	uint32_t hash, buffers, ready;

	if (turn(device->faults.drop_every, &count)) {
		device->counts.lost++;
		return;
	}
	queue = &device->rx[steer(device, frame, &hash)];
	if (!queue->live) {
		device->counts.no_queue++;
		queue->no_queue++;
		return;
	}
	/* As many as it takes without a split. */
	ready = (queue->posted - queue->fetched) & (queue->size - 1);
	buffers = (frame->header_size + frame->payload_size + queue->buffer - 1) / queue->buffer;
	queue->dirty = true;
	if (ready < buffers) {
		device->counts.no_buffers++;
		queue->no_buffers++;
		return;
	}
	device->counts.received++;
	fill(device, queue, frame, hash);
}

/* One interrupt for all that came at once. */
void rx_flush(struct device *device)
{
	unsigned int i;
	bool any = false;

	for (i = 0; i < QUEUES; i++) {
		struct rx_queue *queue = &device->rx[i];

		if (!queue->dirty)
			continue;
		queue->dirty = false;
		any = true;
		if (queue->live)
			interrupt(device, queue->vector);
	}
	if (any && device->counts.no_buffers)
		write_statistics(device);
}
