/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - what the sequences of fuzz.c and their operations share
 */
#ifndef RIG_FUZZ_H
#define RIG_FUZZ_H

#include "vmm.h"

#define PROGRAM_LEN	12

enum kind {
	/* in this order what a VMM does to set up a VM */
	OP_VM, OP_VCPU, OP_VCPU_INIT, OP_DEVICE, OP_NR_IRQS, OP_ADDR_DIST,
	OP_ADDR_OTHER, OP_INIT, OP_ITS,
	/* and what it may do then */
	OP_SELECT, OP_READ_IIDR, OP_WRITE_GROUP, OP_READ_GROUP, OP_WRITE_GROUPS, OP_WRITE_LPI,
	OP_READ_LPI, OP_CONFIG_LPI, OP_CHECK_LPIS, OP_READ_ALL, OP_ANY_ATTR, OP_GUEST, OP_THREADS, OP_LINE, OP_FORK,
	OP_CLOSE,
};

/* @a, @b and @c are random, to be interpreted when it is done; @keep is for shrink() */
struct op {
	enum kind	kind;
	u64		a, b, c;
	u64		keep;
};

/* What the process of a sequence has to say to the one that runs it */
struct shared {
	unsigned long	ops;
	int		at;		/* which operation */
	bool		failed;
	char		message[256];
	u8		states[1 << 18];
};

extern struct shared *shared;
extern struct vm vm;
extern bool supports_v2, supports_v3;
extern bool verbose;		/* say what is done */
extern bool racing;		/* threads are at work */

void do_op(struct op *op);
void do_threads(struct op *op);

/* The sequence is wrong: print why, and end its process unless threads are at work. */
void __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...);
void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...);

/* A vCPU that has not run may be set up in any way, but has to be. Return: 0 or an errno */
int init_vcpus(void);
int run_vcpu(int cpu);

/*
 * Access an attribute of the device, and compare with the model what comes of it.
 *
 * Return: 0 or an errno
 */
enum pointer { GOOD, MISALIGNED, NULL_POINTER, UNMAPPED, KERNELS };
int do_attr(unsigned long request, u32 group, u64 attr, u64 val, enum pointer pointer);
int set(u32 group, u64 attr, u64 val);
void set_lpi(int cpu, u32 offset, u64 val);

/* What is random: the vCPU of an attribute, a word of groups, a revision, anything */
u64 some_cpu_attr(u64 *rng);
u64 group_attr(u64 *rng, u32 *group);
u64 select_val(u64 *rng);
void any_attr(u64 *rng, bool may_change);

/* All that threads write to groups besides zeroes and ones */
#define NR_PATTERNS	4
extern const u32 patterns[NR_PATTERNS];

/* A read by userspace of what threads are changing: only what can never be is wrong. */
void check_racing(bool redist, u32 offset, u32 val);

#endif /* RIG_FUZZ_H */
