/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VM whose GICv2 or GICv3 has a given GICD_IIDR.Revision, and the means to look
 * at it from both sides, the guest's and userspace's.
 */
#ifndef SELFTEST_KVM_VGIC_REV_H
#define SELFTEST_KVM_VGIC_REV_H

#include <pthread.h>
#include <stdbool.h>

#include "kvm_util.h"
#include "gic.h"
#include "gic_v3.h"
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
#define VGIC_REV_IRQS(vcpu)	(VGIC_REV_PRIVATE | BIT_ULL(VGIC_REV_SPI(vcpu)))
#define VGIC_REV_LPI		8192

#define VGIC_BOTH_GROUPS	(BIT(0) | BIT(1))

#define VGIC_LPI_DISABLED	(LPI_PROP_GROUP1)
#define VGIC_LPI_ENABLED	(LPI_PROP_GROUP1 | LPI_PROP_ENABLED)

/* What is not part of the Revision field: ARM, and KVM's product ID. */
#define VGIC_IIDR(rev)		(0x4b00043b | (rev) << GICD_IIDR_REVISION_SHIFT)

/* What to expect of one revision of one GIC */
struct vgic_rev {
	const char	*gic;
	const char	*name;
	u32		dev_type;	/* KVM device type of the GIC */
	u32		rev;		/* GICD_IIDR.Revision */
	bool		untouched;	/* leave GICD_IIDR alone, as most VMMs do */
	u32		igroupr;	/* what every word of IGROUPR resets to */
	int		group;		/* what interrupts are signaled as after reset */
	bool		guest_groups;	/* the guest can write IGROUPR */
	bool		user_groups;	/* userspace can write IGROUPR */
	bool		rdist_lpi_ctrl;	/* GICR_CTLR.{IR,CES}, GICR_INV{LPI,ALL}R */
};

/* A VM with the GIC of a row, whose vCPUs are idle until vgic_guest_do() */
struct vgic_vm {
	const struct vgic_rev	*row;
	int			nr_vcpus;	/* 1 to VGIC_REV_MAX_VCPUS */
	u32			nr_irqs;	/* 64 to VGIC_REV_MAX_IRQS, in 32s */
	struct kvm_vm		*vm;
	struct kvm_vcpu		*vcpus[VGIC_REV_MAX_VCPUS];
	int			gic_fd;
	int			its_fd;
	struct vgic_its_mem	its;
	bool			vcpus_first;	/* create them before the GIC */
	bool			irqchip;	/* KVM_CREATE_IRQCHIP creates it */
	const char		*step;		/* what was done last, for messages */
	int			nr_differences;	/* found so far */
};

/* A 32-bit register, and how to get to it */
struct vgic_reg {
	char	name[48];
	u32	group;		/* of device attributes, KVM_DEV_ARM_VGIC_GRP_* */
	u64	attr;
	u64	gpa;		/* mapped at the same virtual address */
	int	vcpu;		/* that accesses it there, no other can if it is banked */
};

/* What a vCPU is to do, and what came of it */
struct vgic_cmd {
	void			(*fn)(struct vgic_cmd *cmd);
	bool			v3;
	int			nr_vcpus;
	struct vgic_its_mem	its;

	/* Arguments and result of @fn, and for one that lasts */
	u64			addr;
	u64			val;
	int			size;
	bool			running;	/* set by the guest */
	bool			stop;		/* set by the host */

	/* For vgic_guest_take() and the interrupts it takes, with INTIDs below 64 */
	u32			timer;		/* mask the virtual timer at this one */
	u32			exit_in;	/* exit before the end of this one */
	u64			wait_for;	/* bitmap */
	u32			wait_times;	/* for each of them, 0 for once */
	u32			wait_lpis;

	/* What has arrived: a bitmap for each group, and how often */
	u64			taken[2];
	u32			count[64];
	u32			lpi;		/* the last one */
	u32			nr_lpis;

	/* What vgic_guest_peek() has seen of each group */
	u32			pending[2];
};

static inline bool vgic_is_v3(const struct vgic_vm *v)
{
	return v->row->dev_type == KVM_DEV_TYPE_ARM_VGIC_V3;
}

static inline bool vgic_is_intid(u32 intid)
{
	/* 1020 to 1023 stand for "no interrupt", for one reason or another */
	return intid <= MAX_SPI || intid >= VGIC_REV_LPI;
}

/* Create a VM whose GIC has the latest revision, initialize that, add an ITS to it */
void vgic_vm_create(struct vgic_vm *v);
void vgic_vm_init_gic(struct vgic_vm *v);
void vgic_vm_create_its(struct vgic_vm *v);
void vgic_vm_free(struct vgic_vm *v);

/*
 * Write GICD_IIDR as a VMM does, to select a revision. Returns 0 or a positive
 * errno, neither of which says that the kernel has obeyed.
 */
int vgic_select(struct vgic_vm *v, u32 rev);

/*
 * A register of the distributor, of a redistributor (from SZ_64K on in the SGI
 * frame), or for private interrupts (wherever the GIC has these, @offset is as in
 * the distributor), at the offset that the architecture gives it.
 */
struct vgic_reg vgic_gicd(struct vgic_vm *v, int vcpu, const char *name, u32 offset);
struct vgic_reg vgic_gicr(int vcpu, const char *name, u32 offset);
struct vgic_reg vgic_private(struct vgic_vm *v, int vcpu, const char *name, u32 offset);
struct vgic_reg vgic_iidr(struct vgic_vm *v, int vcpu);

/* One of the words of IGROUPR: the private words of all vCPUs, then the shared */
struct vgic_reg vgic_igroupr(struct vgic_vm *v, int i);
int vgic_nr_igroupr(struct vgic_vm *v);

/* The device attribute of a system register of the CPU interface, SYS_ICC_* */
static inline u64 vgic_icc_attr(u64 vcpu, u32 reg)
{
	return vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT |
	       (KVM_ARM64_SYS_REG(reg) & KVM_DEV_ARM_VGIC_SYSREG_INSTR_MASK);
}

/* Access a register as a VMM does, while no vCPU is running */
u32 vgic_user_read(struct vgic_vm *v, struct vgic_reg reg);
void vgic_user_write(struct vgic_vm *v, struct vgic_reg reg, u32 val);
int __vgic_user_write(struct vgic_vm *v, struct vgic_reg reg, u32 val);

static inline void vgic_write_shared(struct vgic_vm *v, u32 offset, u32 val)
{
	vgic_user_write(v, vgic_gicd(v, 0, "", offset), val);
}

static inline void vgic_write_private(struct vgic_vm *v, int vcpu, u32 offset, u32 val)
{
	vgic_user_write(v, vgic_private(v, vcpu, "", offset), val);
}

/* The same on every word of IGROUPR, by userspace or by the guest */
void vgic_user_write_groups(struct vgic_vm *v, u32 val);
void vgic_guest_write_groups(struct vgic_vm *v, u32 val);

/*
 * Have a vCPU do something and wait for it. Returns the vCPU's command with its
 * results, which the guest shares, and which add up until vgic_guest_forget().
 */
struct vgic_cmd *vgic_guest_do(struct vgic_vm *v, int vcpu,
			       void (*fn)(struct vgic_cmd *cmd));
struct vgic_cmd *vgic_guest_cmd(struct vgic_vm *v, int vcpu);
void vgic_guest_forget(struct vgic_vm *v, int vcpu);

/* Continue a vCPU that has left the guest in the middle of something, see @exit_in */
void vgic_guest_continue(struct kvm_vcpu *vcpu);

/* Have the vCPU of a register access it, with 4 bytes or with 1, 2, 4 or 8 */
u32 vgic_guest_read(struct vgic_vm *v, struct vgic_reg reg);
void vgic_guest_write(struct vgic_vm *v, struct vgic_reg reg, u32 val);
u64 vgic_guest_read_sized(struct vgic_vm *v, struct vgic_reg reg, int size);
void vgic_guest_write_sized(struct vgic_vm *v, struct vgic_reg reg, int size, u64 val);

/* Have a vCPU do something that lasts, in a thread: see @running and @stop */
pthread_t vgic_guest_start(struct vgic_vm *v, int vcpu,
			   void (*fn)(struct vgic_cmd *cmd));
void vgic_guest_stop(struct vgic_vm *v, int vcpu, pthread_t thread);

/* What a guest does about interrupts, for vgic_guest_do() */
void vgic_guest_enable_groups(struct vgic_cmd *cmd);	/* @val: bitmap of groups */
void vgic_guest_peek(struct vgic_cmd *cmd);		/* see @pending */
void vgic_guest_take(struct vgic_cmd *cmd);		/* see @taken and @count */
void vgic_guest_ack(struct vgic_cmd *cmd);		/* @val: group, then INTID */
void vgic_guest_eoi(struct vgic_cmd *cmd);		/* @val: INTID, @addr: group */

/*
 * Have every vCPU ready for its SGI, PPI and SPI. The guest does so with gic_init(),
 * which puts all interrupts of a GICv3 in group 1. Userspace leaves the groups as
 * they are, and what is to be done in the guest to vgic_guest_enable_groups().
 */
void vgic_enable_irqs(struct vgic_vm *v, u32 groups);
void vgic_user_enable_irqs(struct vgic_vm *v);

/*
 * Make the SGI, PPI and SPI of every vCPU pending, all by userspace, or with SGIs
 * from a vCPU, PPIs from the guest, and SPIs from a line.
 */
void vgic_pend_irqs(struct vgic_vm *v);
void vgic_signal_irqs(struct vgic_vm *v);

/*
 * Have vCPU @from send VGIC_REV_SGI to vCPU @to, on GICv3 by a write of @reg: that is
 * SYS_ICC_SGI1R_EL1, or one of SYS_ICC_SGI0R_EL1 and SYS_ICC_ASGI1R_EL1, which do so
 * only if the SGI is in group 0.
 */
void vgic_send_sgi(struct vgic_vm *v, int from, int to, u32 reg);

/* Signal the SPI of a vCPU, which is edge-triggered */
void vgic_pulse_spi(struct vgic_vm *v, int vcpu);

/*
 * Have a vCPU enable its LPIs and map @nr of them from VGIC_REV_LPI + @vcpu on, vCPU 0
 * first, with the configuration of the first @nr in memory, and have a device signal
 * one.
 */
void vgic_map_lpis(struct vgic_vm *v, int vcpu, u8 prop, u32 nr);
void vgic_configure_lpis(struct vgic_vm *v, u8 prop, u32 nr);
void vgic_signal_lpi(struct vgic_vm *v, u32 event);

#endif /* SELFTEST_KVM_VGIC_REV_H */
