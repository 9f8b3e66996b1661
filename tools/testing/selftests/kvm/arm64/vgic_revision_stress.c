// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic_revision_stress - All at once, for a while
 *
 * Select revisions from two threads, read and write groups from userspace and
 * from every vCPU, and signal interrupts, none of which waits for another. A
 * guest that stays in KVM_RUN must find its groups to be those of one revision,
 * from one read of GICD_IIDR to the next, and userspace must never read what no
 * revision allows.
 */
#include <linux/sizes.h>

#include "processor.h"
#include "ucall.h"
#include "vgic_rev.h"

#define SECONDS		4

/* Rounds of a vCPU before it leaves the guest */
#define ROUNDS		20

#define PAUSE_US	200

static const u32 patterns[] = { 0x5a5a5a5a, 0xa5a5a5a5, 0x00ff00ff, 0xff00ff00 };

struct job_stats {
	unsigned long	done;
	unsigned long	busy;
};

static bool finished;
static u32 offered;

static u32 guest_rev(u64 addr)
{
	u32 iidr = readl((void *)addr);

	GUEST_ASSERT_EQ(iidr & ~GICD_IIDR_REVISION_MASK, VGIC_IIDR(0));
	return (iidr & GICD_IIDR_REVISION_MASK) >> GICD_IIDR_REVISION_SHIFT;
}

/* What IGROUPR reads as, after @val was written to it */
static u32 groups_in(bool v3, u32 rev, u32 val)
{
	if (rev >= 2)
		return val;

	return v3 || rev == 0 ? ~0 : 0;
}

/* Nobody else writes these words while this vCPU is in KVM_RUN. */
static u64 guest_word(struct vgic_cmd *cmd, u64 gicd, int i)
{
	u32 cpu = guest_get_vcpuid();

	if (i)
		return gicd + GICD_IGROUPR + 4 * (1 + cpu);
	if (!cmd->v3)
		return gicd + GICD_IGROUPR;
	return GICR_BASE_GPA + cpu * KVM_VGIC_V3_REDIST_SIZE + SZ_64K + GICR_IGROUPR0;
}

static void guest_stress(struct vgic_cmd *cmd)
{
	u64 iidr = cmd->addr, gicd = iidr - GICD_IIDR;
	u32 rev = guest_rev(iidr);
	int i, word;

	for (i = 0; i < ROUNDS; i++) {
		u32 val = patterns[i % ARRAY_SIZE(patterns)];

		for (word = 0; word < 2; word++) {
			void *reg = (void *)guest_word(cmd, gicd, word);

			writel(val, reg);
			GUEST_ASSERT_EQ(readl(reg), groups_in(cmd->v3, rev, val));
		}

		vgic_guest_take(cmd);
		GUEST_ASSERT_EQ(guest_rev(iidr), rev);
	}
}

struct job {
	struct vgic_vm		*v;
	void			(*fn)(struct job *job);
	int			cpu;
	unsigned int		seed;
	struct job_stats	stats;
	pthread_t		thread;
};

static void count(struct job *job, int err)
{
	TEST_ASSERT(!err || err == EBUSY, "Unexpected errno %d", err);
	if (err)
		job->stats.busy++;
	else
		job->stats.done++;
}

static void run_vcpu(struct job *job)
{
	struct timespec start, spent;

	clock_gettime(CLOCK_MONOTONIC, &start);
	vgic_guest_cmd(job->v, job->cpu)->addr = vgic_iidr(job->v, 0).gpa;
	vgic_guest_do(job->v, job->cpu, guest_stress);
	job->stats.done++;

	/* Most of what others do is refused while any vCPU runs: share the time. */
	spent = timespec_elapsed(start);
	usleep(timespec_to_ns(spent) / 1000);
}

static void select_any(struct job *job)
{
	struct vgic_reg iidr = vgic_iidr(job->v, 0);
	u32 rev = rand_r(&job->seed) % (VGIC_REV_LATEST + 1);

	/* Revisions 0 and 1 are refused for good once a vCPU has run. */
	if (offered & BIT(rev))
		count(job, __vgic_user_write(job->v, &iidr, VGIC_IIDR(rev)));
}

static void write_groups(struct job *job)
{
	int i = rand_r(&job->seed) % vgic_nr_igroupr(job->v);
	struct vgic_reg reg = vgic_igroupr(job->v, i);

	count(job, __vgic_user_write(job->v, &reg, patterns[i % ARRAY_SIZE(patterns)]));
}

static bool is_allowed(u32 val)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		if (val == patterns[i])
			return true;
	return val == 0 || val == ~0U;
}

static int try_read(struct job *job, const struct vgic_reg *reg, u32 *val)
{
	return __kvm_device_attr_get(job->v->gic_fd, reg->group, reg->attr, val) ?
	       errno : 0;
}

static void read_all(struct job *job)
{
	struct vgic_reg reg = vgic_iidr(job->v, 0);
	int i, err;
	u32 val;

	err = try_read(job, &reg, &val);
	count(job, err);
	if (!err) {
		u32 rev = (val & GICD_IIDR_REVISION_MASK) >> GICD_IIDR_REVISION_SHIFT;

		vgic_expect(job->v, reg.name, "user", VGIC_IIDR(rev), val);
		vgic_expect(job->v, "GICD_IIDR.Revision is one of those offered", "user",
			    true, !!(offered & BIT(rev)));
	}

	for (i = 0; i < vgic_nr_igroupr(job->v); i++) {
		reg = vgic_igroupr(job->v, i);
		err = try_read(job, &reg, &val);
		count(job, err);
		if (!err && !is_allowed(val))
			vgic_expect(job->v, reg.name, "user", ~0, val);
	}
}

static void signal_any(struct job *job)
{
	int cpu = rand_r(&job->seed) % job->v->nr_vcpus;
	struct vgic_reg reg = vgic_private(job->v, cpu, "ISPENDR0", GICD_ISPENDR);

	vgic_pulse_spi(job->v, cpu);
	count(job, __vgic_user_write(job->v, &reg, VGIC_REV_PRIVATE));
}

static void *run_job(void *arg)
{
	struct job *job = arg;

	while (!READ_ONCE(finished)) {
		job->fn(job);
		usleep(PAUSE_US);
	}
	return NULL;
}

static void check_stress(struct vgic_vm *v)
{
	struct job jobs[] = {
		{ v, run_vcpu, 0 }, { v, run_vcpu, 1 },
		{ v, select_any }, { v, select_any },
		{ v, write_groups }, { v, read_all }, { v, signal_any },
	};
	static const char * const names[] = {
		"vCPU 0", "vCPU 1", "selected", "selected", "wrote", "read", "signaled",
	};
	u32 rev, taken = 0;
	int i, cpu;

	offered = vgic_rev_offered(v->row->dev_type);
	vgic_select(v, VGIC_REV_LATEST);
	vgic_enable_irqs(v, BIT(0) | BIT(1));

	for (i = 0; i < ARRAY_SIZE(jobs); i++) {
		jobs[i].seed = i + 1;
		kvm_pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]);
	}
	sleep(SECONDS);
	WRITE_ONCE(finished, true);
	for (i = 0; i < ARRAY_SIZE(jobs); i++) {
		kvm_pthread_join(jobs[i].thread, NULL);
		ksft_print_msg("%s: %s %lu times, busy %lu times\n", v->row->gic,
			       names[i], jobs[i].stats.done, jobs[i].stats.busy);
		vgic_expect(v, names[i], "got its turn", true, jobs[i].stats.done > 0);
	}

	for (cpu = 0; cpu < v->nr_vcpus; cpu++)
		taken += vgic_guest_cmd(v, cpu)->count[VGIC_REV_SPI(cpu)];
	vgic_expect(v, "SPIs", "arrived", true, taken > 0);

	/* What is left behind must be as good as new. */
	for (rev = 2; rev <= VGIC_REV_LATEST; rev++) {
		if (!(offered & BIT(rev)))
			continue;

		vgic_select(v, rev);
		for (cpu = 0; cpu < v->nr_vcpus; cpu++)
			run_vcpu(&jobs[cpu]);
	}
}

static const struct vgic_check checks[] = {
	{ "stress",	check_stress,	.untouched = true },
};

int main(void)
{
	vgic_rev_main(checks, ARRAY_SIZE(checks));
}
