# SPDX-License-Identifier: GPL-2.0-only
"""What the Python programs of the rig share.

They are started from the top of the repository, take flags only, and end through
run(): exit status 0 passed, 1 a test failed, 2 set-up failed, 130 interrupted.
"""
import hashlib
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

RIG = Path(__file__).resolve().parent.parent
# The prefix of the compiler and the binutils for the machines
CROSS = '' if os.uname().machine == 'aarch64' else 'aarch64-linux-gnu-'


class Trouble(Exception):
    """Something the user has to put right; the text says what."""


def run(main):
    """Call main(), and end as every program of the rig does."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupted(*_):
        # Once: what is to be removed at the end is removed.
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in signals:
        signal.signal(one, interrupted)
    try:
        status = main()
    except KeyboardInterrupt:
        status, said = 130, 'interrupted: the same command does it again'
    except (Trouble, OSError) as e:
        status, said = 2, e
    except subprocess.CalledProcessError as e:
        error = e.stderr or ''
        if isinstance(error, bytes):
            error = error.decode(errors='replace')
        status, said = 2, f'{" ".join(map(str, e.cmd))} failed: {error.strip()}'
    except Exception:   # a defect of the rig is no failed test
        status, said = 2, traceback.format_exc()
    else:
        sys.exit(status)
    print(f'rig: {said}', file=sys.stderr)
    sys.exit(status)


def table(path, columns, *or_columns):
    """The rows of a table: cells between "|", as many as columns or one of or_columns says."""
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith('#'):
            continue
        cells = [c.strip() for c in line.split('|')]
        if len(cells) not in (columns, *or_columns):
            raise Trouble(f'{path}:{number}: needs {columns} columns, has {len(cells)}')
        rows.append(cells)
    return rows


def choose(what, wanted, known):
    """The named entries of a table, or all of them."""
    names = wanted.split() or list(known)
    for name in names:
        if name not in known:
            raise Trouble(f'unknown name in {what}: {name}\n'
                          f'{what}="..." takes: {" ".join(known)}')
    return {name: known[name] for name in names}


def shipped(name, args, **how):
    """The folder of a kernel of shipped.table: Image and modules.cpio."""
    return Path(subprocess.run(
        [RIG / 'source/shipped-kernel', '--name', name, '--cache', args.cache,
         '--gen-init-cpio', args.gen_init_cpio],
        stdout=subprocess.PIPE, text=True, check=True, **how).stdout.strip())


def emulator(machines=''):
    """The QEMU to boot these with: that on PATH, or a newer one where that is too old."""
    found = subprocess.run([RIG / 'source/newer-qemu', '--machines', machines],
                           stdout=subprocess.PIPE, text=True)
    if found.returncode:
        sys.exit(found.returncode)      # it has said why
    return found.stdout.strip() or 'qemu-system-aarch64'


def pack(path, parts):
    """An initramfs of several."""
    with open(path, 'wb') as f:
        for part in parts:
            f.write(part.read_bytes())
            f.write(bytes(-f.tell() % 4))
    return path


def start(log, *command):
    """A program in the background that does not outlive this one, and when it began."""
    with open(log, 'w') as f:
        proc = subprocess.Popen(['setpriv', '--pdeathsig', 'TERM', *map(str, command)],
                                stdin=subprocess.DEVNULL, stdout=f, stderr=f)
    proc.begun = time.monotonic()
    return proc


def version(tool):
    return subprocess.run([tool, '--version'], capture_output=True, text=True,
                          check=True).stdout.splitlines()[0]


def digest(*what):
    """One word for strings, and for files and folders given as paths."""
    sha = hashlib.sha1()
    for one in what:
        if not isinstance(one, Path):
            sha.update(f'{one}\n'.encode())
            continue
        for path in sorted(one.rglob('*')) if one.is_dir() else [one]:
            if path.is_file() and '__pycache__' not in path.parts:
                sha.update(f'{path.name}\n'.encode() + path.read_bytes())
    return sha.hexdigest()
