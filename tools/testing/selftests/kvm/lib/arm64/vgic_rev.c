// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each GICD_IIDR.Revision promises, and the means to look at it from both
 * sides, the guest's and userspace's.
 */
#include <linux/sizes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "processor.h"
#include "ucall.h"
#include "vgic_rev.h"

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
#define V2_GICC_CTLR_ACKCTL	BIT(2)
/* Group 0 as FIQ, the way it is on GICv3 */
#define V2_GICC_CTLR_FIQEN	BIT(3)

/* Enough to tell a single bit from a whole register file */
#define MAX_MESSAGES	8

/* A guest that is stuck must not take the other subtests with it. */
#define TIMEOUT_SEC	20

#define GICV2(...) { "gicv2", .dev_type = KVM_DEV_TYPE_ARM_VGIC_V2, __VA_ARGS__ }
#define GICV3(...) { "gicv3", .dev_type = KVM_DEV_TYPE_ARM_VGIC_V3, .group = 1, \
		     .igroupr = ~0, __VA_ARGS__ }

static const struct vgic_rev rows[] = {
	GICV3(.name = "0", .rev = 0),
	GICV3(.name = "1", .rev = 1),
	GICV3(.name = "2", .rev = 2, .guest_groups = true, .user_groups = true),
	GICV3(.name = "3", .rev = 3, .guest_groups = true, .user_groups = true,
	      .rdist_lpi_ctrl = true),
	GICV3(.name = "default", .rev = 3, .untouched = true,
	      .guest_groups = true, .user_groups = true, .rdist_lpi_ctrl = true),
	GICV2(.name = "0", .rev = 0, .igroupr = ~0),
	GICV2(.name = "1", .rev = 1),
	GICV2(.name = "2", .rev = 2, .guest_groups = true, .user_groups = true),
	GICV2(.name = "3", .rev = 3, .guest_groups = true, .user_groups = true),
	GICV2(.name = "default", .rev = 3, .untouched = true,
	      .guest_groups = true),
};

/**
 * struct shape - a size of VM
 * @suffix: of the names of checks that are run with it
 * @nr_vcpus: one could not tell a banked register from a shared one
 * @nr_irqs: from one word of SPIs to as many as a VM can have
 */
struct shape {
	const char	*suffix;
	int		nr_vcpus;
	u32		nr_irqs;
};

static const struct shape shapes[] = {
	{ "",		2, 128 },
	{ "-1x32",	1, 64 },
	{ "-4x960",	4, VGIC_REV_MAX_IRQS },
};

/* What the process of a check has to say to the one that runs it */
static struct {
	char	skip_reason[128];
	bool	present[2];
	u32	offered[2];
} *shared;

static int nr_failed;

static struct vgic_cmd cmds[VGIC_REV_MAX_VCPUS];

/* Guest side: vCPUs do as they are told, so that checks read top to bottom. */

static struct vgic_cmd *guest_cmd(void)
{
	return &cmds[guest_get_vcpuid()];
}

void vgic_guest_exit(void)
{
	/*
	 * Not as a ucall, which would be looked up in the memory of the VM that
	 * the guest was in before it moved to another.
	 */
	WRITE_ONCE(*ucall_exit_mmio_addr, 0);
}

static void guest_code(void)
{
	while (true) {
		guest_cmd()->fn(guest_cmd());
		vgic_guest_exit();
	}
}

static u32 v2_ctlr(void)
{
	return readl((void *)V2_GICC_CTLR);
}

/* QEMU has no aliased registers, so have the others cover group 1 for a moment */
static u32 v2_read(u64 addr, int group)
{
	u32 val, ctlr = v2_ctlr();

	if (group)
		writel(ctlr | V2_GICC_CTLR_ACKCTL, (void *)V2_GICC_CTLR);
	val = readl((void *)addr);
	writel(ctlr, (void *)V2_GICC_CTLR);
	return val;
}

static u32 guest_ack(struct vgic_cmd *cmd, int group)
{
	u32 iar;

	if (!cmd->v3)
		return v2_read(V2_GICC_IAR, group);

	iar = group ? read_sysreg_s(SYS_ICC_IAR1_EL1) : read_sysreg_s(SYS_ICC_IAR0_EL1);
	isb();
	return iar;
}

static void guest_eoi(struct vgic_cmd *cmd, int group, u32 iar)
{
	u32 ctlr;

	if (!cmd->v3) {
		ctlr = v2_ctlr();
		if (group)
			writel(ctlr | V2_GICC_CTLR_ACKCTL, (void *)V2_GICC_CTLR);
		writel(iar, (void *)V2_GICC_EOIR);
		writel(ctlr, (void *)V2_GICC_CTLR);
	} else if (group) {
		write_sysreg_s(iar, SYS_ICC_EOIR1_EL1);
	} else {
		write_sysreg_s(iar, SYS_ICC_EOIR0_EL1);
	}
	isb();
}

static void guest_handle(int group)
{
	struct vgic_cmd *cmd = guest_cmd();
	u32 iar = guest_ack(cmd, group);
	u32 intid = cmd->v3 ? iar : iar & V2_INTID_MASK;

	if (intid >= VGIC_REV_LPI) {
		cmd->lpi = intid;
	} else if (intid < ARRAY_SIZE(cmd->count)) {
		cmd->taken[group] |= BIT_ULL(intid);
		cmd->count[intid]++;
	}

	if (!vgic_is_intid(intid))
		return;

	if (cmd->exit_in && intid == cmd->exit_in)
		vgic_guest_exit();

	guest_eoi(cmd, group, iar);
}

static void guest_irq_handler(struct ex_regs *regs)
{
	guest_handle(1);
}

static void guest_fiq_handler(struct ex_regs *regs)
{
	guest_handle(0);
}

void vgic_guest_enable_groups(struct vgic_cmd *cmd)
{
	if (!cmd->v3) {
		writel(0xff, (void *)V2_GICC_PMR);
		writel(cmd->val | V2_GICC_CTLR_FIQEN, (void *)V2_GICC_CTLR);
		return;
	}

	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL1) | ICC_SRE_EL1_SRE,
		       SYS_ICC_SRE_EL1);
	isb();
	write_sysreg_s(0xff, SYS_ICC_PMR_EL1);
	/* The other way round makes QEMU 7.2 spin for good. */
	write_sysreg_s(!!(cmd->val & BIT(1)), SYS_ICC_IGRPEN1_EL1);
	isb();
	write_sysreg_s(!!(cmd->val & BIT(0)), SYS_ICC_IGRPEN0_EL1);
	isb();
}

void vgic_guest_peek(struct vgic_cmd *cmd)
{
	if (cmd->v3) {
		cmd->pending[0] = read_sysreg_s(SYS_ICC_HPPIR0_EL1);
		cmd->pending[1] = read_sysreg_s(SYS_ICC_HPPIR1_EL1);
		return;
	}

	cmd->pending[0] = v2_read(V2_GICC_HPPIR, 0) & V2_INTID_MASK;
	cmd->pending[1] = IAR_SPURIOUS;
	if (cmd->pending[0] == V2_INTID_IN_GROUP1)
		cmd->pending[1] = v2_read(V2_GICC_HPPIR, 1) & V2_INTID_MASK;
}

void vgic_guest_take(struct vgic_cmd *cmd)
{
	int i;

	local_irq_enable();
	for (i = 0; i < 100; i++)
		cpu_relax();
	local_irq_disable();
}

void vgic_guest_ack(struct vgic_cmd *cmd)
{
	cmd->val = guest_ack(cmd, cmd->val);
}

void vgic_guest_spin(struct vgic_cmd *cmd)
{
	WRITE_ONCE(cmd->running, true);
	while (!READ_ONCE(cmd->stop))
		cpu_relax();
}

static void guest_send_sgi(struct vgic_cmd *cmd)
{
	if (!cmd->v3)
		writel(cmd->val, (void *)cmd->addr);
	else if (cmd->val)
		write_sysreg_s(cmd->addr, SYS_ICC_SGI1R_EL1);
	else
		write_sysreg_s(cmd->addr, SYS_ICC_SGI0R_EL1);
	isb();
}

static void guest_read(struct vgic_cmd *cmd)
{
	cmd->val = readl((void *)cmd->addr);
}

static void guest_write(struct vgic_cmd *cmd)
{
	writel(cmd->val, (void *)cmd->addr);
}

/* Host side: running the guest */

struct vgic_cmd *vgic_guest_cmd(struct vgic_vm *v, int vcpu)
{
	return addr_gva2hva(v->vm, (gva_t)&cmds[vcpu]);
}

void vgic_guest_continue(struct vgic_vm *v, int vcpu)
{
	struct kvm_vcpu *kvm_vcpu = v->vcpus[vcpu];
	struct kvm_run *run = kvm_vcpu->run;
	struct ucall uc;

	vcpu_run(kvm_vcpu);
	switch (get_ucall(kvm_vcpu, &uc)) {
	case UCALL_NONE:
		TEST_ASSERT(run->exit_reason == KVM_EXIT_MMIO &&
			    run->mmio.phys_addr == v->vm->ucall_mmio_addr,
			    "Unexpected exit: %s", exit_reason_str(run->exit_reason));
		/* The vCPU is not yet past the store, for whoever saves it. */
		vcpu_run_complete_io(kvm_vcpu);
		break;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		break;
	default:
		TEST_FAIL("Unexpected ucall: %lu", uc.cmd);
	}
}

struct vgic_cmd *vgic_guest_do(struct vgic_vm *v, int vcpu,
			       void (*fn)(struct vgic_cmd *cmd))
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, vcpu);

	cmd->fn = fn;
	cmd->v3 = vgic_is_v3(v);
	vgic_guest_continue(v, vcpu);
	return cmd;
}

void vgic_guest_forget(struct vgic_vm *v, int vcpu)
{
	memset(vgic_guest_cmd(v, vcpu), 0, sizeof(struct vgic_cmd));
}

u32 vgic_guest_read(struct vgic_vm *v, const struct vgic_reg *reg)
{
	vgic_guest_cmd(v, reg->vcpu)->addr = reg->gpa;
	return vgic_guest_do(v, reg->vcpu, guest_read)->val;
}

void vgic_guest_write(struct vgic_vm *v, const struct vgic_reg *reg, u32 val)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, reg->vcpu);

	cmd->addr = reg->gpa;
	cmd->val = val;
	vgic_guest_do(v, reg->vcpu, guest_write);
}

struct background {
	struct vgic_vm	*v;
	int		vcpu;
	void		(*fn)(struct vgic_cmd *cmd);
};

static void *run_background(void *arg)
{
	struct background *bg = arg;

	vgic_guest_do(bg->v, bg->vcpu, bg->fn);
	free(bg);
	return NULL;
}

pthread_t vgic_guest_start(struct vgic_vm *v, int vcpu,
			   void (*fn)(struct vgic_cmd *cmd), u64 addr)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, vcpu);
	struct background *bg = malloc(sizeof(*bg));
	pthread_t thread;

	TEST_ASSERT(bg, "malloc() failed");
	*bg = (struct background){ v, vcpu, fn };
	cmd->addr = addr;
	cmd->running = false;
	cmd->stop = false;
	kvm_pthread_create(&thread, NULL, run_background, bg);
	while (!READ_ONCE(cmd->running))
		usleep(1000);
	return thread;
}

void vgic_guest_stop(struct vgic_vm *v, int vcpu, pthread_t thread)
{
	WRITE_ONCE(vgic_guest_cmd(v, vcpu)->stop, true);
	kvm_pthread_join(thread, NULL);
}

/* Host side: registers */

void vgic_expect(struct vgic_vm *v, const char *reg, const char *view,
		 u32 expected, u32 read)
{
	if (read == expected || nr_failed++ >= MAX_MESSAGES)
		return;

	ksft_print_msg("%s revision %s: %s (%s): expected %#x, read %#x\n",
		       v->row->gic, v->row->name, reg, view, expected, read);
}

void __noreturn vgic_skip(const char *reason)
{
	snprintf(shared->skip_reason, sizeof(shared->skip_reason), "%s", reason);
	exit(nr_failed ? KSFT_FAIL : KSFT_SKIP);
}

u32 vgic_user_read(struct vgic_vm *v, const struct vgic_reg *reg)
{
	u32 val;

	kvm_device_attr_get(v->gic_fd, reg->group, reg->attr, &val);
	return val;
}

int __vgic_user_write(struct vgic_vm *v, const struct vgic_reg *reg, u32 val)
{
	return __kvm_device_attr_set(v->gic_fd, reg->group, reg->attr, &val) ?
	       errno : 0;
}

void vgic_user_write(struct vgic_vm *v, const struct vgic_reg *reg, u32 val)
{
	kvm_device_attr_set(v->gic_fd, reg->group, reg->attr, &val);
}

void vgic_expect_both(struct vgic_vm *v, const struct vgic_reg *reg, u32 expected)
{
	vgic_expect(v, reg->name, "user", expected, vgic_user_read(v, reg));
	vgic_expect(v, reg->name, "guest", expected, vgic_guest_read(v, reg));
}

struct vgic_reg vgic_gicd(struct vgic_vm *v, int vcpu, const char *name, u32 offset)
{
	struct vgic_reg reg = {
		.group	= KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
		.attr	= (u64)vcpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | offset,
		.gpa	= (vgic_is_v3(v) ? GICD_BASE_GPA : V2_GICD_GPA) + offset,
		.vcpu	= vcpu,
	};

	snprintf(reg.name, sizeof(reg.name), "%s/vcpu%d", name, vcpu);
	return reg;
}

/* The MPIDR of these few vCPUs is their index. */
struct vgic_reg vgic_gicr(int vcpu, const char *name, u32 offset)
{
	struct vgic_reg reg = {
		.group	= KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
		.attr	= (u64)vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | offset,
		.gpa	= GICR_BASE_GPA + vcpu * KVM_VGIC_V3_REDIST_SIZE + offset,
		.vcpu	= vcpu,
	};

	snprintf(reg.name, sizeof(reg.name), "%s/vcpu%d", name, vcpu);
	return reg;
}

struct vgic_reg vgic_private(struct vgic_vm *v, int vcpu, const char *name, u32 offset)
{
	return vgic_is_v3(v) ? vgic_gicr(vcpu, name, SZ_64K + offset) :
			       vgic_gicd(v, vcpu, name, offset);
}

struct vgic_reg vgic_iidr(struct vgic_vm *v, int vcpu)
{
	return vgic_gicd(v, vcpu, "GICD_IIDR", GICD_IIDR);
}

struct vgic_reg vgic_igroupr(struct vgic_vm *v, int i)
{
	int word = i - v->nr_vcpus + 1;
	char name[32];

	if (i < v->nr_vcpus)
		return vgic_private(v, i, "IGROUPR0", GICD_IGROUPR);

	snprintf(name, sizeof(name), "GICD_IGROUPR%d", word);
	return vgic_gicd(v, i % v->nr_vcpus, name, GICD_IGROUPR + 4 * word);
}

int vgic_nr_igroupr(struct vgic_vm *v)
{
	return v->nr_vcpus + v->nr_irqs / 32 - 1;
}

void vgic_select(struct vgic_vm *v, u32 rev)
{
	/* It isn't banked, so any vCPU will do. */
	struct vgic_reg iidr = vgic_iidr(v, rev % v->nr_vcpus);
	int ret = __vgic_user_write(v, &iidr, VGIC_IIDR(rev));
	u32 val = vgic_user_read(v, &iidr);

	vgic_expect(v, "write of GICD_IIDR", "errno", 0, ret);
	vgic_expect(v, iidr.name, "user", VGIC_IIDR(rev), val);
	if (!ret && val == VGIC_IIDR(rev))
		return;

	/* Of no use then to look at what the revision would have changed */
	if (!ret)
		ksft_print_msg("This kernel accepts revision %u and ignores it: %s\n",
			       rev, "a VMM believes to have what its guest needs");
	exit(KSFT_FAIL);
}

/* Host side: setting up a VM */

static void create_v2(struct vgic_vm *v)
{
	u64 dist = V2_GICD_GPA, cpu = V2_GICC_GPA;

	v->gic_fd = kvm_create_device(v->vm, KVM_DEV_TYPE_ARM_VGIC_V2);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &v->nr_irqs);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V2_ADDR_TYPE_DIST, &dist);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V2_ADDR_TYPE_CPU, &cpu);
	virt_map(v->vm, dist, dist,
		 vm_calc_num_guest_pages(v->vm->mode, KVM_VGIC_V2_DIST_SIZE));
	virt_map(v->vm, cpu, cpu,
		 vm_calc_num_guest_pages(v->vm->mode, KVM_VGIC_V2_CPU_SIZE));
}

void vgic_vm_create(struct vgic_vm *v)
{
	int i;

	v->vm = vm_create_with_vcpus(v->nr_vcpus, guest_code, v->vcpus);
	vm_init_descriptor_tables(v->vm);
	for (i = 0; i < v->nr_vcpus; i++)
		vcpu_init_descriptor_tables(v->vcpus[i]);
	vm_install_exception_handler(v->vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
	vm_install_exception_handler(v->vm, VECTOR_FIQ_CURRENT, guest_fiq_handler);

	if (vgic_is_v3(v))
		v->gic_fd = __vgic_v3_setup(v->vm, v->nr_vcpus, v->nr_irqs);
	else
		create_v2(v);
}

void vgic_vm_init_gic(struct vgic_vm *v)
{
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

/* Host side: interrupts */

void vgic_route_irqs(struct vgic_vm *v)
{
	struct vgic_reg reg;
	u32 targets = 0;
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		reg = vgic_private(v, i, "ISENABLER0", GICD_ISENABLER);
		vgic_user_write(v, &reg, VGIC_REV_PRIVATE);
		reg = vgic_gicd(v, 0, "GICD_ISENABLER1", GICD_ISENABLER + 4);
		vgic_user_write(v, &reg, BIT(VGIC_REV_SPI(i) % 32));
		if (vgic_is_v3(v)) {
			reg = vgic_gicd(v, 0, "GICD_IROUTER",
					GICD_IROUTER + 8 * VGIC_REV_SPI(i));
			vgic_user_write(v, &reg, i);
		}
		targets |= BIT(i) << (8 * i);
	}

	if (!vgic_is_v3(v)) {
		reg = vgic_gicd(v, 0, "GICD_ITARGETSR", GICD_ITARGETSR + VGIC_REV_SPI(0));
		vgic_user_write(v, &reg, targets);
	}

	reg = vgic_gicd(v, 0, "GICD_CTLR", GICD_CTLR);
	vgic_user_write(v, &reg, vgic_is_v3(v) ? GICD_CTLR_ENABLE_SS_G1 :
						 V2_GICD_CTLR_ENABLE);
}

void vgic_enable_irqs(struct vgic_vm *v, u32 groups)
{
	int i;

	vgic_route_irqs(v);
	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_guest_cmd(v, i)->val = groups;
		vgic_guest_do(v, i, vgic_guest_enable_groups);
	}
}

void vgic_pend_irqs(struct vgic_vm *v)
{
	struct vgic_reg reg;
	u32 spis = 0;
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		reg = vgic_private(v, i, "ISPENDR0", GICD_ISPENDR);
		vgic_user_write(v, &reg, VGIC_REV_PRIVATE);
		spis |= BIT(VGIC_REV_SPI(i) % 32);
	}

	reg = vgic_gicd(v, 0, "GICD_ISPENDR1", GICD_ISPENDR + 4);
	vgic_user_write(v, &reg, spis);
}

void vgic_send_sgi(struct vgic_vm *v, int from, int to, int group)
{
	struct vgic_reg sgir = vgic_gicd(v, from, "GICD_SGIR", GICD_SGIR);
	struct vgic_cmd *cmd = vgic_guest_cmd(v, from);

	if (vgic_is_v3(v)) {
		cmd->addr = VGIC_REV_SGI << 24 | BIT(to);
		cmd->val = group;
	} else {
		cmd->addr = sgir.gpa;
		cmd->val = BIT(16 + to) | VGIC_REV_SGI;
	}
	vgic_guest_do(v, from, guest_send_sgi);
}

void vgic_pulse_spi(struct vgic_vm *v, int vcpu)
{
	kvm_arm_irq_line(v->vm, VGIC_REV_SPI(vcpu), 1);
	kvm_arm_irq_line(v->vm, VGIC_REV_SPI(vcpu), 0);
}

void vgic_signal_irqs(struct vgic_vm *v)
{
	struct vgic_reg reg;
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_send_sgi(v, v->nr_vcpus - 1 - i, i, 1);
		reg = vgic_private(v, i, "ISPENDR0", GICD_ISPENDR);
		vgic_guest_write(v, &reg, BIT(VGIC_REV_PPI));
		vgic_pulse_spi(v, i);
	}
}

void vgic_write_all_groups(struct vgic_vm *v, int group)
{
	struct vgic_reg reg;
	int i;

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_guest_write(v, &reg, group ? ~0 : 0);
	}
}

void vgic_expect_pending(struct vgic_vm *v, int group)
{
	struct vgic_cmd *cmd;
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		cmd = vgic_guest_do(v, i, vgic_guest_peek);
		vgic_expect(v, "pending in group 0", "guest", !group,
			    vgic_is_intid(cmd->pending[0]));
		vgic_expect(v, "pending in group 1", "guest", group,
			    vgic_is_intid(cmd->pending[1]));
	}
}

void vgic_expect_taken(struct vgic_vm *v, int group)
{
	struct vgic_cmd *cmd;
	u32 spi;
	int i;

	for (i = 0; i < v->nr_vcpus; i++) {
		vgic_guest_forget(v, i);
		cmd = vgic_guest_do(v, i, vgic_guest_take);
		spi = BIT(VGIC_REV_SPI(i) % 32);
		vgic_expect(v, "FIQs (SGI, PPI)", "guest",
			    group ? 0 : VGIC_REV_PRIVATE, cmd->taken[0]);
		vgic_expect(v, "IRQs (SGI, PPI)", "guest",
			    group ? VGIC_REV_PRIVATE : 0, cmd->taken[1]);
		vgic_expect(v, "FIQs (SPI)", "guest", group ? 0 : spi,
			    cmd->taken[0] >> 32);
		vgic_expect(v, "IRQs (SPI)", "guest", group ? spi : 0,
			    cmd->taken[1] >> 32);
		vgic_expect(v, "times that the SGI arrived", "guest", 1,
			    cmd->count[VGIC_REV_SGI]);
		vgic_expect(v, "times that the PPI arrived", "guest", 1,
			    cmd->count[VGIC_REV_PPI]);
		vgic_expect(v, "times that the SPI arrived", "guest", 1,
			    cmd->count[VGIC_REV_SPI(i)]);
	}
}

/* Host side: running the checks */

static bool has_gic(u32 dev_type)
{
	return shared->present[dev_type == KVM_DEV_TYPE_ARM_VGIC_V3];
}

u32 vgic_rev_offered(u32 dev_type)
{
	return shared->offered[dev_type == KVM_DEV_TYPE_ARM_VGIC_V3];
}

/*
 * A kernel that has KVM_CAP_ARM_VGIC_REVISIONS says what can be selected, an
 * older one returns an error. There are also kernels that return success and
 * then ignore the value: that is for checks to fail on.
 */
static int probe(const struct vgic_rev *row, const struct vgic_check *check,
		 const struct shape *shape)
{
	struct vgic_vm v = {
		.row = row, .nr_vcpus = shape->nr_vcpus, .nr_irqs = shape->nr_irqs,
	};
	bool v3 = vgic_is_v3(&v);
	struct vgic_reg iidr = vgic_iidr(&v, 0);
	int rev;

	if (__kvm_test_create_device(vm_create_barebones(), row->dev_type))
		return KSFT_SKIP;

	shared->present[v3] = true;
	shared->offered[v3] = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	if (shared->offered[v3])
		return KSFT_PASS;

	vgic_vm_create(&v);
	vgic_vm_init_gic(&v);
	for (rev = 0; rev <= VGIC_REV_LATEST; rev++)
		if (__vgic_user_write(&v, &iidr, VGIC_IIDR(rev)) != EINVAL)
			shared->offered[v3] |= BIT(rev);
	return KSFT_PASS;
}

static int run_check(const struct vgic_rev *row, const struct vgic_check *check,
		     const struct shape *shape)
{
	struct vgic_vm v = {
		.row = row, .nr_vcpus = shape->nr_vcpus, .nr_irqs = shape->nr_irqs,
	};

	if (!check->bare) {
		vgic_vm_create(&v);
		if (!check->inits)
			vgic_vm_init_gic(&v);
		if (!row->untouched && !check->selects)
			vgic_select(&v, row->rev);
	}
	check->run(&v);

	return nr_failed ? KSFT_FAIL : KSFT_PASS;
}

/* In a process of its own, so that not even a crash stops the other checks */
static int run_apart(int (*fn)(const struct vgic_rev *, const struct vgic_check *,
			       const struct shape *),
		     const struct vgic_rev *row, const struct vgic_check *check,
		     const struct shape *shape)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	TEST_ASSERT(pid >= 0, "fork() failed");
	if (!pid) {
		alarm(TIMEOUT_SEC);
		exit(fn(row, check, shape));
	}

	TEST_ASSERT(waitpid(pid, &status, 0) == pid, "waitpid() failed");
	if (WIFEXITED(status))
		return WEXITSTATUS(status);

	ksft_print_msg("%s revision %s: %s\n", row->gic, row->name,
		       strsignal(WTERMSIG(status)));
	return KSFT_FAIL;
}

static bool applies(const struct vgic_rev *row, const struct vgic_check *check)
{
	bool v3 = row->dev_type == KVM_DEV_TYPE_ARM_VGIC_V3;

	if (v3 ? check->v2_only : check->v3_only)
		return false;

	return row->untouched ? !check->selects : !check->untouched;
}

static void run_subtest(const struct vgic_rev *row, const struct vgic_check *check,
			const struct shape *shape)
{
	char name[64];
	int ret = KSFT_SKIP;

	snprintf(name, sizeof(name), "%s/%s/%s%s", row->gic, row->name, check->name,
		 shape->suffix);

	if (!has_gic(row->dev_type))
		strcpy(shared->skip_reason, "no such GIC on this host");
	else if (!row->untouched && !(vgic_rev_offered(row->dev_type) & BIT(row->rev)))
		strcpy(shared->skip_reason, "revision not offered by this kernel");
	else
		ret = run_apart(run_check, row, check, shape);

	if (ret == KSFT_SKIP)
		ksft_test_result_code(KSFT_SKIP, name, "%s", shared->skip_reason);
	else
		ksft_test_result(ret == KSFT_PASS, "%s\n", name);
}

/* Return: how many subtests there are, run or not */
static int walk_subtests(const struct vgic_check *checks, int nr, bool run)
{
	int i, j, s, count = 0;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (j = 0; j < nr; j++) {
			if (!applies(&rows[i], &checks[j]))
				continue;

			for (s = 0; s < (checks[j].shapes ? ARRAY_SIZE(shapes) : 1); s++) {
				count++;
				if (run)
					run_subtest(&rows[i], &checks[j], &shapes[s]);
			}
		}
	}

	return count;
}

void __noreturn vgic_rev_main(const struct vgic_check *checks, int nr)
{
	int i;

	test_disable_default_vgic();

	shared = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT(shared != MAP_FAILED, "mmap() failed");

	ksft_print_header();
	ksft_set_plan(walk_subtests(checks, nr, false));

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].untouched)
			run_apart(probe, &rows[i], NULL, &shapes[0]);

	walk_subtests(checks, nr, true);
	ksft_finished();
}
