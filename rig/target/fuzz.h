/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - what the sequences of fuzz.c and their operations in fuzz-ops.c share
 */
#ifndef RIG_FUZZ_H
#define RIG_FUZZ_H

#include "vmm.h"

#define PROGRAM_LEN	12

enum kind {
	/* in this order what a VMM does to set up a VM */
	OP_VM, OP_VCPU, OP_VCPU_INIT, OP_DEVICE, OP_NR_IRQS, OP_ADDR_DIST,
	OP_ADDR_OTHER, OP_INIT,
	/* and what it may do then */
	OP_SELECT, OP_READ_IIDR, OP_WRITE_GROUP, OP_READ_GROUP, OP_ANY_ATTR,
	OP_GUEST, OP_THREADS, OP_LINE, OP_FORK, OP_CLOSE,
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
	u8		states[1 << 16];
};

extern struct shared *shared;
extern struct vm vm;
extern bool supports_v2, supports_v3;
extern bool verbose;		/* say what is done */

void do_op(struct op *op);

/* The sequence is wrong: print why, and end its process unless threads are at work. */
void __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...);

#endif /* RIG_FUZZ_H */
