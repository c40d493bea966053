// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU's that counts the instructions executed within ranges of
 * addresses, which are functions of the kernel or a program's text.
 *
 * -plugin counter.so,ranges=FILE,counts=FILE[,mark=ADDRESS]
 *
 * The first file has a range a line: first address and the one beyond the last,
 * in hexadecimal, and a name. The plugin writes the second one when QEMU ends, a
 * name and its count so far a line. With "mark", an address in hexadecimal, it
 * also writes the counts each time that the instruction there is executed.
 *
 * Addresses are virtual ones: nothing else that runs may use them.
 *
 * Debian's QEMU can load plugins and does not come with the header. The interface
 * is declared here as far as it is used (docs/devel/tcg-plugins.rst of QEMU 10).
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;

struct entry {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

enum { INLINE_ADD_U64 };
enum { NO_REGISTERS };

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_sum(struct entry entry);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn,
							 int operation, struct entry entry,
							 uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*executed)(unsigned int, void *), int registers,
					    void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *data);

int qemu_plugin_version = 4;

#define LIMIT 256

static struct range {
	uint64_t start, end;
	char name[64];
} ranges[LIMIT];
static size_t count;
static uint64_t mark;
static struct qemu_plugin_scoreboard *board;
static FILE *output;

static struct entry entry_of(size_t index)
{
	return (struct entry){ board, index * sizeof(uint64_t) };
}

static void write_counts(void)
{
	for (size_t i = 0; i < count; i++)
		fprintf(output, "%s %" PRIu64 "\n", ranges[i].name,
			qemu_plugin_u64_sum(entry_of(i)));
	fflush(output);
}

static void marked(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	write_counts();
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		for (size_t j = 0; j < count; j++)
			if (address >= ranges[j].start && address < ranges[j].end)
				qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
					insn, INLINE_ADD_U64, entry_of(j), 1);
		if (mark && address == mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, NO_REGISTERS, NULL);
	}
	(void)id;
}

static void ended(uint64_t id, void *data)
{
	(void)id;
	(void)data;
	write_counts();
	fclose(output);
}

static int load(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file) {
		perror(path);
		return -1;
	}
	while (count < LIMIT &&
	       fscanf(file, "%" SCNx64 " %" SCNx64 " %63s", &ranges[count].start,
		      &ranges[count].end, ranges[count].name) == 3)
		count++;
	if (!feof(file))
		fprintf(stderr, "%s: not read to its end\n", path);
	else if (!count)
		fprintf(stderr, "%s: no ranges\n", path);
	fclose(file);
	return count && count < LIMIT ? 0 : -1;
}

static int create(const char *path)
{
	output = fopen(path, "w");
	if (!output)
		perror(path);
	return output ? 0 : -1;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "ranges=", 7)) {
			if (load(argv[i] + 7))
				return -1;
		} else if (!strncmp(argv[i], "counts=", 7)) {
			if (create(argv[i] + 7))
				return -1;
		} else if (!strncmp(argv[i], "mark=", 5)) {
			mark = strtoull(argv[i] + 5, NULL, 16);
		}
	}
	if (!count || !output)
		return -1;
	board = qemu_plugin_scoreboard_new(count * sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
