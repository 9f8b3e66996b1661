/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each GICD_IIDR.Revision promises, and the means to look at it from both
 * sides, the guest's and userspace's.
 */
#ifndef SELFTEST_KVM_VGIC_REV_H
#define SELFTEST_KVM_VGIC_REV_H

#include <pthread.h>
#include <stdbool.h>

#include "kvm_util.h"
#include "gic.h"
#include "gic_v3.h"
#include "kselftest.h"
#include "vgic.h"

#define VGIC_REV_MAX_VCPUS	4
#define VGIC_REV_MAX_IRQS	992
#define VGIC_REV_MAX_IGROUPR	(VGIC_REV_MAX_VCPUS + VGIC_REV_MAX_IRQS / 32 - 1)
#define VGIC_REV_LATEST		3

/* One interrupt of each kind for each vCPU, below 64 to fit a bitmap */
#define VGIC_REV_SGI		1
#define VGIC_REV_PPI		20
#define VGIC_REV_SPI(vcpu)	(40 + (vcpu))
#define VGIC_REV_PRIVATE	(BIT(VGIC_REV_SGI) | BIT(VGIC_REV_PPI))
#define VGIC_REV_LPI		8192

/* What is not part of the Revision field: ARM, and KVM's product ID. */
#define VGIC_IIDR(rev)		(0x4b00043b | (rev) << GICD_IIDR_REVISION_SHIFT)

/* What GICR_CTLR tells of LPI control without an ITS (IHI 0069) */
#define VGIC_RDIST_LPI_CTRL	(GICR_CTLR_IR | GICR_CTLR_CES)

/**
 * struct vgic_rev - what to expect of one revision of one GIC
 * @gic: name of the GIC model
 * @name: name of the revision
 * @dev_type: KVM device type of the model
 * @rev: the value of GICD_IIDR.Revision
 * @untouched: leave GICD_IIDR alone, as most VMMs do
 * @igroupr: what every word of IGROUPR resets to
 * @group: the group that interrupts are signaled as after reset
 * @guest_groups: the guest can write IGROUPR
 * @user_groups: userspace can write IGROUPR
 * @rdist_lpi_ctrl: GICR_CTLR.{IR,CES}, GICR_INVLPIR and GICR_INVALLR work
 */
struct vgic_rev {
	const char	*gic;
	const char	*name;
	u32		dev_type;
	u32		rev;
	bool		untouched;
	u32		igroupr;
	int		group;
	bool		guest_groups;
	bool		user_groups;
	bool		rdist_lpi_ctrl;
};

/**
 * struct vgic_vm - a VM with the GIC of a row
 * @row: what the GIC is supposed to be like
 * @nr_vcpus: 1 to VGIC_REV_MAX_VCPUS
 * @nr_irqs: SGIs, PPIs and SPIs, a multiple of 32, 64 to VGIC_REV_MAX_IRQS
 * @vm: the VM
 * @vcpus: its vCPUs, which are idle until vgic_guest_do()
 * @gic_fd: its GIC
 */
struct vgic_vm {
	const struct vgic_rev	*row;
	int			nr_vcpus;
	u32			nr_irqs;
	struct kvm_vm		*vm;
	struct kvm_vcpu		*vcpus[VGIC_REV_MAX_VCPUS];
	int			gic_fd;
};

/**
 * struct vgic_check - one behaviour, looked at in every row it applies to
 * @name: third part of the subtest's name
 * @run: what to do with a VM that has the revision of the row selected
 * @v2_only: makes no sense on GICv3
 * @v3_only: makes no sense on GICv2
 * @selects: @run selects the revision itself
 * @inits: @run initializes the GIC itself
 * @bare: @run sets up the VM itself
 * @untouched: makes sense only where nobody has selected a revision
 * @shapes: run with several numbers of vCPUs and SPIs
 */
struct vgic_check {
	const char	*name;
	void		(*run)(struct vgic_vm *v);
	bool		v2_only;
	bool		v3_only;
	bool		selects;
	bool		inits;
	bool		bare;
	bool		untouched;
	bool		shapes;
};

/**
 * struct vgic_reg - a 32-bit register, and how to get to it
 * @name: for messages
 * @group: of device attributes, KVM_DEV_ARM_VGIC_GRP_*
 * @attr: device attribute in @group
 * @gpa: where the guest has it, mapped at the same virtual address
 * @vcpu: index of the vCPU that sees it there
 */
struct vgic_reg {
	char	name[48];
	u32	group;
	u64	attr;
	u64	gpa;
	int	vcpu;
};

/**
 * struct vgic_cmd - what a vCPU is to do, and what came of it
 * @fn: runs in the guest
 * @v3: the guest has a GICv3
 * @addr: argument of @fn
 * @val: argument and result of @fn
 * @running: set by @fn once it has begun to wait for @stop
 * @stop: set by the host to have @fn return
 * @exit_in: INTID to exit to the host with, between acknowledge and end
 * @pending: by group, the highest priority pending interrupt
 * @taken: by group, a bitmap of the INTIDs below 64 that have arrived
 * @count: how often each of these has arrived
 * @lpi: the last LPI that has arrived
 */
struct vgic_cmd {
	void	(*fn)(struct vgic_cmd *cmd);
	bool	v3;
	u64	addr;
	u32	val;
	bool	running;
	bool	stop;
	u32	exit_in;
	u32	pending[2];
	u64	taken[2];
	u32	count[64];
	u32	lpi;
};

static inline bool vgic_is_v3(const struct vgic_vm *v)
{
	return v->row->dev_type == KVM_DEV_TYPE_ARM_VGIC_V3;
}

/**
 * vgic_rev_main() - Run all checks on all revisions of all GICs
 * @checks: the checks
 * @nr: how many they are
 *
 * Prints KTAP with a subtest <gic>/<revision>/<check> for each, every one of
 * which has its own process and VM. Does not return.
 */
void __noreturn vgic_rev_main(const struct vgic_check *checks, int nr);

/**
 * vgic_rev_offered() - Tell which revisions a VMM would use on this kernel
 * @dev_type: KVM device type of the GIC
 *
 * Return: a bitmap of the values of GICD_IIDR.Revision that the kernel accepts,
 * which is not to say that it obeys them. Empty if there is no such GIC.
 */
u32 vgic_rev_offered(u32 dev_type);

/**
 * vgic_skip() - End this check, but not the test
 * @reason: why there is nothing to check here
 */
void __noreturn vgic_skip(const char *reason);

/**
 * vgic_expect() - Compare, and say so where there is a difference
 * @v: the VM, whose GIC and revision are part of the message
 * @reg: what was read or written
 * @view: who has read it, for example "guest"
 * @expected: what the row promises
 * @read: what it was
 *
 * A difference fails the check, which goes on.
 */
void vgic_expect(struct vgic_vm *v, const char *reg, const char *view,
		 u32 expected, u32 read);

/**
 * vgic_vm_create() - Create a VM whose GIC is not initialized
 * @v: with the row and the sizes filled in
 *
 * Nobody has selected a revision yet.
 */
void vgic_vm_create(struct vgic_vm *v);

/**
 * vgic_vm_init_gic() - Initialize the GIC, see KVM_DEV_ARM_VGIC_CTRL_INIT
 * @v: the VM
 */
void vgic_vm_init_gic(struct vgic_vm *v);

/**
 * vgic_select() - Select a revision, and see to it that the kernel has obeyed
 * @v: the VM, none of whose vCPUs may be running
 * @rev: the value of GICD_IIDR.Revision, 0 to VGIC_REV_LATEST
 *
 * If the kernel has refused or ignored it, the check ends here and has failed.
 */
void vgic_select(struct vgic_vm *v, u32 rev);

/**
 * vgic_gicd() - A register of the distributor
 * @v: the VM
 * @vcpu: index of the vCPU that sees it, for those that GICv2 has banked
 * @name: for messages
 * @offset: in bytes, a multiple of 4
 */
struct vgic_reg vgic_gicd(struct vgic_vm *v, int vcpu, const char *name, u32 offset);

/**
 * vgic_gicr() - A register of a redistributor
 * @vcpu: index of the vCPU that it belongs to
 * @name: for messages
 * @offset: in bytes, a multiple of 4, from SZ_64K on in the SGI frame
 */
struct vgic_reg vgic_gicr(int vcpu, const char *name, u32 offset);

/**
 * vgic_private() - A register that holds bits of private interrupts
 * @v: the VM
 * @vcpu: index of the vCPU that they belong to
 * @name: for messages
 * @offset: where GICv2 has it in the distributor, in bytes
 */
struct vgic_reg vgic_private(struct vgic_vm *v, int vcpu, const char *name, u32 offset);

/**
 * vgic_iidr() - GICD_IIDR
 * @v: the VM
 * @vcpu: index of the vCPU that sees it, though it is the same for all
 */
struct vgic_reg vgic_iidr(struct vgic_vm *v, int vcpu);

/**
 * vgic_igroupr() - One of the words of IGROUPR
 * @v: the VM
 * @i: below vgic_nr_igroupr(): the private words of all vCPUs, then the shared
 */
struct vgic_reg vgic_igroupr(struct vgic_vm *v, int i);
int vgic_nr_igroupr(struct vgic_vm *v);

/**
 * vgic_user_read() - Read a register as a VMM does
 * @v: the VM, none of whose vCPUs may be running
 * @reg: the register
 */
u32 vgic_user_read(struct vgic_vm *v, const struct vgic_reg *reg);

/**
 * vgic_user_write() - Write a register as a VMM does, and succeed
 * @v: the VM, none of whose vCPUs may be running
 * @reg: the register
 * @val: the value
 */
void vgic_user_write(struct vgic_vm *v, const struct vgic_reg *reg, u32 val);

/**
 * __vgic_user_write() - Write a register as a VMM does, and see what happens
 * @v: the VM
 * @reg: the register
 * @val: the value
 *
 * Return: 0 or a positive errno, for the caller to expect.
 */
int __vgic_user_write(struct vgic_vm *v, const struct vgic_reg *reg, u32 val);

/**
 * vgic_guest_do() - Have a vCPU do something and wait for it
 * @v: the VM
 * @vcpu: index of the vCPU
 * @fn: what it is to do
 *
 * Return: the vCPU's command with its results, in memory that the guest shares.
 * Results accumulate until vgic_guest_forget().
 */
struct vgic_cmd *vgic_guest_do(struct vgic_vm *v, int vcpu,
			       void (*fn)(struct vgic_cmd *cmd));
struct vgic_cmd *vgic_guest_cmd(struct vgic_vm *v, int vcpu);
void vgic_guest_forget(struct vgic_vm *v, int vcpu);

/**
 * vgic_guest_exit() - In the guest: leave it in the middle of something
 *
 * Returns when the host calls vgic_guest_continue(), which may be in another VM.
 */
void vgic_guest_exit(void);

/**
 * vgic_guest_continue() - Continue a vCPU until it leaves the guest once more
 * @v: the VM
 * @vcpu: index of the vCPU
 */
void vgic_guest_continue(struct vgic_vm *v, int vcpu);

/**
 * vgic_guest_read() - Have a vCPU read a register
 * @v: the VM
 * @reg: the register, which tells the vCPU
 */
u32 vgic_guest_read(struct vgic_vm *v, const struct vgic_reg *reg);

/**
 * vgic_guest_write() - Have a vCPU write a register
 * @v: the VM
 * @reg: the register, which tells the vCPU
 * @val: the value
 */
void vgic_guest_write(struct vgic_vm *v, const struct vgic_reg *reg, u32 val);

/**
 * vgic_expect_both() - Read a register from both sides, and compare
 * @v: the VM
 * @reg: the register
 * @expected: what both userspace and the guest are to read
 */
void vgic_expect_both(struct vgic_vm *v, const struct vgic_reg *reg, u32 expected);

/**
 * vgic_guest_start() - Have a vCPU do something that lasts
 * @v: the VM
 * @vcpu: index of the vCPU
 * @fn: sets @running of its command, and returns when @stop is set
 * @addr: argument of @fn
 *
 * Return: the thread that runs the vCPU, for vgic_guest_stop().
 */
pthread_t vgic_guest_start(struct vgic_vm *v, int vcpu,
			   void (*fn)(struct vgic_cmd *cmd), u64 addr);
void vgic_guest_stop(struct vgic_vm *v, int vcpu, pthread_t thread);

/* For vgic_guest_start(): stay in the guest without leaving it. */
void vgic_guest_spin(struct vgic_cmd *cmd);

/* What a guest does about interrupts, for vgic_guest_do() */
void vgic_guest_enable_groups(struct vgic_cmd *cmd);	/* @val: bitmap of groups */
void vgic_guest_peek(struct vgic_cmd *cmd);		/* see @pending */
void vgic_guest_take(struct vgic_cmd *cmd);		/* see @taken and @count */
void vgic_guest_ack(struct vgic_cmd *cmd);		/* @val: group, then INTID */

/**
 * vgic_route_irqs() - Userspace enables the SGI, PPI and SPI of every vCPU
 * @v: the VM, none of whose vCPUs may be running
 */
void vgic_route_irqs(struct vgic_vm *v);

/**
 * vgic_enable_irqs() - The same, and every vCPU is ready for them
 * @v: the VM
 * @groups: bitmap of the groups that the guest enables at its CPU interfaces
 */
void vgic_enable_irqs(struct vgic_vm *v, u32 groups);

/**
 * vgic_pend_irqs() - Userspace makes the SGI, PPI and SPI of every vCPU pending
 * @v: the VM, none of whose vCPUs may be running
 */
void vgic_pend_irqs(struct vgic_vm *v);

/**
 * vgic_signal_irqs() - The same, but they come from where they really come from
 * @v: the VM
 *
 * SGIs are sent by a vCPU, PPIs made pending by the guest, and SPIs have a line.
 */
void vgic_signal_irqs(struct vgic_vm *v);

/**
 * vgic_send_sgi() - Have the guest send VGIC_REV_SGI
 * @v: the VM
 * @from: index of the vCPU that sends it
 * @to: index of the vCPU that it is for
 * @group: 0 for the register that generates SGIs of group 0 only, 1 for the one
 *	   that generates those of either. GICv2 has one for both.
 */
void vgic_send_sgi(struct vgic_vm *v, int from, int to, int group);

/**
 * vgic_pulse_spi() - Signal the SPI of a vCPU, which is edge-triggered
 * @v: the VM
 * @vcpu: index of the vCPU
 */
void vgic_pulse_spi(struct vgic_vm *v, int vcpu);

/**
 * vgic_write_all_groups() - The guest writes the group of every interrupt
 * @v: the VM
 * @group: 0 or 1
 */
void vgic_write_all_groups(struct vgic_vm *v, int group);

/**
 * vgic_expect_pending() - See in which group every vCPU has interrupts pending
 * @v: the VM
 * @group: 0 or 1, there must be none in the other
 */
void vgic_expect_pending(struct vgic_vm *v, int group);

/**
 * vgic_expect_taken() - Have every vCPU take its SGI, PPI and SPI, each just once
 * @v: the VM
 * @group: the one that they must arrive in: 0 as FIQ, 1 as IRQ
 */
void vgic_expect_taken(struct vgic_vm *v, int group);

static inline bool vgic_is_intid(u32 intid)
{
	/* 1020 to 1023 stand for "no interrupt", for one reason or another */
	return intid <= MAX_SPI || intid >= VGIC_REV_LPI;
}

#endif /* SELFTEST_KVM_VGIC_REV_H */
