// SPDX-License-Identifier: GPL-2.0-only
/*
 * vgic_iidr - GICD_IIDR as uAPI: what can be written to it, when, and what then
 *
 * A VMM that writes a revision has nothing but the return value and the register
 * to tell it what its guest has got. There have been kernels that returned
 * success for a revision and went on with another. So try every value there is
 * at every time that matters, and look at the register after each of them.
 */
#include <linux/magic.h>
#include <linux/sizes.h>
#include <sys/vfs.h>

#include "ucall.h"
#include "vgic_rev_harness.h"

#define NR_REVISIONS	16

/* Of two vCPUs, the second: neither its index nor the number of them */
#define LAST_ID		3

static void expect_write(struct __test_metadata *_metadata, int line, struct vgic_vm *v,
			 u32 val, int expected)
{
	vgic_expect(_metadata, __FILE__, line, true, v, expected,
		    __vgic_user_write(v, vgic_iidr(v, 0), val),
		    "%#x written to GICD_IIDR", val);
}

static void expect_revision(struct __test_metadata *_metadata, int line, struct vgic_vm *v,
			    u32 rev)
{
	vgic_expect_user(_metadata, __FILE__, line, v, vgic_iidr(v, 0), VGIC_IIDR(rev));
}

#define EXPECT_WRITE(...)	expect_write(_metadata, __LINE__, __VA_ARGS__)
#define EXPECT_REVISION(...)	expect_revision(_metadata, __LINE__, __VA_ARGS__)

static bool has_cap(void)
{
	return kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
}

/* Both sides and all vCPUs see the same, and the guest's writes are ignored. */
static void expect_views(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	u32 iidr = VGIC_IIDR(v->row->rev), scribbles[] = {
		0, ~0, VGIC_IIDR(0), VGIC_IIDR(1), VGIC_IIDR(2), VGIC_IIDR(3)
	};
	int i, cpu;

	/* A VMM may restore GICR_IIDR like any other, before the first run. */
	for (cpu = 0; vgic_is_v3(v) && cpu < v->nr_vcpus; cpu++)
		for (i = 0; i < ARRAY_SIZE(scribbles); i++) {
			vgic_user_write(v, vgic_gicr(cpu, "GICR_IIDR", GICR_IIDR), scribbles[i]);
			EXPECT_USER(v, vgic_iidr(v, cpu), iidr);
		}

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		struct vgic_reg gicd = vgic_iidr(v, cpu);
		struct vgic_reg gicr = vgic_gicr(cpu, "GICR_IIDR", GICR_IIDR);

		EXPECT_BOTH(v, gicd, iidr);
		EXPECT_ONE_SIZE(v, gicd, iidr);
		for (i = 0; i < ARRAY_SIZE(scribbles); i++) {
			vgic_guest_write(v, gicd, scribbles[i]);
			EXPECT_BOTH(v, gicd, iidr);
			if (!vgic_is_v3(v))
				continue;
			vgic_guest_write(v, gicr, scribbles[i]);
			EXPECT_BOTH(v, gicr, VGIC_IIDR(0));
			EXPECT_USER(v, gicd, iidr);
		}
	}
}

/* The ITS has a revision of its own, that of the tables it saves. */
static void expect_its_iidr(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	struct vgic_reg reg = { .name = "GITS_IIDR", .gpa = GITS_BASE_GPA + GITS_IIDR };
	u64 iidr, wrong = VGIC_IIDR(1);
	int ret;

	vgic_vm_create_its(v);
	EXPECT_GUEST(v, reg, VGIC_IIDR(0));
	kvm_device_attr_get(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_IIDR, &iidr);
	EXPECT_VGIC(v, VGIC_IIDR(0), iidr, "GITS_IIDR, read by userspace");
	ret = __kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS,
				    GITS_IIDR, &wrong);
	EXPECT_ERRNO(v, EINVAL, ret ? errno : 0, "revision 1 written to GITS_IIDR");
	kvm_device_attr_set(v->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_IIDR, &iidr);
}

VGIC_TEST(views)
{
	vgic_vm_start(_metadata, v);
	expect_views(_metadata, v);
	if (vgic_is_v3(v))
		expect_its_iidr(_metadata, v);
}

/* Revisions that never existed are refused, and that changes nothing. */
static void expect_refusals(struct __test_metadata *_metadata, struct vgic_vm *v, u32 now)
{
	int i, rev;

	for (rev = VGIC_REV_LATEST + 1; rev < NR_REVISIONS; rev++) {
		EXPECT_WRITE(v, VGIC_IIDR(rev), EINVAL);
		EXPECT_REVISION(v, now);
	}

	for (i = 0; i < 32; i++) {
		if (BIT(i) & GICD_IIDR_REVISION_MASK)
			continue;

		/* Whether or not a revision comes with it that would be fine */
		for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
			EXPECT_WRITE(v, VGIC_IIDR(rev) ^ BIT(i), EINVAL);
			EXPECT_REVISION(v, now);
		}
	}

	EXPECT_WRITE(v, 0, EINVAL);
	EXPECT_WRITE(v, ~0, EINVAL);
	EXPECT_REVISION(v, now);
}

VGIC_TEST(refused)
{
	struct vgic_reg reg;
	u32 groups;

	vgic_vm_start(_metadata, v);
	reg = vgic_igroupr(v, v->nr_vcpus);
	groups = v->row->user_groups ? PATTERN : v->row->igroupr;

	v->step = "before the first run";
	vgic_user_write(v, reg, PATTERN);
	expect_refusals(_metadata, v, v->row->rev);
	EXPECT_BOTH(v, reg, groups);

	v->step = "after a run";
	vgic_guest_write(v, reg, ~PATTERN);
	expect_refusals(_metadata, v, v->row->rev);
	groups = v->row->guest_groups ? ~PATTERN : groups;
	EXPECT_BOTH(v, reg, groups);

	/* Nor is a refused write an opt-in to writable GICv2 groups. */
	vgic_user_write(v, reg, 0);
	EXPECT_BOTH(v, reg, v->row->user_groups ? 0 : groups);
}

/* From each revision to each, while nothing has run */
static void expect_selectable(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	u32 rev, from = v->row->rev;

	for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
		if (vgic_rev_is_offered(v, rev))
			ASSERT_SELECT(v, rev);
		ASSERT_SELECT(v, from);
	}
	expect_refusals(_metadata, v, from);
}

VGIC_SELECT_TEST(after_init)
{
	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	expect_selectable(_metadata, v);
	expect_views(_metadata, v);
}

/* Groups that userspace has written to, of vCPUs whose IDs are not their indices */
static void expect_groups(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	const struct vgic_reg regs[] = {
		vgic_private(v, 0, "IGROUPR0", GICD_IGROUPR),
		vgic_private(v, LAST_ID, "IGROUPR0", GICD_IGROUPR),
		vgic_gicd(v, 0, "GICD_IGROUPR1", GICD_IGROUPR + 4),
	};
	u32 reset = v->row->group ? ~0 : 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++)
		EXPECT_USER(v, regs[i], v->row->igroupr);
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		EXPECT_USER(v, regs[i], reset);
		vgic_user_write(v, regs[i], PATTERN);
	}
	ASSERT_SELECT(v, v->row->rev);
	ASSERT_SELECT(v, VGIC_REV_LATEST);
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		EXPECT_USER(v, regs[i], v->row->guest_groups ? PATTERN : reset);
}

/*
 * Without a vCPU there is an error that is easily mistaken for "not supported".
 * Where GICD_IIDR can be written before init, neither another vCPU nor init
 * brings back the default.
 */
VGIC_SELECT_TEST(before_init)
{
	u64 addr[2] = { GICD_BASE_GPA, GICR_BASE_GPA };
	u32 nr_irqs = v->nr_irqs, now;
	struct kvm_vcpu_init init;
	struct kvm_vcpu *vcpu;

	v->vm = vm_create_barebones();
	v->gic_fd = kvm_create_device(v->vm, v->row->dev_type);
	/* Before init, there are so many interrupts, but no memory for the SPIs. */
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
	v->step = "without a vCPU";
	EXPECT_WRITE(v, VGIC_IIDR(v->row->rev), EINVAL);

	v->step = "with a vCPU, before init";
	v->nr_vcpus = 1;
	v->vcpus[0] = __vm_vcpu_add(v->vm, 0);
	/* The first access to a GICv2 initializes that, so it has to be there by then. */
	if (!vgic_is_v3(v))
		__vm_vcpu_add(v->vm, LAST_ID);
	if (!vgic_has_early_access(v)) {
		EXPECT_ERRNO(v, EBUSY, vgic_select(v, v->row->rev),
			     "revision %u written to GICD_IIDR", v->row->rev);
		return;
	}
	EXPECT_ERRNO(v, 0, vgic_select(v, v->row->rev), "revision %u written to GICD_IIDR",
		     v->row->rev);
	expect_selectable(_metadata, v);

	if (!vgic_is_v3(v)) {
		v->step = "after init";
		expect_groups(_metadata, v);
		return;
	}

	v->step = "with another vCPU, before init";
	kvm_get_default_vcpu_target(v->vm, &init);
	/* Which gives it the MPIDR that its registers are found by */
	vcpu = __vm_vcpu_add(v->vm, LAST_ID);
	vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
	EXPECT_REVISION(v, v->row->rev);

	v->step = "after init";
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V3_ADDR_TYPE_DIST, &addr[0]);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    KVM_VGIC_V3_ADDR_TYPE_REDIST, &addr[1]);
	vgic_vm_init_gic(v);
	EXPECT_REVISION(v, v->row->rev);
	kvm_device_attr_get(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &now);
	EXPECT_VGIC(v, nr_irqs, now, "KVM_DEV_ARM_VGIC_GRP_NR_IRQS");
	expect_groups(_metadata, v);
	ASSERT_SELECT(v, v->row->rev);
	expect_selectable(_metadata, v);
}

/*
 * A guest that has run may have acted on what it found, and may have acknowledged
 * interrupts of a group. So it is too late then to make groups constant, but the
 * value that GICD_IIDR has can always be written.
 */
VGIC_SELECT_TEST(after_run)
{
	u32 rev, other, groups = v->row->guest_groups ? PATTERN : v->row->igroupr;
	u32 kept = v->row->guest_groups ? PATTERN : v->row->group ? ~0 : 0;
	struct vgic_reg reg;
	int i;

	vgic_vm_start(_metadata, v);
	/* The last of its vCPUs */
	reg = vgic_igroupr(v, v->nr_vcpus - 1);
	vgic_guest_write(v, reg, PATTERN);

	v->step = "after a run";
	for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
		if (rev < 2 && rev != v->row->rev && !has_cap())
			continue;

		if (rev < 2 && rev != v->row->rev) {
			EXPECT_WRITE(v, VGIC_IIDR(rev), EBUSY);
			EXPECT_REVISION(v, v->row->rev);
		} else if (rev == v->row->rev) {
			ASSERT_SELECT(v, rev);
		}
		EXPECT_BOTH(v, reg, groups);
	}

	v->step = "after a run, selecting 2 and 3";
	for (rev = 2; rev <= VGIC_REV_LATEST; rev++) {
		ASSERT_SELECT(v, rev);
		for (other = 0; other < 2 && has_cap(); other++) {
			EXPECT_WRITE(v, VGIC_IIDR(other), EBUSY);
			EXPECT_REVISION(v, rev);
		}
		expect_refusals(_metadata, v, rev);

		/* The group itself, whatever the revision has made of it */
		EXPECT_BOTH(v, reg, kept);
		/* A write that was refused has not closed it to userspace. */
		vgic_user_write(v, reg, ~kept);
		EXPECT_BOTH(v, reg, ~kept);
		vgic_user_write(v, reg, kept);
	}

	/* A VM that is rebooted keeps what its VMM has selected. */
	v->step = "after KVM_ARM_VCPU_INIT";
	ASSERT_SELECT(v, 2);
	for (i = 0; i < v->nr_vcpus; i++)
		vcpu_ioctl(v->vcpus[i], KVM_ARM_VCPU_INIT, &v->vcpus[i]->init);
	EXPECT_REVISION(v, 2);
	EXPECT_USER(v, reg, kept);
}

static void guest_spin(struct vgic_cmd *cmd)
{
	WRITE_ONCE(cmd->running, true);
	while (!READ_ONCE(cmd->stop))
		cpu_relax();
}

/* MMIO handlers read the revision without a lock, so no vCPU may be running. */
VGIC_DEFAULT_TEST(busy)
{
	pthread_t thread;
	int rev;

	vgic_vm_start(_metadata, v);
	thread = vgic_guest_start(v, 1, guest_spin);
	v->step = "while a vCPU runs";
	for (rev = 0; rev < NR_REVISIONS; rev++)
		EXPECT_WRITE(v, VGIC_IIDR(rev), EBUSY);
	vgic_guest_stop(v, 1, thread);
	v->step = "after that";
	EXPECT_REVISION(v, v->row->rev);
}

/* A revision belongs to a VM, not to the host. */
VGIC_DEFAULT_TEST(two_vms)
{
	struct vgic_vm other = *v;
	struct vgic_reg reg;
	u32 rev;

	vgic_vm_start(_metadata, v);
	vgic_vm_create(&other);
	vgic_vm_init_gic(&other);
	reg = vgic_igroupr(v, v->nr_vcpus);
	v->step = "while another VM selects";
	for (rev = 0; rev <= VGIC_REV_LATEST; rev++) {
		if (!vgic_rev_is_offered(v, rev))
			continue;

		ASSERT_SELECT(&other, rev);
		EXPECT_REVISION(v, VGIC_REV_LATEST);
		vgic_guest_write(v, reg, PATTERN ^ rev);
		EXPECT_BOTH(v, reg, PATTERN ^ rev);
	}
	v->nr_differences += other.nr_differences;
}

/* The oldest way to a GICv2, which gives a VMM nothing to write GICD_IIDR with */
VGIC_BODY(irqchip);
VGIC_ADD(gicv2_default, irqchip)
VGIC_BODY(irqchip)
{
	u64 id = KVM_ARM_DEVICE_VGIC_V2 << KVM_ARM_DEVICE_ID_SHIFT;
	struct kvm_arm_device_addr addrs[] = {
		{ id | KVM_VGIC_V2_ADDR_TYPE_DIST, GICD_BASE_GPA },
		{ id | KVM_VGIC_V2_ADDR_TYPE_CPU, GICC_BASE_GPA },
	};
	int i;

	v->irqchip = true;
	vgic_vm_create(v);
	for (i = 0; i < ARRAY_SIZE(addrs); i++)
		vm_ioctl(v->vm, KVM_ARM_SET_DEVICE_ADDR, &addrs[i]);
	for (i = 0; i < v->nr_vcpus; i++)
		EXPECT_GUEST(v, vgic_iidr(v, i), VGIC_IIDR(v->row->rev));
}

/* For whoever has to find out why a guest doesn't get its interrupts */
VGIC_TEST(debugfs)
{
	char path[128], line[128];
	struct statfs fs;
	u32 rev = ~0;
	FILE *file;

	if (!has_cap())
		SKIP(return, "no revision in debugfs on this kernel");
	if (statfs("/sys/kernel/debug", &fs) || fs.f_type != DEBUGFS_MAGIC)
		SKIP(return, "debugfs is not mounted");

	vgic_vm_start(_metadata, v);
	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/vgic-state",
		 getpid(), v->vm->fd);
	file = fopen(path, "r");
	ASSERT_NE(NULL, file) TH_LOG("%s: %s", path, strerrorname_np(errno));

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "revision: %u", &rev) == 1)
			break;
	fclose(file);
	EXPECT_VGIC(v, v->row->rev, rev, "revision in vgic-state");
}

/* What the capability says is what can be selected, no more and no less. */
VGIC_DEFAULT_TEST(cap)
{
	u32 revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	int rev;

	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	EXPECT_VGIC(v, revs, vm_check_cap(v->vm, KVM_CAP_ARM_VGIC_REVISIONS),
		    "KVM_CAP_ARM_VGIC_REVISIONS of the VM");
	EXPECT_VGIC(v, 0, revs & ~GENMASK(VGIC_REV_LATEST, 0),
		    "KVM_CAP_ARM_VGIC_REVISIONS without bits 3:0");

	/* Kernels without it know revisions 2 and 3 at most. */
	for (rev = 0; !revs && rev < 2; rev++) {
		vgic_select(v, rev);
		EXPECT_REVISION(v, VGIC_REV_LATEST);
	}

	for (rev = 0; revs && rev < NR_REVISIONS; rev++) {
		EXPECT_WRITE(v, VGIC_IIDR(rev), revs & BIT(rev) ? 0 : EINVAL);
		if (revs & BIT(rev))
			EXPECT_REVISION(v, rev);
	}
}

/* For a VMM without a VM, for one without a GIC yet, and where there is none */
TEST(cap)
{
	int revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	struct kvm_vm *plain = vm_create_barebones();

	if (!kvm_supports_vgic_v2() && !kvm_supports_vgic_v3())
		EXPECT_EQ(0, revs) TH_LOG("there is no GIC to have a revision");

	EXPECT_EQ(revs, vm_check_cap(plain, KVM_CAP_ARM_VGIC_REVISIONS))
		TH_LOG("of a VM without a GIC");
	kvm_vm_free(plain);
}

TEST(cap_protected)
{
	int revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	int kvm = open_kvm_dev_path_or_exit(), vm;

	vm = __kvm_ioctl(kvm, KVM_CREATE_VM, (void *)KVM_VM_TYPE_ARM_PROTECTED);
	close(kvm);
	if (vm < 0) {
		ASSERT_EQ(EINVAL, errno);
		SKIP(return, "no protected VM on this host");
	}
	EXPECT_EQ(revs, ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VGIC_REVISIONS))
		TH_LOG("of a protected VM");
	close(vm);
}

int main(int argc, char **argv)
{
	return vgic_run(argc, argv);
}
