# Uses lens top on a terminal of its own as a person would: tests/top.sh.
#   top_terminal.py HOW COMMAND...    HOW: key, interrupt, terminate, resize, stop
# Prints what was wrong, or nothing.
import fcntl, os, pty, select, signal, struct, sys, termios, time

how, command = sys.argv[1], sys.argv[2:]
reader, writer = os.pipe() # the middle process tells: "pid N", "stopped", "ended STATUS"
may_start, start = os.pipe() # closed when the terminal has been looked at
middle, terminal = pty.fork()
def in_the_middle():
    """A shell's part: the command is a job in the foreground, so that it can be stopped."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.close(start)
        os.read(may_start, 1)
        os.environ["TERM"] = "xterm"
        os.environ["LC_ALL"] = "C.UTF-8"
        os.execv(command[0], command)
    os.close(start)
    os.write(writer, b"pid %d\n" % job)
    while True:
        done, status = os.waitpid(job, os.WUNTRACED)
        os.write(writer, b"stopped\n" if os.WIFSTOPPED(status) else b"ended %d\n" % status)
        if not os.WIFSTOPPED(status):
            os._exit(0)
if middle == 0:
    in_the_middle()
os.close(writer)
told = os.fdopen(reader)
pid = int(told.readline().split()[1])
size = lambda rows, columns: fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
size(40, 100)
seen = b""
def read_until(wanted, since=0):
    global seen
    deadline = time.monotonic() + 30
    while seen.find(wanted, since) < 0:
        if time.monotonic() > deadline or not select.select([terminal], [], [], deadline - time.monotonic())[0]:
            sys.exit("waited in vain for %r; saw %r" % (wanted, seen[-600:]))
        try:
            seen += os.read(terminal, 65536)
        except OSError:
            sys.exit("the terminal was closed before %r; saw %r" % (wanted, seen[-600:]))
def lflags():
    return termios.tcgetattr(terminal)[3]
plain = lflags()
os.close(start)
read_until(b"\x1b[?1049h")
read_until(b"process ")
if lflags() & (termios.ICANON | termios.ECHO):
    sys.exit("keys are echoed while the view is on")
if how == "resize":
    mark = len(seen)
    size(6, 60)
    read_until(b"\x1b[H", mark)
    frame_at = seen.find(b"\x1b[H", mark)
    read_until(b"\x1b[J", frame_at)
    frame = seen[frame_at:seen.find(b"\x1b[J", frame_at)]
    if frame.count(b"\n") > 5:
        sys.exit("a view of %d lines on a terminal of 6" % (frame.count(b"\n") + 1))
if how == "stop":
    os.write(terminal, b"\x1a")
    read_until(b"\x1b[?1049l")
    if told.readline() != "stopped\n" or not lflags() & termios.ICANON:
        sys.exit("Ctrl-Z does not give the terminal back")
    mark = len(seen)
    os.kill(pid, signal.SIGCONT)
    read_until(b"\x1b[?1049h", mark)
if how == "terminate":
    os.kill(pid, signal.SIGTERM)
else:
    os.write(terminal, b"\x03" if how == "interrupt" else b"q")
while True:
    try:
        more = os.read(terminal, 65536)
    except OSError: # the other end is closed
        break
    if not more:
        break
    seen += more
status = int(told.readline().split()[1])
expected = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM if how == "terminate" else os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
if not expected:
    sys.exit("ended with %#x" % status)
if seen.rfind(b"\x1b[?1049l") < seen.rfind(b"\x1b[?1049h") or seen.rfind(b"\x1b[?25h") < seen.rfind(b"\x1b[?25l"):
    sys.exit("the screen is not given back")
if lflags() != plain:
    sys.exit("the terminal's modes are not given back")
