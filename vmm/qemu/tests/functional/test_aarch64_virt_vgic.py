#!/usr/bin/env python3
#
# Functional test of the revision of the GIC that KVM emulates: it is selected
# or refused, and the stream has it. No guest runs.
#
# SPDX-License-Identifier: GPL-2.0-or-later

import time

from qemu.machine.machine import VMLaunchFailure
from qemu_test import QemuSystemTest


class Aarch64VirtVgic(QemuSystemTest):

    def start(self, machine, *args, accel='kvm'):
        self.set_machine(machine.split(',')[0])
        self.require_accelerator(accel)
        vm = self.get_vm(name=f'vm{len(self._vms)}')
        vm.add_args('-machine', machine, '-accel', accel, '-nodefaults',
                    '-cpu', 'host' if accel == 'kvm' else 'cortex-a57',
                    '-S', *args)
        vm.launch()
        return vm

    def fails(self, text, machine, *args, **kwargs):
        with self.assertRaises(VMLaunchFailure) as failed:
            self.start(machine, *args, **kwargs)
        self.assertIn(text, failed.exception.output)

    def save(self, vm):
        path = self.scratch_file('stream')
        vm.cmd('migrate', uri=f'file:{path}')
        while vm.cmd('query-migrate')['status'] not in ('completed', 'failed'):
            time.sleep(0.1)
        self.assertEqual(vm.cmd('query-migrate')['status'], 'completed')
        vm.shutdown()
        with open(path, 'rb') as stream:
            return path, stream.read()

    def incoming(self, machine, path):
        vm = self.start(machine, '-incoming', 'defer')
        vm.cmd('migrate-incoming', uri=f'file:{path}',
               exit_on_error=False)
        while vm.cmd('query-migrate').get('status') not in ('completed',
                                                            'failed'):
            time.sleep(0.1)
        return vm.cmd('query-migrate')

    def test_refused(self):
        self.fails('revision 15 of the in-kernel GIC', 'virt,vgic-revision=15')
        self.fails('vgic-revision can be 0 to 15', 'virt,vgic-revision=16')

    def test_sent(self):
        path, stream = self.save(self.start('virt-10.1'))
        self.assertIn(b'/iidr', stream)
        self.assertEqual(self.incoming('virt-10.1', path)['status'],
                         'completed')

    def test_not_sent(self):
        path, stream = self.save(self.start('virt-10.0'))
        self.assertNotIn(b'/iidr', stream)
        self.assertEqual(self.incoming('virt-10.0', path)['status'],
                         'completed')

    def test_load_refused(self):
        path, stream = self.save(self.start('virt-10.1'))
        # Behind the name is the version of the subsection.
        revision = stream.index(b'/iidr') + len(b'/iidr') + 4 + 2
        self.assertEqual(stream[revision + 1], 0x3b)
        with open(path, 'r+b') as file:
            file.seek(revision)
            file.write(bytes([stream[revision] | 0xf0]))
        self.assertEqual(self.incoming('virt-10.1', path)['status'], 'failed')

    def test_not_kvm(self):
        self.fails('vgic-revision is for the GIC that KVM emulates',
                   'virt,vgic-revision=3', accel='tcg')


if __name__ == '__main__':
    QemuSystemTest.main()
