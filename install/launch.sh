# Sourced by setup, try and test: finds a Python ≥ 3.11 and runs the task named in $task.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for python in python3 python3.11 python3.12 python3.13 python3.14 python; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$here/mattelier_setup.py" "$task" "$@"
    fi
done
echo "Mattelier needs Python 3.11 or newer; found: $(python3 -V 2>&1 || echo none)." >&2
echo "On Debian and Ubuntu: sudo apt install python3 python3-venv; else: python.org" >&2
exit 3
