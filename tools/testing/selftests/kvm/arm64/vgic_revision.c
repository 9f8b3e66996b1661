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
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "kvm_util.h"
#include "gic.h"
#include "gic_v3.h"
#include "gic_v3_its.h"
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

/* GICv2 registers (IHI 0048) that gic_v3.h has no use for */
#define V2_GICD_CTLR_ENABLE	1
#define V2_GICC_CTLR		(V2_GICC_GPA + 0x00)
#define V2_GICC_PMR		(V2_GICC_GPA + 0x04)
#define V2_GICC_IAR		(V2_GICC_GPA + 0x0c)
#define V2_GICC_EOIR		(V2_GICC_GPA + 0x10)
#define V2_GICC_HPPIR		(V2_GICC_GPA + 0x18)
#define V2_INTID_MASK		0x3ff
#define V2_INTID_IN_GROUP1	1022
/* Both groups, and group 0 as FIQ the way it is on GICv3 */
#define V2_GICC_CTLR_ON		(BIT(0) | BIT(1) | BIT(3))
#define V2_GICC_CTLR_ACKCTL	BIT(2)

/* One interrupt of each kind for each vCPU, and below 64 to fit a bitmap */
#define SGI		1
#define PPI		20
#define SPI(vcpu)	(40 + (vcpu))
#define LPI		8192
/* Enough to keep KVM busy for a while, few enough for the command queue */
#define NR_LPIS		2000
#define PRIVATE		(BIT(SGI) | BIT(PPI))
#define IRQS(vcpu)	(PRIVATE | BIT_ULL(SPI(vcpu)))

#define LPI_DISABLED	(LPI_PROP_GROUP1)
#define LPI_ENABLED	(LPI_PROP_GROUP1 | LPI_PROP_ENABLED)

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
	GUEST_CPUIF_ON,		/* enable both groups at the CPU interface */
	GUEST_PEEK,		/* highest priority pending interrupt by group */
	GUEST_TAKE,		/* unmask, and note how each interrupt arrives */
	GUEST_SPIN,		/* stay in the guest until told to stop */
	GUEST_WATCH,		/* spin on a register, and note each bit seen set */
	GUEST_ACK,		/* activate an interrupt of group 0 */
	GUEST_LPI_SETUP,	/* map as many LPIs as told */
	GUEST_ITS_INV,
	GUEST_ITS_INVALL,
};

static struct guest_cmd {
	enum guest_op	op;
	bool		v3;
	bool		spinning;
	bool		stop;
	u64		addr;
	u32		val;
	u32		pending[2];
	u64		taken[2];
	u32		lpi;
} cmd;

static u32 watched;

static struct its_mem {
	gpa_t	devices;
	gpa_t	collections;
	gpa_t	cmdq;
	gpa_t	itt;
	gpa_t	prop;
	gpa_t	pend;
} its_mem;

static void guest_note(int group, u32 intid)
{
	if (intid >= LPI)
		cmd.lpi = intid;
	else if (intid < 64)
		cmd.taken[group] |= BIT_ULL(intid);
}

/* QEMU has no aliased registers, so have the others cover group 1 for a moment */
static u32 guest_read_group1(u64 addr)
{
	u32 val;

	writel(V2_GICC_CTLR_ON | V2_GICC_CTLR_ACKCTL, (void *)V2_GICC_CTLR);
	val = readl((void *)addr);
	writel(V2_GICC_CTLR_ON, (void *)V2_GICC_CTLR);
	return val;
}

static void guest_irq_handler(struct ex_regs *regs)
{
	u32 iar;

	if (cmd.v3) {
		iar = read_sysreg_s(SYS_ICC_IAR1_EL1);
		guest_note(1, iar);
		write_sysreg_s(iar, SYS_ICC_EOIR1_EL1);
	} else {
		iar = guest_read_group1(V2_GICC_IAR);
		guest_note(1, iar & V2_INTID_MASK);
		writel(V2_GICC_CTLR_ON | V2_GICC_CTLR_ACKCTL, (void *)V2_GICC_CTLR);
		writel(iar, (void *)V2_GICC_EOIR);
		writel(V2_GICC_CTLR_ON, (void *)V2_GICC_CTLR);
	}
	isb();
}

static void guest_fiq_handler(struct ex_regs *regs)
{
	u32 iar;

	if (cmd.v3) {
		iar = read_sysreg_s(SYS_ICC_IAR0_EL1);
		guest_note(0, iar);
		write_sysreg_s(iar, SYS_ICC_EOIR0_EL1);
	} else {
		iar = readl((void *)V2_GICC_IAR);
		guest_note(0, iar & V2_INTID_MASK);
		writel(iar, (void *)V2_GICC_EOIR);
	}
	isb();
}

static void guest_cpuif_on(void)
{
	if (!cmd.v3) {
		writel(0xff, (void *)V2_GICC_PMR);
		writel(V2_GICC_CTLR_ON, (void *)V2_GICC_CTLR);
		return;
	}

	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL1) | ICC_SRE_EL1_SRE,
		       SYS_ICC_SRE_EL1);
	isb();
	write_sysreg_s(0xff, SYS_ICC_PMR_EL1);
	/* The other way round makes QEMU 7.2 spin for good. */
	write_sysreg_s(1, SYS_ICC_IGRPEN1_EL1);
	isb();
	write_sysreg_s(1, SYS_ICC_IGRPEN0_EL1);
	isb();
}

static void guest_peek(void)
{
	if (cmd.v3) {
		cmd.pending[0] = read_sysreg_s(SYS_ICC_HPPIR0_EL1);
		cmd.pending[1] = read_sysreg_s(SYS_ICC_HPPIR1_EL1);
	} else {
		cmd.pending[0] = readl((void *)V2_GICC_HPPIR) & V2_INTID_MASK;
		if (cmd.pending[0] == V2_INTID_IN_GROUP1)
			cmd.pending[1] = guest_read_group1(V2_GICC_HPPIR) & V2_INTID_MASK;
		else
			cmd.pending[1] = IAR_SPURIOUS;
	}
}

static void guest_take(void)
{
	int i;

	local_irq_enable();
	for (i = 0; i < 100; i++)
		cpu_relax();
	local_irq_disable();
}

static void guest_watch(void)
{
	void *reg = (void *)cmd.addr;

	WRITE_ONCE(watched, 0);
	WRITE_ONCE(cmd.spinning, true);
	while (!READ_ONCE(cmd.stop))
		WRITE_ONCE(watched, watched | readl(reg));
}

static void guest_ack(void)
{
	guest_note(0, read_sysreg_s(SYS_ICC_IAR0_EL1));
	isb();
}

static void guest_lpi_setup(void)
{
	u32 i;

	gic_rdist_enable_lpis(its_mem.prop, SZ_64K, its_mem.pend);
	its_init(its_mem.collections, SZ_64K, its_mem.devices, SZ_64K,
		 its_mem.cmdq, SZ_64K);
	its_send_mapc_cmd((void *)its_mem.cmdq, 0, 0, true);
	its_send_mapd_cmd((void *)its_mem.cmdq, 0, its_mem.itt, SZ_64K, true);
	for (i = 0; i < cmd.val; i++)
		its_send_mapti_cmd((void *)its_mem.cmdq, 0, i, 0, LPI + i);
}

static void guest_code(void)
{
	while (true) {
		switch (READ_ONCE(cmd.op)) {
		case GUEST_READ:
			cmd.val = readl((void *)cmd.addr);
			break;
		case GUEST_WRITE:
			writel(cmd.val, (void *)cmd.addr);
			break;
		case GUEST_CPUIF_ON:
			guest_cpuif_on();
			break;
		case GUEST_PEEK:
			guest_peek();
			break;
		case GUEST_TAKE:
			guest_take();
			break;
		case GUEST_SPIN:
			WRITE_ONCE(cmd.spinning, true);
			while (!READ_ONCE(cmd.stop))
				cpu_relax();
			break;
		case GUEST_WATCH:
			guest_watch();
			break;
		case GUEST_ACK:
			guest_ack();
			break;
		case GUEST_LPI_SETUP:
			guest_lpi_setup();
			break;
		case GUEST_ITS_INV:
			its_send_inv_cmd((void *)its_mem.cmdq, 0, 0);
			break;
		case GUEST_ITS_INVALL:
			its_send_invall_cmd((void *)its_mem.cmdq, 0);
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

static void guest_run(struct test *t, int vcpu, struct guest_cmd c)
{
	struct ucall uc;

	cmd = c;
	cmd.v3 = is_v3(t);
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
	guest_run(t, reg->vcpu, (struct guest_cmd){
		.op = GUEST_READ, .addr = reg->gpa });
	return cmd.val;
}

static void guest_write(struct test *t, const struct reg *reg, u32 val)
{
	guest_run(t, reg->vcpu, (struct guest_cmd){
		.op = GUEST_WRITE, .addr = reg->gpa, .val = val });
}

static void guest_do(struct test *t, int vcpu, enum guest_op op)
{
	guest_run(t, vcpu, (struct guest_cmd){ .op = op });
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
	vm_install_exception_handler(t->vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
	vm_install_exception_handler(t->vm, VECTOR_FIQ_CURRENT, guest_fiq_handler);

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

/* The register of @reg's kind that has the bit of an interrupt of @vcpu */
static struct reg private_reg(struct test *t, int vcpu, u32 offset)
{
	return is_v3(t) ? gicr_reg(vcpu, "GICR", SZ_64K + offset) :
			  gicd_reg(t, vcpu, "GICD", offset);
}

/* 1020 to 1023 stand for "no interrupt", for one reason or another */
static bool is_intid(u32 intid)
{
	return intid <= MAX_SPI || intid >= LPI;
}

static void write_all_groups(struct test *t, int group)
{
	int i;

	for (i = 0; i < NR_IGROUPR; i++) {
		struct reg reg = igroupr_reg(t, i);

		guest_write(t, &reg, group ? ~0 : 0);
	}
}

/* The group that interrupts are delivered as after a reset */
static int reset_group(struct test *t)
{
	return is_v3(t);
}

static void enable_irqs(struct test *t)
{
	struct reg ctlr = gicd_reg(t, 0, "GICD_CTLR", GICD_CTLR), reg;
	int v;

	for (v = 0; v < NR_VCPUS; v++) {
		reg = private_reg(t, v, GICD_ISENABLER);
		user_write(t, &reg, PRIVATE);
		reg = gicd_reg(t, 0, "GICD_ISENABLER1", GICD_ISENABLER + 4);
		user_write(t, &reg, BIT(SPI(v) % 32));
		if (is_v3(t)) {
			reg = gicd_reg(t, 0, "GICD_IROUTER", GICD_IROUTER + 8 * SPI(v));
			user_write(t, &reg, v);
		}
		guest_do(t, v, GUEST_CPUIF_ON);
	}

	if (!is_v3(t)) {
		reg = gicd_reg(t, 0, "GICD_ITARGETSR", GICD_ITARGETSR + SPI(0));
		user_write(t, &reg, BIT(0) | BIT(1) << 8);
	}

	user_write(t, &ctlr, is_v3(t) ? GICD_CTLR_ENABLE_SS_G1 : V2_GICD_CTLR_ENABLE);
}

static void pend_irqs(struct test *t)
{
	struct reg reg;
	int v;

	for (v = 0; v < NR_VCPUS; v++) {
		reg = private_reg(t, v, GICD_ISPENDR);
		user_write(t, &reg, PRIVATE);
	}

	reg = gicd_reg(t, 0, "GICD_ISPENDR1", GICD_ISPENDR + 4);
	user_write(t, &reg, BIT(SPI(0) % 32) | BIT(SPI(1) % 32));
}

static void expect_pending(struct test *t, int group)
{
	int v;

	for (v = 0; v < NR_VCPUS; v++) {
		guest_do(t, v, GUEST_PEEK);
		expect(t, "pending in group 0", "guest", !group, is_intid(cmd.pending[0]));
		expect(t, "pending in group 1", "guest", group, is_intid(cmd.pending[1]));
	}
}

static void expect_taken(struct test *t, int group)
{
	int v;

	for (v = 0; v < NR_VCPUS; v++) {
		guest_do(t, v, GUEST_TAKE);
		expect(t, "FIQs (SGI, PPI)", "guest", group ? 0 : PRIVATE, cmd.taken[0]);
		expect(t, "IRQs (SGI, PPI)", "guest", group ? PRIVATE : 0, cmd.taken[1]);
		expect(t, "FIQs (SPI)", "guest", group ? 0 : IRQS(v) >> 32,
		       cmd.taken[0] >> 32);
		expect(t, "IRQs (SPI)", "guest", group ? IRQS(v) >> 32 : 0,
		       cmd.taken[1] >> 32);
	}
}

/* Interrupts arrive as what their groups are, and not as what they read as */
static void check_delivery(struct test *t)
{
	int group;

	enable_irqs(t);
	pend_irqs(t);
	expect_pending(t, reset_group(t));
	expect_taken(t, reset_group(t));

	for (group = 0; group < 2; group++) {
		int arrives = t->row->guest_groups ? group : reset_group(t);

		write_all_groups(t, group);
		pend_irqs(t);
		expect_pending(t, arrives);
		expect_taken(t, arrives);
	}
}

/* The same for interrupts that a vCPU has pending when the revision changes */
static void check_late_pending(struct test *t)
{
	int other = !reset_group(t);

	select_revision(t, 3);
	enable_irqs(t);
	write_all_groups(t, other);
	pend_irqs(t);
	expect_pending(t, other);

	select_revision(t, t->row->rev);
	expect_pending(t, t->row->guest_groups ? other : reset_group(t));

	select_revision(t, 3);
	expect_pending(t, t->row->guest_groups ? other : reset_group(t));
	write_all_groups(t, other);
	expect_pending(t, other);

	select_revision(t, t->row->rev);
	expect_taken(t, t->row->guest_groups ? other : reset_group(t));
}

/* The active priorities of one group, as a VMM saves them */
static u32 active_priorities(struct test *t, int vcpu, u64 sysreg)
{
	u64 val;

	kvm_device_attr_get(t->gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			    (u64)vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT |
			    (KVM_ARM64_SYS_REG(sysreg) & KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK),
			    &val);
	return val;
}

/*
 * Active interrupts are put back to their reset group as well, but stay active,
 * and so do the priorities at which the vCPU runs: these are the VMM's.
 */
static void check_late_active(struct test *t)
{
	u32 ap0r[NR_VCPUS];
	struct reg reg;
	int v;

	select_revision(t, 3);
	enable_irqs(t);
	write_all_groups(t, 0);

	for (v = 0; v < NR_VCPUS; v++) {
		reg = private_reg(t, v, GICD_ISPENDR);
		user_write(t, &reg, BIT(PPI));
		guest_do(t, v, GUEST_ACK);
		expect(t, "acknowledged in group 0", "guest", BIT(PPI), cmd.taken[0]);
		ap0r[v] = active_priorities(t, v, SYS_ICC_AP0R0_EL1);
		expect(t, "ICC_AP0R0_EL1 is set", "user", true, !!ap0r[v]);
	}

	select_revision(t, t->row->rev);

	for (v = 0; v < NR_VCPUS; v++) {
		reg = igroupr_reg(t, v);
		expect_both(t, &reg, t->row->guest_groups ? 0 : t->row->igroupr);
		reg = private_reg(t, v, GICD_ISACTIVER);
		expect_both(t, &reg, BIT(PPI));
		expect(t, "ICC_AP0R0_EL1", "user", ap0r[v],
		       active_priorities(t, v, SYS_ICC_AP0R0_EL1));
		expect(t, "ICC_AP1R0_EL1", "user", 0,
		       active_priorities(t, v, SYS_ICC_AP1R0_EL1));
	}
}

/*
 * The order in which crosvm restores a VM: all redistributors first, then every
 * register of the distributor by address, which is GICD_IIDR well before
 * GICD_IGROUPR, and nothing after it to make up for what it did.
 */
static void check_restore(struct test *t)
{
	struct reg reg;
	int i, offset;
	u32 val;

	for (i = 0; is_v3(t) && i < NR_VCPUS; i++) {
		reg = igroupr_reg(t, i);
		user_write(t, &reg, 0x5a5a5a5a);
	}

	for (offset = GICD_CTLR; offset < GICD_IPRIORITYR; offset += 4) {
		/* The first word of each kind is banked on GICv2. */
		for (i = 0; i < (is_v3(t) ? 1 : NR_VCPUS); i++) {
			reg = gicd_reg(t, i, "GICD", offset);
			if (__kvm_device_attr_get(t->gic_fd, reg.group, reg.attr, &val))
				continue;

			if (offset == GICD_IIDR)
				val = IIDR(t->row->rev);
			else if (offset >= GICD_IGROUPR && offset < GICD_ISENABLER)
				val = 0x5a5a5a5a;
			expect(t, reg.name, "errno of its restore", 0,
			       __user_write(t, &reg, val));
		}
	}

	reg = iidr_reg(t, 0);
	expect_both(t, &reg, IIDR(t->row->rev));
	for (i = 0; i < NR_IGROUPR; i++) {
		reg = igroupr_reg(t, i);
		expect_both(t, &reg, t->row->user_groups ? 0x5a5a5a5a : t->row->igroupr);
	}
}

/* Where GICD_IIDR can be written before init, init keeps it */
static void check_pre_init(struct test *t)
{
	struct reg iidr = iidr_reg(t, 0);

	if (__user_write(t, &iidr, IIDR(t->row->rev)) == EBUSY)
		skip("GICD_IIDR is not writable before init on this kernel");

	select_revision(t, t->row->rev);
	expect(t, "write of GICD_IIDR", "errno", EINVAL,
	       __user_write(t, &iidr, IIDR(15)));
	init_gic(t);
	check_iidr(t);
	check_igroupr_reset(t);
	check_igroupr_guest(t);
}

static void *spin(void *arg)
{
	guest_do(arg, 1, GUEST_SPIN);
	return NULL;
}

static void *watch_gicr_ctlr(void *arg)
{
	guest_run(arg, 1, (struct guest_cmd){
		.op = GUEST_WATCH, .addr = gicr_reg(0, "", GICR_CTLR).gpa });
	return NULL;
}

static void wait_for_guest(struct test *t, pthread_t *thread, void *(*fn)(void *))
{
	struct guest_cmd *guest_cmd = addr_gva2hva(t->vm, (gva_t)&cmd);

	kvm_pthread_create(thread, NULL, fn, t);
	while (!READ_ONCE(guest_cmd->spinning))
		usleep(1000);
}

static void stop_guest(struct test *t, pthread_t thread)
{
	struct guest_cmd *guest_cmd = addr_gva2hva(t->vm, (gva_t)&cmd);

	WRITE_ONCE(guest_cmd->stop, true);
	kvm_pthread_join(thread, NULL);
}

/* Handlers read the revision without a lock, so no vCPU may be running */
static void check_busy(struct test *t)
{
	struct reg iidr = iidr_reg(t, 0);
	pthread_t thread;

	wait_for_guest(t, &thread, spin);
	expect(t, "write of GICD_IIDR", "errno while a vCPU runs", EBUSY,
	       __user_write(t, &iidr, IIDR(0)));
	stop_guest(t, thread);
	expect_both(t, &iidr, IIDR(t->row->rev));
}

static void setup_its(struct test *t)
{
	gpa_t *chunk = (gpa_t *)&its_mem, gpa;
	int i, nr = sizeof(its_mem) / sizeof(gpa_t);
	size_t pages = vm_calc_num_guest_pages(t->vm->mode, SZ_64K);

	gpa = (vm_compute_max_gfn(t->vm) + 1) * t->vm->page_size - nr * SZ_64K;
	vm_userspace_mem_region_add(t->vm, VM_MEM_SRC_ANONYMOUS, gpa, 1, nr * pages, 0);
	for (i = 0; i < nr; i++)
		chunk[i] = vm_phy_pages_alloc(t->vm, pages, gpa, 1);
	virt_map(t->vm, its_mem.cmdq, its_mem.cmdq, pages);
	sync_global_to_guest(t->vm, its_mem);

	vgic_its_setup(t->vm);
}

static void configure_lpis(struct test *t, u8 prop, u32 nr)
{
	memset(addr_gpa2hva(t->vm, its_mem.prop), prop, nr);
}

static void configure_lpi(struct test *t, u8 prop)
{
	configure_lpis(t, prop, 1);
}

static void setup_lpis(struct test *t, u32 nr)
{
	guest_run(t, 0, (struct guest_cmd){ .op = GUEST_LPI_SETUP, .val = nr });
}

static void signal_lpi(struct test *t, u32 event)
{
	struct kvm_msi msi = {
		.address_lo	= GITS_BASE_GPA + GITS_TRANSLATER,
		.data		= event,
		.flags		= KVM_MSI_VALID_DEVID,
	};

	__vm_ioctl(t->vm, KVM_SIGNAL_MSI, &msi);
}

static void expect_lpi(struct test *t, const char *what, bool pending)
{
	guest_do(t, 0, GUEST_PEEK);
	expect(t, what, "guest", pending, cmd.pending[1] == LPI);
}

/* Without the capability, only GICR_CTLR.{IR,CES} depend on the revision. */
static void require_lpi_ctrl_by_revision(struct test *t)
{
	if (t->row->rev < 3 && !kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS))
		skip("LPI control does not depend on the revision on this kernel");
}

/*
 * An LPI's configuration is cached until it is invalidated. Only the ITS can do
 * so without GICR_CTLR.IR, and an LPI is in group 1 come what may.
 */
static void check_lpi(struct test *t)
{
	struct reg invlpir = gicr_reg(0, "GICR_INVLPIR", GICR_INVLPIR);
	struct reg invallr = gicr_reg(0, "GICR_INVALLR", GICR_INVALLR);
	struct reg syncr = gicr_reg(0, "GICR_SYNCR", GICR_SYNCR);
	struct reg ctlr = gicr_reg(0, "GICR_CTLR", GICR_CTLR);
	bool direct = t->row->rdist_lpi_ctrl;

	require_lpi_ctrl_by_revision(t);
	setup_its(t);
	enable_irqs(t);
	configure_lpi(t, LPI_DISABLED);
	setup_lpis(t, 1);
	expect_both(t, &ctlr, GICR_CTLR_ENABLE_LPIS | (direct ? RDIST_LPI_CTRL : 0));

	signal_lpi(t, 0);
	expect_lpi(t, "LPI pending, while disabled", false);

	configure_lpi(t, LPI_ENABLED);
	guest_write(t, &invlpir, LPI);
	expect_lpi(t, "LPI pending, after GICR_INVLPIR", direct);

	configure_lpi(t, direct ? LPI_DISABLED : LPI_ENABLED);
	guest_write(t, &invallr, 0);
	expect_lpi(t, "LPI pending, after GICR_INVALLR", false);
	expect_both(t, &syncr, 0);

	configure_lpi(t, LPI_ENABLED);
	guest_do(t, 0, GUEST_ITS_INVALL);
	expect_lpi(t, "LPI pending, after INVALL", true);

	configure_lpi(t, LPI_DISABLED);
	guest_do(t, 0, GUEST_ITS_INV);
	expect_lpi(t, "LPI pending, after INV of a disabled LPI", false);
	configure_lpi(t, LPI_ENABLED);
	guest_do(t, 0, GUEST_ITS_INV);
	expect_lpi(t, "LPI pending, after INV", true);

	if (!t->row->untouched)
		select_revision(t, t->row->rev);
	expect_lpi(t, "LPI pending, after the revision was selected", true);
	guest_do(t, 0, GUEST_TAKE);
	expect(t, "LPI as IRQ", "guest", LPI, cmd.lpi);

	signal_lpi(t, 0);
	expect_lpi(t, "LPI pending, once more", true);
	guest_write(t, &ctlr, 0);
	expect_both(t, &ctlr, direct ? RDIST_LPI_CTRL : 0);
	expect_lpi(t, "LPI pending, while GICR_CTLR.EnableLPIs is clear", false);
}

/*
 * GICR_CTLR.RWP is set for as long as it takes to drop the pending LPIs, which
 * is when another vCPU may look. Where it is to be seen, which takes up to four
 * rounds under emulation, try until it is. Where it is not, try more than that.
 */
static void check_rwp(struct test *t)
{
	struct reg ctlr = gicr_reg(0, "GICR_CTLR", GICR_CTLR);
	u32 *seen = addr_gva2hva(t->vm, (gva_t)&watched);
	pthread_t thread;
	int i, round;

	require_lpi_ctrl_by_revision(t);
	setup_its(t);
	configure_lpis(t, LPI_ENABLED, NR_LPIS);
	setup_lpis(t, NR_LPIS);

	wait_for_guest(t, &thread, watch_gicr_ctlr);
	for (round = 0; round < (t->row->rdist_lpi_ctrl ? 50 : 10); round++) {
		if (READ_ONCE(*seen) & GICR_CTLR_RWP)
			break;

		guest_write(t, &ctlr, GICR_CTLR_ENABLE_LPIS);
		for (i = 0; i < NR_LPIS; i++)
			signal_lpi(t, i);
		guest_write(t, &ctlr, 0);
	}
	stop_guest(t, thread);

	expect(t, "GICR_CTLR.RWP", "guest", t->row->rdist_lpi_ctrl ? GICR_CTLR_RWP : 0,
	       READ_ONCE(*seen) & GICR_CTLR_RWP);
}

/* What the capability says is what can be selected, no more and no less */
static void check_cap(struct test *t)
{
	u32 revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	struct reg iidr = iidr_reg(t, 0);
	int rev;

	if (!revs)
		skip("no KVM_CAP_ARM_VGIC_REVISIONS on this kernel");

	expect(t, "KVM_CAP_ARM_VGIC_REVISIONS", "VM", revs,
	       vm_check_cap(t->vm, KVM_CAP_ARM_VGIC_REVISIONS));
	for (rev = 0; rev < 16; rev++)
		expect(t, "write of GICD_IIDR", "errno",
		       revs & BIT(rev) ? 0 : EINVAL,
		       __user_write(t, &iidr, IIDR(rev)));
}

static void check_cap_protected(struct test *t)
{
	u32 revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	int vm = __kvm_ioctl(open_kvm_dev_path_or_exit(), KVM_CREATE_VM,
			     (void *)KVM_VM_TYPE_ARM_PROTECTED);

	if (vm < 0)
		skip("no protected VMs on this host");

	expect(t, "KVM_CAP_ARM_VGIC_REVISIONS", "protected VM", revs,
	       __kvm_ioctl(vm, KVM_CHECK_EXTENSION,
			   (void *)KVM_CAP_ARM_VGIC_REVISIONS));
	close(vm);
}

/* For whoever has to find out why a guest doesn't get its interrupts */
static void check_debugfs(struct test *t)
{
	char path[128], line[128];
	u32 rev = ~0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/vgic-state",
		 getpid(), t->vm->fd);
	file = fopen(path, "r");
	if (!file || !kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS))
		skip("no revision in debugfs on this kernel");

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "revision: %u", &rev) == 1)
			break;
	fclose(file);
	expect(t, "revision in vgic-state", "debugfs", t->row->rev, rev);
}

/**
 * struct check - one behaviour, looked at in every row it applies to
 * @name: third part of the subtest's name
 * @run: what to do with a GIC that has the revision of the row selected
 * @v2_only: makes no sense on GICv3
 * @v3_only: makes no sense on GICv2
 * @selects: @run selects the revision itself
 * @inits: @run initializes the GIC itself
 * @once: not about a revision, so run it in a single row of each GIC
 */
static const struct check {
	const char	*name;
	void		(*run)(struct test *t);
	bool		v2_only;
	bool		v3_only;
	bool		selects;
	bool		inits;
	bool		once;
} checks[] = {
	{ "iidr",		check_iidr },
	{ "iidr-invalid",	check_iidr_invalid },
	{ "igroupr-reset",	check_igroupr_reset },
	{ "igroupr-guest",	check_igroupr_guest },
	{ "igroupr-user",	check_igroupr_user },
	{ "delivery",		check_delivery },
	{ "opt-in",		check_opt_in,		.v2_only = true, .selects = true },
	{ "late",		check_late,		.selects = true },
	{ "late-pending",	check_late_pending,	.selects = true },
	{ "late-active",	check_late_active,	.v3_only = true, .selects = true },
	{ "restore",		check_restore,		.selects = true },
	{ "pre-init",		check_pre_init,		.v3_only = true, .selects = true,
							.inits = true },
	{ "busy",		check_busy },
	{ "gicr-ctlr",		check_gicr_ctlr,	.v3_only = true },
	{ "lpi",		check_lpi,		.v3_only = true },
	{ "rwp",		check_rwp,		.v3_only = true },
	{ "debugfs",		check_debugfs },
	{ "cap",		check_cap,		.once = true },
	{ "cap-protected",	check_cap_protected,	.once = true },
};

static bool applies(const struct row *row, const struct check *check)
{
	bool v3 = row->dev_type == KVM_DEV_TYPE_ARM_VGIC_V3;

	if (v3 ? check->v2_only : check->v3_only)
		return false;

	return row->untouched ? !check->selects : !check->once;
}

/*
 * Is there anything to check? A kernel that has KVM_CAP_ARM_VGIC_REVISIONS says
 * what can be selected, an older one returns an error. There are also kernels
 * that return success and then ignore the value: that is for checks to fail on.
 */
static int probe_row(const struct row *row, const struct check *check)
{
	int revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	struct test t = { .row = row };
	struct reg iidr = iidr_reg(&t, 0);
	struct kvm_vm *vm = vm_create_barebones();

	if (__kvm_test_create_device(vm, row->dev_type))
		skip("no such GIC on this host");

	if (revs && !(revs & BIT(row->rev)))
		skip("revision not offered by this kernel");

	if (!revs && !row->untouched) {
		setup(&t);
		init_gic(&t);
		if (__user_write(&t, &iidr, IIDR(row->rev)) == EINVAL)
			skip("revision not offered by this kernel");
	}

	return KSFT_PASS;
}

static int run_check(const struct row *row, const struct check *check)
{
	struct test t = { .row = row };

	setup(&t);
	if (!check->inits)
		init_gic(&t);
	if (!row->untouched && !check->selects)
		select_revision(&t, row->rev);
	if (!t.nr_failed)
		check->run(&t);

	return t.nr_failed ? KSFT_FAIL : KSFT_PASS;
}

/* In a process of its own, so that not even a crash stops the other checks */
static int run_apart(int (*fn)(const struct row *, const struct check *),
		     const struct row *row, const struct check *check)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	TEST_ASSERT(pid >= 0, "fork() failed");
	if (!pid) {
		alarm(TIMEOUT_SEC);
		exit(fn(row, check));
	}

	TEST_ASSERT(waitpid(pid, &status, 0) == pid, "waitpid() failed");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);

	ksft_print_msg("%s revision %s: %s\n", row->gic, row->name,
		       strsignal(WTERMSIG(status)));
	return KSFT_FAIL;
}

static void run_row(const struct row *row)
{
	int i, ret, probed = run_apart(probe_row, row, NULL);

	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		char name[64];

		if (!applies(row, &checks[i]))
			continue;

		ret = probed ?: run_apart(run_check, row, &checks[i]);
		snprintf(name, sizeof(name), "%s/%s/%s", row->gic, row->name,
			 checks[i].name);
		if (ret == KSFT_SKIP)
			ksft_test_result_code(KSFT_SKIP, name, "%s", skip_reason);
		else
			ksft_test_result(ret == KSFT_PASS, "%s\n", name);
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
