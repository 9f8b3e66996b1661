// SPDX-License-Identifier: GPL-2.0-only
/*
 * GICD_IIDR, common to the GICv2 and GICv3 models
 *
 * The Revision field has the following meanings:
 *
 * Revision 0: Interrupt groups are fixed to what they reset to, but GICv2
 *	       interrupts are reported as group 1 instead of group 0
 * Revision 1: Report GICv2 interrupts as group 0, the one they are signaled as
 * Revision 2: Interrupt groups are guest-configurable and signaled using
 *	       their configured groups.
 * Revision 3: GICv3 has GICR_CTLR.{IR,CES,RWP}, GICR_INVLPIR, GICR_INVALLR and
 *	       GICR_SYNCR
 */

#include <linux/bitfield.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/kvm_host.h>

#include <kvm/arm_vgic.h>

#include "vgic.h"
#include "vgic-mmio.h"

/**
 * kvm_vgic_get_revisions() - Tell which revisions userspace can select
 *
 * Return: a bitmap of the values of GICD_IIDR.Revision, empty on a host that
 * has neither a GICv2 nor a GICv3 to offer to its guests.
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
 * Return: the register as IHI 0048 and IHI 0069 lay it out.
 */
u32 vgic_read_iidr(struct kvm_vcpu *vcpu)
{
	return (PRODUCT_ID_KVM << GICD_IIDR_PRODUCT_ID_SHIFT) |
	       (vgic_get_implementation_rev(vcpu) << GICD_IIDR_REVISION_SHIFT) |
	       (IMPLEMENTER_ARM << GICD_IIDR_IMPLEMENTER_SHIFT);
}

/* LPIs have no group to choose, they are always in group 1 */
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
 * Return: 0, or -EINVAL with nothing changed when @val asks for a revision
 * that does not exist or for a change outside the Revision field.
 */
int vgic_uaccess_write_iidr(struct kvm_vcpu *vcpu, u32 val)
{
	struct vgic_dist *dist = &vcpu->kvm->arch.vgic;
	u32 rev = FIELD_GET(GICD_IIDR_REVISION_MASK, val);

	lockdep_assert_held(&vcpu->kvm->arch.config_lock);

	if ((vgic_read_iidr(vcpu) ^ val) & ~GICD_IIDR_REVISION_MASK)
		return -EINVAL;

	if (rev > KVM_VGIC_IMP_REV_LATEST)
		return -EINVAL;

	/*
	 * If we observe a write to GICD_IIDR we know that userspace has been
	 * updated and has had a chance to cope with older kernels (VGICv2
	 * IIDR.Revision == 0) incorrectly reporting interrupts as group 1, and
	 * therefore we now allow groups to be user writable.  Doing this by
	 * default would break migration from old kernels to new kernels with
	 * legacy userspace.  Writing back the revision of one of these older
	 * kernels is not an opt-in: the groups it saved are not to be trusted.
	 */
	dist->implementation_rev = rev;
	dist->v2_groups_user_writable = vgic_has_writable_groups(vcpu);

	/*
	 * Groups may have been written before: by the guest, or by a VMM that
	 * restores the redistributors ahead of the distributor.  Nobody could
	 * ever change them again, so don't let them outlive their revision.
	 * There are none before initialization, nor with just an SPI array
	 * left behind by an initialization that has failed.
	 */
	if (!vgic_has_writable_groups(vcpu) && vgic_initialized(vcpu->kvm))
		vgic_reset_groups(vcpu->kvm);

	return 0;
}
