/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kselftest_harness.h for tests that look at each GICD_IIDR.Revision of each GIC:
 * a fixture is a GIC, its variants are the revisions, and a second fixture is the
 * same GIC in a VM that selects nothing. Where the host has no such GIC, neither
 * has tests.
 */
#ifndef SELFTEST_KVM_VGIC_REV_HARNESS_H
#define SELFTEST_KVM_VGIC_REV_HARNESS_H

#include "kselftest_harness.h"
#include "processor.h"
#include "vgic_rev.h"

/* Emulated hosts with all debugging enabled need half of that. */
#define VGIC_TIMEOUT_SEC	120

/* Enough to tell a single bit from a whole register file */
#define VGIC_MAX_DIFFERENCES	8

static inline bool vgic_report(struct vgic_vm *v, bool different)
{
	return different && v->nr_differences++ < VGIC_MAX_DIFFERENCES;
}

#define __VGIC_EXPECT(_v, _expected, _read, _pattern, _print, _fmt, ...)	\
do {										\
	u64 __expected = (_expected), __read = (_read);				\
										\
	if (vgic_report(_v, __expected != __read)) {				\
		EXPECT_EQ(__expected, __read) {					\
			TH_LOG("%s revision %s, %s: " _fmt ": expected " _pattern	\
			       ", read " _pattern, (_v)->row->gic, (_v)->row->name,	\
			       (_v)->step, ##__VA_ARGS__, _print(__expected),	\
			       _print(__read));					\
		}								\
	}									\
} while (0)

/* EXPECT_EQ(), with what was looked at and hexadecimal numbers */
#define EXPECT_VGIC(_v, _expected, _read, _fmt, ...)				\
	__VGIC_EXPECT(_v, _expected, _read, "%#lx", (unsigned long), _fmt, ##__VA_ARGS__)

/* The same for 0 or a positive errno */
#define EXPECT_ERRNO(_v, _expected, _errno, _fmt, ...)				\
	__VGIC_EXPECT(_v, _expected, _errno, "%s", strerrorname_np, _fmt, ##__VA_ARGS__)

#define EXPECT_USER(_v, _reg, _expected)					\
	EXPECT_VGIC(_v, (u32)(_expected), vgic_user_read(_v, &(_reg)),		\
		    "%s, read by userspace", (_reg).name)

#define EXPECT_GUEST(_v, _reg, _expected)					\
	EXPECT_VGIC(_v, (u32)(_expected), vgic_guest_read(_v, &(_reg)),		\
		    "%s, read by vCPU %d", (_reg).name, (_reg).vcpu)

#define EXPECT_BOTH(_v, _reg, _expected)					\
do {										\
	u32 __both = (_expected);						\
										\
	EXPECT_USER(_v, _reg, __both);						\
	EXPECT_GUEST(_v, _reg, __both);						\
} while (0)

/*
 * Select a revision. If the kernel has refused or ignored it, it is of no use to
 * look at what the revision would have changed.
 */
#define ASSERT_SELECT(_v, _rev)							\
do {										\
	u32 __rev = (_rev), __errno = vgic_select(_v, __rev);			\
	struct vgic_reg __iidr = vgic_iidr(_v, 0);				\
										\
	EXPECT_ERRNO(_v, 0, __errno, "GICD_IIDR written with revision %u", __rev);	\
	ASSERT_EQ(VGIC_IIDR(__rev), vgic_user_read(_v, &__iidr)) {		\
		TH_LOG("%s revision %s, %s: this kernel has %s revision %u",	\
		       (_v)->row->gic, (_v)->row->name, (_v)->step,		\
		       __errno ? "refused" : "accepted, but ignored", __rev);	\
	}									\
} while (0)

/*
 * A kernel that has KVM_CAP_ARM_VGIC_REVISIONS says what can be selected, an older
 * one returns an error. There are also kernels that return success and then ignore
 * the value: that is for ASSERT_SELECT() to fail on.
 */
static inline bool vgic_rev_is_offered(const struct vgic_vm *v, u32 rev)
{
	static u32 tried, refused;
	u32 revs = kvm_check_cap(KVM_CAP_ARM_VGIC_REVISIONS);
	struct vgic_vm probe = *v;

	if (revs)
		return revs & BIT(rev);

	if (!(tried & BIT(rev))) {
		tried |= BIT(rev);
		vgic_vm_create(&probe);
		vgic_vm_init_gic(&probe);
		if (vgic_select(&probe, rev) == EINVAL)
			refused |= BIT(rev);
		kvm_vm_free(probe.vm);
	}
	return !(refused & BIT(rev));
}

static inline void vgic_setup(struct __test_metadata *_metadata, struct vgic_vm *v,
			      const struct vgic_rev *row)
{
	*v = (struct vgic_vm){
		.row = row, .nr_vcpus = 2, .nr_irqs = 128, .step = "at first",
	};
	if (!row->untouched && !vgic_rev_is_offered(v, row->rev))
		SKIP(return, "revision %u is not offered by this kernel", row->rev);
}

static inline void vgic_teardown(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	if (v->nr_differences > VGIC_MAX_DIFFERENCES)
		TH_LOG("%s revision %s: %d more differences", v->row->gic, v->row->name,
		       v->nr_differences - VGIC_MAX_DIFFERENCES);
}

/* What most tests begin with: a VM that nothing has run in, with the revision */
static inline void vgic_vm_start(struct __test_metadata *_metadata, struct vgic_vm *v)
{
	vgic_vm_create(v);
	vgic_vm_init_gic(v);
	if (!v->row->untouched)
		ASSERT_SELECT(v, v->row->rev);
}

/* All vCPUs have interrupts pending in one group and none in the other. */
static inline void vgic_expect_pending(struct __test_metadata *_metadata,
				       struct vgic_vm *v, int group)
{
	struct vgic_cmd *cmd;
	int cpu, i;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		cmd = vgic_guest_do(v, cpu, vgic_guest_peek);
		for (i = 0; i < 2; i++)
			EXPECT_VGIC(v, i == group, vgic_is_intid(cmd->pending[i]),
				    "is any pending on vCPU %d in group %d", cpu, i);
	}
}

/* The vCPU has taken these just once, all in one group: 0 as FIQ, 1 as IRQ. */
static inline void vgic_expect_once(struct __test_metadata *_metadata,
				    struct vgic_vm *v, int cpu, u64 irqs, int group)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, cpu);
	int i;

	for (i = 0; i < 2; i++)
		EXPECT_VGIC(v, i == group ? irqs : 0, cmd->taken[i],
			    "interrupts taken by vCPU %d in group %d", cpu, i);
	for (i = 0; i < ARRAY_SIZE(cmd->count); i++)
		EXPECT_VGIC(v, !!(irqs & BIT_ULL(i)), cmd->count[i],
			    "times that vCPU %d took INTID %d", cpu, i);
}

/* All vCPUs take their SGI, PPI and SPI. */
static inline void vgic_expect_taken(struct __test_metadata *_metadata,
				     struct vgic_vm *v, int group)
{
	int cpu;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		vgic_guest_forget(v, cpu);
		vgic_guest_cmd(v, cpu)->wait_for = VGIC_REV_IRQS(cpu);
		vgic_guest_do(v, cpu, vgic_guest_take);
		vgic_expect_once(_metadata, v, cpu, VGIC_REV_IRQS(cpu), group);
	}
}

#define VGIC_FIXTURE(_name, _row)						\
	FIXTURE(_name) {							\
		struct vgic_vm v;						\
	};									\
	FIXTURE_VARIANT(_name) {						\
		struct vgic_rev row;						\
	};									\
	FIXTURE_SETUP(_name) { vgic_setup(_metadata, &self->v, _row); }		\
	FIXTURE_TEARDOWN(_name) { vgic_teardown(_metadata, &self->v); }

#define GICV2(_name, _rev, ...)							\
	{ .gic = "gicv2", .name = _name, .dev_type = KVM_DEV_TYPE_ARM_VGIC_V2,	\
	  .rev = _rev, ##__VA_ARGS__ }
#define GICV3(_name, _rev, ...)							\
	{ .gic = "gicv3", .name = _name, .dev_type = KVM_DEV_TYPE_ARM_VGIC_V3,	\
	  .rev = _rev, .group = 1, .igroupr = ~0, ##__VA_ARGS__ }

#define GROUPS	.guest_groups = true, .user_groups = true

VGIC_FIXTURE(gicv3, &variant->row)
FIXTURE_VARIANT_ADD(gicv3, 0) { .row = GICV3("0", 0) };
FIXTURE_VARIANT_ADD(gicv3, 1) { .row = GICV3("1", 1) };
FIXTURE_VARIANT_ADD(gicv3, 2) { .row = GICV3("2", 2, GROUPS) };
FIXTURE_VARIANT_ADD(gicv3, 3) { .row = GICV3("3", 3, GROUPS, .rdist_lpi_ctrl = true) };

static const struct vgic_rev gicv3_untouched =
	GICV3("default", 3, GROUPS, .rdist_lpi_ctrl = true, .untouched = true);
VGIC_FIXTURE(gicv3_default, &gicv3_untouched)

VGIC_FIXTURE(gicv2, &variant->row)
FIXTURE_VARIANT_ADD(gicv2, 0) { .row = GICV2("0", 0, .igroupr = ~0) };
FIXTURE_VARIANT_ADD(gicv2, 1) { .row = GICV2("1", 1) };
FIXTURE_VARIANT_ADD(gicv2, 2) { .row = GICV2("2", 2, GROUPS) };
FIXTURE_VARIANT_ADD(gicv2, 3) { .row = GICV2("3", 3, GROUPS) };

static const struct vgic_rev gicv2_untouched =
	GICV2("default", 3, .guest_groups = true, .untouched = true);
VGIC_FIXTURE(gicv2_default, &gicv2_untouched)

#define VGIC_BODY(_name)							\
	static void test_##_name(struct __test_metadata *_metadata, struct vgic_vm *v)

#define VGIC_ADD(_fixture, _name)						\
	TEST_F_TIMEOUT(_fixture, _name, VGIC_TIMEOUT_SEC)			\
	{									\
		test_##_name(_metadata, &self->v);				\
	}

/* Tests of what a revision does, and nothing is if nothing is selected */
#define VGIC_V3_TEST(_name)							\
	VGIC_BODY(_name);							\
	VGIC_ADD(gicv3, _name)							\
	VGIC_ADD(gicv3_default, _name)						\
	VGIC_BODY(_name)

#define VGIC_TEST(_name)							\
	VGIC_BODY(_name);							\
	VGIC_ADD(gicv2, _name)							\
	VGIC_ADD(gicv2_default, _name)						\
	VGIC_ADD(gicv3, _name)							\
	VGIC_ADD(gicv3_default, _name)						\
	VGIC_BODY(_name)

/* Tests that select it themselves, once or many times */
#define VGIC_V2_SELECT_TEST(_name)						\
	VGIC_BODY(_name);							\
	VGIC_ADD(gicv2, _name)							\
	VGIC_BODY(_name)

#define VGIC_SELECT_TEST(_name)							\
	VGIC_BODY(_name);							\
	VGIC_ADD(gicv2, _name)							\
	VGIC_ADD(gicv3, _name)							\
	VGIC_BODY(_name)

/* Tests for VMs that select nothing */
#define VGIC_DEFAULT_TEST(_name)						\
	VGIC_BODY(_name);							\
	VGIC_ADD(gicv2_default, _name)						\
	VGIC_ADD(gicv3_default, _name)						\
	VGIC_BODY(_name)

static inline int vgic_run(int argc, char **argv)
{
	char *args[argc + 9];
	int nr = 0;

	test_disable_default_vgic();

	args[nr++] = argv[0];
	if (!kvm_supports_vgic_v2()) {
		args[nr++] = "-F";
		args[nr++] = "gicv2";
		args[nr++] = "-F";
		args[nr++] = "gicv2_default";
	}
	if (!kvm_supports_vgic_v3()) {
		args[nr++] = "-F";
		args[nr++] = "gicv3";
		args[nr++] = "-F";
		args[nr++] = "gicv3_default";
	}
	memcpy(args + nr, argv + 1, argc * sizeof(*argv));
	return test_harness_run(nr + argc - 1, args);
}

#endif /* SELFTEST_KVM_VGIC_REV_HARNESS_H */
