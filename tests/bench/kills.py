# SPDX-License-Identifier: Apache-2.0
# kills.py DEARTH PROGRAMS WORK COUNT [KIND[:SIGNAL]...]: see kills.sh, which gives it namespaces of its own.
#
#   start ─► a random moment ─► signal ─► what must hold ─► once more, to the end: the database is usable
#
# What must hold after each: the database opens and is whole; what was in it before is in it still; what the
# program counted is recorded (after a recovery, when dearth was killed); no process is left but a program
# whose dearth was killed, which has to run on; no session folder, temporary database or other file is
# left, or the next command of dearth takes it away; no row says that it runs.
import glob, os, random, shutil, signal, sqlite3, subprocess, sys, time

dearth, programs, work, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
KINDS = ['target', 'collector', 'replay', 'check', 'creation']
SIGNALS = ['INT', 'TERM', 'HUP', 'QUIT']
os.chdir(work)
seed = int(os.environ.get('SEED', random.randrange(1 << 30)))
random.seed(seed)
troubles = {}


def trouble(what, detail=''):
    troubles[what] = troubles.get(what, 0) + 1
    if troubles[what] <= 3:
        print(f'    {what}: {detail}', flush=True)


def start(arguments, **more):
    """Its output goes to files, so that no reader of ours matters; nothing is ignored."""
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=open('out', 'w'), stderr=open('err', 'w'),
                            start_new_session=True, **more)


def run(*arguments):
    done = subprocess.run([dearth, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors='replace', timeout=300)
    return done.returncode, done.stdout + done.stderr


def query(path, sql):
    with sqlite3.connect(f'file:{path}?mode=ro', uri=True, timeout=20) as db:
        return db.execute(sql).fetchall()


def whole(path):
    try:
        answer = query(path, 'PRAGMA integrity_check')[0][0]
        if answer != 'ok':
            trouble('database damaged', answer)
        return answer == 'ok'
    except sqlite3.Error as error:
        trouble('database cannot be read', error)
        return False


def processes():
    """Those whose program or working folder is ours, and dearths."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            exe, cwd = os.readlink(f'/proc/{name}/exe'), os.readlink(f'/proc/{name}/cwd')
        except OSError:
            continue
        if (exe + '/').startswith(work + '/') or (cwd + '/').startswith(work + '/'):
            found.append(int(name))
    return found


def nobody_left(allowed=()):
    until = time.time() + 20
    while True:
        left = [pid for pid in processes() if pid not in allowed]
        if not left:
            return
        if time.time() > until:
            break
        time.sleep(0.01)
    for pid in left:
        try:
            words = open(f'/proc/{pid}/cmdline').read().replace('\0', ' ')
            trouble('process left', f'{pid} {words}')
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def folders():
    return glob.glob('/dev/shm/*') + glob.glob(os.environ['TMPDIR'] + '/*')


def age(paths):
    """What was left a moment ago is old to the next command, which does not take away what may be young."""
    old = time.time() - 200000
    for path in paths:
        os.utime(path, (old, old))


def nothing_left(killed):
    """Folders: none, or after SIGKILL none once another dearth has run (twice: the first marks an arena that
    'dearth recover' may want, and leaves it for a day)."""
    left = folders()
    if left and killed:
        age(left)
        run('record', '-q', '-o', 'after.db', '--no-symbols', '--', program)
        age(folders() + glob.glob('/dev/shm/*/orphan') + glob.glob(os.environ['TMPDIR'] + '/*/orphan'))
        run('record', '-q', '-o', 'after.db', '--no-symbols', '--', program)
        left = folders()
    if left:
        trouble('left', left)
        for path in left:
            shutil.rmtree(path, ignore_errors=True)


def no_row_runs(path):
    for table in ('recording', 'replay'):
        n = query(path, f"SELECT count(*) FROM {table} WHERE state = 'running'")[0][0]
        if n:
            trouble(f'{table} says that it runs', path)


def clean():
    for path in glob.glob('*.db*') + glob.glob('counters*'):
        os.unlink(path)


def counters(path):
    """begun and done of mallocs, bytes, frees and reallocs, as tests/programs/counted.c has it"""
    words = subprocess.run([program, 'print', path], capture_output=True, text=True).stdout.split()
    numbers = list(map(int, words[1:]))
    return list(zip(numbers[0::2], numbers[1::2]))


def compare(path, made, what):
    """Every call that was done is recorded, none that was not begun."""
    row = query(path, '''SELECT total(CASE op WHEN 'malloc' THEN count END), total(CASE op WHEN 'malloc' THEN bytes END),
        (SELECT total(frees) FROM process), total(CASE op WHEN 'realloc' THEN count END)
        FROM site_stat JOIN site s ON s.id = site_id JOIN location l ON l.id = s.location_id
        WHERE l.function IN ('make', 'end', 'resize')''')[0]
    lost = query(path, 'SELECT total(events_lost) FROM recording')[0][0]
    for name, seen, (begun, done) in zip(('mallocs', 'bytes', 'frees', 'reallocs'), row, made):
        if name == 'frees':  # libc's own are among them
            if seen < done - lost:
                trouble(f'{what}: {name} lost', f'{seen} of {done}')
        elif not (done - (lost * 600 if name == 'bytes' else lost) <= seen <= begun):
            trouble(f'{what}: {name} differ', f'{seen} recorded, {done} to {begun} made, {lost} said to be lost')


def tell(process, name, to_group=False):
    try:
        (os.killpg if to_group else os.kill)(process.pid, getattr(signal, 'SIG' + name))
    except ProcessLookupError:
        pass


def end(process, name):
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        trouble('goes on', f'SIG{name} did not end {process.args}')
        process.kill()
        return process.wait()


def usable(path):
    """Another recording into the same file."""
    before = query(path, 'SELECT count(*) FROM recording')[0][0] if os.path.getsize(path) else 0
    status, said = run('record', '-q', '-o', path, '--no-symbols', '--', program)
    if status != 2 or query(path, 'SELECT count(*) FROM recording')[0][0] <= before:
        trouble('database not usable', f'{status}: {said.strip()}')


# --- the kinds ---


def kill_target(name):
    clean()
    process = start([dearth, 'record', '-o', 'a.db', '--', program, 'run', 'counters', str(random.randint(1, 3)),
                     '1000000000'])
    pid, until = 0, time.time() + 60
    while not pid and time.time() < until:
        try:
            pid = int.from_bytes(open('counters', 'rb').read(8), 'little')
        except OSError:
            pass
    time.sleep(random.random() * 0.04)
    if name == 'KILL' or random.random() < 0.5:
        os.kill(pid, getattr(signal, 'SIG' + name))
    else:  # by its group, or by way of dearth: it is the program that ends
        tell(process, name, to_group=random.random() < 0.5)
    status = end(process, name)
    if status != 128 + getattr(signal, 'SIG' + name):
        trouble('status', f'{status} after SIG{name}')
    nobody_left()
    nothing_left(False)
    if whole('a.db'):
        no_row_runs('a.db')
        compare('a.db', counters('counters'), 'target')
        if query('a.db', 'SELECT exact, events_lost FROM recording') != [(1, 0)]:
            trouble('not exact', query('a.db', 'SELECT exact, events_lost FROM recording'))
        usable('a.db')


def kill_collector(name):
    if name != 'KILL':
        return kill_target(name)  # others are passed on: the program ends, the recording is complete
    clean()
    process = start([dearth, 'record', '-o', 'a.db', '--', program, 'run', 'counters', '2', '300000'])
    until = time.time() + 60
    while not os.path.exists('counters') and time.time() < until:
        pass
    pid = 0
    while not pid and time.time() < until:
        pid = int.from_bytes(open('counters', 'rb').read(8), 'little')
    time.sleep(random.random() * 0.04)
    process.kill()
    process.wait()
    if not os.path.exists(f'/proc/{pid}') and 600000 > sum(begun for begun, _ in counters('counters')):
        trouble('program', 'gone with dearth')
    until = time.time() + 60
    while program_runs(pid) and time.time() < until:
        time.sleep(0.005)
    nobody_left()
    if whole('a.db'):
        status, said = run('recover', 'a.db')
        if status:
            trouble('recover', said)
        run('replay', '--dry-run', 'a.db')  # looks up names, by which calls of the program are told from libc's
        no_row_runs('a.db')
        compare('a.db', counters('counters'), 'collector')
        usable('a.db')
    nothing_left(True)


def program_runs(pid):
    try:
        return os.readlink(f'/proc/{pid}/exe') == program
    except OSError:
        return False


def lasting(*arguments, known={}):
    """How long it takes when it is left alone, and a little more: moments are chosen within that."""
    if arguments not in known:
        began = time.time()
        run(*arguments)
        known[arguments] = 1.1 * (time.time() - began)
    return known[arguments]


def prepare_replay():
    if not os.path.exists('replay.tmpl'):
        status, said = run('record', '-q', '-o', 'replay.db', '--', victim)
        os.rename('replay.db', 'replay.tmpl')
    shutil.copy('replay.tmpl', 'r.db')


def kill_replay(name):
    clean()
    prepare_replay()
    how = random.choice(['rerun', 'snapshot', 'auto'])
    arguments = ['replay', '--how', how, '--jobs', '2', '--timeout', '5s', 'r.db']
    moment = random.random() * lasting(*arguments)
    prepare_replay()
    process = start([dearth, *arguments])
    time.sleep(moment)
    before = query('r.db', 'SELECT id, verdict FROM attempt') if whole('r.db') else []
    tell(process, name, to_group=name != 'KILL' and random.random() < 0.5)
    status = end(process, name)
    if name != 'KILL' and status not in (130, 0):
        if status == -getattr(signal, 'SIG' + name) and not query('r.db', 'SELECT count(*) FROM replay')[0][0]:
            pass  # before it began
        else:
            trouble('status', f'{status} after SIG{name}: {open("err").read()[-200:]}')
    nobody_left()
    nothing_left(name == 'KILL')
    if not whole('r.db'):
        return
    if name != 'KILL':
        no_row_runs('r.db')
    after = dict(query('r.db', 'SELECT id, verdict FROM attempt'))
    for attempt, verdict in before:
        if after.get(attempt) != verdict:
            trouble('attempt lost', f'{attempt} {verdict}')
    status, said = run('replay', '--how', 'rerun', '--timeout', '5s', '--repeat', '0', 'r.db')
    if status:
        trouble('replay does not go on', said)
    no_row_runs('r.db')
    untested = query('r.db', '''SELECT count(DISTINCT site_id) FROM site_stat WHERE failable > 0 AND site_id NOT IN
        (SELECT site_id FROM attempt)''')[0][0]
    if untested:
        trouble('sites left untested', untested)
    usable('r.db')


def kill_check(name):
    clean()
    kept = random.random() < 0.5
    moment = random.random() * lasting('check', '--jobs', '2', '--timeout', '5s', '--', victim)
    arguments = ['-o', 'c.db'] if kept else []
    process = start([dearth, 'check', *arguments, '--jobs', '2', '--timeout', '5s', '--', victim])
    time.sleep(moment)
    tell(process, name, to_group=name != 'KILL' and random.random() < 0.5)
    status = end(process, name)
    # 0 and 1: it was over; the signal's own: it came before anything was done
    if name != 'KILL' and status not in (0, 1, 130, -getattr(signal, 'SIG' + name)):
        trouble('status', f'{status} after SIG{name}: {open("err").read()[-300:]}')
    nobody_left()
    said = open('err').read()
    databases = [path for path in glob.glob(os.environ['TMPDIR'] + '/dearth-check.*')]
    for path in databases:
        if name != 'KILL' and path not in said:
            trouble('temporary database left, and not said', said[-200:])
        shutil.rmtree(path)  # what was kept is the user's
    nothing_left(name == 'KILL')
    # As in kill_creation(): dearth itself completes a file that was being made, and rolls a journal back.
    if kept and name == 'KILL':
        status, made = run('record', '-q', '-o', 'c.db', '--no-symbols', '--', program)
        if status != 2:
            trouble('file unusable', f'{status}: {made.strip()}')
    if kept and os.path.exists('c.db') and os.path.getsize('c.db') and whole('c.db'):
        if name != 'KILL':
            no_row_runs('c.db')
        run('recover', 'c.db')
        usable('c.db')


def kill_creation(name):
    clean()
    process = start([dearth, 'record', '-q', '-o', 'n.db', '--', program, 'run', 'counters', '1', '100'])
    time.sleep(random.random() * 0.02)
    tell(process, name, to_group=name != 'KILL' and random.random() < 0.5)
    status = end(process, name)
    number = getattr(signal, 'SIG' + name)
    if name != 'KILL' and status not in (0, 128 + number, -number):
        trouble('status', f'{status} after SIG{name}')
    nobody_left()
    # After SIGKILL there may be a journal to roll back, which who only reads cannot do, and dearth below has to.
    if name != 'KILL' and os.path.exists('n.db') and os.path.getsize('n.db') and whole('n.db') and query(
            'n.db', "SELECT count(*) FROM sqlite_schema WHERE name = 'recording'")[0][0]:
        no_row_runs('n.db')
    status, said = run('record', '-q', '-o', 'n.db', '--no-symbols', '--', program)
    if status != 2:
        trouble('file unusable', f'{status}: {said.strip()}')
    elif whole('n.db'):
        status, said = run('recover', 'n.db')
        if status:
            trouble('recover', f'{status}: {said.strip()}')
        no_row_runs('n.db')
    nothing_left(name == 'KILL')


# Beside nothing else that is found by their names.
program, victim = work + '/counted', work + '/reported'
shutil.copy(programs + '/counted', program)
shutil.copy(programs + '/reported', victim)
kinds = {'target': kill_target, 'collector': kill_collector, 'replay': kill_replay, 'check': kill_check,
         'creation': kill_creation}
wanted = sys.argv[5:] or KINDS
bad = False
print(f'seed {seed}', flush=True)
for want in wanted:
    kind, _, only = want.partition(':')
    for names in ([[only]] if only else [['KILL'], SIGNALS]):
        troubles.clear()
        began = time.time()
        for i in range(count):
            try:
                kinds[kind](names[i % len(names)])
            except Exception as error:
                trouble('this script', repr(error))
                nobody_left()
        bad |= bool(troubles)
        print(f'{kind} by {"/".join(names)}: {count} kills in {time.time() - began:.0f} s:',
              ', '.join(f'{n} times: {what}' for what, n in troubles.items()) or 'nothing lost, nothing left', flush=True)
sys.exit(bad)
