// Measures all programs, in rounds, and compares them pair by pair.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeDevice } from '../scripts/device.mjs';
import { memoryOf, timeOf } from './cost.mjs';
import { BARE, programs, VERSIONS } from './programs.mjs';
import { measureServe } from './serve.mjs';

const MEMORY_ROUNDS = 5;
const IN_PROCESS_RUNS = 5;
const SERVE_SAMPLES = 40;
const IN_PROCESS = fileURLToPath(new URL('in-process.mjs', import.meta.url));

const output = async ([command, ...args]) => (await promisify(execFile)(command, args)).stdout;

/** Measures everything; returns the content of bench/results.json. Each summary is of the ratios within a round. */
export async function measure(rounds) {
  const device = await makeDevice();
  const { commands, pairs } = programs(device);
  // Reports failures first, with the output of the program; fills the file cache of the system.
  const memory = await inRounds(MEMORY_ROUNDS, commands, memoryOf);
  const times = await inRounds(rounds, commands, timeOf);
  const inProcess = await callsInProcess({ ...device.common, ...device.inFile });
  const serve = summarize(await measureServe(device, SERVE_SAMPLES));
  await device.close();
  return {
    date: new Date().toISOString().slice(0, 10),
    rounds,
    machine: await machine(),
    pairs: [
      ...pairs.map(([subject, reference]) => ({
        subject,
        reference,
        time: ratios(times, subject, reference, 'time'),
        cpu: ratios(times, subject, reference, 'cpu'),
        memory: ratios(memory, subject, reference, 'memory'),
      })),
      {
        subject: '`credentials()`, in memory',
        reference: 'async function that returns a constant',
        time: summarize(inProcess.calls.map(({ cached, constant }) => cached / constant)),
      },
    ],
    serve,
    // The only absolute figures: the base of the ratios.
    scale: {
      bareMs: medianOf(times[BARE].map(({ time }) => time)),
      importMs: medianOf(inProcess.imports),
      cachedCallNs: medianOf(inProcess.calls.map(({ cached }) => cached)),
    },
  };
}

/**
 * Runs all commands in turn, so that other load on the machine affects all of them; every second round in reverse
 * order.
 */
async function inRounds(count, commands, sample) {
  const entries = Object.entries(commands);
  const samples = Object.fromEntries(entries.map(([name]) => [name, []]));
  for (let round = 0; round < count; round++) {
    for (const [name, command] of round % 2 === 0 ? entries : entries.toReversed())
      samples[name].push(await sample(command));
  }
  return samples;
}

async function callsInProcess(options) {
  const runs = [];
  for (let run = 0; run < IN_PROCESS_RUNS; run++)
    runs.push(JSON.parse(await output([process.execPath, IN_PROCESS, JSON.stringify(options)])));
  return {
    imports: runs.map(({ importMs }) => importMs),
    calls: runs.flatMap(({ calls }) => calls),
  };
}

function ratios(samples, subject, reference, figure) {
  return summarize(
    samples[subject].map((sample, round) => sample[figure] / samples[reference][round][figure]),
  );
}

/** The median, and the quartiles around it. */
function summarize(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part) => Number(sorted[Math.round(part * (sorted.length - 1))].toPrecision(4));
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

const medianOf = (values) => summarize(values).median;

async function machine() {
  const versions = {};
  for (const [name, command] of Object.entries(VERSIONS))
    versions[name] = /\d+(\.\d+)+/.exec(await output(command))?.[0];
  return {
    processor: cpus()[0].model,
    cores: availableParallelism(),
    system: /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1],
    versions,
  };
}
