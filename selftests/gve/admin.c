// SPDX-License-Identifier: GPL-2.0-only
/* The admin queue: what the driver asks for, and what it is answered (gve_adminq.h). */
#include "device.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define PACKED __attribute__((packed))

enum opcode {
	DESCRIBE_DEVICE = 0x1,
	CONFIGURE_DEVICE_RESOURCES = 0x2,
	CREATE_TX_QUEUE = 0x5,
	CREATE_RX_QUEUE = 0x6,
	DESTROY_TX_QUEUE = 0x7,
	DESTROY_RX_QUEUE = 0x8,
	DECONFIGURE_DEVICE_RESOURCES = 0x9,
	CONFIGURE_RSS = 0xa,
	REPORT_STATS = 0xc,
	REPORT_LINK_SPEED = 0xd,
	GET_PTYPE_MAP = 0xe,
	VERIFY_DRIVER_COMPATIBILITY = 0xf,
	QUERY_FLOW_RULES = 0x10,
	QUERY_RSS = 0x12,
	EXTENDED_COMMAND = 0xff,
	CONFIGURE_FLOW_RULE = 0x101,
};

enum status {
	PASSED = 0x1,
	ALREADY_EXISTS = 0xfffffff1,
	INVALID_ARGUMENT = 0xfffffff7,
	NOT_FOUND = 0xfffffff8,
	RESOURCE_EXHAUSTED = 0xfffffffc,
	UNIMPLEMENTED = 0xfffffffe,
};

enum option {
	OPTION_DQO_RDA = 0x4,
	OPTION_MODIFY_RING = 0x6,
	OPTION_JUMBO_FRAMES = 0x8,
	OPTION_BUFFER_SIZES = 0xa,
	OPTION_FLOW_STEERING = 0xb,
	OPTION_RSS_CONFIG = 0xe,
};

enum feature {
	FEATURE_MODIFY_RING = 1 << 0,
	FEATURE_JUMBO_FRAMES = 1 << 2,
	FEATURE_BUFFER_SIZES = 1 << 4,
	FEATURE_FLOW_STEERING = 1 << 5,
	FEATURE_RSS_CONFIG = 1 << 7,
};

struct descriptor {
	uint64_t max_registered_pages;
	uint16_t reserved1, tx_queue_entries, rx_queue_entries, default_num_queues;
	uint16_t mtu, counters, tx_pages, rx_pages;
	uint8_t mac[6];
	uint16_t options, total_length;
	uint8_t reserved2[6];
} PACKED;

struct command {
	uint32_t opcode, status;
	union {
		struct { uint64_t address; uint32_t version, available; } PACKED describe;
		struct {
			uint64_t counters, doorbells;
			uint32_t counter_count, doorbell_count, stride, base;
			uint8_t format;
		} PACKED resources;
		struct {
			uint32_t queue, reserved;
			uint64_t resources, ring;
			uint32_t page_list, vector;
			uint64_t completions;
			uint16_t size, completions_size;
		} PACKED create_tx;
		struct {
			uint32_t queue, index, reserved, vector;
			uint64_t resources, completions, ring;
			uint32_t page_list;
			uint16_t size, buffer, buffers_size;
			uint8_t rsc, padding;
			uint16_t header;
		} PACKED create_rx;
		struct { uint32_t queue; } destroy;
		struct {
			uint16_t types;
			uint8_t algorithm, reserved;
			uint16_t key_size, table_size;
			uint64_t key, table;
		} PACKED rss;
		struct { uint64_t size, address, interval; } PACKED statistics;
		struct { uint64_t address; } PACKED speed;
		struct { uint64_t size, address; } PACKED types;
		struct {
			uint16_t opcode;
			uint8_t padding[2];
			uint32_t start;
			uint64_t available, address;
		} PACKED rules;
		struct { uint64_t available, address; } PACKED query_rss;
		struct { uint32_t opcode, size; uint64_t address; } PACKED extended;
		uint8_t bytes[56];
	};
} PACKED;

static_assert(sizeof(struct command) == 64, "a command is 64 bytes");

struct wire_rule {
	uint16_t type, queue;
	struct flow_spec key, mask;
} PACKED;

struct configure_rule {
	uint16_t opcode;
	uint8_t padding[2];
	struct wire_rule rule;
	uint32_t location;
} PACKED;

static_assert(sizeof(struct configure_rule) == 92, "gve_adminq_configure_flow_rule");

struct rules_answer {
	uint32_t count, max, queried, total;
};

struct statistic {
	uint32_t name, queue;
	uint64_t value;
};

/* Writes of `size` bytes to where the driver wants `most` at the most. */
static uint32_t answer(struct device *device, uint64_t address, uint64_t most, const void *data,
		       uint32_t size)
{
	void *memory = dma(&device->bus, be64toh(address), size);

	if (!memory || size > most)
		return INVALID_ARGUMENT;
	memcpy(memory, data, size);
	return PASSED;
}

struct writer {
	uint8_t bytes[1024];
	uint16_t size, options;
};

static void put_option(struct writer *writer, enum option id, uint16_t size, const void *data)
{
	struct { uint16_t id, size; uint32_t required; } head = { htobe16(id), htobe16(size), 0 };

	memcpy(writer->bytes + writer->size, &head, sizeof(head));
	memcpy(writer->bytes + writer->size + sizeof(head), data, size);
	writer->size += sizeof(head) + size;
	writer->options++;
}

static uint32_t describe(struct device *device, const struct command *command)
{
	const struct options *options = device->options;
	/* The one of the queue format's option counts (gve_adminq_describe_device). */
	const uint32_t mask = htobe32(FEATURE_MODIFY_RING | FEATURE_JUMBO_FRAMES |
				      FEATURE_BUFFER_SIZES | FEATURE_FLOW_STEERING |
				      (options->rss ? FEATURE_RSS_CONFIG : 0));
	const struct { uint32_t mask, reserved; } format = { mask, 0 };
	const struct { uint32_t mask; uint16_t packet, header; } buffers = {
		mask, htobe16(options->buffer), htobe16(options->header) };
	const struct { uint32_t mask, reserved, rules; } steering = { mask, 0, htobe32(RULES) };
	const struct { uint32_t mask; uint16_t max_rx, max_tx, min_rx, min_tx; } rings = {
		mask, htobe16(4096), htobe16(4096), htobe16(256), htobe16(256) };
	const struct { uint32_t mask; uint16_t mtu, padding; } jumbo = {
		mask, htobe16(options->mtu), 0 };
	const struct { uint32_t mask; uint16_t key, table; } rss = {
		mask, htobe16(KEY_SIZE), htobe16(TABLE_SIZE) };
	struct writer writer = { .size = sizeof(struct descriptor) };
	struct descriptor *descriptor = (void *)writer.bytes;

	put_option(&writer, OPTION_DQO_RDA, sizeof(format), &format);
	put_option(&writer, OPTION_BUFFER_SIZES, sizeof(buffers), &buffers);
	put_option(&writer, OPTION_FLOW_STEERING, sizeof(steering), &steering);
	put_option(&writer, OPTION_MODIFY_RING, sizeof(rings), &rings);
	put_option(&writer, OPTION_JUMBO_FRAMES, sizeof(jumbo), &jumbo);
	if (options->rss)
		put_option(&writer, OPTION_RSS_CONFIG, sizeof(rss), &rss);
	*descriptor = (struct descriptor){
		.tx_queue_entries = htobe16(options->ring),
		.rx_queue_entries = htobe16(options->ring),
		.default_num_queues = htobe16(options->queues),
		.mtu = htobe16(1500),
		/* None is used in this format, and the driver cannot do without. */
		.counters = htobe16(16),
		.mac = { 0x02, 0x67, 0x76, 0x65, 0x00, device->number + 1 },
		.options = htobe16(writer.options),
		.total_length = htobe16(writer.size),
	};
	return answer(device, command->describe.address, be32toh(command->describe.available),
		      writer.bytes, writer.size);
}

static uint32_t configure_resources(struct device *device, const struct command *command)
{
	uint32_t count = be32toh(command->resources.doorbell_count);
	uint32_t stride = be32toh(command->resources.stride), i;
	uint8_t *indices;

	if (!count || count >= VECTORS || stride < sizeof(uint32_t) || stride > 4096)
		return INVALID_ARGUMENT;
	indices = dma(&device->bus, be64toh(command->resources.doorbells),
		      (uint64_t)count * stride);
	if (!indices)
		return INVALID_ARGUMENT;
	for (i = 0; i < count; i++)
		*(uint32_t *)(indices + i * stride) = htobe32(doorbell_of(INTERRUPT_DOORBELL, i));
	return PASSED;
}

/* Says where a queue's doorbell is (struct gve_queue_resources). */
static uint32_t answer_doorbell(struct device *device, uint64_t resources, uint32_t index)
{
	const uint32_t words[2] = { htobe32(index), 0 };

	return answer(device, resources, sizeof(words), words, sizeof(words));
}

static bool is_power_of_2(uint16_t number)
{
	return number && !(number & (number - 1));
}

static uint32_t create_tx(struct device *device, const struct command *command)
{
	uint32_t index = be32toh(command->create_tx.queue);
	uint16_t size = be16toh(command->create_tx.size);
	uint32_t vector = be32toh(command->create_tx.vector);
	struct tx_queue *queue = &device->tx[index];

	if (index >= QUEUES || !is_power_of_2(size) || vector >= VECTORS - 1 ||
	    command->create_tx.completions_size != command->create_tx.size)
		return INVALID_ARGUMENT;
	if (queue->live)
		return ALREADY_EXISTS;
	*queue = (struct tx_queue){
		.live = true,
		.size = size,
		.vector = vector,
		.ring = be64toh(command->create_tx.ring),
		.completions = be64toh(command->create_tx.completions),
		.late = calloc(size, sizeof(struct completion)),
	};
	if (!queue->late) {
		tx_stop(queue);
		return RESOURCE_EXHAUSTED;
	}
	return answer_doorbell(device, command->create_tx.resources,
			       doorbell_of(TX_DOORBELL, index));
}

static uint32_t create_rx(struct device *device, const struct command *command)
{
	uint32_t index = be32toh(command->create_rx.queue);
	uint16_t size = be16toh(command->create_rx.size);
	uint16_t buffer = be16toh(command->create_rx.buffer);
	uint32_t vector = be32toh(command->create_rx.vector);
	struct rx_queue *queue = &device->rx[index];

	if (index >= QUEUES || !is_power_of_2(size) || vector >= VECTORS - 1 || buffer < 256 ||
	    command->create_rx.buffers_size != command->create_rx.size)
		return INVALID_ARGUMENT;
	if (queue->live)
		return ALREADY_EXISTS;
	device->counts.rings_created += !index;
	*queue = (struct rx_queue){
		.live = true,
		.rsc = command->create_rx.rsc && device->options->rsc,
		.size = size,
		.vector = vector,
		.buffer = buffer,
		.header = be16toh(command->create_rx.header),
		.ring = be64toh(command->create_rx.ring),
		.completions = be64toh(command->create_rx.completions),
		.no_buffers = queue->no_buffers,
		.no_queue = queue->no_queue,
	};
	return answer_doorbell(device, command->create_rx.resources,
			       doorbell_of(RX_DOORBELL, index));
}

static uint32_t destroy_tx(struct device *device, const struct command *command)
{
	uint32_t index = be32toh(command->destroy.queue);

	if (index >= QUEUES || !device->tx[index].live)
		return NOT_FOUND;
	tx_stop(&device->tx[index]);
	return PASSED;
}

static uint32_t destroy_rx(struct device *device, const struct command *command)
{
	uint32_t index = be32toh(command->destroy.queue);

	if (index >= QUEUES || !device->rx[index].live)
		return NOT_FOUND;
	device->rx[index].live = false;
	return PASSED;
}

/* A size of 0 means: as before. */
static uint32_t configure_rss(struct device *device, const struct command *command)
{
	uint16_t key_size = be16toh(command->rss.key_size);
	uint16_t table_size = be16toh(command->rss.table_size), i;

	if (key_size) {
		const void *key = dma(&device->bus, be64toh(command->rss.key), key_size);

		if (!key || key_size != KEY_SIZE)
			return INVALID_ARGUMENT;
		memcpy(device->key, key, KEY_SIZE);
		steer_key_changed(device);
	}
	if (table_size) {
		const uint32_t *table = dma(&device->bus, be64toh(command->rss.table),
					    table_size * sizeof(*table));

		if (!table || table_size > TABLE_SIZE)
			return INVALID_ARGUMENT;
		for (i = 0; i < table_size; i++) {
			if (be32toh(table[i]) >= QUEUES)
				return INVALID_ARGUMENT;
		}
		for (i = 0; i < table_size; i++)
			device->table[i] = be32toh(table[i]);
		device->table_size = table_size;
	}
	return PASSED;
}

static uint32_t query_rss(struct device *device, const struct command *command)
{
	struct {
		uint32_t total;
		uint16_t types;
		uint8_t algorithm, reserved;
		uint8_t key[KEY_SIZE];
		uint32_t table[TABLE_SIZE];
	} found = { htobe32(sizeof(found)), 0, 1, 0, { 0 }, { 0 } };
	int i;

	if (!device->options->rss)
		return UNIMPLEMENTED;
	memcpy(found.key, device->key, KEY_SIZE);
	for (i = 0; i < TABLE_SIZE; i++)
		found.table[i] = htobe32(device->table[i]);
	return answer(device, command->query_rss.address, be64toh(command->query_rss.available),
		      &found, sizeof(found));
}

/* A frame's type is its L3 type times 8 plus its L4 type; here is what they are. */
static uint32_t answer_types(struct device *device, const struct command *command)
{
	uint8_t map[1024][2] = { 0 };
	int i;

	for (i = 0; i <= (L3_IPV6 << 3 | L4_ICMP); i++) {
		map[i][0] = i >> 3;
		map[i][1] = i & 7;
	}
	return answer(device, command->types.address, be64toh(command->types.size), map,
		      sizeof(map));
}

static uint32_t configure_rule(struct device *device, const struct command *command)
{
	const struct configure_rule *request =
		dma(&device->bus, be64toh(command->extended.address), sizeof(*request));
	struct rule *rule;
	uint32_t location;

	if (!request || be32toh(command->extended.size) != sizeof(*request))
		return INVALID_ARGUMENT;
	location = be32toh(request->location);
	switch (be16toh(request->opcode)) {
	case 0:
		if (location >= RULES || be16toh(request->rule.queue) >= QUEUES)
			return INVALID_ARGUMENT;
		rule = &device->rules[location];
		*rule = (struct rule){
			.used = true,
			.type = be16toh(request->rule.type),
			.queue = be16toh(request->rule.queue),
		};
		memcpy(&rule->key, &request->rule.key, sizeof(rule->key));
		memcpy(&rule->mask, &request->rule.mask, sizeof(rule->mask));
		return PASSED;
	case 1:
		if (location >= RULES || !device->rules[location].used)
			return NOT_FOUND;
		device->rules[location].used = false;
		return PASSED;
	case 2:
		memset(device->rules, 0, sizeof(device->rules));
		return PASSED;
	default:
		return INVALID_ARGUMENT;
	}
}

enum { QUERY_RULES = 0, QUERY_IDS = 1, QUERY_STATS = 2 };

/* Rules from `start` on, in ascending order, as many as there is room for. */
static uint32_t query_rules(struct device *device, const struct command *command)
{
	uint64_t most = be64toh(command->rules.available);
	uint16_t what = be16toh(command->rules.opcode);
	uint32_t i, queried = 0, count = 0, size = sizeof(struct rules_answer);
	uint32_t part = what == QUERY_RULES ? 4 + sizeof(struct wire_rule) : 4;
	uint8_t *memory = dma(&device->bus, be64toh(command->rules.address), most);

	if (!memory || most < size || what > QUERY_STATS)
		return INVALID_ARGUMENT;
	for (i = 0; i < RULES; i++) {
		const struct rule *rule = &device->rules[i];
		const uint32_t location = htobe32(i);

		if (!rule->used)
			continue;
		count++;
		if (what == QUERY_STATS || i < be32toh(command->rules.start) || size + part > most)
			continue;
		memcpy(memory + size, &location, sizeof(location));
		if (what == QUERY_RULES) {
			struct wire_rule wire = { htobe16(rule->type), htobe16(rule->queue),
						  rule->key, rule->mask };

			memcpy(memory + size + sizeof(location), &wire, sizeof(wire));
		}
		size += part;
		queried++;
	}
	*(struct rules_answer *)memory = (struct rules_answer){
		htobe32(count), htobe32(RULES), htobe32(queried), htobe32(size) };
	return PASSED;
}

/* The device's part of the report ends it: four counters of each RX queue in use. */
void write_statistics(struct device *device)
{
	enum { QUEUE_DROPS = 65, NO_BUFFERS, TOO_LARGE, BAD_CHECKSUM, PER_QUEUE = 4 };
	uint64_t start;
	struct statistic *report;
	uint32_t i, live = 0;

	if (!device->statistics)
		return;
	for (i = 0; i < QUEUES; i++)
		live += device->rx[i].live;
	/*
	 * gve_get_ethtool_stats: the region's length is that of the largest
	 * number of queues, and those in use lie at its end.
	 */
	start = device->statistics_size - live * PER_QUEUE * sizeof(*report);
	report = dma(&device->bus, device->statistics + start,
		     live * PER_QUEUE * sizeof(*report));
	if (!report)
		return;
	for (i = 0; i < QUEUES; i++) {
		const struct rx_queue *queue = &device->rx[i];

		if (!queue->live)
			continue;
		*report++ = (struct statistic){ htobe32(QUEUE_DROPS), htobe32(i),
						htobe64(queue->no_queue) };
		*report++ = (struct statistic){ htobe32(NO_BUFFERS), htobe32(i),
						htobe64(queue->no_buffers) };
		*report++ = (struct statistic){ htobe32(TOO_LARGE), htobe32(i), 0 };
		*report++ = (struct statistic){ htobe32(BAD_CHECKSUM), htobe32(i), 0 };
	}
}

static uint32_t report_statistics(struct device *device, const struct command *command)
{
	device->statistics = be64toh(command->statistics.address);
	device->statistics_size = be64toh(command->statistics.size);
	write_statistics(device);
	return PASSED;
}

static uint32_t report_speed(struct device *device, const struct command *command)
{
	const uint64_t speed = htobe64(100000);	/* Mbit/s */

	return answer(device, command->speed.address, sizeof(speed), &speed, sizeof(speed));
}

static uint32_t run(struct device *device, const struct command *command, uint32_t opcode)
{
	switch (opcode) {
	case DESCRIBE_DEVICE:
		return describe(device, command);
	case CONFIGURE_DEVICE_RESOURCES:
		return configure_resources(device, command);
	case CREATE_TX_QUEUE:
		return create_tx(device, command);
	case CREATE_RX_QUEUE:
		return create_rx(device, command);
	case DESTROY_TX_QUEUE:
		return destroy_tx(device, command);
	case DESTROY_RX_QUEUE:
		return destroy_rx(device, command);
	case DECONFIGURE_DEVICE_RESOURCES:
		return PASSED;
	case CONFIGURE_RSS:
		return configure_rss(device, command);
	case QUERY_RSS:
		return query_rss(device, command);
	case REPORT_STATS:
		return report_statistics(device, command);
	case REPORT_LINK_SPEED:
		return report_speed(device, command);
	case GET_PTYPE_MAP:
		return answer_types(device, command);
	case QUERY_FLOW_RULES:
		return query_rules(device, command);
	case CONFIGURE_FLOW_RULE:
		return configure_rule(device, command);
	case VERIFY_DRIVER_COMPATIBILITY:
		return PASSED;
	default:
		return UNIMPLEMENTED;
	}
}

/* Carries out the next command. Returns false where the driver will wait for ever. */
static bool run_next(struct device *device)
{
	uint64_t place = device->admin_base + device->admin_done % 64 * 64;
	struct command *command = dma(&device->bus, place, sizeof(*command));
	uint32_t opcode, status;

	if (!command)
		return false;
	opcode = be32toh(command->opcode);
	if (opcode == EXTENDED_COMMAND)
		opcode = be32toh(command->extended.opcode);
	device->counts.commands++;
	if (device->faults.hang_command == opcode) {
		device->hanging = true;
		return false;
	}
	if (device->faults.fail_command == opcode && device->faults.fail_times) {
		device->faults.fail_times--;
		status = device->faults.fail_status;
	} else {
		status = run(device, command, opcode);
	}
	command->status = htobe32(status);
	device->admin_done++;
	return true;
}

void admin_doorbell(struct device *device, uint32_t end)
{
	while (device->running && !device->hanging && device->admin_done != end &&
	       run_next(device))
		;
}
