// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz-threads.c - the operation that has vCPUs and userspace do many things at once
 *
 * A vCPU writes only what nobody else writes while it is in KVM_RUN, and there the
 * revision cannot change: what it reads is known but for what others do to their own.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz-model.h"

#define MAX_RUNNING	4
#define THREAD_ROUNDS	24
#define CTLR_RWP	8

struct thread {
	pthread_t	thread;
	u64		rng;
	int		cpu;		/* to run, or -1 */
	bool		creates;	/* vCPUs; only one does */
};

static bool is_allowed(u32 val)
{
	u32 i;

	for (i = 0; i < NR_PATTERNS; i++)
		if (val == patterns[i])
			return true;
	return !val || val == ~0U;
}

void check_racing(bool redist, u32 offset, u32 val)
{
	if (is_iidr(redist, offset) && offset == GICD_IIDR &&
	    (val != IIDR(IIDR_REV(val)) || IIDR_REV(val) > LATEST_REV))
		fail("userspace reads %s as %#x, while others are at work",
		     reg_name(redist, offset), val);
	if (is_group(redist, offset) && !is_allowed(val))
		fail("userspace reads %s as %#x, which nobody has written",
		     reg_name(redist, offset), val);
}

/* A word of groups that no other vCPU writes */
static u64 own_group(u64 *rng, int cpu)
{
	u32 word = 1 + cpu + MAX_VCPUS * below(rng, 4);

	if (below(rng, 2))
		return m.dist + GICD_IGROUPR + 4 * (word < 32 ? word : (u32)cpu + 1);
	return redist_base(cpu) ? redist_base(cpu) + GICR_IGROUPR0 :
	       m.dist + GICD_IGROUPR + (is_v3() ? 4 * (cpu + 1) : 0);
}

/* Return: how many accesses there are */
static int race_program(struct program *program, u64 *rng, int cpu)
{
	u64 own = redist_base(cpu), other = redist_base(below(rng, m.nr_vcpus)), addr;
	struct access *a = program->access;
	int i;

	*a++ = (struct access){ m.dist + GICD_IIDR, 0, 4, 0 };
	for (i = 0; i < PROGRAM_LEN / 2; i++) {
		switch (own && other ? below(rng, 6) : 0) {
		case 1:
			*a++ = (struct access){ own + GICR_CTLR, below(rng, 2), 4, 1 };
			*a++ = (struct access){ own + GICR_CTLR, 0, 4, 0 };
			break;
		case 2:
			*a++ = (struct access){ own + GICR_INVALLR, 0, 8, 1 };
			*a++ = (struct access){ other + GICR_CTLR, 0, 4, 0 };
			break;
		case 3:
			*a++ = (struct access){ own + GICR_INVLPIR, FIRST_LPI, 8, 1 };
			*a++ = (struct access){ other + GICR_SYNCR, 0, 4, 0 };
			break;
		default:
			addr = own_group(rng, cpu);
			*a++ = (struct access){ addr, patterns[below(rng, NR_PATTERNS)], 4, 1 };
			*a++ = (struct access){ addr, 0, 4, 0 };
		}
	}
	*a++ = (struct access){ m.dist + GICD_IIDR, 0, 4, 0 };
	program->nr = a - program->access;
	return program->nr;
}

/* Whether an address is a register of anybody's redistributor */
static bool is_redist_reg(u64 addr, u32 offset)
{
	int i;

	for (i = 0; i < m.nr_vcpus; i++)
		if (redist_base(i) && addr == redist_base(i) + offset)
			return true;
	return false;
}

/* What a vCPU reads, right after its write in @a[-1] */
static void check_read(const struct access *a, int cpu, u32 rev)
{
	u32 word = (a->addr - m.dist - GICD_IGROUPR) / 4, want, may = 0;
	bool same = a->addr == a[-1].addr;

	if (is_redist_reg(a->addr, GICR_SYNCR)) {
		/* Others may invalidate, where there is anything to do it with. */
		want = 0;
		may = rev >= 3;
	} else if (is_redist_reg(a->addr, GICR_CTLR)) {
		want = ctlr_features(rev) | (same && m.its && a[-1].val);
		may = same || !m.its ? 0 : 1 | CTLR_RWP;
	} else if (word < 32 && word >= nr_irqs() / 32) {
		want = 0;
	} else {
		want = rev >= 2 ? a[-1].val : rev ? reset_groups() : ~0U;
	}
	if ((a->val & ~(u64)may) != (want & ~may))
		fail("vCPU %u writes %#x to %#llx and reads %#llx as %#x, expected %#x (GICv%d, revision %u)",
		     m.vcpu[cpu].id, (u32)a[-1].val, (unsigned long long)a[-1].addr,
		     (unsigned long long)a->addr, (u32)a->val, want, is_v3() ? 3 : 2, rev);
}

static void check_race_program(struct program *program, int cpu)
{
	struct access *a = program->access;
	u32 iidr = a->val, rev = IIDR_REV(iidr), i;

	if (iidr != IIDR(rev) || rev > LATEST_REV || a[program->nr - 1].val != iidr)
		fail("vCPU %u reads GICD_IIDR as %#x and %#x in a single run",
		     m.vcpu[cpu].id, iidr, (u32)a[program->nr - 1].val);
	for (i = 2; i < program->nr - 1; i += 2)
		check_read(&a[i], cpu, rev);
}

static void race_userspace(struct thread *t)
{
	u32 group, id;
	u64 attr;

	switch (below(&t->rng, 8)) {
	case 0:
	case 1:
		set(DIST_REGS, GICD_IIDR | some_cpu_attr(&t->rng), select_val(&t->rng));
		break;
	case 2:
		do_attr(KVM_GET_DEVICE_ATTR, DIST_REGS, GICD_IIDR | some_cpu_attr(&t->rng),
			0, GOOD);
		break;
	case 3:
		attr = group_attr(&t->rng, &group);
		set(group, attr, patterns[below(&t->rng, NR_PATTERNS)]);
		break;
	case 4:
		attr = group_attr(&t->rng, &group);
		do_attr(KVM_GET_DEVICE_ATTR, group, attr, 0, GOOD);
		break;
	case 5:
		id = below(&t->rng, 6);
		if (t->creates) {
			if (!vmm_create_vcpu(&vm, id))
				model_new_vcpu(id);
		} else {
			set(KVM_DEV_ARM_VGIC_GRP_CTRL, 0, 0);
		}
		break;
	case 6:
		any_attr(&t->rng, false);
		break;
	case 7:
		ioctl(vm.fd, KVM_IRQ_LINE, &(struct kvm_irq_level){
			.irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT |
			       (32 + below(&t->rng, 64)),
			.level = below(&t->rng, 2) });
		break;
	}
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;
	struct program *program = t->cpu < 0 ? NULL : vmm_program(&vm, t->cpu);
	int i;

	for (i = 0; i < THREAD_ROUNDS && !shared->failed; i++) {
		__atomic_add_fetch(&shared->ops, 1, __ATOMIC_RELAXED);
		if (!program) {
			race_userspace(t);
			continue;
		}
		race_program(program, &t->rng, t->cpu);
		if (run_vcpu(t->cpu))
			break;
		/* With the whole of it at work in the kernel, or with none of it */
		if (m.type && m.dist)
			check_race_program(program, t->cpu);
	}
	return NULL;
}

/* Make known again to the model what it cannot know after a race. */
static void settle(void)
{
	u64 cpu0 = m.nr_vcpus ? (u64)cpu_name(0) << 32 : 0;
	u32 val, i;

	if (vm.dev < 0)
		return;
	/* The model cannot tell apart those that a thread has created, before they are. */
	if (init_vcpus())
		_exit(0);
	if (!vmm_get(vm.dev, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &val) && val > 32)
		m.nr_irqs = val;
	set(KVM_DEV_ARM_VGIC_GRP_CTRL, 0, 0);
	set(DIST_REGS, cpu0 | GICD_IIDR, IIDR(LATEST_REV));
	for (i = 1; i < nr_irqs() / 32; i++)
		set(DIST_REGS, cpu0 | (GICD_IGROUPR + 4 * i), reset_groups());
	for (i = 0; i < (u32)m.nr_vcpus; i++) {
		u64 cpu = (u64)cpu_name(i) << 32;

		if (!is_v3()) {
			set(DIST_REGS, cpu | GICD_IGROUPR, reset_groups());
			continue;
		}
		set(REDIST_REGS, cpu | GICR_IGROUPR0, reset_groups());
		set_lpi(i, GICR_CTLR, 1);
		set_lpi(i, GICR_INVALLR, 0);
		set_lpi(i, GICR_CTLR, 0);
	}
}

void do_threads(struct op *op)
{
	struct thread threads[MAX_RUNNING + 2];
	bool setup = !m.init && op->b % 2;
	int i, nr = 0, vcpus = setup ? 0 : m.nr_vcpus;
	u64 rng = op->a;

	if (vm.dev < 0 || vm.fd < 0 || m.maybe_dead || init_vcpus())
		return;
	for (i = 0; i < vcpus; i++)
		if (vm.vcpu[i] < 0 || !vm.run[i])
			return;
	if (vcpus > MAX_RUNNING)
		vcpus = MAX_RUNNING;
	/* Patterns, zeroes and ones are all that there is while threads are at work. */
	if (!setup)
		settle();

	say("threads: %d vCPUs and 2 of userspace, seed %#llx", vcpus,
	    (unsigned long long)op->a);
	racing = true;
	for (i = 0; i < vcpus + 2; i++) {
		threads[i] = (struct thread){
			.rng = next(&rng), .creates = i == vcpus,
			.cpu = i < vcpus ? (int)((op->c + i) % m.nr_vcpus) : -1,
		};
		if (!pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]))
			nr++;
		else
			break;
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].thread, NULL);
	racing = false;
	if (shared->failed)
		_exit(1);
	settle();
}
