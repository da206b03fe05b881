// The interface of the package testcontainers that the README uses, without Docker: the command of the Dockerfile is a
// process here, with ports and a folder of its own.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const { DOCKERFILE, EMULATOR, CONTAINER } = process.env;
const text = readFileSync(DOCKERFILE, 'utf8');
const listOf = (instruction) =>
  JSON.parse(new RegExp(`${instruction} (\\[.*\\])$`, 'm').exec(text)[1]);

async function freePort() {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export const Wait = { forHealthCheck: () => listOf('  CMD') };

export class GenericContainer {
  #ports = new Map();
  #check;
  #process;

  constructor(image) {
    this.image = image;
  }

  withExposedPorts(...ports) {
    for (const port of ports) this.#ports.set(String(port), undefined);
    return this;
  }

  withWaitStrategy(check) {
    this.#check = check;
    return this;
  }

  async start() {
    for (const port of this.#ports.keys()) this.#ports.set(port, await freePort());
    const mapped = (words) =>
      words.map((word) => word.replace(/\b(8080|8443)\b/g, (port) => this.#ports.get(port)));
    this.#process = spawn(process.execPath, [EMULATOR, ...mapped(listOf('^CMD'))], {
      cwd: CONTAINER,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    while ((await this.exec(mapped(this.#check))).exitCode !== 0) await sleep(500);
    return this;
  }

  exec([file, ...args]) {
    const command = {
      node: [process.execPath],
      [listOf('ENTRYPOINT')[0]]: [process.execPath, EMULATOR],
    };
    const [program, ...before] = command[file] ?? [file];
    return new Promise((resolve) => {
      execFile(program, [...before, ...args], { cwd: CONTAINER }, (error, stdout, stderr) => {
        resolve({ exitCode: error?.code ?? 0, output: stdout + stderr });
      });
    });
  }

  getHost() {
    return 'localhost';
  }

  getMappedPort(port) {
    return this.#ports.get(String(port));
  }

  async stop() {
    this.#process.kill();
    await once(this.#process, 'exit');
  }
}
