// SPDX-License-Identifier: GPL-2.0-only
/*
 * GICD_IIDR, common to the GICv2 and GICv3 models
 *
 * The Revision field has the following meanings:
 *
 * Revision 0: As revision 1, but IGROUPR reads as ones, even on GICv2
 * Revision 1: Interrupts are fixed to the group that they reset to
 * Revision 2: Interrupt groups are guest-configurable and signaled using
 *	       their configured groups.
 * Revision 3: GICv3 has GICR_CTLR.{IR,CES}, GICR_INVLPIR, GICR_INVALLR and
 *	       GICR_SYNCR
 */

#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/kvm_host.h>

#include <kvm/arm_vgic.h>

#include "vgic.h"
#include "vgic-mmio.h"

/**
 * kvm_vgic_get_revisions() - Get the revisions that userspace can select
 *
 * Return: a bitmap of the values of GICD_IIDR.Revision, empty on a host that
 * can give its guests neither a GICv2 nor a GICv3.
 */
u32 kvm_vgic_get_revisions(void)
{
	if (!kvm_vgic_global_state.can_emulate_gicv2 &&
	    !static_branch_unlikely(&kvm_vgic_global_state.gicv3_cpuif))
		return 0;

	return GENMASK(KVM_VGIC_IMP_REV_LATEST, 0);
}

/**
 * vgic_read_iidr() - The guest's and userspace's view of GICD_IIDR
 * @vcpu: Any vCPU of the VM, the register is not banked
 *
 * Return: the value of the register.
 */
u32 vgic_read_iidr(struct kvm_vcpu *vcpu)
{
	return (PRODUCT_ID_KVM << GICD_IIDR_PRODUCT_ID_SHIFT) |
	       (vgic_get_implementation_rev(vcpu) << GICD_IIDR_REVISION_SHIFT) |
	       (IMPLEMENTER_ARM << GICD_IIDR_IMPLEMENTER_SHIFT);
}

/* LPIs are not affected, they are always in group 1 */
static void vgic_reset_groups(struct kvm *kvm)
{
	u32 intid, nr_irqs = kvm->arch.vgic.nr_spis + VGIC_NR_PRIVATE_IRQS;
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		for (intid = 0; intid < VGIC_NR_PRIVATE_IRQS; intid++)
			vgic_reset_group(vcpu, intid);
	}

	vcpu = kvm_get_vcpu(kvm, 0);
	for (intid = VGIC_NR_PRIVATE_IRQS; intid < nr_irqs; intid++)
		vgic_reset_group(vcpu, intid);
}

/**
 * vgic_uaccess_write_iidr() - Let userspace select GICD_IIDR.Revision
 * @vcpu: Any vCPU of the VM
 * @val: The value written to the register
 *
 * To be called with all vCPUs locked out of KVM_RUN.
 *
 * Return: 0, or with nothing changed -EINVAL when @val asks for a revision that
 * does not exist or for a change outside the Revision field, and -EBUSY when it
 * asks for a change to revision 0 or 1 and a vCPU has run.
 */
int vgic_uaccess_write_iidr(struct kvm_vcpu *vcpu, u32 val)
{
	struct vgic_dist *dist = &vcpu->kvm->arch.vgic;
	u32 rev = FIELD_GET(GICD_IIDR_REVISION_MASK, val);

	lockdep_assert_held(&vcpu->kvm->arch.config_lock);

	if ((vgic_read_iidr(vcpu) ^ val) & ~GICD_IIDR_REVISION_MASK)
		return -EINVAL;

	switch (rev) {
	case KVM_VGIC_IMP_REV_0:
	case KVM_VGIC_IMP_REV_1:
		if (rev == vgic_get_implementation_rev(vcpu))
			break;

		/* Too late: the guest may have acted on another revision */
		if (kvm_vm_has_ran_once(vcpu->kvm))
			return -EBUSY;

		/* Restoring what an older kernel saved is not an opt-in, see below */
		dist->v2_groups_user_writable = false;

		/*
		 * Userspace may have restored groups ahead of the revision. A
		 * GIC that is not initialized has none, even if a failed
		 * initialization has left an SPI array behind.
		 */
		if (vgic_initialized(vcpu->kvm))
			vgic_reset_groups(vcpu->kvm);
		break;
	case KVM_VGIC_IMP_REV_2:
	case KVM_VGIC_IMP_REV_3:
		/*
		 * If we observe a write to GICD_IIDR we know that userspace
		 * has been updated and has had a chance to cope with older
		 * kernels (VGICv2 IIDR.Revision == 0) incorrectly reporting
		 * interrupts as group 1, and therefore we now allow groups to
		 * be user writable.  Doing this by default would break
		 * migration from old kernels to new kernels with legacy
		 * userspace.
		 */
		dist->v2_groups_user_writable = true;
		break;
	default:
		return -EINVAL;
	}

	dist->implementation_rev = rev;
	return 0;
}
