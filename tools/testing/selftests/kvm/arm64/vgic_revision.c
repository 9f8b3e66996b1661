// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic_revision - What each GICD_IIDR.Revision promises, and that KVM keeps it
 *
 * A guest that has probed its GIC may act on what it found for as long as it
 * lives, on whichever kernel it is migrated to. GICD_IIDR.Revision is how a VMM
 * asks a kernel to keep behaving as the one the guest has started on. Select
 * each revision on each GIC and look at every behaviour that depends on it from
 * both sides, the guest's (loads, stores and interrupts) and userspace's (the
 * device attributes that a VMM saves and restores).
 *
 * The table of revisions below is what a kernel has to get right. Every check
 * of every row of it is a subtest of its own, in its own process and VM, so
 * that breaking one behaviour shows in one place.
 */
#include <linux/sizes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kvm_util.h"
#include "gic.h"
#include "gic_v3.h"
#include "kselftest.h"
#include "processor.h"
#include "ucall.h"
#include "vgic.h"

/* One vCPU could not tell a banked register from a shared one. */
#define NR_VCPUS	2

/* More than one word of SPIs, to find the ones a kernel would forget. */
#define NR_IRQS		128

#define V2_GICD_GPA	0x8000000ULL
#define V2_GICC_GPA	0x8010000ULL

#define NR_IGROUPR	(NR_VCPUS + NR_IRQS / 32 - 1)

/* Enough to tell a single bit from a whole register file */
#define MAX_MESSAGES	8

/* A guest that is stuck must not take the other subtests with it. */
#define TIMEOUT_SEC	20

/* What is not part of the Revision field: ARM, and KVM's product ID. */
#define IIDR(rev)	(0x4b00043b | (rev) << GICD_IIDR_REVISION_SHIFT)

#define RDIST_LPI_CTRL	(GICR_CTLR_IR | GICR_CTLR_CES)

/**
 * struct row - what to expect of one revision of one GIC
 * @gic: name of the GIC model
 * @name: name of the revision
 * @dev_type: KVM device type of the model
 * @rev: the value of GICD_IIDR.Revision
 * @untouched: leave GICD_IIDR alone, as most VMMs do
 * @igroupr: what every word of IGROUPR resets to
 * @guest_groups: the guest can write IGROUPR
 * @user_groups: userspace can write IGROUPR
 * @rdist_lpi_ctrl: GICR_CTLR tells of LPI control without an ITS (IHI 0069)
 */
struct row {
	const char	*gic;
	const char	*name;
	u32		dev_type;
	u32		rev;
	bool		untouched;
	u32		igroupr;
	bool		guest_groups;
	bool		user_groups;
	bool		rdist_lpi_ctrl;
};

#define GICV2(...) { "gicv2", .dev_type = KVM_DEV_TYPE_ARM_VGIC_V2, __VA_ARGS__ }
#define GICV3(...) { "gicv3", .dev_type = KVM_DEV_TYPE_ARM_VGIC_V3, __VA_ARGS__ }

static const struct row rows[] = {
	GICV3(.name = "0", .rev = 0, .igroupr = ~0),
	GICV3(.name = "1", .rev = 1, .igroupr = ~0),
	GICV3(.name = "2", .rev = 2, .igroupr = ~0, .guest_groups = true,
	      .user_groups = true),
	GICV3(.name = "3", .rev = 3, .igroupr = ~0, .guest_groups = true,
	      .user_groups = true, .rdist_lpi_ctrl = true),
	GICV3(.name = "default", .rev = 3, .untouched = true, .igroupr = ~0,
	      .guest_groups = true, .user_groups = true, .rdist_lpi_ctrl = true),
	GICV2(.name = "0", .rev = 0, .igroupr = ~0),
	GICV2(.name = "1", .rev = 1, .igroupr = 0),
	GICV2(.name = "2", .rev = 2, .igroupr = 0, .guest_groups = true,
	      .user_groups = true),
	GICV2(.name = "3", .rev = 3, .igroupr = 0, .guest_groups = true,
	      .user_groups = true),
	GICV2(.name = "default", .rev = 3, .untouched = true, .igroupr = 0,
	      .guest_groups = true),
};

/* What a check works on: one VM, with the revision of @row selected */
struct test {
	const struct row	*row;
	struct kvm_vm		*vm;
	struct kvm_vcpu		*vcpus[NR_VCPUS];
	int			gic_fd;
	int			nr_failed;
};

/* A 32-bit register, and how userspace and the guest get to it */
struct reg {
	char	name[32];
	u32	group;
	u64	attr;
	u64	gpa;
	int	vcpu;
};

/* The reason for a check to be skipped, written by the process that runs it */
static char *skip_reason;

/*
 * Guest side: vCPUs do what they are told and come back, so that a check reads
 * top to bottom on the host.
 */
enum guest_op {
	GUEST_READ,
	GUEST_WRITE,
};

static struct guest_cmd {
	enum guest_op	op;
	u64		addr;
	u32		val;
} cmd;

static void guest_code(void)
{
	while (true) {
		switch (READ_ONCE(cmd.op)) {
		case GUEST_READ:
			WRITE_ONCE(cmd.val, readl((void *)READ_ONCE(cmd.addr)));
			break;
		case GUEST_WRITE:
			writel(READ_ONCE(cmd.val), (void *)READ_ONCE(cmd.addr));
			break;
		}
		GUEST_SYNC(0);
	}
}

static bool is_v3(const struct test *t)
{
	return t->row->dev_type == KVM_DEV_TYPE_ARM_VGIC_V3;
}

static void expect(struct test *t, const char *reg, const char *view,
		   u32 expected, u32 read)
{
	if (read == expected || t->nr_failed++ >= MAX_MESSAGES)
		return;

	ksft_print_msg("%s revision %s: %s (%s): expected %#x, read %#x\n",
		       t->row->gic, t->row->name, reg, view, expected, read);
}

static void __noreturn skip(const char *reason)
{
	strcpy(skip_reason, reason);
	exit(KSFT_SKIP);
}

static void guest_run(struct test *t, int vcpu)
{
	struct ucall uc;

	sync_global_to_guest(t->vm, cmd);
	vcpu_run(t->vcpus[vcpu]);
	switch (get_ucall(t->vcpus[vcpu], &uc)) {
	case UCALL_SYNC:
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		TEST_FAIL("Unexpected exit: %s",
			  exit_reason_str(t->vcpus[vcpu]->run->exit_reason));
	}
	sync_global_from_guest(t->vm, cmd);
}

static u32 guest_read(struct test *t, const struct reg *reg)
{
	cmd = (struct guest_cmd){ .op = GUEST_READ, .addr = reg->gpa };
	guest_run(t, reg->vcpu);
	return cmd.val;
}

static void guest_write(struct test *t, const struct reg *reg, u32 val)
{
	cmd = (struct guest_cmd){ .op = GUEST_WRITE, .addr = reg->gpa, .val = val };
	guest_run(t, reg->vcpu);
}

static u32 user_read(struct test *t, const struct reg *reg)
{
	u32 val;

	kvm_device_attr_get(t->gic_fd, reg->group, reg->attr, &val);
	return val;
}

/* Return: 0 or an errno, the latter for the caller to expect */
static int __user_write(struct test *t, const struct reg *reg, u32 val)
{
	return __kvm_device_attr_set(t->gic_fd, reg->group, reg->attr, &val) ?
	       errno : 0;
}

static void user_write(struct test *t, const struct reg *reg, u32 val)
{
	kvm_device_attr_set(t->gic_fd, reg->group, reg->attr, &val);
}

static void expect_both(struct test *t, const struct reg *reg, u32 expected)
{
	expect(t, reg->name, "user", expected, user_read(t, reg));
	expect(t, reg->name, "guest", expected, guest_read(t, reg));
}

/* A distributor register, as seen by @vcpu */
static struct reg gicd_reg(struct test *t, int vcpu, const char *name, u32 offset)
{
	struct reg reg = {
		.group	= KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
		.attr	= (u64)vcpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | offset,
		.gpa	= (is_v3(t) ? GICD_BASE_GPA : V2_GICD_GPA) + offset,
		.vcpu	= vcpu,
	};

	snprintf(reg.name, sizeof(reg.name), "%s/vcpu%d", name, vcpu);
	return reg;
}

/* A redistributor register of @vcpu; the MPIDR of these few vCPUs is their ID */
static struct reg gicr_reg(int vcpu, const char *name, u32 offset)
{
	struct reg reg = {
		.group	= KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
		.attr	= (u64)vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | offset,
		.gpa	= GICR_BASE_GPA + vcpu * KVM_VGIC_V3_REDIST_SIZE + offset,
		.vcpu	= vcpu,
	};

	snprintf(reg.name, sizeof(reg.name), "%s/vcpu%d", name, vcpu);
	return reg;
}

static struct reg iidr_reg(struct test *t, int vcpu)
{
	return gicd_reg(t, vcpu, "GICD_IIDR", GICD_IIDR);
}

/* All of IGROUPR: the private word of each vCPU, then the words of the SPIs */
static struct reg igroupr_reg(struct test *t, int i)
{
	int word = i - NR_VCPUS + 1;
	char name[32];

	if (i >= NR_VCPUS) {
		snprintf(name, sizeof(name), "GICD_IGROUPR%d", word);
		return gicd_reg(t, i % NR_VCPUS, name, GICD_IGROUPR + 4 * word);
	}

	if (is_v3(t))
		return gicr_reg(i, "GICR_IGROUPR0", SZ_64K + GICR_IGROUPR0);

	return gicd_reg(t, i, "GICD_IGROUPR0", GICD_IGROUPR);
}

static void select_revision(struct test *t, u32 rev)
{
	struct reg iidr = iidr_reg(t, 0);

	expect(t, "write of GICD_IIDR", "errno", 0,
	       __user_write(t, &iidr, IIDR(rev)));
	expect(t, iidr.name, "user", IIDR(rev), user_read(t, &iidr));
}

static void setup_v2(struct test *t)
{
	u64 dist = V2_GICD_GPA, cpu = V2_GICC_GPA;
	u32 nr_irqs = NR_IRQS;

	t->gic_fd = kvm_create_device(t->vm, KVM_DEV_TYPE_ARM_VGIC_V2);
	kvm_device_attr_set(t->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
	kvm_device_attr_set(t->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V2_ADDR_TYPE_DIST, &dist);
	kvm_device_attr_set(t->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V2_ADDR_TYPE_CPU, &cpu);
	virt_map(t->vm, dist, dist,
		 vm_calc_num_guest_pages(t->vm->mode, KVM_VGIC_V2_DIST_SIZE));
	virt_map(t->vm, cpu, cpu,
		 vm_calc_num_guest_pages(t->vm->mode, KVM_VGIC_V2_CPU_SIZE));
}

/* A VM whose revision nobody has selected yet */
static void setup(struct test *t)
{
	int i;

	t->vm = vm_create_with_vcpus(NR_VCPUS, guest_code, t->vcpus);
	vm_init_descriptor_tables(t->vm);
	for (i = 0; i < NR_VCPUS; i++)
		vcpu_init_descriptor_tables(t->vcpus[i]);

	if (is_v3(t))
		t->gic_fd = __vgic_v3_setup(t->vm, NR_VCPUS, NR_IRQS);
	else
		setup_v2(t);
}

static void init_gic(struct test *t)
{
	kvm_device_attr_set(t->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

/* The register reads back from both sides, and is what only userspace changes */
static void check_iidr(struct test *t)
{
	static const u32 scribbles[] = { 0, ~0, IIDR(0), IIDR(1), IIDR(2), IIDR(3) };
	int i, v;

	for (v = 0; v < NR_VCPUS; v++) {
		struct reg iidr = iidr_reg(t, v);

		expect_both(t, &iidr, IIDR(t->row->rev));

		for (i = 0; i < ARRAY_SIZE(scribbles); i++) {
			guest_write(t, &iidr, scribbles[i]);
			expect_both(t, &iidr, IIDR(t->row->rev));
		}

		if (is_v3(t)) {
			struct reg gicr = gicr_reg(v, "GICR_IIDR", GICR_IIDR);

			expect_both(t, &gicr, IIDR(0));
		}
	}
}

/* What KVM never was is refused, and refusing changes nothing */
static void check_iidr_invalid(struct test *t)
{
	struct reg iidr = iidr_reg(t, 0);
	int i;

	for (i = 4; i < 16; i++) {
		expect(t, "write of GICD_IIDR", "errno", EINVAL,
		       __user_write(t, &iidr, IIDR(i)));
		expect(t, iidr.name, "user", IIDR(t->row->rev), user_read(t, &iidr));
	}

	for (i = 0; i < 32; i++) {
		if (BIT(i) & GICD_IIDR_REVISION_MASK)
			continue;

		expect(t, "write of GICD_IIDR", "errno", EINVAL,
		       __user_write(t, &iidr, IIDR(t->row->rev) ^ BIT(i)));
		expect(t, iidr.name, "user", IIDR(t->row->rev), user_read(t, &iidr));
	}
}

static void check_igroupr_reset(struct test *t)
{
	int i;

	for (i = 0; i < NR_IGROUPR; i++) {
		struct reg reg = igroupr_reg(t, i);

		expect_both(t, &reg, t->row->igroupr);
	}
}

static void check_igroupr(struct test *t, bool writable,
			  void (*write)(struct test *, const struct reg *, u32))
{
	static const u32 patterns[] = { 0, ~0, 0x5a5a5a5a, 0xa5a5a5a5 };
	int i, p;

	for (i = 0; i < NR_IGROUPR; i++) {
		struct reg reg = igroupr_reg(t, i);

		for (p = 0; p < ARRAY_SIZE(patterns); p++) {
			write(t, &reg, patterns[p]);
			expect_both(t, &reg, writable ? patterns[p] : t->row->igroupr);
		}
	}
}

static void check_igroupr_guest(struct test *t)
{
	check_igroupr(t, t->row->guest_groups, guest_write);
}

static void check_igroupr_user(struct test *t)
{
	check_igroupr(t, t->row->user_groups, user_write);
}

/*
 * Writes by userspace to the groups of a GICv2 are for a VMM that has asked for
 * revision 2 or 3, and for as long as it does.
 */
static void check_opt_in(struct test *t)
{
	struct reg reg = igroupr_reg(t, 0);

	user_write(t, &reg, ~0);
	expect_both(t, &reg, 0);
	select_revision(t, 3);
	user_write(t, &reg, ~0);
	expect_both(t, &reg, ~0);

	select_revision(t, t->row->rev);
	user_write(t, &reg, 0x5a5a5a5a);
	expect_both(t, &reg, t->row->user_groups ? 0x5a5a5a5a : t->row->igroupr);
}

/*
 * crosvm restores the redistributors before GICD_IIDR, and vCPUs may have run.
 * Where groups are constant, what was written to them before must be gone, and
 * where they are not, it must be left alone.
 */
static void check_late(struct test *t)
{
	u32 group1 = is_v3(t) ? ~0 : 0;
	int i;

	select_revision(t, 3);
	for (i = 0; i < NR_IGROUPR; i++) {
		struct reg reg = igroupr_reg(t, i);

		if (i & 1)
			user_write(t, &reg, 0xc0ffee00 + i);
		else
			guest_write(t, &reg, 0xc0ffee00 + i);
		expect_both(t, &reg, 0xc0ffee00 + i);
	}

	select_revision(t, t->row->rev);
	for (i = 0; i < NR_IGROUPR; i++) {
		struct reg reg = igroupr_reg(t, i);

		expect_both(t, &reg, t->row->guest_groups ? 0xc0ffee00 + i :
							    t->row->igroupr);
	}

	/* The groups themselves, whatever the revision made of them */
	select_revision(t, 3);
	for (i = 0; i < NR_IGROUPR; i++) {
		struct reg reg = igroupr_reg(t, i);

		expect_both(t, &reg, t->row->guest_groups ? 0xc0ffee00 + i : group1);
		guest_write(t, &reg, ~group1);
		expect_both(t, &reg, ~group1);
	}
}

static void check_gicr_ctlr(struct test *t)
{
	int v;

	for (v = 0; v < NR_VCPUS; v++) {
		struct reg reg = gicr_reg(v, "GICR_CTLR", GICR_CTLR);

		expect_both(t, &reg, t->row->rdist_lpi_ctrl ? RDIST_LPI_CTRL : 0);
	}
}

/**
 * struct check - one behaviour, looked at in every row it applies to
 * @name: third part of the subtest's name
 * @run: what to do with an initialized GIC
 * @v2_only: makes no sense on GICv3
 * @v3_only: makes no sense on GICv2
 * @selects: @run selects the revision itself
 */
static const struct check {
	const char	*name;
	void		(*run)(struct test *t);
	bool		v2_only;
	bool		v3_only;
	bool		selects;
} checks[] = {
	{ "iidr",		check_iidr },
	{ "iidr-invalid",	check_iidr_invalid },
	{ "igroupr-reset",	check_igroupr_reset },
	{ "igroupr-guest",	check_igroupr_guest },
	{ "igroupr-user",	check_igroupr_user },
	{ "opt-in",		check_opt_in,		.v2_only = true, .selects = true },
	{ "late",		check_late,		.selects = true },
	{ "gicr-ctlr",		check_gicr_ctlr,	.v3_only = true },
};

static bool applies(const struct row *row, const struct check *check)
{
	bool v3 = row->dev_type == KVM_DEV_TYPE_ARM_VGIC_V3;

	return !(v3 ? check->v2_only : check->v3_only) &&
	       !(row->untouched && check->selects);
}

/*
 * A kernel that knows KVM_CAP_ARM_VGIC_REVISIONS says what can be selected, an
 * older one returns an error. There are also kernels that return success and
 * then ignore the value: that is for the checks to fail on.
 */
static bool is_offered(struct test *t)
{
	int revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	struct reg iidr = iidr_reg(t, 0);

	if (revs || t->row->untouched)
		return t->row->untouched || revs & BIT(t->row->rev);

	return __user_write(t, &iidr, IIDR(t->row->rev)) != EINVAL;
}

static bool host_has_gic(u32 dev_type)
{
	struct kvm_vm *vm = vm_create_barebones();
	int r = __kvm_test_create_device(vm, dev_type);

	kvm_vm_free(vm);
	return !r;
}

static int run_check(const struct row *row, const struct check *check)
{
	struct test probe = { .row = row }, t = { .row = row };

	if (!host_has_gic(row->dev_type))
		skip("no such GIC on this host");

	setup(&probe);
	init_gic(&probe);
	if (!is_offered(&probe))
		skip("revision not offered by this kernel");

	setup(&t);
	init_gic(&t);
	if (!row->untouched && !check->selects)
		select_revision(&t, row->rev);
	if (!t.nr_failed)
		check->run(&t);

	return t.nr_failed ? KSFT_FAIL : KSFT_PASS;
}

/* Each check in a process of its own: not even a crash stops the others */
static void run_row(const struct row *row)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		char name[64];
		int status;
		pid_t pid;

		if (!applies(row, &checks[i]))
			continue;

		snprintf(name, sizeof(name), "%s/%s/%s", row->gic, row->name,
			 checks[i].name);
		strcpy(skip_reason, "");

		pid = fork();
		TEST_ASSERT(pid >= 0, "fork() failed");
		if (!pid) {
			alarm(TIMEOUT_SEC);
			exit(run_check(row, &checks[i]));
		}
		TEST_ASSERT(waitpid(pid, &status, 0) == pid, "waitpid() failed");

		if (WIFSIGNALED(status))
			ksft_print_msg("%s: %s\n", name, strsignal(WTERMSIG(status)));

		if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
			ksft_test_result_code(KSFT_SKIP, name, "%s", skip_reason);
		else
			ksft_test_result(!status, "%s\n", name);
	}
}

int main(void)
{
	int i, j, plan = 0;

	test_disable_default_vgic();

	skip_reason = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT(skip_reason != MAP_FAILED, "mmap() failed");

	ksft_print_header();
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		for (j = 0; j < ARRAY_SIZE(checks); j++)
			plan += applies(&rows[i], &checks[j]);
	ksft_set_plan(plan);

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		run_row(&rows[i]);

	ksft_finished();
}
