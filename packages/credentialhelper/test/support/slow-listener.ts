import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

/** Starts a process that is stopped, and whose queue for connections is full. */
export async function startSlowListener(target: string) {
  const program = new URL('./slow-listener.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, target], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = await once(child.stdout, 'data');
  const port = Number(line);
  child.kill('SIGSTOP');
  const waiting = [1, 2, 3].map(() => connect(port, '127.0.0.1').on('error', () => {}));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return {
    port,
    goOn() {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGCONT');
    },
    end: () => child.kill('SIGKILL'),
  };
}
