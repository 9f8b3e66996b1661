// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic_iidr - GICD_IIDR as uAPI: what can be written to it, when, and what then
 *
 * A VMM that writes a revision has nothing but the return value and the register
 * to tell it what its guest has got. There have been kernels that returned
 * success for a revision and went on with another. So try every value there is
 * at every time that matters, and look at the register after each of them.
 */
#include "processor.h"
#include "ucall.h"
#include "vgic_rev.h"

#define NR_REVISIONS	16

/* Groups that are no reset value, to find a refused write that has an effect */
#define GROUPS		0x5a5a5a5a

static void expect_unchanged(struct vgic_vm *v)
{
	struct vgic_reg iidr = vgic_iidr(v, 0);

	vgic_expect(v, iidr.name, "user", VGIC_IIDR(v->row->rev),
		    vgic_user_read(v, &iidr));
}

static void expect_errno(struct vgic_vm *v, u32 val, int expected)
{
	struct vgic_reg iidr = vgic_iidr(v, 0);
	char name[64];

	snprintf(name, sizeof(name), "write of %#x to GICD_IIDR", val);
	vgic_expect(v, name, "errno", expected, __vgic_user_write(v, &iidr, val));
}

/* Both sides and all vCPUs see the same, and the guest's writes are ignored. */
static void check_views(struct vgic_vm *v)
{
	static const u32 scribbles[] = {
		0, ~0, VGIC_IIDR(0), VGIC_IIDR(1), VGIC_IIDR(2), VGIC_IIDR(3)
	};
	int i, cpu;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		struct vgic_reg iidr = vgic_iidr(v, cpu);
		struct vgic_reg gicr = vgic_gicr(cpu, "GICR_IIDR", GICR_IIDR);

		vgic_expect_both(v, &iidr, VGIC_IIDR(v->row->rev));
		for (i = 0; i < ARRAY_SIZE(scribbles); i++) {
			vgic_guest_write(v, &iidr, scribbles[i]);
			vgic_expect_both(v, &iidr, VGIC_IIDR(v->row->rev));
		}

		if (vgic_is_v3(v))
			vgic_expect_both(v, &gicr, VGIC_IIDR(0));
	}
}

/* What KVM never was is refused, and refusing it changes nothing. */
static void expect_refusals(struct vgic_vm *v)
{
	int i, rev;

	for (rev = VGIC_REV_LATEST + 1; rev < NR_REVISIONS; rev++) {
		expect_errno(v, VGIC_IIDR(rev), EINVAL);
		expect_unchanged(v);
	}

	for (i = 0; i < 32; i++) {
		if (BIT(i) & GICD_IIDR_REVISION_MASK)
			continue;

		/* Whether or not a revision comes with it that would be fine */
		for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
			expect_errno(v, VGIC_IIDR(rev) ^ BIT(i), EINVAL);
			expect_unchanged(v);
		}
	}

	expect_errno(v, 0, EINVAL);
	expect_errno(v, ~0, EINVAL);
	expect_unchanged(v);
}

static void check_refused(struct vgic_vm *v)
{
	struct vgic_reg reg = vgic_igroupr(v, v->nr_vcpus);
	u32 groups = v->row->guest_groups ? GROUPS : v->row->igroupr;

	vgic_guest_write(v, &reg, GROUPS);
	expect_refusals(v);
	vgic_expect_both(v, &reg, groups);

	/* Nor does it tell KVM that userspace knows about GICv2's groups. */
	vgic_user_write(v, &reg, 0);
	vgic_expect_both(v, &reg, v->row->user_groups ? 0 : groups);
}

/* Every revision that is offered, and back to the one of the row */
static void expect_selectable(struct vgic_vm *v)
{
	u32 revs = vgic_rev_offered(v->row->dev_type);
	int rev;

	for (rev = 0; rev < NR_REVISIONS; rev++) {
		if (revs & BIT(rev))
			vgic_select(v, rev);
		else
			expect_errno(v, VGIC_IIDR(rev), EINVAL);
		vgic_select(v, v->row->rev);
	}
	expect_refusals(v);
}

/* Revision 0 or 1 from now on, for a VM that has @rev */
static void expect_too_late(struct vgic_vm *v, u32 rev)
{
	u32 revs = vgic_rev_offered(v->row->dev_type), late;
	struct vgic_reg iidr = vgic_iidr(v, 0);

	for (late = 0; late < 2; late++) {
		expect_errno(v, VGIC_IIDR(late), !(revs & BIT(late)) ? EINVAL :
						 late == rev ? 0 : EBUSY);
		vgic_expect_both(v, &iidr, VGIC_IIDR(rev));
	}
}

/*
 * Once a vCPU has run, only revisions 2 and 3 can be changed to. What the VM has
 * can be written back, and what is refused changes no group either.
 */
static void check_after_run(struct vgic_vm *v)
{
	struct vgic_reg reg = vgic_igroupr(v, v->nr_vcpus);
	u32 groups = v->row->guest_groups ? GROUPS : v->row->igroupr;
	u32 rev;

	vgic_guest_write(v, &reg, GROUPS);
	expect_too_late(v, v->row->rev);
	vgic_select(v, v->row->rev);
	vgic_expect_both(v, &reg, groups);
	expect_refusals(v);

	for (rev = 2; rev <= VGIC_REV_LATEST; rev++) {
		vgic_select(v, rev);
		vgic_guest_write(v, &reg, GROUPS ^ rev);
		expect_too_late(v, rev);
		vgic_expect_both(v, &reg, GROUPS ^ rev);

		/* Nor does it take back that userspace knows about GICv2's groups. */
		vgic_user_write(v, &reg, ~GROUPS);
		vgic_expect_both(v, &reg, ~GROUPS);
	}
}

/* Where GICD_IIDR can be written before init, init keeps it. */
static void check_before_init(struct vgic_vm *v)
{
	struct vgic_reg iidr = vgic_iidr(v, 0);

	if (__vgic_user_write(v, &iidr, VGIC_IIDR(v->row->rev)) == EBUSY)
		vgic_skip("GICD_IIDR is not writable before init on this kernel");

	expect_selectable(v);
	vgic_vm_init_gic(v);
	check_views(v);
	check_refused(v);
}

/* An error that is easily mistaken for "not supported" */
static void check_no_vcpu(struct vgic_vm *v)
{
	v->vm = vm_create_barebones();
	v->gic_fd = kvm_create_device(v->vm, v->row->dev_type);
	expect_errno(v, VGIC_IIDR(v->row->rev), EINVAL);
}

/* Nor does a vCPU that is added later bring a revision of its own. */
static void check_later_vcpu(struct vgic_vm *v)
{
	struct vgic_reg iidr = vgic_iidr(v, 0);

	v->vm = vm_create_barebones();
	v->nr_vcpus = 1;
	__vm_vcpu_add(v->vm, 0);
	v->gic_fd = kvm_create_device(v->vm, v->row->dev_type);
	if (__vgic_user_write(v, &iidr, VGIC_IIDR(v->row->rev)) == EBUSY)
		vgic_skip("GICD_IIDR is not writable before init on this kernel");

	vgic_select(v, v->row->rev);
	__vm_vcpu_add(v->vm, 1);
	expect_unchanged(v);
}

/* MMIO handlers read the revision without a lock, so no vCPU may be running. */
static void check_busy(struct vgic_vm *v)
{
	pthread_t thread = vgic_guest_start(v, 1, vgic_guest_spin, 0);
	int rev;

	for (rev = 0; rev < NR_REVISIONS; rev++)
		expect_errno(v, VGIC_IIDR(rev), EBUSY);
	vgic_guest_stop(v, 1, thread);
	check_views(v);
}

/* A revision belongs to a VM, not to the host. */
static void check_two_vms(struct vgic_vm *v)
{
	u32 rev, revs = vgic_rev_offered(v->row->dev_type);
	struct vgic_reg reg = vgic_igroupr(v, v->nr_vcpus);

	for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
		struct vgic_vm other = *v;

		if (!(revs & BIT(rev)))
			continue;

		vgic_vm_create(&other);
		vgic_vm_init_gic(&other);
		vgic_select(&other, rev);
		check_views(v);
		vgic_guest_write(v, &reg, GROUPS ^ rev);
		vgic_guest_write(&other, &reg, ~GROUPS);
		vgic_expect_both(v, &reg, v->row->guest_groups ? GROUPS ^ rev :
								 v->row->igroupr);
	}
}

/* What the capability says is what can be selected, no more and no less. */
static void check_cap(struct vgic_vm *v)
{
	u32 revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	struct vgic_reg iidr = vgic_iidr(v, 0);
	int rev;

	vgic_expect(v, "KVM_CAP_ARM_VGIC_REVISIONS", "VM", revs,
		    vm_check_cap(v->vm, KVM_CAP_ARM_VGIC_REVISIONS));
	if (!revs) {
		/* Kernels without it know revisions 2 and 3 at most. */
		for (rev = 0; rev < 2; rev++) {
			__vgic_user_write(v, &iidr, VGIC_IIDR(rev));
			vgic_expect(v, "revision selected without the capability", "user",
				    false, vgic_user_read(v, &iidr) == VGIC_IIDR(rev));
		}
		vgic_skip("no KVM_CAP_ARM_VGIC_REVISIONS on this kernel");
	}

	for (rev = 0; rev < NR_REVISIONS; rev++) {
		expect_errno(v, VGIC_IIDR(rev), revs & BIT(rev) ? 0 : EINVAL);
		if (revs & BIT(rev))
			vgic_expect(v, iidr.name, "user", VGIC_IIDR(rev),
				    vgic_user_read(v, &iidr));
	}
	vgic_expect(v, "KVM_CAP_ARM_VGIC_REVISIONS without bits 3:0", "/dev/kvm",
		    0, revs & ~GENMASK(VGIC_REV_LATEST, 0));
}

static void check_cap_protected(struct vgic_vm *v)
{
	u32 revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	int vm = __kvm_ioctl(open_kvm_dev_path_or_exit(), KVM_CREATE_VM,
			     (void *)KVM_VM_TYPE_ARM_PROTECTED);

	if (vm < 0)
		vgic_skip("no protected VMs on this host");

	vgic_expect(v, "KVM_CAP_ARM_VGIC_REVISIONS", "protected VM", revs,
		    __kvm_ioctl(vm, KVM_CHECK_EXTENSION,
				(void *)KVM_CAP_ARM_VGIC_REVISIONS));
	close(vm);
}

/* For whoever has to find out why a guest doesn't get its interrupts */
static void check_debugfs(struct vgic_vm *v)
{
	char path[128], line[128];
	u32 rev = ~0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/vgic-state",
		 getpid(), v->vm->fd);
	file = fopen(path, "r");
	if (!file || !kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS))
		vgic_skip("no revision in debugfs on this kernel");

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "revision: %u", &rev) == 1)
			break;
	fclose(file);
	vgic_expect(v, "revision in vgic-state", "debugfs", v->row->rev, rev);
}

static const struct vgic_check checks[] = {
	{ "views",		check_views },
	{ "refused",		check_refused },
	{ "before-init",	check_before_init,	.selects = true, .inits = true },
	{ "after-init",		expect_selectable,	.selects = true },
	{ "after-run",		check_after_run },
	{ "no-vcpu",		check_no_vcpu,		.bare = true },
	{ "later-vcpu",		check_later_vcpu,	.v3_only = true, .bare = true,
							.selects = true },
	{ "busy",		check_busy },
	{ "two-vms",		check_two_vms },
	{ "cap",		check_cap,		.untouched = true },
	{ "cap-protected",	check_cap_protected,	.untouched = true },
	{ "debugfs",		check_debugfs },
};

int main(void)
{
	vgic_rev_main(checks, ARRAY_SIZE(checks));
}
