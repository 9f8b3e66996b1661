// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic_revision - What a guest finds in each revision of the GIC it started on
 *
 * A guest that has probed its GIC may act on what it found for as long as it
 * lives, on whichever kernel it is migrated to. GICD_IIDR.Revision is how a VMM
 * asks a kernel to keep behaving as the one the guest has started on. Select
 * each revision on each GIC, and look at every behaviour that depends on it from
 * both sides: the guest's (loads, stores and interrupts) and userspace's (the
 * device attributes that a VMM saves and restores).
 */
#include <linux/sizes.h>

#include "arch_timer.h"
#include "gic_v2.h"
#include "gic_v3_its.h"
#include "ucall.h"
#include "vgic_rev_harness.h"

/* Enough to keep KVM busy for a while, few enough for the command queue */
#define NR_LPIS		1000

/* What GICR_CTLR says of LPI control without an ITS (IHI 0069) */
#define LPI_CTRL	(GICR_CTLR_IR | GICR_CTLR_CES)

/*
 * For what takes turns: until it was seen, or for as long as it must not be. On emulated
 * hosts it takes 1 to 1,500 rounds, and a second has 2,000.
 */
#define BUSY_SEC	20
#define IDLE_SEC	1

static void expect_igroupr_reset(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	struct vgic_reg reg;
	int i, cpu;

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		EXPECT_BOTH(v, reg, v->row->igroupr);
	}

	/* An interrupt that isn't there has no group, in no revision. */
	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		reg = vgic_gicd(v, cpu, "first unused IGROUPR",
				GICD_IGROUPR + v->nr_irqs / 8);
		vgic_guest_write(v, reg, ~0);
		EXPECT_GUEST(v, reg, 0);
		if (!vgic_is_v3(v))
			continue;
		/* Nor is it here, as it is in the redistributors. */
		reg = vgic_gicd(v, cpu, "GICD_IGROUPR0", GICD_IGROUPR);
		vgic_guest_write(v, reg, ~0);
		EXPECT_GUEST(v, reg, 0);
		vgic_guest_write(v, reg, 0);
		EXPECT_GUEST(v, reg, 0);
	}
}

/* On every word there is: reset value, then guest and userspace by turns */
static void expect_igroupr(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	u32 expected[VGIC_REV_MAX_IGROUPR], val;
	struct vgic_reg reg;
	int i, turn;

	vgic_vm_start(_metadata, v);
	expect_igroupr_reset(_metadata, v);

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		expected[i] = v->row->igroupr;
		for (turn = 0; turn < 4; turn++) {
			/* All bits change, then every second, if they can. */
			val = ~expected[i];
			if (turn >= 2)
				val ^= PATTERN ^ i;
			/* Any vCPU can access what is not banked. */
			if (turn == 2 && vgic_is_v3(v))
				reg.vcpu = (reg.vcpu + 1) % v->nr_vcpus;

			if ((turn + i) % 2) {
				v->step = "written by userspace";
				vgic_user_write(v, reg, val);
				if (v->row->user_groups)
					expected[i] = val;
			} else {
				v->step = "written by the guest";
				vgic_guest_write(v, reg, val);
				if (v->row->guest_groups)
					expected[i] = val;
			}
			EXPECT_BOTH(v, reg, expected[i]);
		}
	}

	/* There is no access to two words at once, nor to a part of one. */
	v->step = "accessed with another size";
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		EXPECT_ONE_SIZE(v, reg, expected[i]);
	}

	/* Words don't share anything: the others are still what they were. */
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		EXPECT_BOTH(v, reg, expected[i]);
	}

	/* Nor may a write have had an effect behind what a revision reads as. */
	if (v->row->guest_groups)
		return;

	v->step = "in revision 3 after that";
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		EXPECT_BOTH(v, reg, v->row->group ? ~0 : 0);
	}
}

VGIC_TEST(igroupr)
{
	v->nr_vcpus = VGIC_REV_MAX_VCPUS;
	v->nr_irqs = VGIC_REV_MAX_IRQS;
	expect_igroupr(_metadata, v);
}

VGIC_TEST(igroupr_smallest)
{
	v->nr_vcpus = 1;
	v->nr_irqs = 64;
	expect_igroupr(_metadata, v);
}

/* Interrupts arrive as what their groups are, and not as what they read as. */
VGIC_TEST(delivery)
{
	static const u32 regs[] = { SYS_ICC_SGI0R_EL1, SYS_ICC_ASGI1R_EL1 };
	int turn, i;

	vgic_vm_start(_metadata, v);
	vgic_enable_irqs(v, VGIC_BOTH_GROUPS);
	vgic_pend_irqs(v);
	EXPECT_PENDING(v, v->row->group);
	EXPECT_TAKEN(v, v->row->group);

	/* First the group that interrupts have not been in yet */
	for (turn = 0; turn < 2; turn++) {
		int group = turn ^ !v->row->group;
		int arrives = v->row->guest_groups ? group : v->row->group;

		v->step = group ? "IGROUPR written with ones" : "IGROUPR written with zeros";
		vgic_guest_write_groups(v, group ? ~0 : 0);
		vgic_pend_irqs(v);
		EXPECT_PENDING(v, arrives);
		EXPECT_TAKEN(v, arrives);
		vgic_signal_irqs(v);
		EXPECT_PENDING(v, arrives);
		EXPECT_TAKEN(v, arrives);

		/* These generate an SGI only where that is in group 0. */
		for (i = 0; vgic_is_v3(v) && i < ARRAY_SIZE(regs); i++) {
			vgic_guest_forget(v, 1);
			vgic_send_sgi(v, 0, 1, regs[i]);
			vgic_guest_cmd(v, 1)->wait_for = arrives ? 0 : BIT(VGIC_REV_SGI);
			vgic_guest_do(v, 1, vgic_guest_take);
			EXPECT_ONCE(v, 1, arrives ? 0 : BIT(VGIC_REV_SGI), 0);
		}
	}
}

/* Enable a timer, an SGI and an SPI in one group, and never touch IGROUPR. */
static void guest_boot(struct vgic_cmd *cmd)
{
	u32 cpu = guest_get_vcpuid(), spi = VGIC_REV_SPI(cpu);
	u32 target = GICD_ITARGETSR + spi / 4 * 4;
	u32 sgi_frame = cpu * KVM_VGIC_V3_REDIST_SIZE + SZ_64K;

	vgic_guest_enable_groups(cmd);
	writel(BIT(VGIC_REV_SGI) | BIT(cmd->timer),
	       (cmd->v3 ? GICR_BASE_GVA + sgi_frame : GICD_BASE_GVA) + GICD_ISENABLER);
	if (cmd->v3)
		writeq(cpu, GICD_BASE_GVA + GICD_IROUTER + 8 * spi);
	else
		writel(readl(GICD_BASE_GVA + target) | BIT(cpu) << spi % 4 * 8,
		       GICD_BASE_GVA + target);
	writel(BIT(spi % 32), GICD_BASE_GVA + GICD_ISENABLER + 4);
	writel(cmd->v3 ? GICD_CTLR_ENABLE_SS_G1 : GICD_CTLR_ENABLE_SS_G0,
	       GICD_BASE_GVA + GICD_CTLR);
}

static void guest_let_timer_expire(struct vgic_cmd *cmd)
{
	u64 deadline = timer_get_cntct(VIRTUAL) + timer_get_cntfrq();

	timer_set_cval(VIRTUAL, timer_get_cntct(VIRTUAL));
	timer_set_ctl(VIRTUAL, CTL_ENABLE);
	while (!(timer_get_ctl(VIRTUAL) & CTL_ISTATUS))
		GUEST_ASSERT(timer_get_cntct(VIRTUAL) < deadline);
}

/*
 * QEMU writes zeros to all of IGROUPR at reset. There are guests that never touch
 * it and enable group 1 only on GICv3 (seL4), or group 0 only on GICv2: on a kernel
 * of revision 0 or 1 they get their interrupts nevertheless.
 */
static void expect_zeros(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	bool arrives = !v->row->group || !v->row->user_groups;
	u32 timer = vcpu_get_vtimer_irq(v->vcpus[0]);
	struct vgic_reg reg;
	int cpu, i;

	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		EXPECT_USER(v, reg, arrives ? v->row->igroupr : 0);
	}

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		vgic_guest_cmd(v, cpu)->val = BIT(v->row->group);
		vgic_guest_cmd(v, cpu)->timer = timer;
		vgic_guest_do(v, cpu, guest_boot);
	}

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		u64 irqs = BIT(VGIC_REV_SGI) | BIT(timer) | BIT_ULL(VGIC_REV_SPI(cpu));
		struct vgic_cmd *cmd = vgic_guest_cmd(v, cpu);

		vgic_send_sgi(v, v->nr_vcpus - 1 - cpu, cpu, SYS_ICC_SGI1R_EL1);
		vgic_pulse_spi(v, cpu);
		vgic_guest_do(v, cpu, guest_let_timer_expire);
		cmd->wait_for = arrives ? irqs : 0;
		vgic_guest_do(v, cpu, vgic_guest_take);
		EXPECT_ONCE(v, cpu, arrives ? irqs : 0, v->row->group);
		if (arrives)
			continue;

		/* They are there, but in the group that the guest has not enabled. */
		cmd->val = VGIC_BOTH_GROUPS;
		vgic_guest_do(v, cpu, vgic_guest_enable_groups);
		cmd->wait_for = irqs;
		vgic_guest_do(v, cpu, vgic_guest_take);
		EXPECT_ONCE(v, cpu, irqs, 0);
	}
}

VGIC_TEST(zeros_after_revision)
{
	vgic_vm_start(_metadata, v);
	v->step = "zeros written after the revision";
	vgic_user_write_groups(v, 0);
	expect_zeros(_metadata, v);
}

VGIC_SELECT_TEST(zeros_before_revision)
{
	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	v->step = "zeros written before the revision";
	vgic_user_write_groups(v, 0);
	ASSERT_SELECT(v, v->row->rev);
	expect_zeros(_metadata, v);
}

/* Both groups' active priorities, which say that the guest is handling something */
static u64 active_priorities(struct vgic_vm *v, u64 cpu)
{
	static const u32 regs[] = { SYS_ICC_AP0R0_EL1, SYS_ICC_AP1R0_EL1 };
	u64 ap[2] = {};
	u32 apr = 0;
	int i;

	if (!vgic_is_v3(v)) {
		kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
				    cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | GICC_APR, &apr);
		return apr;
	}

	for (i = 0; i < 2; i++)
		kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				    vgic_icc_attr(cpu, regs[i]), &ap[i]);
	return ap[0] | ap[1] << 32;
}

/* An interrupt that was acknowledged stays that until the guest has ended it. */
static void expect_eoi(struct __test_metadata *_metadata, struct vgic_vm *v,
		       int cpu, int group)
{
	struct vgic_reg active = vgic_private(v, cpu, "ISACTIVER0", GICD_ISACTIVER);
	struct vgic_cmd *cmd = vgic_guest_cmd(v, cpu);
	u64 ap;
	u32 rev;

	vgic_write_private(v, cpu, GICD_ISPENDR, BIT(VGIC_REV_PPI));
	cmd->val = group;
	vgic_guest_do(v, cpu, vgic_guest_ack);
	EXPECT_VGIC(v, VGIC_REV_PPI, cmd->val, "acknowledged by vCPU %d in group %d",
		    cpu, group);
	ap = active_priorities(v, cpu);
	EXPECT_VGIC(v, true, !!ap, "has vCPU %d active priorities", cpu);

	for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
		if (rev < 2 && rev != v->row->rev && kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS))
			EXPECT_ERRNO(v, EBUSY, vgic_select(v, rev), "revision %u selected", rev);
		else if (rev >= 2 && v->row->rev >= 2)
			ASSERT_SELECT(v, rev);
	}
	if (!v->row->untouched)
		ASSERT_SELECT(v, v->row->rev);
	EXPECT_BOTH(v, active, BIT(VGIC_REV_PPI));
	EXPECT_VGIC(v, ap, active_priorities(v, cpu), "active priorities of vCPU %d", cpu);

	cmd->val = VGIC_REV_PPI;
	cmd->addr = group;
	vgic_guest_do(v, cpu, vgic_guest_eoi);
	EXPECT_BOTH(v, active, 0);
	EXPECT_VGIC(v, 0, active_priorities(v, cpu), "active priorities of vCPU %d", cpu);
}

/* A virtual timer that is tied to the host's expires and is taken again and again. */
static void expect_timer(struct __test_metadata *_metadata, struct vgic_vm *v, int cpu)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, cpu);
	u32 timer = vcpu_get_vtimer_irq(v->vcpus[cpu]);
	int i;

	for (i = 0; i < 3; i++) {
		vgic_guest_forget(v, cpu);
		vgic_guest_do(v, cpu, guest_let_timer_expire);
		cmd->timer = timer;
		cmd->wait_for = BIT(timer);
		vgic_guest_do(v, cpu, vgic_guest_take);
		EXPECT_ONCE(v, cpu, BIT(timer), v->row->group);
	}
}

/* What a VMM has set up before the first run, as it can ask for it afterwards */
static void expect_setup(struct __test_metadata *_metadata, struct vgic_vm *v, u32 maint)
{
	u64 its, region = 0;
	u32 now = 0;

	if (!vgic_is_v3(v))
		return;
	if (maint)
		kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ, 0, &now);
	EXPECT_VGIC(v, maint, now, "maintenance interrupt");
	kvm_device_attr_get(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &its);
	EXPECT_VGIC(v, GITS_BASE_GPA, its, "address of the ITS");
	kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &region);
	EXPECT_VGIC(v, REDIST_REGION_ATTR_ADDR(v->nr_vcpus, GICR_BASE_GPA, 0, 0), region,
		    "region of redistributors");
	EXPECT_VGIC(v, 1, vm_check_cap(v->vm, KVM_CAP_MSI_DEVID), "KVM_CAP_MSI_DEVID");
}

/* A GIC stays in use, also by a vCPU that runs for the first time after a selection. */
VGIC_SELECT_TEST(in_use)
{
	u32 maint = 20;
	int cpu;

	vgic_vm_create(v);
	if (!vgic_is_v3(v) ||
	    __kvm_has_device_attr(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ, 0))
		maint = 0;
	if (maint)
		kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ, 0, &maint);
	vgic_vm_init_gic(v);
	if (vgic_is_v3(v))
		vgic_vm_create_its(v);
	ASSERT_SELECT(v, v->row->rev);
	expect_setup(_metadata, v, maint);

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		vgic_guest_cmd(v, cpu)->val = BIT(v->row->group);
		vgic_guest_cmd(v, cpu)->timer = vcpu_get_vtimer_irq(v->vcpus[cpu]);
		vgic_guest_do(v, cpu, guest_boot);
		expect_timer(_metadata, v, cpu);

		v->step = "after a run";
		if (v->row->rev >= 2)
			ASSERT_SELECT(v, v->row->rev == 2 ? 3 : 2);
		ASSERT_SELECT(v, v->row->rev);
		expect_setup(_metadata, v, maint);
		expect_timer(_metadata, v, cpu);
	}
}

VGIC_TEST(eoi)
{
	int turn, cpu;

	vgic_vm_start(_metadata, v);
	vgic_enable_irqs(v, VGIC_BOTH_GROUPS);
	for (turn = 0; turn < 2; turn++) {
		int group = turn ^ !v->row->group;

		if (group != v->row->group && !v->row->guest_groups)
			continue;

		v->step = group ? "ending one of group 1" : "ending one of group 0";
		vgic_guest_write_groups(v, group ? ~0 : 0);
		for (cpu = 0; cpu < v->nr_vcpus; cpu++)
			expect_eoi(_metadata, v, cpu, group);

		/* Whatever is next arrives. */
		vgic_pend_irqs(v);
		EXPECT_TAKEN(v, group);
	}
}

/* Have a GIC keep active what has been ended, until it is deactivated. */
static void guest_split_eoi(struct vgic_cmd *cmd)
{
	if (cmd->v3)
		write_sysreg_s(ICC_CTLR_EL1_EOImode_drop, SYS_ICC_CTLR_EL1);
	else
		writel(readl(GICC_BASE_GVA + GICC_CTLR) | GICC_CTLR_EOIMODE,
		       GICC_BASE_GVA + GICC_CTLR);
	isb();
}

static void guest_ack_and_drop(struct vgic_cmd *cmd)
{
	guest_split_eoi(cmd);
	vgic_guest_ack(cmd);
	cmd->addr = 1;
	vgic_guest_eoi(cmd);
}

static void guest_deactivate(struct vgic_cmd *cmd)
{
	guest_split_eoi(cmd);
	if (cmd->v3)
		write_sysreg_s(cmd->val, SYS_ICC_DIR_EL1);
	else
		writel(cmd->val, GICC_BASE_GVA + GICC_DIR);
	isb();
}

/* Have vCPU 0 end an SPI, and vCPU 1 deactivate it. */
static void drop_spi(struct vgic_vm *v)
{
	vgic_pulse_spi(v, 0);
	vgic_guest_cmd(v, 0)->val = v->row->group;
	vgic_guest_do(v, 0, guest_ack_and_drop);
}

static void deactivate_spi(struct vgic_vm *v)
{
	vgic_guest_cmd(v, 1)->val = VGIC_REV_SPI(0);
	vgic_guest_do(v, 1, guest_deactivate);
}

/* Since v6.19 any vCPU may, as it should. Ask in a VM that selects nothing. */
static bool can_deactivate_any(const struct vgic_vm *v, struct vgic_reg active)
{
	struct vgic_vm probe = *v;
	u32 left;

	vgic_vm_create(&probe);
	vgic_vm_init_gic(&probe);
	vgic_enable_irqs(&probe, VGIC_BOTH_GROUPS);
	drop_spi(&probe);
	deactivate_spi(&probe);
	left = vgic_user_read(&probe, active);
	vgic_vm_free(&probe);
	return !left;
}

/* KVM traps the deactivation only while it knows of an SPI that is active. */
VGIC_V3_TEST(deactivation)
{
	struct vgic_reg active = vgic_gicd(v, 0, "GICD_ISACTIVER1", GICD_ISACTIVER + 4);
	u32 rev = v->row->rev;
	int i;

	if (!can_deactivate_any(v, active))
		SKIP(return, "this kernel needs the vCPU that has acknowledged it");

	vgic_vm_start(_metadata, v);
	vgic_enable_irqs(v, VGIC_BOTH_GROUPS);
	for (i = 0; i < 3; i++) {
		drop_spi(v);
		EXPECT_BOTH(v, active, BIT(VGIC_REV_SPI(0) % 32));

		if (i) {
			v->step = "deactivated after a selection";
			if (rev >= 2 && i == 1)
				ASSERT_SELECT(v, rev == 2 ? 3 : 2);
			ASSERT_SELECT(v, rev);
		}
		deactivate_spi(v);
		EXPECT_BOTH(v, active, 0);
	}
}

/* What GICC_IAR says of an SGI has to be written back, with the vCPU that sent it. */
VGIC_V2_SELECT_TEST(deactivation_of_sgi)
{
	struct vgic_reg active = vgic_gicd(v, 0, "GICD_ISACTIVER0", GICD_ISACTIVER);
	struct vgic_cmd *cmd;

	vgic_vm_start(_metadata, v);
	vgic_enable_irqs(v, VGIC_BOTH_GROUPS);
	vgic_send_sgi(v, 1, 0, SYS_ICC_SGI1R_EL1);
	cmd = vgic_guest_do(v, 0, guest_ack_and_drop);
	EXPECT_VGIC(v, 1 << 10 | VGIC_REV_SGI, cmd->val, "GICC_IAR");
	EXPECT_BOTH(v, active, BIT(VGIC_REV_SGI));

	v->step = "deactivated after a selection";
	if (v->row->rev >= 2)
		ASSERT_SELECT(v, v->row->rev == 2 ? 3 : 2);
	ASSERT_SELECT(v, v->row->rev);
	/* EXPECT_BOTH() has had the command since. */
	cmd->val = 1 << 10 | VGIC_REV_SGI;
	vgic_guest_do(v, 0, guest_deactivate);
	EXPECT_BOTH(v, active, 0);
}

/* Event and collection have the number of the vCPU, see vgic_map_lpis(). */
static void guest_its_inv(struct vgic_cmd *cmd)
{
	its_send_inv_cmd(cmd->its.cmdq_base_va, 0, guest_get_vcpuid());
}

static void guest_its_invall(struct vgic_cmd *cmd)
{
	its_send_invall_cmd(cmd->its.cmdq_base_va, guest_get_vcpuid());
}

/* The LPI of a vCPU: the second has the one after that of the first. */
static void expect_lpi(struct __test_metadata *_metadata, int line, struct vgic_vm *v,
		       int cpu, bool expected, const char *when)
{
	struct vgic_cmd *cmd = vgic_guest_do(v, cpu, vgic_guest_peek);

	vgic_expect(_metadata, __FILE__, line, false, v,
		    expected ? VGIC_REV_LPI + cpu : IAR_SPURIOUS, cmd->pending[1],
		    "INTID that is pending on vCPU %d %s", cpu, when);
}

#define EXPECT_LPI(...)		expect_lpi(_metadata, __LINE__, __VA_ARGS__)

/* Kernels without the capability hide GICR_CTLR.{IR,CES} only. */
static bool has_direct_invalidation(struct vgic_vm *v)
{
	return v->row->rdist_lpi_ctrl || !kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
}

/* A write by a vCPU with either width, or by userspace */
static void write_by(struct vgic_vm *v, int how, struct vgic_reg reg, u32 val)
{
	reg.vcpu = how / 2;
	if (how == 4)
		vgic_user_write(v, reg, val);
	else if (how % 2)
		vgic_guest_write_sized(v, reg, 8, val);
	else
		vgic_guest_write(v, reg, val);
}

/* By either vCPU and by userspace, for the vCPU that has the LPI */
static void expect_direct_invalidation(struct __test_metadata *_metadata,
				       struct vgic_vm *v, int cpu, bool direct)
{
	struct vgic_reg invlpir = vgic_gicr(cpu, "GICR_INVLPIR", GICR_INVLPIR);
	struct vgic_reg invallr = vgic_gicr(cpu, "GICR_INVALLR", GICR_INVALLR);
	struct vgic_reg syncr = vgic_gicr(cpu, "GICR_SYNCR", GICR_SYNCR);
	int i;

	/* The upper words are for virtual PEs. */
	vgic_configure_lpis(v, VGIC_LPI_ENABLED, v->nr_vcpus);
	vgic_guest_write(v, vgic_gicr(cpu, "", GICR_INVLPIR + 4), VGIC_REV_LPI + cpu);
	vgic_guest_write(v, vgic_gicr(cpu, "", GICR_INVALLR + 4), VGIC_REV_LPI + cpu);
	EXPECT_LPI(v, cpu, false, "after their upper words");

	for (i = 0; i <= 4; i++) {
		syncr.vcpu = i / 2 % 2;
		vgic_configure_lpis(v, VGIC_LPI_ENABLED, v->nr_vcpus);
		write_by(v, i, invlpir, VGIC_REV_LPI + cpu);
		EXPECT_LPI(v, cpu, direct, "after GICR_INVLPIR");
		EXPECT_BOTH(v, syncr, 0);

		vgic_configure_lpis(v, direct ? VGIC_LPI_DISABLED : VGIC_LPI_ENABLED,
				    v->nr_vcpus);
		write_by(v, i, invallr, 0);
		EXPECT_LPI(v, cpu, false, "after GICR_INVALLR");
		EXPECT_BOTH(v, syncr, 0);
	}
}

static void expect_lpi_ctrl(struct __test_metadata *_metadata, struct vgic_vm *v,
			    u32 rev, bool enabled)
{
	u32 expected = rev == 3 ? LPI_CTRL : 0;
	u32 typer = v->nr_irqs / 32 - 1;
	struct vgic_reg ctlr;
	int cpu, by;

	/* 16 bits of INTIDs with LPIs, 10 without */
	typer |= (v->its_fd ? 16 - 1 : 10 - 1) << 19 | (v->its_fd ? GICD_TYPER_LPIS : 0);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		EXPECT_BOTH(v, vgic_gicd(v, cpu, "GICD_TYPER", GICD_TYPER), typer);
		EXPECT_GUEST(v, vgic_gicr(cpu, "GICR_TYPER", GICR_TYPER), cpu << 8 |
			     (v->its_fd ? GICR_TYPER_PLPIS : 0) |
			     (cpu == v->nr_vcpus - 1 ? GICR_TYPER_LAST : 0));
		ctlr = vgic_gicr(cpu, "GICR_CTLR", GICR_CTLR);
		for (by = 0; by < v->nr_vcpus; by++) {
			ctlr.vcpu = by;
			EXPECT_BOTH(v, ctlr, expected |
				    (enabled ? GICR_CTLR_ENABLE_LPIS : 0));
			EXPECT_ONE_SIZE(v, ctlr, expected |
					(enabled ? GICR_CTLR_ENABLE_LPIS : 0));
		}
	}
}

/* The ITS finds the collection of each vCPU, and the event of the device. */
static void expect_its_commands(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	int cpu, i;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		/* INV, INVALL twice, INV twice: each but the first changes what is cached. */
		for (i = 0; i < 5; i++) {
			bool enable = i % 2 == 0, all = i == 1 || i == 2;

			vgic_configure_lpis(v, enable ? VGIC_LPI_ENABLED : VGIC_LPI_DISABLED,
					    v->nr_vcpus);
			vgic_guest_do(v, cpu, all ? guest_its_invall : guest_its_inv);
			EXPECT_LPI(v, cpu, enable, all ? "after INVALL" : "after INV");
		}
	}
}

/* A word of GICR_PROPBASER or GICR_PENDBASER of each vCPU */
static struct vgic_reg lpi_table(int i)
{
	return vgic_gicr(i / 4, i % 4 < 2 ? "GICR_PROPBASER" : "GICR_PENDBASER",
			 GICR_PROPBASER + 4 * (i % 4));
}

/* A selection leaves LPIs alone, apart from what the guest can do about them. */
static void expect_lpis_kept(struct __test_metadata *_metadata, struct vgic_vm *v, u32 rev,
			     const u32 *tables)
{
	struct vgic_reg reg;
	int i, cpu;

	v->step = rev == 2 ? "after selecting revision 2" : "after selecting revision 3";
	ASSERT_SELECT(v, rev);
	for (i = 0; i < 4 * v->nr_vcpus; i++) {
		reg = lpi_table(i);
		EXPECT_USER(v, reg, tables[i]);
	}
	expect_lpi_ctrl(_metadata, v, rev, true);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++)
		EXPECT_LPI(v, cpu, true, "once it is");
	expect_its_commands(_metadata, v);
}

/*
 * An LPI's configuration is cached until it is invalidated. Only the ITS can do
 * so without GICR_CTLR.IR, and an LPI is in group 1 come what may.
 */
VGIC_V3_TEST(lpi)
{
	struct vgic_cmd *cmd;
	u32 tables[4 * VGIC_REV_MAX_VCPUS], rev;
	int i, cpu;

	vgic_vm_start(_metadata, v);
	expect_lpi_ctrl(_metadata, v, v->row->rev, false);

	v->step = "with an ITS";
	vgic_enable_irqs(v, VGIC_BOTH_GROUPS);
	vgic_vm_create_its(v);
	for (cpu = 0; cpu < v->nr_vcpus; cpu++)
		vgic_map_lpis(v, cpu, VGIC_LPI_DISABLED, 1);
	expect_lpi_ctrl(_metadata, v, v->row->rev, true);
	for (i = 0; i < 4 * v->nr_vcpus; i++)
		tables[i] = vgic_user_read(v, lpi_table(i));

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		vgic_signal_lpi(v, cpu);
		EXPECT_LPI(v, cpu, false, "while disabled");
		expect_direct_invalidation(_metadata, v, cpu, has_direct_invalidation(v));
	}

	expect_its_commands(_metadata, v);

	/* From 3 down and up, and up from wherever this guest is now */
	for (rev = 3; rev >= 2; rev--)
		expect_lpis_kept(_metadata, v, rev, tables);
	expect_lpis_kept(_metadata, v, 3, tables);

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		vgic_guest_cmd(v, cpu)->wait_lpis = 1;
		cmd = vgic_guest_do(v, cpu, vgic_guest_take);
		EXPECT_VGIC(v, VGIC_REV_LPI + cpu, cmd->lpi,
			    "INTID of the LPI that vCPU %d took", cpu);
		EXPECT_VGIC(v, 1, cmd->nr_lpis, "times that vCPU %d took its LPI", cpu);

		vgic_signal_lpi(v, cpu);
		EXPECT_LPI(v, cpu, true, "once more");
		vgic_guest_write(v, vgic_gicr(cpu, "", GICR_CTLR), 0);
		EXPECT_LPI(v, cpu, false, "while GICR_CTLR.EnableLPIs is clear");
	}
	expect_lpi_ctrl(_metadata, v, 3, false);
}

/* A register of vCPU 0, which does not run, as vCPU 2 sees it while vCPU 1 writes */
static void guest_watch(struct vgic_cmd *cmd)
{
	WRITE_ONCE(cmd->val, 0);
	WRITE_ONCE(cmd->running, true);
	while (!READ_ONCE(cmd->stop))
		WRITE_ONCE(cmd->val, cmd->val | readl((void *)cmd->addr));
}

static pthread_t watch(struct vgic_vm *v, struct vgic_reg reg, struct timespec *start)
{
	vgic_guest_cmd(v, 2)->addr = reg.gpa;
	clock_gettime(CLOCK_MONOTONIC, start);
	return vgic_guest_start(v, 2, guest_watch);
}

static bool was_seen(struct vgic_vm *v, u32 bit)
{
	return READ_ONCE(vgic_guest_cmd(v, 2)->val) & bit;
}

/*
 * GICR_CTLR.RWP is set for as long as it takes to drop the pending LPIs, and
 * GICR_SYNCR.Busy while LPIs are being invalidated. That is when another vCPU may
 * look, so do it over and over until one has seen it, and where it must not, often.
 * vCPU 0 stays out of the guest: on a slow host, KVM would not get further than to
 * sort what it has pending before the next tick.
 */
VGIC_V3_TEST(busy_bits)
{
	struct vgic_reg ctlr = vgic_gicr(0, "GICR_CTLR", GICR_CTLR);
	struct vgic_reg inv[] = {
		vgic_gicr(0, "GICR_INVLPIR", GICR_INVLPIR),
		vgic_gicr(0, "GICR_INVALLR", GICR_INVALLR),
	};
	bool direct = has_direct_invalidation(v);
	struct timespec start;
	cpu_set_t cpus;
	pthread_t thread;
	int i, round;

	kvm_sched_getaffinity(0, sizeof(cpus), &cpus);
	if (CPU_COUNT(&cpus) < 2)
		SKIP(return, "two vCPUs at once need two CPUs");

	v->nr_vcpus = 3;
	vgic_vm_start(_metadata, v);
	/* With the distributor disabled, there would be nothing to drop. */
	vgic_enable_irqs(v, VGIC_BOTH_GROUPS);
	vgic_vm_create_its(v);
	vgic_map_lpis(v, 0, VGIC_LPI_ENABLED, NR_LPIS);
	ctlr.vcpu = 1;
	for (i = 0; i < ARRAY_SIZE(inv); i++) {
		inv[i].vcpu = 1;
		thread = watch(v, vgic_gicr(0, "", GICR_SYNCR), &start);
		for (round = 0; !was_seen(v, BIT(0)) &&
		     timespec_elapsed(start).tv_sec < (direct ? BUSY_SEC : IDLE_SEC); round++)
			vgic_guest_write(v, inv[i], VGIC_REV_LPI);
		EXPECT_VGIC(v, direct, was_seen(v, BIT(0)),
			    "was GICR_SYNCR ever busy in %d rounds of %s", round, inv[i].name);
		vgic_guest_stop(v, 2, thread);
	}

	thread = watch(v, ctlr, &start);
	while (!was_seen(v, GICR_CTLR_RWP) && timespec_elapsed(start).tv_sec < BUSY_SEC) {
		for (i = 0; i < NR_LPIS; i++)
			vgic_signal_lpi(v, i);
		vgic_guest_write(v, ctlr, 0);
		vgic_guest_write(v, ctlr, GICR_CTLR_ENABLE_LPIS);
	}
	EXPECT_VGIC(v, true, was_seen(v, GICR_CTLR_RWP), "was GICR_CTLR.RWP ever set");
	vgic_guest_stop(v, 2, thread);
}

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_supports_vgic_v2() || kvm_supports_vgic_v3());
	return vgic_run(argc, argv);
}
