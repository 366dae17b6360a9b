"""Finds the crash states from which a program's files cannot be recovered.

The tool runs a command under strace, records every change the command makes inside one
directory (in order, with data), and then rebuilds the directory as a crash could have left it:

  kill   the process died after its Nth change (SIGKILL, OOM kill, unhandled exception).
         Everything already handed to the kernel survives; a write may be cut short.
  power  the machine lost power after the Nth change. Only what was made durable with
         fsync/fdatasync/sync (or O_SYNC/O_DSYNC) is certain to survive. Every other change is
         kept, lost, or (for writes) torn or turned into zeros, independently of the others.

Each distinct state is written to a fresh directory and a check command of yours is run on it.
The states in which the check fails are reported with the changes that had been lost.

Example
    python tools/crashpoints --check 'mytool verify {dir}' -- mytool record --root {dir} --run demo

"{dir}" in the command and in the check stands for the directory under test; the environment
variable CRASHPOINTS_DIR holds it too. The command starts with an empty directory, or with a
copy of --initial DIR (use that to test an update, a resume, or the recovery itself).

Testing that acknowledged work survives
    Whatever the command printed to standard output before the crash point is given to the check
    in the file named by CRASHPOINTS_STDOUT (complete lines only), and the kind of crash in
    CRASHPOINTS_KIND. Let the command print a line once an item is promised to be durable
    (flushed: print(..., flush=True)), and let the check demand every printed item. Without that,
    losing a finished item looks the same as never having started it, so a missing fsync of the
    parent directory stays invisible.

What survives a power loss (--model)
    strict   (default) only what POSIX promises: fsync(file) keeps the file's data and size,
             fsync(directory) keeps the entries of that directory. Pending changes are
             independent of each other. A rename is atomic, and sure once either directory is synced.
    journal  like ext4/xfs: creations, renames, links and removals reach the disk in order, and
             any fsync also commits all earlier ones. File data is as in strict.

Limits
    Changes made through shared writable mappings (mmap) or io_uring are not seen by strace. When
    the recorded changes do not add up to what is on disk at the end, the tool says so and stops;
    leave such scratch files out with --ignore (for example --ignore '*-shm' for SQLite in WAL
    mode). Ownership, times and extended attributes are not modelled; modes are, but a mode change
    is never lost. Crash points lie between system calls, plus inside writes. Files moved or linked
    in from outside the directory are refused: keep the staging area inside it, or test their parent.

Exit status: 0 every state passed; 1 some state failed, or fewer states than --min-states were
checked; 2 the tool could not do its job (wrong usage, strace is missing, the command failed, the
recording is incomplete, or the check fails on the undamaged result). Unless it is 2, the last line
printed is the summary: crashpoints: NAME states=.. kill=.. power=.. failing=.. minimum=..
"""
