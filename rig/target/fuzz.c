// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz.c - random use of the emulated GIC, against a model of its revisions
 *
 * Runs on an emulated host, for $DURATION seconds, from $SEED. Every sequence
 * of operations has a process of its own, and a seed that follows from $SEED
 * and its number: the same seed gives the same operations. They are in
 * fuzz-ops.c and fuzz-threads.c, and what they have to end with is in
 * fuzz-model.c.
 *
 * When a read is wrong, or the kernel complains, operations are left out for as
 * long as it still happens, and what is left is printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz-model.h"

#define MAX_OPS		96
#define SEQUENCE_SEC	40
#define SHRINK_SEC	90

struct shared *shared;
bool supports_v2, supports_v3;
bool verbose;

static int generate(u64 seed, struct op *ops)
{
	static const enum kind before_run[] = {
		OP_SELECT, OP_SELECT, OP_WRITE_GROUP, OP_WRITE_GROUP, OP_WRITE_GROUPS,
		OP_WRITE_GROUPS, OP_WRITE_LPI, OP_READ_ALL,
	};
	static const enum kind any[] = {
		OP_SELECT, OP_SELECT, OP_SELECT, OP_READ_IIDR, OP_WRITE_GROUP, OP_WRITE_GROUP,
		OP_WRITE_GROUP, OP_READ_GROUP, OP_READ_GROUP, OP_READ_GROUP, OP_WRITE_GROUPS,
		OP_WRITE_LPI, OP_READ_LPI, OP_READ_ALL, OP_ANY_ATTR, OP_ANY_ATTR, OP_ANY_ATTR,
		OP_GUEST, OP_GUEST, OP_GUEST, OP_GUEST, OP_LINE,
	};
	static const enum kind lpis[] = {
		OP_SELECT, OP_WRITE_LPI, OP_WRITE_LPI, OP_WRITE_LPI, OP_READ_LPI,
		OP_CONFIG_LPI, OP_CONFIG_LPI, OP_CONFIG_LPI, OP_CHECK_LPIS, OP_CHECK_LPIS,
		OP_READ_ALL, OP_GUEST, OP_GUEST,
	};
	static const enum kind seldom[] = {
		OP_VM, OP_VCPU, OP_VCPU_INIT, OP_DEVICE, OP_NR_IRQS, OP_ADDR_DIST,
		OP_ADDR_OTHER, OP_INIT, OP_ITS, OP_ITS, OP_THREADS, OP_THREADS, OP_THREADS, OP_FORK, OP_CLOSE,
	};
	int i, nr = 0, vcpus, setup, total;
	u64 rng = seed;
	bool about_lpis;

	vcpus = below(&rng, 16) ? 1 + below(&rng, below(&rng, 2) ? 4 : MAX_VCPUS) : 0;
	ops[nr++].kind = OP_VM;
	if (below(&rng, 2))
		ops[nr++].kind = OP_DEVICE;
	for (i = 0; i < vcpus; i++)
		ops[nr++].kind = OP_VCPU;
	for (i = 0; i < vcpus; i++)
		ops[nr++].kind = OP_VCPU_INIT;
	ops[nr++].kind = OP_DEVICE;
	if (below(&rng, 2))
		ops[nr++].kind = OP_NR_IRQS;
	ops[nr++].kind = OP_ADDR_DIST;
	for (i = 1 + below(&rng, 4); i; i--)
		ops[nr++].kind = OP_ADDR_OTHER;
	if (below(&rng, 8))
		ops[nr++].kind = OP_INIT;
	if (below(&rng, 4))
		ops[nr++].kind = OP_ITS;
	setup = nr;
	/* One in three does it in some other order, or with something missing. */
	for (i = below(&rng, 3) ? 0 : 1 + below(&rng, 4); i; i--) {
		u32 from = 1 + below(&rng, setup - 1), to = 1 + below(&rng, setup - 1);
		enum kind kind = ops[from].kind;

		ops[from].kind = ops[to].kind;
		if (below(&rng, 4))
			ops[to].kind = kind;
	}

	/* After a run there is no way to a revision below 2. */
	for (i = below(&rng, 16); i; i--)
		ops[nr++].kind = PICK(&rng, before_run);
	total = nr + 8 + below(&rng, MAX_OPS - nr - 8);
	about_lpis = below(&rng, 3) == 0;
	while (nr < total)
		ops[nr++].kind = !below(&rng, 12) ? PICK(&rng, seldom) :
				 about_lpis ? PICK(&rng, lpis) : PICK(&rng, any);
	for (i = 0; i < nr; i++) {
		ops[i].a = next(&rng);
		ops[i].b = next(&rng);
		ops[i].c = next(&rng);
		ops[i].keep = ~0;
		if (ops[i].kind == OP_VCPU_INIT && i < setup)
			ops[i].a = i;
	}
	return nr;
}

/* Return: whether it went wrong, and shared->message says how */
static bool replay(struct op *ops, int nr)
{
	const char *said;
	int i, status = -1;
	pid_t pid;

	shared->failed = false;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		signal(SIGCHLD, SIG_DFL);
		alarm(SEQUENCE_SEC / 4);
		for (i = 0; i < nr; i++) {
			shared->at = i;
			do_op(&ops[i]);
			said = kernel_complaint();
			if (said)
				fail("%s", said);
		}
		_exit(0);
	}
	if (!has_ended(pid, &status, SEQUENCE_SEC))
		snprintf(shared->message, sizeof(shared->message),
			 "no end, and not even SIGALRM brings it about");
	else if (shared->failed)
		;
	else if (WIFSIGNALED(status))
		snprintf(shared->message, sizeof(shared->message), "killed by %s",
			 strsignal(WTERMSIG(status)));
	else
		status = 0;
	shared->failed |= status != 0;

	said = kernel_complaint();
	if (said && !shared->failed)
		snprintf(shared->message, sizeof(shared->message), "%s", said);
	return shared->failed |= !!said;
}

/* What it takes to see a complaint a second time */
static bool again(struct op *ops, int nr)
{
	put_file("/sys/kernel/debug/clear_warn_once", "1");
	return replay(ops, nr);
}

/* Leave out what is not needed, in ever smaller pieces. */
static int shrink(struct op *ops, int nr)
{
	time_t end = time(NULL) + SHRINK_SEC;
	struct op fewer[MAX_OPS];
	int i, bit, size, before;

	/* One by one until none of them can go: one may only have served another. */
	for (size = nr / 2; size && time(NULL) < end;
	     size = size > 1 ? size / 2 : nr < before) {
		before = nr;
		for (i = nr - size; i >= 0 && time(NULL) < end; i -= size) {
			memcpy(fewer, ops, i * sizeof(*ops));
			memcpy(fewer + i, ops + i + size, (nr - i - size) * sizeof(*ops));
			if (!again(fewer, nr - size))
				continue;
			nr -= size;
			memcpy(ops, fewer, nr * sizeof(*ops));
			if (i > nr)
				i = nr;
		}
	}
	for (i = 0; i < nr; i++) {
		for (bit = 0; ops[i].kind == OP_GUEST && bit < PROGRAM_LEN; bit++) {
			ops[i].keep &= ~(1ULL << bit);
			if (time(NULL) >= end || !again(ops, nr))
				ops[i].keep |= 1ULL << bit;
		}
	}
	return nr;
}

static void report(u64 seed, unsigned long sequence, struct op *ops, int nr)
{
	bool reproduced;
	int i;

	nr = shared->at + 1;
	printf("fuzz: sequence %lu of seed %llu: %s\n", sequence,
	       (unsigned long long)seed, shared->message);
	for (i = 0, reproduced = false; i < 3 && !reproduced; i++)
		reproduced = again(ops, nr);
	if (reproduced) {
		printf("fuzz: %d operations, the fewest of them that do it:\n", nr);
		nr = shrink(ops, nr);
	} else {
		printf("fuzz: it does not happen again, it was the last of these %d operations:\n", nr);
	}
	verbose = true;
	for (i = 0; i < 3 && !again(ops, nr) && reproduced; i++)
		printf("fuzz: not this time:\n");
	if (shared->failed)
		printf("fuzz: %s\n", shared->message);
}

/* A machine has one GIC, and some have means to emulate the other. */
static void probe(void)
{
	struct kvm_create_device dev = { .flags = KVM_CREATE_DEVICE_TEST };
	struct vm v = { .kvm = vm.kvm };
	u32 iidr;

	vmm_create(&v);
	dev.type = V2;
	supports_v2 = !ioctl(v.fd, KVM_CREATE_DEVICE, &dev);
	dev.type = V3;
	supports_v3 = !ioctl(v.fd, KVM_CREATE_DEVICE, &dev);
	if (supports_v3 && !vmm_create_vcpu(&v, 0) && !vmm_create_device(&v, V3)) {
		m.early_iidr = vmm_get(v.dev, DIST_REGS, GICD_IIDR, &iidr) != EBUSY;
		close(v.dev);
		close(v.vcpu[0]);
	}
	close(v.fd);
}

int main(void)
{
	u64 seed = number_from("SEED", 1), duration = number_from("DURATION", 60);
	time_t end = time(NULL) + duration;
	unsigned long i, sequence, states = 0;
	bool failed = false;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	vm = (struct vm){ .kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), .fd = -1, .dev = -1 };
	if (shared == MAP_FAILED || vm.kvm < 0) {
		perror("fuzz: set-up");
		return 2;
	}
	kernel_complaint();
	probe();

	for (sequence = 0; !failed && time(NULL) < end; sequence++) {
		struct op ops[MAX_OPS] = {};
		u64 rng = seed ^ sequence << 32;
		int nr = generate(next(&rng), ops);

		failed = replay(ops, nr);
		if (failed)
			report(seed, sequence, ops, nr);
	}
	for (i = 0; i < sizeof(shared->states); i++)
		states += shared->states[i];
	printf("fuzz: GICv%d, seed %llu: %lu operations in %lu sequences, %lu states of the model, %s\n",
	       supports_v3 ? 3 : 2, (unsigned long long)seed, shared->ops, sequence, states,
	       failed ? "one failure" : "no failure");
	return failed;
}
