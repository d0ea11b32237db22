/**
 * Clears up after this process however it ends: a shell outside the test runner that is told of
 * every process, mount and folder, and ends those still on its list when the pipe to it closes.
 * The runner neither runs exit handlers nor survives a kill -9.
 */
export type Remains = "process" | "mount" | "folder";

const script = `
declare -A held
while read -r verb what; do
  if [ "$verb" = add ]; then held["$what"]=1; else unset "held[$what]"; fi
done
for kind in process mount folder; do
  for what in "\${!held[@]}"; do
    [ "\${what%% *}" = "$kind" ] || continue
    value=\${what#* }
    case $kind in
      process) kill -CONT "$value"; kill -KILL "$value" ;;
      mount) umount --lazy "$value" ;;
      folder) rm -rf -- "$value" || { sleep 1; rm -rf -- "$value"; } ;;
    esac
  done
done 2>/dev/null`;

// In a session of its own, which Ctrl-C in a terminal does not reach.
const shell = Bun.spawn(["bash", "-c", script], {
  stdio: ["pipe", "ignore", "ignore"],
  detached: true,
});
shell.unref();

function tell(verb: "add" | "drop", kind: Remains, value: string | number): void {
  shell.stdin.write(`${verb} ${kind} ${value}\n`);
  void shell.stdin.flush();
}

/** Returns what to call once it is gone. */
export function clearAfterUs(kind: Remains, value: string | number): () => void {
  tell("add", kind, value);
  return () => tell("drop", kind, value);
}
