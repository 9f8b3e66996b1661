/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kselftest_harness.h for tests that look at each GICD_IIDR.Revision of each GIC:
 * a fixture is a GIC, its variants are the revisions, and a second fixture is the
 * same GIC in a VM that selects nothing. Where the host has no such GIC, neither
 * has tests.
 */
#ifndef SELFTEST_KVM_VGIC_REV_HARNESS_H
#define SELFTEST_KVM_VGIC_REV_HARNESS_H

#include <sys/utsname.h>

#include "kselftest_harness.h"
#include "processor.h"
#include "vgic_rev.h"

/* Emulated hosts with all debugging enabled need half of that. */
#define VGIC_TIMEOUT_SEC	120

/* Groups that are no reset value */
#define PATTERN			0x5a5a5a5a

/* Of a test, enough to tell a single bit from a whole register file */
#define VGIC_MAX_DIFFERENCES	8

/*
 * EXPECT_EQ() for GICs: says what was looked at, in which VM, after which step, and
 * has hexadecimal numbers or names of errnos. Returns whether it was as expected.
 */
static inline __printf(8, 9)
bool vgic_expect(struct __test_metadata *_metadata, const char *file, int line,
		 bool is_errno, struct vgic_vm *v, u64 expected, u64 read,
		 const char *fmt, ...)
{
	char what[128];
	va_list ap;

	if (read == expected)
		return true;

	_metadata->exit_code = KSFT_FAIL;
	if (v->nr_differences++ >= VGIC_MAX_DIFFERENCES)
		return false;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	fprintf(TH_LOG_STREAM, "# %s:%d:%s:%s revision %s, %s: %s: ", file, line,
		_metadata->name, v->row->gic, v->row->name, v->step, what);
	if (is_errno)
		fprintf(TH_LOG_STREAM, "expected %s, got %s\n",
			strerrorname_np(expected), strerrorname_np(read));
	else
		fprintf(TH_LOG_STREAM, "expected %#lx, read %#lx\n",
			(unsigned long)expected, (unsigned long)read);
	return false;
}

static inline void vgic_expect_user(struct __test_metadata *_metadata, const char *file,
				    int line, struct vgic_vm *v, struct vgic_reg reg,
				    u32 expected)
{
	vgic_expect(_metadata, file, line, false, v, expected, vgic_user_read(v, reg),
		    "%s, read by userspace", reg.name);
}

static inline void vgic_expect_guest(struct __test_metadata *_metadata, const char *file,
				     int line, struct vgic_vm *v, struct vgic_reg reg,
				     u32 expected)
{
	vgic_expect(_metadata, file, line, false, v, expected, vgic_guest_read(v, reg),
		    "%s, read by vCPU %d", reg.name, reg.vcpu);
}

static inline void vgic_expect_both(struct __test_metadata *_metadata, const char *file,
				    int line, struct vgic_vm *v, struct vgic_reg reg,
				    u32 expected)
{
	vgic_expect_user(_metadata, file, line, v, reg, expected);
	vgic_expect_guest(_metadata, file, line, v, reg, expected);
}

/* A register that is accessed with 4 bytes has no access with more, or with fewer. */
static inline void vgic_expect_one_size(struct __test_metadata *_metadata, const char *file,
					int line, struct vgic_vm *v, struct vgic_reg reg,
					u32 expected)
{
	static const int sizes[] = { 1, 2, 8 };
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vgic_guest_write_sized(v, reg, sizes[i], ~(u64)expected);
		vgic_expect(_metadata, file, line, false, v, 0,
			    vgic_guest_read_sized(v, reg, sizes[i]),
			    "%s, read by vCPU %d with %d bytes", reg.name, reg.vcpu, sizes[i]);
		vgic_expect_both(_metadata, file, line, v, reg, expected);
	}
}

/*
 * If the kernel has refused a revision or ignored it, it is of no use to look at
 * what the revision would have changed.
 */
static inline void vgic_assert_select(struct __test_metadata *_metadata, const char *file,
				      int line, struct vgic_vm *v, u32 rev)
{
	u32 err = vgic_select(v, rev), now = vgic_user_read(v, vgic_iidr(v, 0));

	vgic_expect(_metadata, file, line, true, v, 0, err, "revision %u selected", rev);
	vgic_expect(_metadata, file, line, false, v, VGIC_IIDR(rev), now,
		    "GICD_IIDR after revision %u was selected", rev);
	ASSERT_EQ(VGIC_IIDR(rev), now)
		TH_LOG("this kernel has %s revision %u", err ? "refused" :
		       "accepted but ignored", rev);
}

#define EXPECT_VGIC(...)	vgic_expect(_metadata, __FILE__, __LINE__, false, __VA_ARGS__)
#define EXPECT_ERRNO(...)	vgic_expect(_metadata, __FILE__, __LINE__, true, __VA_ARGS__)
#define EXPECT_USER(...)	vgic_expect_user(_metadata, __FILE__, __LINE__, __VA_ARGS__)
#define EXPECT_GUEST(...)	vgic_expect_guest(_metadata, __FILE__, __LINE__, __VA_ARGS__)
#define EXPECT_BOTH(...)	vgic_expect_both(_metadata, __FILE__, __LINE__, __VA_ARGS__)
#define EXPECT_ONE_SIZE(...)	vgic_expect_one_size(_metadata, __FILE__, __LINE__, __VA_ARGS__)
#define ASSERT_SELECT(...)	vgic_assert_select(_metadata, __FILE__, __LINE__, __VA_ARGS__)

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
		vgic_vm_free(&probe);
	}
	return !(refused & BIT(rev));
}

/*
 * Since v6.17, GICD_IIDR of a GICv3 can be accessed before init, which no capability
 * says. The first access to a GICv2 initializes it.
 */
static inline bool vgic_has_early_access(const struct vgic_vm *v)
{
	unsigned int major, minor;
	struct utsname uts;

	uname(&uts);
	TEST_ASSERT(sscanf(uts.release, "%u.%u", &major, &minor) == 2,
		    "Cannot parse the kernel's release: %s", uts.release);
	return !vgic_is_v3(v) || major > 6 || (major == 6 && minor >= 17);
}

/* Which GICs a guest can have on this host: vgic_run() asks once, for all tests */
static bool vgic_has_v2, vgic_has_v3;

static inline void vgic_setup(struct __test_metadata *_metadata, struct vgic_vm *v,
			      const struct vgic_rev *row)
{
	*v = (struct vgic_vm){
		.row = row, .nr_vcpus = 2, .nr_irqs = 128, .step = "at first",
	};
	/* It was asked for by name. */
	if (!(vgic_is_v3(v) ? vgic_has_v3 : vgic_has_v2))
		SKIP(return, "no %s on this host", row->gic);
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
static inline void vgic_expect_pending(struct __test_metadata *_metadata, const char *file,
				       int line, struct vgic_vm *v, int group)
{
	struct vgic_cmd *cmd;
	int cpu, i;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		cmd = vgic_guest_do(v, cpu, vgic_guest_peek);
		for (i = 0; i < 2; i++)
			vgic_expect(_metadata, file, line, false, v, i == group,
				    vgic_is_intid(cmd->pending[i]),
				    "is any pending on vCPU %d in group %d", cpu, i);
	}
}

/* The vCPU has taken these just once, all in one group: 0 as FIQ, 1 as IRQ. */
static inline void vgic_expect_once(struct __test_metadata *_metadata, const char *file,
				    int line, struct vgic_vm *v, int cpu, u64 irqs, int group)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, cpu);
	int i;

	for (i = 0; i < 2; i++)
		vgic_expect(_metadata, file, line, false, v, i == group ? irqs : 0,
			    cmd->taken[i], "interrupts taken by vCPU %d in group %d", cpu, i);
	for (i = 0; i < ARRAY_SIZE(cmd->count); i++)
		vgic_expect(_metadata, file, line, false, v, !!(irqs & BIT_ULL(i)),
			    cmd->count[i], "times that vCPU %d took INTID %d", cpu, i);
}

/* All vCPUs take their SGI, PPI and SPI. */
static inline void vgic_expect_taken(struct __test_metadata *_metadata, const char *file,
				     int line, struct vgic_vm *v, int group)
{
	int cpu;

	for (cpu = 0; cpu < v->nr_vcpus; cpu++) {
		vgic_guest_forget(v, cpu);
		vgic_guest_cmd(v, cpu)->wait_for = VGIC_REV_IRQS(cpu);
		vgic_guest_do(v, cpu, vgic_guest_take);
		vgic_expect_once(_metadata, file, line, v, cpu, VGIC_REV_IRQS(cpu), group);
	}
}

#define EXPECT_PENDING(...)	vgic_expect_pending(_metadata, __FILE__, __LINE__, __VA_ARGS__)
#define EXPECT_ONCE(...)	vgic_expect_once(_metadata, __FILE__, __LINE__, __VA_ARGS__)
#define EXPECT_TAKEN(...)	vgic_expect_taken(_metadata, __FILE__, __LINE__, __VA_ARGS__)

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
	const char *nv = getenv("NV");
	char *args[argc + 9];
	int nr = argc;

	if (nv && *nv == '1' && !kvm_check_cap(KVM_CAP_ARM_EL2))
		ksft_exit_skip("NV=1, and guests have no EL2 on this host\n");

	test_disable_default_vgic();
	vgic_has_v2 = kvm_supports_vgic_v2();
	vgic_has_v3 = kvm_supports_vgic_v3();

	/* The first that matches a test decides: who asks for it gets it. */
	memcpy(args, argv, argc * sizeof(*argv));
	if (!vgic_has_v2) {
		args[nr++] = "-F";
		args[nr++] = "gicv2";
		args[nr++] = "-F";
		args[nr++] = "gicv2_default";
	}
	if (!vgic_has_v3) {
		args[nr++] = "-F";
		args[nr++] = "gicv3";
		args[nr++] = "-F";
		args[nr++] = "gicv3_default";
	}
	args[nr] = NULL;
	return test_harness_run(nr, args);
}

#endif /* SELFTEST_KVM_VGIC_REV_HARNESS_H */
