import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CredentialSource } from '../credentials/source.ts';
import { monotonicMs } from '../process/timers.ts';
import { VERSION } from '../version.ts';
import { answer } from './answer.ts';
import type { Page } from './local-server.ts';

/** A thing with the figures of its source. */
export interface Measured extends Pick<CredentialSource, 'current' | 'stats'> {
  /** The name of the thing; empty if it was not set. */
  readonly name: string;
}

/** The metrics of a server. */
export interface Metrics {
  /** Answers in the text format of Prometheus. No token is needed: the figures hold no secret. */
  readonly page: Page;
  /** Counts an answer. */
  readonly answered: (status: number) => void;
  /** Stops observing exchanges. */
  close(): void;
}

const PREFIX = 'awsiot_credentialhelper_';
const EXCHANGE = 'tracing:awsiot-credentialhelper:exchange';

/** Upper limits of exchanges, in seconds: on a local network, over a mobile one, and with a slow token. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Creates the metrics. Figures of things are read when the metrics are requested; only answers and exchanges are counted
 * as they happen.
 */
export function createMetrics(things: () => readonly Measured[]): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const answers = new Map<number, number>();
  new Gauge({
    registers,
    name: `${PREFIX}build_info`,
    help: 'Version of the program and of Node.js; the value is 1.',
    labelNames: ['version', 'nodejs_version'],
  }).set({ version: VERSION, nodejs_version: process.versions.node }, 1);
  new Gauge({
    registers,
    name: `${PREFIX}credentials_expire_seconds`,
    help: 'Seconds until the current credentials expire; 0 without valid credentials.',
    labelNames: ['thing'],
    collect() {
      this.reset();
      for (const { name, current } of things()) {
        const endsMs = current()?.expiration.getTime();
        const seconds = endsMs === undefined ? 0 : Math.max(0, (endsMs - Date.now()) / 1000);
        this.set({ thing: name }, seconds);
      }
    },
  });
  new Counter({
    registers,
    name: `${PREFIX}fetches_total`,
    help: 'Successful fetches of credentials.',
    labelNames: ['thing'],
    collect() {
      this.reset();
      for (const { name, stats } of things()) this.inc({ thing: name }, stats().fetches);
    },
  });
  new Counter({
    registers,
    name: `${PREFIX}failures_total`,
    help: 'Failed fetches of credentials by error code.',
    labelNames: ['thing', 'code'],
    collect() {
      this.reset();
      for (const { name, stats } of things()) {
        for (const [code, count] of Object.entries(stats().failures)) {
          this.inc({ thing: name, code }, count);
        }
      }
    },
  });
  new Counter({
    registers,
    name: `${PREFIX}requests_total`,
    help: 'Requests of clients by the status of the answer.',
    labelNames: ['status'],
    collect() {
      this.reset();
      for (const [status, count] of answers) this.inc({ status }, count);
    },
  });
  const durations = new Histogram({
    registers,
    name: `${PREFIX}exchange_duration_seconds`,
    help: 'Duration of the exchanges of all things with the credential provider.',
    labelNames: ['outcome'],
    buckets: BUCKETS,
  });
  const close = observeExchanges((seconds, outcome) => durations.observe({ outcome }, seconds));
  return {
    answered(status) {
      answers.set(status, (answers.get(status) ?? 0) + 1);
    },
    page: async () => answer(200, registry.contentType, await registry.metrics()),
    close,
  };
}

/** Observes exchanges by the diagnostics channel of the session. */
function observeExchanges(
  observe: (seconds: number, outcome: 'success' | 'failure') => void,
): () => void {
  const begun = new WeakMap<object, number>();
  const onStart = (context: unknown) => void begun.set(context as object, monotonicMs());
  const onEnd = (context: unknown) => {
    const startMs = begun.get(context as object);
    if (startMs === undefined) return;
    const { error } = context as { error?: unknown };
    observe((monotonicMs() - startMs) / 1000, error === undefined ? 'success' : 'failure');
  };
  subscribe(`${EXCHANGE}:start`, onStart);
  subscribe(`${EXCHANGE}:asyncEnd`, onEnd);
  return () => {
    unsubscribe(`${EXCHANGE}:start`, onStart);
    unsubscribe(`${EXCHANGE}:asyncEnd`, onEnd);
  };
}
