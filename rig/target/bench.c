// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench.c - what interrupts, and the registers of a revision, cost
 *
 * For a machine whose counter goes up by one with every instruction, no matter
 * whether the guest, KVM or the VMM executes it: see --icount of boot-machines. Each
 * path is taken NR_SAMPLES times, and "bench: <gic>: <path>: <instructions>"
 * has the median, which a timer tick of the host does not reach.
 */
#include <linux/sizes.h>
#include <stdlib.h>

#include "processor.h"
#include "gic_v2.h"
#include "gic_v3_its.h"
#include "vgic_rev.h"

#define NR_SAMPLES	51
#define MAX_VCPUS	8

/* Guest physical, for VMs that have no page tables */
#define CODE_GPA	0x40000000ULL
#define GICD_GPA	0x08000000ULL
#define GICR_GPA	0x080a0000ULL
#define V2_GICD_GPA	0x08000000ULL
#define V2_GICC_GPA	0x08010000ULL

#define V2_SGIR_TO_CPU0	BIT(16)

static const struct vgic_rev gics[] = {
	{ .gic = "GICv3", .dev_type = KVM_DEV_TYPE_ARM_VGIC_V3, .igroupr = ~0 },
	{ .gic = "GICv2", .dev_type = KVM_DEV_TYPE_ARM_VGIC_V2 },
};

/* In the guest: the counter before and after what is measured */
static u64 began, ended;

/* As lpi_*() use it, guest physical and virtual, 64K each */
static struct {
	gpa_t	devices, collections, cmdq, itt, prop, pend;
} its_mem;

/* The counter that the host can read, and the same one without an offset for the guest */
static u64 now(void)
{
	return read_sysreg(cntvct_el0);
}

static u64 guest_now(void)
{
	return read_sysreg(cntpct_el0);
}

/* Guest side */

static void irq_handler_v3(struct ex_regs *regs)
{
	write_sysreg_s(read_sysreg_s(SYS_ICC_IAR1_EL1), SYS_ICC_EOIR1_EL1);
	WRITE_ONCE(ended, guest_now());
}

static void irq_handler_v2(struct ex_regs *regs)
{
	writel(readl(GICC_BASE_GVA + GICC_IAR), GICC_BASE_GVA + GICC_EOIR);
	WRITE_ONCE(ended, guest_now());
}

static void guest_take(struct vgic_cmd *cmd)
{
	WRITE_ONCE(ended, 0);
	local_irq_enable();
	while (!READ_ONCE(ended))
		cpu_relax();
	local_irq_disable();
}

static void guest_sgi_and_take(struct vgic_cmd *cmd)
{
	began = guest_now();
	write_sysreg_s(cmd->addr, SYS_ICC_SGI1R_EL1);
	isb();
	guest_take(cmd);
}

static void guest_store_and_take(struct vgic_cmd *cmd)
{
	began = guest_now();
	writel(cmd->val, (void *)cmd->addr);
	guest_take(cmd);
}

static void guest_store(struct vgic_cmd *cmd)
{
	began = guest_now();
	writel(cmd->val, (void *)cmd->addr);
	ended = guest_now();
}

static void guest_load(struct vgic_cmd *cmd)
{
	began = guest_now();
	readl((void *)cmd->addr);
	ended = guest_now();
}

static void guest_map_lpi(struct vgic_cmd *cmd)
{
	void *cmdq = (void *)its_mem.cmdq;

	gic_rdist_enable_lpis(its_mem.prop, SZ_64K, its_mem.pend);
	its_init(its_mem.collections, SZ_64K, its_mem.devices, SZ_64K,
		 its_mem.cmdq, SZ_64K);
	its_send_mapc_cmd(cmdq, 0, 0, true);
	its_send_mapd_cmd(cmdq, 0, its_mem.itt, SZ_64K, true);
	its_send_mapti_cmd(cmdq, 0, 0, 0, VGIC_REV_LPI);
}

/* Host side */

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

#define MEASURE(_v, _sample, ...)						\
({										\
	u64 samples[NR_SAMPLES];						\
	int i;									\
										\
	for (i = 0; i < NR_SAMPLES; i++)					\
		samples[i] = (_sample);						\
	qsort(samples, NR_SAMPLES, sizeof(samples[0]), compare);		\
	printf("bench: %s: ", (_v)->row->gic);					\
	printf(__VA_ARGS__);							\
	printf(": %lu\n", samples[NR_SAMPLES / 2]);				\
})

static u64 stamp(struct vgic_vm *v, u64 *which)
{
	return *(u64 *)addr_gva2hva(v->vm, (gva_t)which);
}

static u64 in_guest(struct vgic_vm *v, void (*fn)(struct vgic_cmd *), u64 addr, u32 val)
{
	struct vgic_cmd *cmd = vgic_guest_cmd(v, 0);

	cmd->addr = addr;
	cmd->val = val;
	vgic_guest_do(v, 0, fn);
	return stamp(v, &ended) - stamp(v, &began);
}

/* From the VMM's ioctl on. The vCPU is not in the guest then. */
static u64 take_spi(struct vgic_vm *v)
{
	u64 start = now();

	kvm_arm_irq_line(v->vm, VGIC_REV_SPI(0), 1);
	vgic_guest_do(v, 0, guest_take);
	kvm_arm_irq_line(v->vm, VGIC_REV_SPI(0), 0);
	return stamp(v, &ended) - start;
}

static u64 take_lpi(struct vgic_vm *v)
{
	struct kvm_msi msi = {
		.address_lo	= GITS_BASE_GPA + GITS_TRANSLATER,
		.flags		= KVM_MSI_VALID_DEVID,
	};
	u64 start = now();

	TEST_ASSERT(__vm_ioctl(v->vm, KVM_SIGNAL_MSI, &msi) == 1, "KVM_SIGNAL_MSI failed");
	vgic_guest_do(v, 0, guest_take);
	return stamp(v, &ended) - start;
}

static u64 user_read(struct vgic_vm *v, const struct vgic_reg *reg)
{
	u64 start = now();

	vgic_user_read(v, *reg);
	return now() - start;
}

static u64 user_write(struct vgic_vm *v, const struct vgic_reg *reg, u32 val)
{
	u64 start = now();

	vgic_user_write(v, *reg, val);
	return now() - start;
}

static void set_up_lpi(struct vgic_vm *v)
{
	gpa_t *chunk = (gpa_t *)&its_mem, gpa;
	int i, nr = sizeof(its_mem) / sizeof(gpa_t);
	size_t pages = vm_calc_num_guest_pages(v->vm->mode, SZ_64K);

	gpa = (vm_compute_max_gfn(v->vm) + 1) * v->vm->page_size - nr * SZ_64K;
	vm_userspace_mem_region_add(v->vm, VM_MEM_SRC_ANONYMOUS, gpa, 1, nr * pages, 0);
	for (i = 0; i < nr; i++)
		chunk[i] = gpa + i * SZ_64K;
	virt_map(v->vm, its_mem.cmdq, its_mem.cmdq, pages);
	sync_global_to_guest(v->vm, its_mem);
	*(u8 *)addr_gpa2hva(v->vm, its_mem.prop) = LPI_PROP_GROUP1 | LPI_PROP_ENABLED;
	vgic_its_setup(v->vm);
	vgic_guest_do(v, 0, guest_map_lpi);
}

static void bench_delivery(struct vgic_vm *v)
{
	struct vgic_reg ispendr = vgic_private(v, 0, "ISPENDR0", GICD_ISPENDR);
	struct vgic_reg sgir = vgic_gicd(v, 0, "GICD_SGIR", GICD_SGIR);

	if (vgic_is_v3(v)) {
		MEASURE(v, in_guest(v, guest_sgi_and_take, VGIC_REV_SGI << 24 | BIT(0), 0),
			"SGI to EOI");
	} else {
		MEASURE(v, in_guest(v, guest_store_and_take, sgir.gpa,
				    V2_SGIR_TO_CPU0 | VGIC_REV_SGI), "SGI to EOI");
	}
	MEASURE(v, in_guest(v, guest_store_and_take, ispendr.gpa, BIT(VGIC_REV_PPI)),
		"PPI to EOI");
	MEASURE(v, take_spi(v), "SPI to EOI");
	if (vgic_is_v3(v)) {
		set_up_lpi(v);
		MEASURE(v, take_lpi(v), "LPI to EOI");
	}
}

static void bench_register(struct vgic_vm *v, struct vgic_reg reg, u32 val, const char *name)
{
	MEASURE(v, in_guest(v, guest_load, reg.gpa, 0), "%s read by guest", name);
	MEASURE(v, in_guest(v, guest_store, reg.gpa, val), "%s write by guest", name);
	MEASURE(v, user_read(v, &reg), "%s read by VMM", name);
	MEASURE(v, user_write(v, &reg, val), "%s write by VMM", name);
}

static void bench_guest(const struct vgic_rev *gic)
{
	struct vgic_vm vm = { .row = gic, .nr_vcpus = 1, .nr_irqs = 64 }, *v = &vm;
	bool v3 = vgic_is_v3(v);
	struct vgic_reg iidr;

	vgic_vm_create(v);
	vm_install_exception_handler(v->vm, VECTOR_IRQ_CURRENT, irq_handler_v3);
	vm_install_exception_handler(v->vm, VECTOR_FIQ_CURRENT, irq_handler_v2);
	vgic_vm_init_gic(v);
	/* As they are after reset: GICv3 has interrupts in group 1, GICv2 in group 0. */
	vgic_enable_irqs(v, BIT(v3));

	bench_delivery(v);
	iidr = vgic_iidr(v, 0);
	MEASURE(v, in_guest(v, guest_load, iidr.gpa, 0), "IIDR read by guest");
	/* Without this GICv2 ignores what a VMM writes to IGROUPR. */
	vgic_user_write(v, iidr, VGIC_IIDR(VGIC_REV_LATEST));
	bench_register(v, vgic_igroupr(v, 1), gic->igroupr, "IGROUPR");
	if (!__vgic_user_write(v, iidr, VGIC_IIDR(0)))
		bench_register(v, vgic_igroupr(v, 1), gic->igroupr, "revision 0 IGROUPR");
	kvm_vm_free(v->vm);
}

/* A VM that nothing runs in, or nearly nothing */
static struct kvm_vcpu *create_bare(struct vgic_vm *v)
{
	u64 dist = GICD_GPA, second = vgic_is_v3(v) ? GICR_GPA : V2_GICC_GPA;
	struct kvm_vcpu_init init;
	struct kvm_vcpu *vcpus[MAX_VCPUS];
	int i;

	v->vm = vm_create_barebones();
	vm_ioctl(v->vm, KVM_ARM_PREFERRED_TARGET, &init);
	for (i = 0; i < v->nr_vcpus; i++) {
		vcpus[i] = __vm_vcpu_add(v->vm, i);
		vcpu_ioctl(vcpus[i], KVM_ARM_VCPU_INIT, &init);
	}
	v->gic_fd = kvm_create_device(v->vm, v->row->dev_type);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &v->nr_irqs);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    vgic_is_v3(v) ? KVM_VGIC_V3_ADDR_TYPE_DIST :
					    KVM_VGIC_V2_ADDR_TYPE_DIST, &dist);
	kvm_device_attr_set(v->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
			    vgic_is_v3(v) ? KVM_VGIC_V3_ADDR_TYPE_REDIST :
					    KVM_VGIC_V2_ADDR_TYPE_CPU, &second);
	vgic_vm_init_gic(v);
	return vcpus[0];
}

/* @group_word: what all of IGROUPR has before, or what it resets to */
static u64 select_revision(struct vgic_vm *v, u32 rev, u32 group_word)
{
	struct vgic_reg iidr = vgic_iidr(v, 0), reg;
	u64 start;
	int i;

	vgic_user_write(v, iidr, VGIC_IIDR(VGIC_REV_LATEST));
	for (i = 0; i < vgic_nr_igroupr(v); i++) {
		reg = vgic_igroupr(v, i);
		vgic_user_write(v, reg, group_word);
	}

	start = now();
	vgic_user_write(v, iidr, VGIC_IIDR(rev));
	return now() - start;
}

static void bench_select(const struct vgic_rev *gic, int nr_vcpus, u32 nr_irqs)
{
	struct vgic_vm vm = { .row = gic, .nr_vcpus = nr_vcpus, .nr_irqs = nr_irqs }, *v = &vm;
	struct vgic_reg iidr = vgic_iidr(v, 0);
	u32 reset = gic->igroupr;

	create_bare(v);
#define SELECT(_rev, _word, _what)							\
	MEASURE(v, select_revision(v, _rev, _word), "select " _what ", vCPUs %d, SPIs %d",\
		nr_vcpus, nr_irqs - 32)

	SELECT(2, reset, "2");
	if (!__vgic_user_write(v, iidr, VGIC_IIDR(0))) {
		SELECT(0, reset, "0");
		SELECT(0, ~reset, "0 and put groups back");
	}
	kvm_vm_free(v->vm);
}

/* The first instruction reads the counter, the second stores it where there is nothing. */
static u64 first_instruction(struct vgic_vm *v)
{
	static const u32 code[] = {
		0xd53be020,	/* mrs x0, cntpct_el0 */
		0xf9000020,	/* str x0, [x1] */
	};
	u64 start = now(), first;
	struct kvm_vcpu *vcpu = create_bare(v);

	vm_userspace_mem_region_add(v->vm, VM_MEM_SRC_ANONYMOUS, CODE_GPA, 0, 1, 0);
	memcpy(addr_gpa2hva(v->vm, CODE_GPA), code, sizeof(code));
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pc), CODE_GPA);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.regs[1]), CODE_GPA + SZ_2G);
	vcpu_run(vcpu);
	TEST_ASSERT(vcpu->run->exit_reason == KVM_EXIT_MMIO, "Unexpected exit: %s",
		    exit_reason_str(vcpu->run->exit_reason));
	memcpy(&first, vcpu->run->mmio.data, sizeof(first));
	kvm_vm_free(v->vm);
	return first - start;
}

static void bench_gic(const struct vgic_rev *gic)
{
	static const u32 nr_irqs[] = { 64, 288, 544, 768, 992 };
	struct vgic_vm v = { .row = gic, .nr_vcpus = 1, .nr_irqs = 64 };
	int i;

	bench_guest(gic);
	for (i = 0; i < ARRAY_SIZE(nr_irqs); i++) {
		bench_select(gic, 1, nr_irqs[i]);
		bench_select(gic, MAX_VCPUS, nr_irqs[i]);
	}
	MEASURE(&v, first_instruction(&v), "VM create to first instruction");
}

int main(void)
{
	int i;

	/* Nothing else is to run meanwhile, not even who reads this. */
	setvbuf(stdout, NULL, _IOFBF, SZ_64K);
	test_disable_default_vgic();
	for (i = 0; i < ARRAY_SIZE(gics); i++)
		if (!__kvm_test_create_device(vm_create_barebones(), gics[i].dev_type))
			bench_gic(&gics[i]);
	return 0;
}
